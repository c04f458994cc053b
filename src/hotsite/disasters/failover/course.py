"""``ports.CourseWorld`` in virtual time: the estate of the disasters, one script.

Guards, DNS, switches and operators are the flows themselves; devices are coarse, as
in ``sim/world.py``. What telemetry really does under faults is shown elsewhere.
"""

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from hotsite.core.course import Ending, OperationTold, Outage, SiteSpoke
from hotsite.core.epoch import SITES, other
from hotsite.core.hardship import Follow
from hotsite.core.journal import (
    DeviceConnectable,
    DeviceOnboarded,
    DeviceUnconnectable,
    DnsAnswered,
    Fact,
    FleetSampled,
    Machine,
)
from hotsite.core.operations import Kind
from hotsite.core.preflight import Fleet, Limits
from hotsite.core.registry import Thing, thing_key
from hotsite.disasters.failover.estate import Estate
from hotsite.disasters.failover.mail import Mail
from hotsite.disasters.failover.network import FORCED, OUTSIDE
from hotsite.disasters.failover.plan import Plan
from hotsite.errors import HotsiteError, RetryableError
from hotsite.flows.control import Control
from hotsite.flows.failover import Request, operate
from hotsite.ports import DeviceAccount, FleetPlan, Held, WorldFacts
from hotsite.ports.course import Ended
from hotsite.sim.compute import SimCompute
from hotsite.sim.scheduler import Scheduler, Worker

_REGIONS = dict(zip(SITES, ("eu-central-1", "eu-west-1"), strict=True))
_LETTERS = {region: letter for letter, region in _REGIONS.items()}
_NAME = "iot.hotsite.test"
_API_S = _HANDSHAKE_S = 0.1
_LAG_S = 0.5
_CONNECTS_PER_S = 100.0
# What ends the sessions of devices, and not only what they wait for.
_LOUD = frozenset({Outage.BROKER, Outage.BROWN_OUT})


class WorldClock:
    """Implements ``ports.Clock``: to sleep is to let the world go on."""

    def __init__(self, scheduler: Scheduler) -> None:
        """Take the time of the world."""
        self._scheduler = scheduler

    def now_s(self) -> float:
        """Return the virtual time in seconds since the epoch."""
        return self._scheduler.now_s()

    def sleep(self, duration_s: float) -> None:
        """Let the world go on for a time in seconds."""
        self._scheduler.run(duration_s)


class SimCourseWorld:
    """Implements ``ports.CourseWorld``."""

    def __init__(self, *, seed: int, devices: int, is_pilot: bool = False) -> None:
        """Start two Regions in fair weather; nobody is connected yet.

        Args:
            seed: Of every random choice.
            devices: Size of the fleet.
            is_pilot: Whether the compute of the standby is off.
        """
        fleet = Fleet(devices, connects_per_s=_CONNECTS_PER_S)
        self.estate = Estate(seed, Plan((), Limits(fleet=fleet)))
        self.clock = WorldClock(self.estate.scheduler)
        self._compute = SimCompute(("canary",), self._light) if is_pilot else None
        self.estate.weather["b"].is_guarded = not is_pilot
        self._mail = Mail(self.estate)
        self._things: set[str] = set()
        self._told: list[Fact] = []
        self._ended: Ended | None = None
        self._said: dict[str, SiteSpoke] = {}
        self._leads_to = ""

    def facts(self) -> WorldFacts:
        """Return what the world says of itself."""
        return WorldFacts(
            name="sim",
            versions={"python": platform.python_version()},
            machine=Machine(1, 0, "virtual time"),
            active=_REGIONS["a"],
            standby=_REGIONS["b"],
        )

    def onboard(
        self, things: Sequence[str], *, region: str | None
    ) -> Iterator[DeviceOnboarded]:
        """Onboard devices one after the other."""
        for thing in things:
            self.clock.sleep(_API_S)
            self._things.add(thing)
            for site in self.estate.sites.values():
                site.records.put((str(thing_key(thing)), "thing"), Thing(thing))
            yield DeviceOnboarded(thing, region or self._leading(), _API_S)

    def lags(self, region: str) -> Mapping[str, float]:
        """Return how late each device was applied in a Region."""
        del region
        return dict.fromkeys(self._things, _LAG_S)

    def prove(
        self, things: Sequence[str], *, region: str
    ) -> Iterator[DeviceConnectable | DeviceUnconnectable]:
        """Say of each device whether a Region would let it in."""
        for thing in things:
            if self.estate.is_open(_LETTERS[region]):
                yield DeviceConnectable(thing, region, _HANDSHAKE_S)
            else:
                yield DeviceUnconnectable(thing, region, "the Region is silent")

    def start_fleet(self, things: Sequence[str], plan: FleetPlan) -> None:
        """Let the devices connect and publish."""
        self.estate.fleet.has_own_names = plan.follow is not Follow.DNS
        for thing in things:
            self.estate.fleet.join(thing)
        self._mail.begin(plan.publish_interval_s)

    def quiesce_fleet(self) -> None:
        """Stop making new messages; deliver those that wait."""
        self._mail.is_publishing = False

    def hurt(self, outage: Outage, site: str, *, share: float) -> None:
        """Break something, until it is mended."""
        self.estate.tell(site, f"{outage.value} begins")
        _set(self.estate, outage, site, share=share)

    def mend(self, outage: Outage, site: str) -> None:
        """Let something be whole again."""
        self.estate.tell(site, f"{outage.value} is over")
        _set(self.estate, outage, site, share=0.0)

    def operate(self, kind: Kind, site: str, because: str) -> None:
        """Let an operator begin an operation."""
        self._ended = None
        control = self.estate.control()
        desks = dict(control.desks)
        desks["b"] = replace(desks["b"], compute=self._compute)
        control = replace(control, desks=desks, tell=self._tell)
        request = Request(kind, site, because or None)
        is_forced = kind is Kind.FORCED
        name = f"{FORCED}{other(site)}" if is_forced else "operator"
        job = lambda: self._run(request, control)  # noqa: E731
        worker = Worker(name, OUTSIDE, job, on_end=self._over)
        self.estate.scheduler.start(worker)

    def operated(self) -> Ended | None:
        """Return how the operation ended; nothing while it goes on."""
        return self._ended

    def heard(self) -> Mapping[str, tuple[float, float]]:
        """Return what arrived in any store since the last look."""
        return self._mail.heard()

    def observe(self) -> Sequence[Fact]:
        """Return what happened since the last look."""
        facts, self._told = self._told, []
        leads_to = self._leading()
        if leads_to != self._leads_to:
            self._leads_to = leads_to
            facts.append(DnsAnswered(_NAME, leads_to))
        for letter in SITES:
            said = self._spoken(letter)
            if self._said.get(letter) != said:
                self._said[letter] = said
                facts.append(said)
        facts.append(self._sample())
        return facts

    def held(self, region: str) -> Sequence[Held]:
        """Return all that a site's hot store holds."""
        return self._mail.held(_LETTERS[region])

    def accounts(self) -> Sequence[DeviceAccount]:
        """Return what the devices say of their own messages."""
        return self._mail.accounts()

    def trouble(self) -> str | None:
        """Return nothing: this world does not die."""
        return None

    def _light(self, name: str) -> None:
        self.estate.tell("b", f"{name} is switched on")
        self.estate.weather["b"].is_guarded = True

    def _tell(self, line: str) -> None:
        self._told.append(OperationTold(line))

    def _run(self, request: Request, control: Control) -> None:
        operation = operate(request, control)
        self._ended = Ended(Ending.DONE, f"{operation.id} is done")

    def _over(self, error: BaseException | None) -> None:
        if isinstance(error, RetryableError):
            self._ended = Ended(Ending.NOT_READY, str(error))
        elif isinstance(error, HotsiteError):
            self._ended = Ended(Ending.REFUSED, str(error))

    def _leading(self) -> str:
        return _REGIONS[self.estate.names.leads_to()]

    def _spoken(self, letter: str) -> SiteSpoke:
        """Return what a site's switch says to whom the world lets through."""
        weather = self.estate.weather[letter]
        if not (weather.is_up and weather.are_tables_up):
            return SiteSpoke(letter, None, None, "")
        fence = self.estate.plan.limits.fence
        seen = self.estate.sites[letter].says(self.estate.scheduler, fence)
        return SiteSpoke(letter, seen.is_on, seen.epoch.number, seen.epoch.active)

    def _sample(self) -> FleetSampled:
        fleet = self.estate.fleet
        connected = {_REGIONS[letter]: len(fleet.at(letter)) for letter in SITES}
        return FleetSampled(
            connected=connected,
            offline=len(fleet.devices) - sum(connected.values()),
            backlog=self._mail.backlog,
            published=self._mail.published,
            acknowledged=self._mail.acknowledged,
            replication_lag_s=None,
        )


def _set(estate: Estate, outage: Outage, site: str, *, share: float) -> None:
    """Break something, or let it be whole where the share is 0."""
    is_whole, weather = not share, estate.weather[site]
    match outage:
        case Outage.KILL | Outage.FREEZE:
            (estate.live if is_whole else estate.die)(site)
        case Outage.BROKER:
            weather.is_sick = not is_whole
        case Outage.TABLES:
            estate.table(site, is_up=is_whole)
        case Outage.BROWN_OUT:
            weather.failure_share = share
        case Outage.UNSEEN:
            weather.is_unseen = not is_whole
        case _:
            _set_between(estate, outage, is_whole=is_whole)
    if not is_whole and outage in _LOUD:
        estate.fleet.drop(site)


def _set_between(estate: Estate, outage: Outage, *, is_whole: bool) -> None:
    """Break what belongs to no site.

    No flow of failover has a port to a control plane: there is nothing to break.
    """
    if outage is Outage.DNS_FREEZE:
        estate.names.is_frozen = not is_whole
    if outage is Outage.PARTITION:
        estate.network.is_peer_up = is_whole
        for way in estate.ways.values():
            way.is_up = is_whole
            way.flush()
