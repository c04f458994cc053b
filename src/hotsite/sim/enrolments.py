"""``ports.enrolment`` in memory, on a replica of the system of record."""

from collections.abc import Iterator
from dataclasses import replace

from hotsite.core.enrolment import (
    AuditLine,
    Deed,
    Owned,
    Rotation,
    Sighting,
    owner_key,
)
from hotsite.core.registry import Certificate, Record
from hotsite.errors import (
    ConflictError,
    ThrottledError,
    TooOftenError,
    UnreachableError,
)
from hotsite.ports import Clock
from hotsite.ports.enrolment import OwnedPage
from hotsite.sim.items import Value
from hotsite.sim.quota import SimQuota
from hotsite.sim.tables import SimTables


class SimEnrolments:
    """Implements ``ports.Enrolments``."""

    def __init__(self, tables: SimTables) -> None:
        """Take the replica."""
        self._tables = tables

    def owned(self, subject: str, *, after: str | None, limit: int) -> OwnedPage:
        """Return some of a user's devices."""
        found = [
            one
            for one in self._values(f"owner#{owner_key(subject)}")
            if isinstance(one, Owned) and (after is None or one.thing > after)
        ]
        found.sort(key=lambda one: one.thing)
        is_more = len(found) > limit
        return OwnedPage(
            tuple(found[:limit]), found[limit - 1].thing if is_more else None
        )

    def find(self, subject: str, thing: str) -> Owned | None:
        """Return a device, if it is this user's."""
        page = self.owned(subject, after=None, limit=len(self._tables.partitions) + 1)
        return next((one for one in page.owned if one.thing == thing), None)

    def rotation(self, thing: str, csr_digest: str) -> Certificate | None:
        """Return what a signing request was answered with, or nothing."""
        for one in self._values(f"claim#{thing}"):
            if isinstance(one, Rotation) and one.csr_digest == csr_digest:
                return one.certificate
        return None

    def write_rotated(
        self, rotation: Rotation, record: Record, *, previous: Record
    ) -> None:
        """Write a rotation, the record and a line of audit, all or nothing."""
        if self.rotation(rotation.thing, rotation.csr_digest) is not None:
            raise ConflictError(f"{rotation.thing}: the request was answered meanwhile")
        self._tables.write(record, previous=previous)
        place = (f"claim#{rotation.thing}", f"rotation#{rotation.csr_digest}")
        self._tables.put(place, rotation)
        certificate_id = rotation.certificate.certificate_id
        self._put(
            AuditLine(rotation.thing, Deed.ROTATED, certificate_id, rotation.subject)
        )

    def note(self, line: AuditLine) -> None:
        """Write a line of audit; one that is there already stays as it is."""
        self._tables.answer()
        self._put(line)

    def _put(self, line: AuditLine) -> None:
        place = (f"audit#{line.thing}", f"{line.deed.value}#{line.certificate_id}")
        if place[1] in self._tables.partitions.get(place[0], {}):
            return
        now_s, region = self._tables.clock.now_s(), self._tables.region
        self._tables.put(place, replace(line, at_s=now_s, region=region))

    def audit(self, thing: str) -> tuple[AuditLine, ...]:
        """Return what was done to a device, oldest first."""
        lines = [
            one for one in self._values(f"audit#{thing}") if isinstance(one, AuditLine)
        ]
        return tuple(sorted(lines, key=lambda line: (line.at_s, line.certificate_id)))

    def _values(self, partition: str) -> Iterator[Value]:
        self._tables.answer()
        there = self._tables.partitions.get(partition, {}).values()
        return (item.value for item in there)


class SimLastMessages:
    """Implements ``ports.LastMessages``.

    Attributes:
        sightings: What was last heard, by thing.
        is_reachable: The fault switch.
    """

    def __init__(self) -> None:
        """Start with nothing heard."""
        self.sightings: dict[str, Sighting] = {}
        self.is_reachable = True

    def read(self, thing: str) -> Sighting | None:
        """Return when and where a device was last heard, or nothing."""
        if not self.is_reachable:
            raise UnreachableError("the hot table does not answer")
        return self.sightings.get(thing)


class SimAllowance:
    """Implements ``ports.Allowance``."""

    def __init__(self, clock: Clock, *, rate_per_s: float, burst_s: float) -> None:
        """Take the time, and how much each user may ask."""
        self._clock = clock
        self._rate_per_s = rate_per_s
        self._burst_s = burst_s
        self._quotas: dict[str, SimQuota] = {}

    def spend(self, subject: str) -> None:
        """Count one request."""
        made = SimQuota({subject: self._rate_per_s}, self._clock)
        quota = self._quotas.setdefault(subject, made)
        try:
            quota.take(subject, wait_s_max=self._burst_s)
        except ThrottledError as error:
            raise TooOftenError("too many requests; wait a second") from error
