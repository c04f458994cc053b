"""The system of record in memory: one replica a Region, changes under way.

A ``SimTables`` is what one Region sees. Several of them form a global table by
``replicate``, which moves the changes whose lag is over; the last writer of an
item wins, as in a DynamoDB global table of the default consistency (DynamoDB
developer guide, V2globaltables_HowItWorks).
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from hotsite.core.enrolment import AuditLine, Deed, Owned, owner_key
from hotsite.core.onboarding import Entry
from hotsite.core.registry import Key, Record, key_in
from hotsite.errors import ConflictError, InvalidInputError, UnreachableError
from hotsite.ports import ClaimPage, Clock, KeyPage
from hotsite.sim.items import Draft, Item, Value, drafts, record_of, tombstones
from hotsite.sim.region_tables import (
    SimAppliedRecords,
    SimCursors,
    SimHealthVerdicts,
)

__all__ = [
    "Item",
    "SimAppliedRecords",
    "SimClaims",
    "SimCursors",
    "SimHealthVerdicts",
    "SimTables",
    "replicate",
]

# Two writes in a row have an order, even within one tick of the clock.
_TICK_S = 1e-6
# "Up to 100 distinct items" (DynamoDB API reference, TransactWriteItems).
_TRANSACTION_ITEMS_MAX = 100


@dataclass(slots=True)
class SimTables:
    """Implements ``ports.Records`` for one Region.

    Attributes:
        region: Whose replica it is.
        clock: The time.
        page_size: Keys in a page, 1 or more.
        is_reachable: The fault switch.
        partitions: What this replica holds, by partition key and sort key.
        outbox: Own writes that the other replica has not got yet.
        touched: Keys changed since the replicator last looked: the stream.
        on_change: Called with each item that changes here, from wherever.
    """

    region: str
    clock: Clock
    page_size: int = 3
    is_reachable: bool = True
    partitions: dict[str, dict[str, Item]] = field(default_factory=dict)
    outbox: list[Item] = field(default_factory=list)
    touched: list[Key] = field(default_factory=list)
    on_change: Callable[[Item], None] | None = None
    _write_count: int = 0

    def read(self, key: Key) -> Record:
        """Return the whole record of a key."""
        self.answer()
        return self.peek(key)

    def peek(self, key: Key) -> Record:
        """Return the record, even while the Region is down: for judges only."""
        return record_of(key, self._there(str(key)))

    def write(self, record: Record, *, previous: Record) -> None:
        """Write what differs between two records, all or nothing."""
        self.answer()
        wanted = list(drafts(record, previous))
        if len(wanted) > _TRANSACTION_ITEMS_MAX:
            raise InvalidInputError(f"{len(wanted)} items are too many for one write")
        seen = dict(previous.stamps)
        for draft in wanted:
            if not draft.sort_key.startswith("revoked#"):
                self._expect(record.key, draft.sort_key, seen.get(draft.sort_key))
        self._put_all(record.key, wanted)

    def write_enrolled(self, entry: Entry, record: Record) -> None:
        """Write the claim's answer and the device's record, all or nothing."""
        self.answer()
        before = SimClaims(self).read(entry.claim_id)
        is_mine = before is not None and before.csr_digest == entry.csr_digest
        if before is None or not is_mine or before.certificate is not None:
            raise ConflictError(f"claim {entry.claim_id} is not this request's own")
        there = self.peek(record.key)
        life = there.life + 1 if there.is_deleted else there.life
        self.put((f"claim#{entry.claim_id}", "claim"), entry)
        self.put((str(record.key), record.key.kind.value), record.body, life=life)
        for item in record.certificates:
            sort_key = f"certificate#{item.certificate_id}"
            self.put((str(record.key), sort_key), item, life=life)
        self._file(entry, record)

    def _file(self, entry: Entry, record: Record) -> None:
        now_s = self.clock.now_s()
        if entry.owner is not None:
            place = (f"owner#{owner_key(entry.owner)}", f"thing#{record.name}")
            self.put(place, Owned(record.name, now_s))
        for item in record.certificates:
            line = AuditLine(
                record.name,
                Deed.ENROLLED,
                item.certificate_id,
                entry.owner or "",
                now_s,
                self.region,
            )
            sort_key = f"{line.deed.value}#{line.certificate_id}"
            self.put((f"audit#{record.name}", sort_key), line)

    def write_revoked(self, key: Key, certificate_id: str) -> None:
        """Write the revocation of a certificate, once and for ever."""
        self.answer()
        self._put_all(key, [Draft(f"revoked#{certificate_id}", None)])

    def page(self, token: str | None = None) -> KeyPage:
        """Return some of the keys; a page of claims alone is an empty one."""
        self.answer()
        names = heapq.nsmallest(
            self.page_size + 1,
            (name for name in self.partitions if token is None or name > token),
        )
        shown = names[: self.page_size]
        keys = (key_in(name) for name in shown if any(self._there(name)))
        return KeyPage(
            tuple(key for key in keys if key is not None),
            shown[-1] if len(names) > len(shown) else None,
        )

    def purge(self, record: Record) -> None:
        """Remove the tombstones in a record, if nothing changed since."""
        self.answer()
        seen = dict(record.stamps)
        names = sorted(tombstones(record))
        for name in names:
            self._expect(record.key, name, seen.get(name))
        for name in names:
            self.put((str(record.key), name), None, is_removed=True)

    def put(
        self,
        key: tuple[str, str],
        value: Value,
        *,
        life: int = 0,
        is_deleted: bool = False,
        is_removed: bool = False,
    ) -> None:
        """Write one item here; it is under way to the other replicas."""
        now_s = self.clock.now_s()
        there = self.partitions.get(key[0], {}).get(key[1])
        order_s = max(now_s, there.order[0] + _TICK_S) if there else now_s
        self._write_count += 1
        item = Item(
            key,
            value,
            there.written_at_s if there and _is_once(key[1]) else now_s,
            self.region,
            stamp=f"{self.region}-{self._write_count}",
            is_deleted=is_deleted,
            life=life,
            order=(order_s, self.region),
            is_removed=is_removed,
        )
        self._keep(item)
        self.outbox.append(item)

    def receive(self, item: Item) -> None:
        """Take one item from another replica, if it is the younger one."""
        mine = self.partitions.get(item.key[0], {}).get(item.key[1])
        if mine is None or mine.order < item.order:
            self._keep(item)

    def answer(self) -> None:
        """Raise when the Region is down."""
        if not self.is_reachable:
            raise UnreachableError(f"{self.region} does not answer")

    def _there(self, name: str) -> Iterator[Item]:
        items = self.partitions.get(name, {}).values()
        return (item for item in items if not item.is_removed)

    def _keep(self, item: Item) -> None:
        self.partitions.setdefault(item.key[0], {})[item.key[1]] = item
        key = key_in(item.key[0])
        if key is not None:
            self.touched.append(key)
        if self.on_change is not None:
            self.on_change(item)

    def _expect(self, key: Key, sort_key: str, stamp: str | None) -> None:
        there = {item.key[1]: item.stamp for item in self._there(str(key))}
        if there.get(sort_key) != stamp:
            raise ConflictError(f"{key} {sort_key} changed meanwhile")

    def _put_all(self, key: Key, wanted: Iterable[Draft]) -> None:
        for draft in wanted:
            place = (str(key), draft.sort_key)
            self.put(place, draft.value, life=draft.life, is_deleted=draft.is_deleted)


def _is_once(sort_key: str) -> bool:
    """Say whether an item keeps the time of its first write."""
    return sort_key.startswith("revoked#")


class SimClaims:
    """Implements ``ports.Claims`` on a replica."""

    def __init__(self, tables: SimTables) -> None:
        """Take the replica."""
        self._tables = tables

    def read(self, claim_id: str) -> Entry | None:
        """Return a claim's line, or nothing when there is none."""
        self._tables.answer()
        found = self._tables.partitions.get(f"claim#{claim_id}")
        if found is None or "claim" not in found:
            return None
        entry = found["claim"].value
        assert isinstance(entry, Entry)  # noqa: S101 - own items
        return entry

    def page(self, token: str | None = None) -> ClaimPage:
        """Return some of the claims."""
        self._tables.answer()
        names = sorted(
            name
            for name in self._tables.partitions
            if name.startswith("claim#") and (token is None or name > token)
        )
        shown = names[: self._tables.page_size]
        found = (self.read(name.partition("#")[2]) for name in shown)
        return ClaimPage(
            tuple(entry for entry in found if entry is not None),
            shown[-1] if len(names) > len(shown) else None,
        )

    def add(self, entry: Entry) -> bool:
        """Add an unused line; one that is there already is left as it is."""
        if self.read(entry.claim_id) is not None:
            return False
        self._tables.put((f"claim#{entry.claim_id}", "claim"), entry)
        return True

    def take(self, entry: Entry) -> None:
        """Mark a claim as taken by the CSR in the entry, if it was free."""
        found = self.read(entry.claim_id)
        is_mine = found is None or found.csr_digest in {None, entry.csr_digest}
        if not is_mine or (found and found.certificate is not None):
            raise ConflictError(f"claim {entry.claim_id} was taken meanwhile")
        self._tables.put((f"claim#{entry.claim_id}", "claim"), entry)


def replicate(source: SimTables, replica: SimTables, *, lag_s: float) -> None:
    """Move the changes of one replica that are old enough to the other.

    Args:
        source: Whose own writes move.
        replica: Who gets them.
        lag_s: How long a change is under way, in seconds, 0 or more.
    """
    if not (source.is_reachable and replica.is_reachable):
        return
    due_s = source.clock.now_s() - lag_s
    for item in [item for item in source.outbox if item.written_at_s <= due_s]:
        replica.receive(item)
        source.outbox.remove(item)
