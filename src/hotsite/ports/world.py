"""What a drill needs: two live Regions with a fleet, and a journal."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hotsite.core.hardship import Follow
from hotsite.core.intervals import Intervals
from hotsite.core.journal import (
    DeviceConnectable,
    DeviceOnboarded,
    DeviceUnconnectable,
    Fact,
    Machine,
)
from hotsite.core.scenario import FaultKind


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
        follow: Which names the devices know.
        retention_s: How long they keep what was acknowledged, in seconds.
        processes: Parts of the fleet that can lose their power one by one.
    """

    publish_interval_s: float
    seed: int
    follow: Follow = Follow.DNS
    retention_s: float = 420.0
    processes: int = 1


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
    """What a site's hot store holds of one device and epoch.

    Attributes:
        thing: The device.
        epoch: Its epoch.
        held: Sequence numbers in the store.
        row_count: Rows in the store.
        digest: Of what a query shows of them, in any order; empty if not read.
    """

    thing: str
    epoch: int
    held: Intervals
    row_count: int
    digest: str = ""


@dataclass(frozen=True, slots=True)
class DeviceAccount:
    """What one device says of its own messages of one epoch."""

    thing: str
    epoch: int
    published: Intervals
    acknowledged: Intervals
    dropped: int


class LiveRegions(Protocol):
    """Two live Regions, as every drill has them.

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

    def observe(self) -> Sequence[Fact]:
        """Return what happened since the last look: fleet, health, DNS."""
        ...

    def trouble(self) -> str | None:
        """Return which part of the world has died, or nothing; never raises."""
        ...


class LiveFleet(LiveRegions, Protocol):
    """Two live Regions with a fleet that publishes."""

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

    def held(self, region: str) -> Sequence[Held]:
        """Return all that a site's hot store holds of the fleet."""
        ...

    def accounts(self) -> Sequence[DeviceAccount]:
        """Return what those devices that have power say of their own messages."""
        ...


class World(LiveFleet, Protocol):
    """Two live Regions with a fleet, and the faults to hurt them with."""

    def set_replication_lag(self, lag_s: float) -> None:
        """Delay the replication of the global tables."""
        ...

    def disable_dns_failover(self) -> None:
        """Let DNS answer as if every site were healthy."""
        ...

    def inject(self, fault: FaultKind, *, region: str) -> float:
        """Hurt a Region; return when it took effect, seconds since the epoch."""
        ...

    def restore(self, region: str) -> None:
        """Let a killed Region return with all that it acknowledged."""
        ...

    def cut_power(self, process: int) -> int:
        """Let a part of the fleet lose its power; return how many devices did."""
        ...

    def restore_power(self, process: int) -> int:
        """Give a part of the fleet its power back; return how many devices got it."""
        ...

    def stored(self, region: str) -> Sequence[Stored]:
        """Return what arrived in a site's hot store since the last look."""
        ...
