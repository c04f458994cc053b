"""Two sites or more, their guards, DNS, a fleet and operators, whole."""

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import permutations

from hotsite.core.epoch import SITES
from hotsite.core.health import HealthVerdict
from hotsite.core.operations import Entry
from hotsite.disasters.failover.fleet import NAME, Fleet
from hotsite.disasters.failover.network import Network, Way, Weather
from hotsite.disasters.failover.plan import Plan
from hotsite.disasters.failover.ports import (
    PATIENCE,
    FarCommands,
    FarLags,
    FarNames,
    FarOperations,
    FarSites,
    NearResumes,
    Probed,
    Site,
)
from hotsite.errors import HotsiteError
from hotsite.flows import guard
from hotsite.flows.control import Control, Desk
from hotsite.flows.guard import Guard
from hotsite.flows.health import keep
from hotsite.sim import route53
from hotsite.sim.operations import Written
from hotsite.sim.route53 import SimRoute53
from hotsite.sim.scheduler import Scheduler, Worker

# A function of Lambda lives no longer here than one run of the canary.
_LOOK_S_MAX = 9.0
_CANARY_S = 0.5


class Estate:
    """The world of a seed.

    Attributes:
        plan: What it is.
        weather: How each Region fares, by its letter.
        network: The lines between them.
        sites: What each Region holds.
        ways: Replication from each Region to each other one, by their letters.
        names: Route 53.
        fleet: The devices.
        behind_s: How far each site is behind, in seconds.
        is_ending: True once operators do not begin again.
        lines: What happened, for people.
        counts: How often what happened.
    """

    def __init__(self, seed: int, plan: Plan) -> None:
        """Start everything, in fair weather."""
        self.plan = plan
        self.scheduler = Scheduler()
        self.chance = random.Random(seed)  # noqa: S311 - a simulation, no secret
        self.lines: list[str] = []
        self.counts: Counter[str] = Counter()
        self.is_ending = False
        self.weather = {letter: Weather() for letter in plan.sites}
        self.network = Network(self.scheduler, self.chance, self.weather)
        self.behind_s = dict.fromkeys(plan.sites, 0.5)
        self.sites = {
            letter: Site.of_fleet(letter, self.scheduler, plan.things)
            for letter in plan.sites
        }
        self.ways: dict[tuple[str, str], Way] = {}
        for here, there in permutations(plan.sites, 2):
            ends = (self.weather[here], self.weather[there])
            replica = self.sites[there].operations
            way = Way(replica, self.scheduler, self.chance, ends)
            self.ways[here, there] = way
        for letter, site in self.sites.items():
            site.operations.on_write = self._sending(letter)
        self.names = SimRoute53(self.scheduler, self.chance, self._probes(), plan.sites)
        around = (self.names.leads_to, self._lets_in)
        self.fleet = Fleet(plan.things, self.scheduler, self.chance, around, plan.sites)
        # Of two sites, devices that follow DNS alone are the harder case.
        self.fleet.has_own_names = len(plan.sites) > len(SITES)
        for letter in plan.sites:
            first_s = self.chance.uniform(0.0, 5.0)
            self.scheduler.at(first_s, self._looking(letter))

    def tell(self, who: str, text: str) -> None:
        """Note what happened."""
        self.lines.append(f"{self.scheduler.now_s() - 1e6:9.2f} s  {who}: {text}")

    def control(self) -> Control:
        """Return what an operator works with."""
        desks = {letter: self._desk(letter) for letter in self.plan.sites}
        return Control(
            desks,
            FarSites(self.network, self.sites, self.plan.limits.fence),
            FarNames(self.network, self.names),
            self.scheduler,
            "operator",
            NAME,
            self.plan.limits,
        )

    def is_open(self, letter: str) -> bool:
        """Say whether a site lets devices in."""
        weather = self.weather[letter]
        return weather.is_up and weather.is_seen and not weather.is_sick

    def _lets_in(self, letter: str) -> bool:
        """Say whether a device that connects now is let in."""
        return self.is_open(letter) and not self._fails(letter)

    def _fails(self, letter: str) -> bool:
        """Say whether a try fails in a brown-out."""
        share = self.weather[letter].failure_share
        return bool(share) and self.chance.random() < share

    def table(self, letter: str, *, is_up: bool) -> None:
        """Let the tables of a Region go or come."""
        self.weather[letter].are_tables_up = is_up
        site = self.sites[letter]
        for store in (site.operations, site.verdicts, site.records, site.applied):
            store.is_reachable = is_up

    def die(self, letter: str) -> None:
        """Stop everything in a Region at once."""
        if self.weather[letter].is_up:
            self.tell(letter, "dies")
            self.weather[letter].is_up = False
            self.scheduler.kill(letter)
            self.fleet.drop(letter)

    def live(self, letter: str) -> None:
        """Let a Region go on with what it last knew."""
        if not self.weather[letter].is_up:
            self.tell(letter, "is back")
            self.weather[letter].is_up = True
            for way in self.ways.values():
                way.flush()

    def close(self) -> None:
        """End all workers."""
        self.is_ending = True
        self.scheduler.close()

    def _desk(self, letter: str) -> Desk:
        site = self.sites[letter]
        return Desk(
            letter,
            FarOperations(self.network, site),
            FarLags(self.network, letter, self.behind_s),
            site.records,
            site.applied,
            FarCommands(self.network, self.fleet, letter),
        )

    def ways_out(self, letter: str) -> tuple[Way, ...]:
        """Return replication out of a Region."""
        return tuple(way for (here, _), way in self.ways.items() if here == letter)

    def others(self, letter: str) -> tuple[str, ...]:
        """Return the letters of the other sites."""
        return tuple(one for one in self.plan.sites if one != letter)

    def _sending(self, letter: str) -> Callable[[Written | Entry], None]:
        def send(told: Written | Entry) -> None:
            for way in self.ways_out(letter):
                way.send(told)

        return send

    def _probes(self) -> dict[str, Callable[[], bool]]:
        """Return what checkers ask for, in an order that does not change."""
        sites = self.plan.sites
        found: dict[str, Callable[[], bool]] = {}
        for site in sites:
            found[route53.health(site)] = partial(self._is_healthy, site)
        for site in sites[1:]:
            found[route53.switch(site)] = partial(self._is_on, site)
        return found

    def _is_healthy(self, letter: str) -> bool:
        return self._probe(letter).is_healthy

    def _is_on(self, letter: str) -> bool:
        return self._probe(letter).is_on

    def _probe(self, letter: str) -> Probed:
        """Return what a checker of Route 53 sees of a site now."""
        weather = self.weather[letter]
        is_reached = weather.is_up and weather.is_seen and not weather.is_unseen
        if not is_reached or self._fails(letter):
            return Probed()
        return self.sites[letter].probed(self.scheduler, self.plan.limits.fence)

    def _looking(self, letter: str) -> Callable[[], None]:
        """Return what lets the guard and then the canary of a site run, for ever."""

        def look() -> None:
            self.scheduler.at(self.plan.limits.fence.look_every_s, look)
            weather = self.weather[letter]
            if weather.is_up and weather.is_guarded:
                until_s = self.scheduler.now_s() + _LOOK_S_MAX
                job = lambda: self._look(letter)  # noqa: E731
                self.scheduler.start(Worker("guard", letter, job, until_s))

        return look

    def _look(self, letter: str) -> None:
        """Look, and only then let the canary say how the site is."""
        site, weather = self.sites[letter], self.weather[letter]
        before = site.operations.peek().look(letter)
        try:
            decision = guard.look(self._guard(letter))
        except HotsiteError as error:
            self.counts["looks that failed"] += 1
            self.tell(letter, f"no look: {error}")
            # Who does not know who is active must not be called healthy.
            keep(self._verdict(str(error)), site.verdicts, PATIENCE)
            return
        if before is None or before.action is not decision.action:
            self.tell(letter, f"{decision.action.value}: {decision.reason}")
        self.counts[f"guards: {decision.action.value}"] += 1
        self.scheduler.sleep(_CANARY_S)
        is_sick = weather.is_sick or self._fails(letter)
        verdict = self._verdict("no message came through" if is_sick else "")
        keep(verdict, site.verdicts, PATIENCE)

    def _verdict(self, trouble: str) -> HealthVerdict:
        return HealthVerdict(
            is_healthy=not trouble,
            reason=trouble or "the canary came through",
            seen_at_s=self.scheduler.now_s(),
        )

    def _guard(self, letter: str) -> Guard:
        site, fence = self.sites[letter], self.plan.limits.fence
        return Guard(
            letter,
            FarOperations(self.network, site),
            site.verdicts,
            FarSites(self.network, self.sites, fence),
            FarNames(self.network, self.names),
            NearResumes(self.fleet, letter),
            self.scheduler,
            fence,
            PATIENCE,
            self.others(letter),
        )
