"""The system of record in memory: one replica a Region, changes under way.

A ``SimTables`` is what one Region sees. Several of them form a global table by
``replicate``, which moves the changes whose lag is over; the last writer of an
item wins, as in a DynamoDB global table of the default consistency (DynamoDB
developer guide, V2globaltables_HowItWorks).
"""

from dataclasses import dataclass, field, replace

from hotsite.core.health import HealthVerdict
from hotsite.core.onboarding import Entry
from hotsite.core.registry import (
    Certificate,
    CertificateStatus,
    Record,
    Thing,
    strictest,
)
from hotsite.errors import ConflictError, UnreachableError
from hotsite.ports import Applied, Clock

Value = Thing | Certificate | Entry | None


@dataclass(frozen=True, slots=True)
class Write:
    """One item of the global table, as it was last written."""

    key: tuple[str, str]
    value: Value
    written_at_s: float
    origin: str


@dataclass(slots=True)
class SimTables:
    """Implements ``ports.Records`` for one Region.

    Attributes:
        region: Whose replica it is.
        clock: The time.
        is_reachable: The fault switch.
        items: What this replica holds.
        outbox: Own writes that the other replica has not got yet.
        touched: Names changed since the replicator last looked: the stream.
    """

    region: str
    clock: Clock
    is_reachable: bool = True
    items: dict[tuple[str, str], Write] = field(default_factory=dict)
    outbox: list[Write] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)

    def read(self, name: str) -> Record:
        """Return the whole record of a name."""
        self.answer()
        found = {key[1]: write for key, write in self.items.items() if key[0] == name}
        thing = found["thing"].value if "thing" in found else None
        assert thing is None or isinstance(thing, Thing)  # noqa: S101 - own items
        certificates = []
        for sort_key, write in sorted(found.items()):
            if isinstance(write.value, Certificate):
                revoked = f"revoked#{sort_key.partition('#')[2]}" in found
                worst = CertificateStatus.REVOKED if revoked else write.value.status
                status = strictest(write.value.status, worst)
                certificates.append(replace(write.value, status=status))
        last_s = max((write.written_at_s for write in found.values()), default=0.0)
        return Record(name, thing, tuple(certificates), written_at_s=last_s)

    def write_enrolled(self, entry: Entry, record: Record) -> None:
        """Write the claim's answer and the device's record, all or nothing."""
        self.answer()
        before = SimClaims(self).read(entry.claim_id)
        is_mine = before is not None and before.csr_digest == entry.csr_digest
        if before is None or not is_mine or before.certificate is not None:
            raise ConflictError(f"claim {entry.claim_id} is not this request's own")
        self.put(("claim", entry.claim_id), entry)
        self.put((record.name, "thing"), record.thing)
        for item in record.certificates:
            self.put((record.name, f"certificate#{item.certificate_id}"), item)

    def write_revoked(self, name: str, certificate_id: str) -> None:
        """Write the revocation of a certificate, once and for ever."""
        self.answer()
        key = (name, f"revoked#{certificate_id}")
        if key not in self.items:
            self.put(key, None)

    def put(self, key: tuple[str, str], value: Value) -> None:
        """Write one item here; it is under way to the other replicas."""
        write = Write(key, value, self.clock.now_s(), self.region)
        self.items[key] = write
        self.outbox.append(write)
        self.touch(key)

    def receive(self, write: Write) -> None:
        """Take one item from another replica, if it is the younger one."""
        mine = self.items.get(write.key)
        if mine and (mine.written_at_s, mine.origin) >= (
            write.written_at_s,
            write.origin,
        ):
            return
        self.items[write.key] = write
        self.touch(write.key)

    def touch(self, key: tuple[str, str]) -> None:
        """Tell the stream which name changed; claims are nobody's name."""
        if key[0] != "claim":
            self.touched.append(key[0])

    def answer(self) -> None:
        """Raise when the Region is down."""
        if not self.is_reachable:
            raise UnreachableError(f"{self.region} does not answer")


class SimClaims:
    """Implements ``ports.Claims`` on a replica."""

    def __init__(self, tables: SimTables) -> None:
        """Take the replica."""
        self._tables = tables

    def read(self, claim_id: str) -> Entry | None:
        """Return a claim's line, or nothing when there is none."""
        self._tables.answer()
        found = self._tables.items.get(("claim", claim_id))
        if found is None:
            return None
        assert isinstance(found.value, Entry)  # noqa: S101 - own items
        return found.value

    def add(self, entry: Entry) -> None:
        """Add an unused line; one that is there already is left as it is."""
        if self.read(entry.claim_id) is None:
            self._tables.put(("claim", entry.claim_id), entry)

    def take(self, entry: Entry) -> None:
        """Mark a claim as taken by the CSR in the entry, if it was free."""
        found = self.read(entry.claim_id)
        is_mine = found is None or found.csr_digest in {None, entry.csr_digest}
        if not is_mine or (found and found.certificate is not None):
            raise ConflictError(f"claim {entry.claim_id} was taken meanwhile")
        self._tables.put(("claim", entry.claim_id), entry)


class SimAppliedRecords:
    """Implements ``ports.AppliedRecords`` for one Region."""

    def __init__(self) -> None:
        """Start with nothing applied."""
        self.items: dict[str, Applied] = {}
        self.is_reachable = True

    def read(self, name: str) -> Applied | None:
        """Return what was applied of a name, or nothing."""
        self._answer()
        return self.items.get(name)

    def write(self, applied: Applied, *, previous: Applied | None) -> None:
        """Write what was applied, if nobody else did since it was read."""
        self._answer()
        name = applied.record.name
        now, then = self.items.get(name), previous
        if (now and now.record.digest) != (then and then.record.digest):
            raise ConflictError(f"{name} was applied by another delivery meanwhile")
        self.items[name] = applied

    def _answer(self) -> None:
        if not self.is_reachable:
            raise UnreachableError("the applied table does not answer")


class SimHealthVerdicts:
    """Implements ``ports.HealthVerdicts``."""

    def __init__(self) -> None:
        """Start without a verdict."""
        self.verdict: HealthVerdict | None = None
        self.is_reachable = True

    def read(self) -> HealthVerdict | None:
        """Return the last verdict, or nothing when there is none."""
        self._answer()
        return self.verdict

    def write(self, verdict: HealthVerdict) -> None:
        """Replace the last verdict."""
        self._answer()
        self.verdict = verdict

    def _answer(self) -> None:
        if not self.is_reachable:
            raise UnreachableError("the verdict's table does not answer")


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
    for write in [item for item in source.outbox if item.written_at_s <= due_s]:
        replica.receive(write)
        source.outbox.remove(write)
