"""``ports.ChurnWorld`` in virtual time, without a registry worth the name.

Deliberately coarse, as ``sim/world.py``: each Region is a table of devices that
takes over what the other one did a moment ago, so that the drill and its verdict
can be played in milliseconds. What replication really does under faults is shown
by the simulated disasters (``hotsite.disasters``), which run the real flows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hotsite.core.churn import (
    Action,
    CertificateTried,
    Change,
    DeviceFound,
    Outcome,
    RegionSwept,
    Way,
)
from hotsite.core.journal import DeviceOnboarded, Fact
from hotsite.core.scenario import FaultKind
from hotsite.errors import UnreachableError
from hotsite.ports import WorldFacts
from hotsite.sim.clock import SimClock
from hotsite.sim.world import SimWorld

_CHANGE_S = 0.05
_LAG_S = 0.5
_HEARD_S = 8.0
_PASS_S = 2.0


@dataclass(frozen=True, slots=True)
class SimDevice:
    """What one Region knows of one device.

    Attributes:
        certificates: Those that let it in.
        update: Number of its last update.
        shadow: Number of the last change of its shadow.
    """

    certificates: frozenset[int] = frozenset({1})
    update: int = 0
    shadow: int = 0


@dataclass(slots=True)
class SimRegistry:
    """One Region: its devices, and the changes that are on their way to it."""

    devices: dict[str, SimDevice] = field(default_factory=dict)
    incoming: list[tuple[float, Change]] = field(default_factory=list)
    lags: dict[str, float] = field(default_factory=dict)


class SimChurnWorld:
    """Implements ``ports.ChurnWorld``."""

    def __init__(self, clock: SimClock, *, seed: int) -> None:
        """Take the virtual clock and the seed."""
        self.clock = clock
        self._facts = SimWorld(clock, seed=seed).facts()
        names = (self._facts.active, self._facts.standby)
        self.regions = {name: SimRegistry() for name in names}
        self.dead: str | None = None

    def facts(self) -> WorldFacts:
        """Return what the world says of itself."""
        return self._facts

    def onboard(
        self, things: Sequence[str], *, region: str | None
    ) -> Iterator[DeviceOnboarded]:
        """Onboard devices one after the other."""
        site = region or self._facts.active
        for thing in things:
            self.change(Change(0, thing, Action.CREATE, Way.API, site))
            yield DeviceOnboarded(thing, site, _CHANGE_S)

    def lags(self, region: str) -> Mapping[str, float]:
        """Return how late each device was applied in a Region, in seconds."""
        self._catch_up()
        return dict(self.regions[region].lags)

    def change(self, change: Change) -> None:
        """Make one change here, and send it to the other Region."""
        if change.region == self.dead:
            raise UnreachableError(f"{change.region} does not answer")
        self.clock.sleep(_CHANGE_S)
        self._catch_up()
        here = self.regions[change.region]
        here.devices = changed(here.devices, change)
        here.lags[change.thing] = 0.0
        late_s = _HEARD_S if change.way is Way.OUTSIDE else _LAG_S
        for name, other in self.regions.items():
            if name != change.region:
                other.incoming.append((self.clock.now_s() + late_s, change))

    def inject(self, fault: FaultKind, *, region: str) -> float:
        """Silence a Region, and what it was about to say."""
        del fault
        self._catch_up()
        self.dead = region
        return self.clock.now_s()

    def restore(self, region: str) -> None:
        """Let the Region return."""
        del region
        self.dead = None
        self.clock.sleep(_PASS_S)

    def sweep(self, region: str, *, is_repair: bool) -> RegionSwept:
        """Count what is still on its way to a Region."""
        self.clock.sleep(_PASS_S)
        self._catch_up()
        here = self.regions[region]
        late = tuple(change.thing for _, change in here.incoming)
        return RegionSwept(
            region=region,
            is_repair=is_repair,
            names=len(here.devices),
            drift=0 if is_repair else len(late),
            pending=0,
            adopted=0,
            applied=0,
            findings=late[:1],
        )

    def look_for(self, things: Sequence[str], *, region: str) -> Iterator[DeviceFound]:
        """Ask a Region for each device."""
        for thing in things:
            device = self.regions[region].devices.get(thing)
            found = device or SimDevice()
            is_there = device is not None
            yield DeviceFound(thing, region, is_there, found.update, found.shadow)

    def try_certificates(
        self, certificates: Sequence[tuple[str, int]], *, region: str
    ) -> Iterator[CertificateTried]:
        """Say of each certificate whether a Region would let it in."""
        for thing, number in certificates:
            device = self.regions[region].devices.get(thing)
            is_in = device is not None and number in device.certificates
            outcome = Outcome.ACCEPTED if is_in else Outcome.REFUSED
            yield CertificateTried(thing, number, region, outcome, "")

    def observe(self) -> Sequence[Fact]:
        """Return nothing: nobody looks at names or health here."""
        return ()

    def trouble(self) -> str | None:
        """Return nothing: this world cannot die."""
        return None

    def _catch_up(self) -> None:
        now_s = self.clock.now_s()
        if self.dead is not None:
            return
        for registry in self.regions.values():
            due = [item for item in registry.incoming if item[0] <= now_s]
            for item in due:
                registry.incoming.remove(item)
                registry.devices = changed(registry.devices, item[1])
                registry.lags[item[1].thing] = _LAG_S


def changed(devices: Mapping[str, SimDevice], change: Change) -> dict[str, SimDevice]:
    """Return devices after a change; doing it again makes no difference.

    Args:
        devices: By thing.
        change: What was done.
    """
    found = dict(devices)
    device = found.get(change.thing, SimDevice())
    numbers = frozenset(change.certificates)
    match change.action:
        case Action.DELETE:
            found.pop(change.thing, None)
            return found
        case Action.UPDATE:
            device = replace(device, update=change.number)
        case Action.SHADOW:
            device = replace(device, shadow=change.number)
        case Action.ROTATE:
            device = replace(device, certificates=device.certificates | numbers)
        case Action.RETIRE | Action.REVOKE:
            device = replace(device, certificates=device.certificates - numbers)
        case Action.CREATE:
            pass
    return {**found, change.thing: device}
