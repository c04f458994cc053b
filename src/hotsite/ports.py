"""What the flows need from the outside world, in the core's own words.

An adapter or a simulation implements a port; nothing else does I/O. Every
method raises only ``hotsite.errors``, never a vendor's exception. A failed read
raises: unreadable is never empty.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hotsite.core.health import HealthVerdict
from hotsite.core.intervals import Intervals
from hotsite.core.journal import (
    DeviceConnectable,
    DeviceOnboarded,
    DeviceUnconnectable,
    Fact,
    Machine,
)
from hotsite.core.onboarding import Entry
from hotsite.core.registry import Certificate, Record
from hotsite.core.replication import Present, Step
from hotsite.core.scenario import FaultKind


class Clock(Protocol):
    """The only source of time."""

    def now_s(self) -> float:
        """Return seconds since the epoch."""
        ...

    def sleep(self, duration_s: float) -> None:
        """Wait; a simulated clock moves on instead."""
        ...


class Records(Protocol):
    """The system of record, as one Region's replica shows it."""

    def read(self, name: str) -> Record:
        """Return the whole record of a name, read consistently.

        Raises:
            UnreachableError: The table did not answer.
            InvalidInputError: An item is of an unknown version or shape.
        """
        ...

    def write_enrolled(self, entry: Entry, record: Record) -> None:
        """Write the claim's answer and the device's record, all or nothing.

        Raises:
            UnreachableError: The table did not answer.
            ConflictError: Another request answered the claim meanwhile.
        """
        ...

    def write_revoked(self, name: str, certificate_id: str) -> None:
        """Write the revocation of a certificate, once and for ever.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...


class Claims(Protocol):
    """The claim ledger."""

    def read(self, claim_id: str) -> Entry | None:
        """Return a claim's line, or nothing when there is none.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...

    def add(self, entry: Entry) -> None:
        """Add an unused line; one that is there already is left as it is.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...

    def take(self, entry: Entry) -> None:
        """Mark a claim as taken by the CSR in the entry, if it was free.

        Raises:
            UnreachableError: The table did not answer.
            ConflictError: Another CSR was faster, or it is answered already.
        """
        ...


@dataclass(frozen=True, slots=True)
class Applied:
    """What one Region has applied of one name.

    Attributes:
        record: What IoT Core was made equal to.
        applied_at_s: When, seconds since the epoch.
        call_count: Calls to IoT Core that it took.
        failure: Why it can never be applied, or nothing.
    """

    record: Record
    applied_at_s: float
    call_count: int
    failure: str | None = None

    @property
    def lag_s(self) -> float:
        """Return seconds from the record's last write until it was applied."""
        return max(0.0, self.applied_at_s - self.record.written_at_s)


class AppliedRecords(Protocol):
    """What this Region has applied; a table of this Region only."""

    def read(self, name: str) -> Applied | None:
        """Return what was applied of a name, or nothing.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...

    def write(self, applied: Applied, *, previous: Applied | None) -> None:
        """Write what was applied, if nobody else did since it was read.

        Raises:
            UnreachableError: The table did not answer.
            ConflictError: ``previous`` is no longer what the table holds.
        """
        ...


class Registry(Protocol):
    """IoT Core of one Region: things, certificates, groups."""

    def issue(self, csr_pem: str) -> Certificate:
        """Issue an ACTIVE certificate for a signing request.

        Not idempotent on AWS: the same CSR gives a second, distinct
        certificate (botocore model, ``CreateCertificateFromCsr``).

        Raises:
            InvalidInputError: The CSR is not one, or its key is too weak.
            ThrottledError: The quota of the Region is used up.
            UnreachableError: The Region did not answer.
        """
        ...

    def perform(self, step: Step) -> None:
        """Make one call.

        Raises:
            ConflictError: It is there already, and may differ.
            NotFoundError: It, or what it needs, is not there.
            ThrottledError: The quota of the Region is used up.
            UnreachableError: The Region did not answer.
            PermanentError: The Region will never accept this.
        """
        ...

    def observe(self, name: str, certificate_ids: Sequence[str]) -> Present:
        """Return what IoT Core holds of a name.

        Args:
            name: The thing's name.
            certificate_ids: Certificates to look for besides the attached ones.

        Raises:
            ThrottledError: The quota of the Region is used up.
            UnreachableError: The Region did not answer.
        """
        ...


class HealthVerdicts(Protocol):
    """Where a site keeps its canary's last verdict."""

    def read(self) -> HealthVerdict | None:
        """Return the last verdict, or nothing when there is none.

        Raises:
            UnreachableError: The store did not answer.
        """
        ...

    def write(self, verdict: HealthVerdict) -> None:
        """Replace the last verdict.

        Raises:
            UnreachableError: The store did not answer.
        """
        ...


class Canary(Protocol):
    """One message through the whole path of a site."""

    def send(self) -> str:
        """Publish over MQTT with a device certificate; return its key.

        Raises:
            UnreachableError: The broker did not take it in time.
        """
        ...

    def has_arrived(self, key: str) -> bool:
        """Say whether the message is in the hot store.

        Raises:
            UnreachableError: The store did not answer.
        """
        ...


class Journal(Protocol):
    """Where a drill writes down what happened, as it happens."""

    def write(self, fact: Fact) -> None:
        """Append one fact, stamped with the time, flushed before returning."""
        ...


@dataclass(frozen=True, slots=True)
class WorldFacts:
    """What a world says of itself.

    Attributes:
        name: ``sim``, ``local`` or ``aws``.
        versions: What is running, by name.
        machine: Where it runs.
        active: AWS Region that the failover names answer first.
        standby: AWS Region that takes over.
    """

    name: str
    versions: Mapping[str, str]
    machine: Machine
    active: str
    standby: str


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """How the fleet behaves.

    Attributes:
        publish_interval_s: Time between two messages of one device.
        seed: Seed of every random choice of the devices.
    """

    publish_interval_s: float
    seed: int


@dataclass(frozen=True, slots=True)
class Stored:
    """One message that was seen to arrive in a site's hot store.

    Attributes:
        thing: Who published it.
        published_at_s: When, by the device's clock, seconds since the epoch.
        seen_at_s: When it was seen in the store, seconds since the epoch.
    """

    thing: str
    published_at_s: float
    seen_at_s: float


@dataclass(frozen=True, slots=True)
class Held:
    """What a site's hot store holds of one device and epoch."""

    thing: str
    epoch: int
    held: Intervals
    row_count: int


@dataclass(frozen=True, slots=True)
class DeviceAccount:
    """What one device says of its own messages of one epoch."""

    thing: str
    epoch: int
    published: Intervals
    acknowledged: Intervals
    dropped: int


class World(Protocol):
    """Two live Regions with a fleet, and the faults to hurt them with.

    Every method raises ``UnreachableError`` when a Region that should answer
    does not, and ``NotReadyError`` when the world itself has died.
    """

    def facts(self) -> WorldFacts:
        """Return what the world says of itself."""
        ...

    def onboard(
        self, things: Sequence[str], *, region: str | None
    ) -> Iterator[DeviceOnboarded]:
        """Onboard devices through the API, several at a time.

        Args:
            things: Their names; claims and keys are made here.
            region: Whose own API name to use; nothing for the failover name.

        Yields:
            Each device as its answer arrives.
        """
        ...

    def lags(self, region: str) -> Mapping[str, float]:
        """Return how late each device was applied in a Region, in seconds."""
        ...

    def prove(
        self, things: Sequence[str], *, region: str
    ) -> Iterator[DeviceConnectable | DeviceUnconnectable]:
        """Connect to a Region's own name with each device's certificate."""
        ...

    def start_fleet(self, things: Sequence[str], plan: FleetPlan) -> None:
        """Let the devices connect and publish."""
        ...

    def quiesce_fleet(self) -> None:
        """Stop making new messages; deliver those that wait."""
        ...

    def set_replication_lag(self, lag_s: float) -> None:
        """Delay the replication of the global tables."""
        ...

    def disable_dns_failover(self) -> None:
        """Let DNS answer as if every site were healthy."""
        ...

    def inject(self, fault: FaultKind, *, region: str) -> float:
        """Hurt a Region; return when it took effect, seconds since the epoch."""
        ...

    def observe(self) -> Sequence[Fact]:
        """Return what happened since the last look: fleet, health, DNS."""
        ...

    def stored(self, region: str) -> Sequence[Stored]:
        """Return what arrived in a site's hot store since the last look."""
        ...

    def held(self, region: str) -> Sequence[Held]:
        """Return all that a site's hot store holds of the fleet."""
        ...

    def accounts(self) -> Sequence[DeviceAccount]:
        """Return what the devices say of their own messages."""
        ...

    def trouble(self) -> str | None:
        """Return which part of the world has died, or nothing; never raises."""
        ...
