"""A fleet of any size that is computed when it is asked for, and never kept.

For what must work with a million things in little memory: the registry makes up
each thing from its number, the tables keep a few bits a thing, and every write
is compared with what it should be. What was asked for is counted.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence

from hotsite.core.apis import PAGE_API_OF, calls_of_observation
from hotsite.core.onboarding import Entry
from hotsite.core.registry import (
    Certificate,
    Key,
    Kind,
    Record,
    Shadows,
    Thing,
    ThingGroup,
)
from hotsite.core.replication import Present, Step
from hotsite.errors import ConflictError, RefusedError
from hotsite.ports import Applied, AppliedPage, KeyPage

_PAGE_MAX = 250
_WIDTH = 7
# Few fields are looked at by hand: a thing in fifty has a shadow.
_SHADOW_EVERY = 50
_GROUPS = 10


class Fleet:
    """Things by number: one certificate each, in one of a few groups."""

    def __init__(self, count: int) -> None:
        """Take how many things there are."""
        self.count = count

    def name(self, number: int) -> str:
        """Return the name of a thing."""
        return f"thing-{number:0{_WIDTH}d}"

    def number(self, name: str) -> int | None:
        """Return the number of a thing, or nothing for names of no thing."""
        digits = name.removeprefix("thing-")
        is_one = name.startswith("thing-") and digits.isdigit()
        return int(digits) if is_one and int(digits) < self.count else None

    def certificate(self, number: int) -> Certificate:
        """Return the certificate of a thing; its DER form is its name."""
        der = f"certificate of {self.name(number)}".encode()
        body = base64.encodebytes(der).decode()
        pem = f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"
        return Certificate(hashlib.sha256(der).hexdigest(), pem)

    def present(self, key: Key) -> Present:
        """Return what there is of a key."""
        if key.kind is Kind.THING_GROUP and key.name.startswith("group-"):
            return Present(ThingGroup(key.name), version=1)
        number = self.number(key.name)
        if number is None or key.kind not in {Kind.THING, Kind.SHADOWS}:
            return Present()
        if key.kind is Kind.SHADOWS:
            documents = (("", '{"desired":{}}'),)
            has_one = number % _SHADOW_EVERY == 0
            return Present(Shadows(key.name, documents) if has_one else None)
        group = f"group-{number % _GROUPS}"
        thing = Thing(key.name, None, (("number", str(number)),), (group,))
        certificate = self.certificate(number)
        attached = frozenset({certificate.certificate_id})
        return Present(thing, (certificate,), attached, version=1)

    def record(self, key: Key) -> Record:
        """Return the record that stands for what there is."""
        seen = self.present(key)
        return Record(key, seen.body, seen.certificates)

    def page(self, kind: Kind, token: str | None) -> KeyPage:
        """Return some of the names of a kind."""
        if kind is Kind.THING_GROUP:
            names = (f"group-{number}" for number in range(_GROUPS))
            return KeyPage(tuple(Key(kind, name) for name in names))
        if kind is not Kind.THING:
            return KeyPage(())
        begin = int(token or 0)
        end = min(self.count, begin + _PAGE_MAX)
        keys = tuple(Key(kind, self.name(number)) for number in range(begin, end))
        return KeyPage(keys, str(end) if end < self.count else None)


class FleetRegistry:
    """Implements ``ports.Registry`` for a fleet that nobody changes."""

    def __init__(self, fleet: Fleet) -> None:
        """Take the fleet."""
        self.calls: Counter[str] = Counter()
        self._fleet = fleet

    def issue(self, csr_pem: str) -> Certificate:
        """Refuse: seeding never issues a certificate."""
        raise RefusedError(f"a certificate was asked for: {csr_pem}")

    def perform(self, step: Step) -> None:
        """Refuse: seeding never changes the source."""
        raise RefusedError(f"{step.verb.value} of {step.key} was asked for")

    def observe(self, key: Key, certificate_ids: Sequence[str] = ()) -> Present:
        """Return what there is of a key."""
        del certificate_ids
        seen = self._fleet.present(key)
        self.calls.update(calls_of_observation(key.kind, len(seen.certificates)))
        return seen

    def page(self, kind: Kind, token: str | None = None) -> KeyPage:
        """Return some of the names of a kind."""
        if kind in PAGE_API_OF:
            self.calls[PAGE_API_OF[kind]] += 1
        return self._fleet.page(kind, token)


class FleetRecords:
    """Implements ``ports.Records``: a set of keys whose records are all right."""

    def __init__(self, fleet: Fleet) -> None:
        """Start with an empty table."""
        self.write_count = 0
        self._fleet = fleet
        self._there = _Marks(fleet)

    def has(self, key: Key) -> bool:
        """Say whether a key was recorded: for judges only."""
        return self._there.has(key)

    def read(self, key: Key) -> Record:
        """Return the record of a key."""
        return self._fleet.record(key) if self._there.has(key) else Record(key, None)

    def write(self, record: Record, *, previous: Record) -> None:
        """Keep that a key is recorded; its record must be the right one."""
        if previous != self.read(record.key):
            raise ConflictError(f"{record.key} changed meanwhile")
        wanted = self._fleet.record(record.key)
        assert record == wanted, f"{record} is not {wanted}"  # noqa: S101 - a judge
        self._there.add(record.key)
        self.write_count += 1

    def write_enrolled(self, entry: Entry, record: Record) -> None:
        """Refuse: nobody onboards here."""
        raise RefusedError(f"{entry.claim_id} of {record.key} was onboarded")

    def write_revoked(self, key: Key, certificate_id: str) -> None:
        """Refuse: nothing is revoked here."""
        raise RefusedError(f"{certificate_id} of {key} was revoked")

    def page(self, token: str | None = None) -> KeyPage:
        """Return some of the keys in the table."""
        page = self._fleet.page(Kind.THING, token)
        keys = tuple(key for key in page.keys if self._there.has(key))
        return KeyPage(keys, page.next_token)

    def purge(self, record: Record) -> None:
        """Refuse: there is no tombstone here."""
        raise RefusedError(f"{record.key} was purged")


class FleetApplied:
    """Implements ``ports.AppliedRecords``: lines that are ended keep one bit."""

    def __init__(self, fleet: Fleet) -> None:
        """Start with nothing applied."""
        self.write_count = 0
        self._fleet = fleet
        self._ended = _Marks(fleet)
        self._open: dict[Key, Applied] = {}

    @property
    def open_count(self) -> int:
        """Return how many lines are begun and not ended."""
        return len(self._open)

    def read(self, key: Key) -> Applied | None:
        """Return what was applied of a key, or nothing."""
        if key in self._open:
            return self._open[key]
        if not self._ended.has(key):
            return None
        record = self._fleet.record(key)
        return Applied(key, record, record.digest, applied_at_s=1.0, revision=2)

    def write(self, applied: Applied, *, previous: Applied | None) -> Applied:
        """Write a line, if nobody else did since it was read."""
        there = self.read(applied.key)
        if (there.revision if there else 0) != (previous.revision if previous else 0):
            raise ConflictError(f"{applied.key} was written by another meanwhile")
        self.write_count += 1
        if applied.leased_until_s or applied.record is None:
            line = Applied(
                applied.key,
                applied.record,
                applied.digest,
                leased_until_s=applied.leased_until_s,
                revision=1,
            )
            self._open[applied.key] = line
            return line
        self._open.pop(applied.key, None)
        self._ended.add(applied.key)
        return applied

    def page(self, token: str | None = None) -> AppliedPage:
        """Return some of the lines."""
        page = self._fleet.page(Kind.THING, token)
        lines = (self.read(key) for key in page.keys)
        return AppliedPage(tuple(line for line in lines if line), page.next_token)


class _Marks:
    """A set of keys of a fleet, one byte a thing."""

    def __init__(self, fleet: Fleet) -> None:
        """Start empty."""
        self._fleet = fleet
        self._bytes = {
            kind: bytearray(fleet.count) for kind in (Kind.THING, Kind.SHADOWS)
        }
        self._others: set[Key] = set()

    def add(self, key: Key) -> None:
        """Put a key in."""
        number = self._fleet.number(key.name)
        if key.kind in self._bytes and number is not None:
            self._bytes[key.kind][number] = 1
        else:
            self._others.add(key)

    def has(self, key: Key) -> bool:
        """Say whether a key is in it."""
        number = self._fleet.number(key.name)
        if key.kind in self._bytes and number is not None:
            return bool(self._bytes[key.kind][number])
        return key in self._others
