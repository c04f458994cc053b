"""The ports that guards and operators work with, over the simulated network."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from hotsite.core.move import Move, encode
from hotsite.core.operations import Book, Entry, Item
from hotsite.core.registry import Thing, thing_key
from hotsite.core.standing import FencePolicy
from hotsite.core.takeover import SiteSeen
from hotsite.disasters.failover.fleet import Fleet
from hotsite.disasters.failover.network import Network
from hotsite.errors import RetryableError
from hotsite.flows import health, switch
from hotsite.flows.health import Patience
from hotsite.ports import Clock
from hotsite.ports.operations import Lag
from hotsite.sim.operations import SimOperations
from hotsite.sim.region_tables import SimAppliedRecords, SimHealthVerdicts
from hotsite.sim.route53 import SimRoute53
from hotsite.sim.tables import SimTables

_Answer = TypeVar("_Answer")
PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class Probed:
    """What a checker of Route 53 gets: whether each endpoint answered 200."""

    is_healthy: bool = False
    is_on: bool = False


@dataclass(slots=True)
class Site:
    """What one Region holds.

    Attributes:
        letter: Its letter.
        operations: Its replica of the operations table.
        records: Its replica of the registry table; nobody writes there meanwhile.
        verdicts: Its canary's last verdict.
        applied: What it has applied.
    """

    letter: str
    operations: SimOperations
    records: SimTables
    verdicts: SimHealthVerdicts = field(default_factory=SimHealthVerdicts)
    applied: SimAppliedRecords = field(default_factory=SimAppliedRecords)

    @classmethod
    def of_fleet(cls, letter: str, clock: Clock, things: Iterable[str]) -> "Site":
        """Return a site whose registry knows a fleet."""
        records = SimTables(letter, clock)
        for thing in things:
            records.put((str(thing_key(thing)), "thing"), Thing(thing))
        return cls(letter, SimOperations(letter, clock), records)

    def probed(self, clock: Clock, policy: FencePolicy) -> Probed:
        """Return what each endpoint answers, whatever becomes of the other one."""
        is_healthy = health.serve(self.verdicts, clock, PATIENCE).is_healthy
        try:
            said = switch.serve(self.operations, self.letter, clock, policy)
        except RetryableError:
            return Probed(is_healthy)
        return Probed(is_healthy, said.is_on)

    def says(self, clock: Clock, policy: FencePolicy) -> SiteSeen:
        """Return what its endpoints say."""
        said = switch.serve(self.operations, self.letter, clock, policy)
        healthy = health.serve(self.verdicts, clock, PATIENCE)
        return SiteSeen(
            said.epoch, said.is_on, healthy.is_healthy, healthy.reason, said.now_s
        )


@dataclass(frozen=True, slots=True)
class FarOperations:
    """``Operations`` over the network."""

    network: Network
    site: Site

    def read(self) -> Book:
        """Return all items but the journal."""
        return self._call(self.site.operations.read)

    def write(self, item: Item, *, previous: Item | None) -> None:
        """Write an item, if the replica still holds what was read of it."""
        self._call(lambda: self.site.operations.write(item, previous=previous))

    def note(self, entry: Entry) -> None:
        """Add a line to the journal."""
        self._call(lambda: self.site.operations.note(entry))

    def entries(self, since_s: float = 0.0) -> tuple[Entry, ...]:
        """Return the journal's lines."""
        return self._call(lambda: self.site.operations.entries(since_s))

    def _call(self, make: Callable[[], _Answer]) -> _Answer:
        return self.network.call(self.site.letter, make, is_table=True)


@dataclass(frozen=True, slots=True)
class FarSites:
    """``SitesSeen`` over the network."""

    network: Network
    sites: dict[str, Site]
    policy: FencePolicy

    def see(self, site: str) -> SiteSeen:
        """Ask a site's switch and health endpoints."""
        there, clock = self.sites[site], self.network.scheduler
        return self.network.call(
            site, lambda: there.says(clock, self.policy), is_table=True
        )


@dataclass(frozen=True, slots=True)
class FarNames:
    """``NamesSeen`` over the network."""

    network: Network
    names: SimRoute53

    def leads_to(self) -> str | None:
        """Return the letter of the site that the name leads to now."""
        return self.network.resolve(self.names.leads_to)


@dataclass(frozen=True, slots=True)
class NearResumes:
    """``Resumes`` of one Region, for its own guard."""

    fleet: Fleet
    letter: str

    def count(self, within_s: float) -> int:
        """Return how many devices came here lately."""
        return self.fleet.arrived(self.letter, within_s)

    def turned_away(self, within_s: float) -> int:
        """Return 0: these devices do not tell where else they tried."""
        del within_s
        return 0


@dataclass(frozen=True, slots=True)
class FarCommands:
    """``Commands`` over the network."""

    network: Network
    fleet: Fleet
    letter: str

    def order(self, thing: str, move: Move) -> None:
        """Tell a device to move."""
        payload = encode(move)
        self.network.call(
            self.letter, lambda: self.fleet.order(self.letter, thing, payload)
        )

    def disconnect(self, thing: str) -> bool:
        """End a device's connection here."""
        return self.network.call(
            self.letter, lambda: self.fleet.disconnect(self.letter, thing)
        )


@dataclass(slots=True)
class FarLags:
    """``Lags`` over the network; how far a site is behind is the script's."""

    network: Network
    letter: str
    behind_s: dict[str, float]

    def read(self) -> Lag:
        """Return how far this site is behind the other."""
        lag_s = self.behind_s[self.letter]
        return self.network.call(self.letter, lambda: Lag(lag_s, lag_s), is_table=True)
