"""Play a drill of deciding: let things break and mend, operate, and listen.

Acts are done one after the other; some wait until the fleet is served by a site.
All the while it is written down who is active, where DNS leads, and which device was
not heard of. The verdict is made from the journal afterwards.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from hotsite.core.books import Moment
from hotsite.core.course import (
    Act,
    Course,
    DeviceSilent,
    OperationEnded,
    OperationTold,
    Outage,
    OutageBegan,
    OutageEnded,
    SiteAwaited,
    SiteSpoke,
)
from hotsite.core.epoch import SITES
from hotsite.core.journal import (
    DeviceApplied,
    Fact,
    FleetSampled,
    Note,
    Phase,
    PhaseStarted,
)
from hotsite.core.operations import Kind
from hotsite.core.scenario import Scenario
from hotsite.core.strategy import is_spread
from hotsite.flows import books
from hotsite.flows.stage import onboarded, opening, to_its_end
from hotsite.ports import Clock, FleetPlan, Journal
from hotsite.ports.course import CourseWorld, Ended

_TICK_S = 0.25
_LIMIT_S = 60.0
_TRY_AGAIN_S = 15.0
# A device that skips so many messages in a row is silent; one or two are late.
_SILENT_INTERVALS = 3
_SILENT_S_MIN = 6.0


@dataclass(slots=True)
class _Run:
    """What one run knows so far."""

    scenario: Scenario
    world: CourseWorld
    journal: Journal
    clock: Clock
    active: str
    standby: str
    on: dict[str, bool | None] = field(default_factory=dict)
    connected: dict[str, int] = field(default_factory=dict)
    heard_s: dict[str, float] = field(default_factory=dict)

    @property
    def course(self) -> Course:
        """Return what is to be done."""
        return cast("Course", self.scenario.course)

    @property
    def things(self) -> list[str]:
        """Return the names of the fleet."""
        return self.scenario.things

    @property
    def silent_s_min(self) -> float:
        """Return from how many seconds on a device is silent."""
        intervals_s = _SILENT_INTERVALS * self.scenario.publish_interval_s
        return max(_SILENT_S_MIN, intervals_s)

    def region(self, letter: str) -> str:
        """Return the AWS Region of a site."""
        return self.active if letter == SITES[0] else self.standby

    def start(self, phase: Phase) -> None:
        """Write down that the next part begins."""
        self.journal.write(PhaseStarted(phase))

    def look(self) -> None:
        """Write down what happened since the last look."""
        for fact in self.world.observe():
            self.journal.write(fact)
            self._follow(fact)
        for thing, (published_s, seen_s) in self.world.heard().items():
            last_s = self.heard_s.get(thing)
            if last_s is not None and seen_s - last_s >= self.silent_s_min:
                self.journal.write(DeviceSilent(thing, round(seen_s - last_s, 3)))
            self.heard_s[thing] = max(published_s, last_s or published_s)

    def _follow(self, fact: Fact) -> None:
        match fact:
            case SiteSpoke(site=letter, is_on=is_on):
                self.on[letter] = is_on
            case FleetSampled(connected=connected):
                self.connected = dict(connected)
            case _:
                pass

    def watch(self, duration_s: float) -> None:
        """Look again and again for a while."""
        until_s = self.clock.now_s() + duration_s
        while self.clock.now_s() < until_s:
            self.look()
            self.clock.sleep(_TICK_S)
        self.look()

    def wait_for(self, is_so: Callable[[], bool], limit_s: float) -> bool:
        """Look again and again until something is so; say whether it is."""
        until_s = self.clock.now_s() + limit_s
        while not is_so():
            if self.clock.now_s() > until_s:
                return False
            self.look()
            self.clock.sleep(_TICK_S)
        return True

    def leads(self, letter: str) -> bool:
        """Say whether a site alone is active."""
        return [one for one in SITES if self.on.get(one)] == [letter]

    def serves(self, letter: str) -> bool:
        """Say whether a site alone is active, and the whole fleet is where it belongs.

        That is there, or anywhere where both sites hold devices.
        """
        here = self.connected.get(self.region(letter), 0)
        if is_spread(self.scenario.strategy, letter):
            here = sum(self.connected.values())
        return self.leads(letter) and here == len(self.things)


def play_course(
    scenario: Scenario,
    scenario_text: str,
    world: CourseWorld,
    journal: Journal,
    clock: Clock,
) -> None:
    """Play one scenario that has a course, from onboarding to the last count.

    Args:
        scenario: What happens, checked.
        scenario_text: The file, word for word, for the journal.
        world: Two live Regions, up and empty of this fleet; site ``a`` is active.
        journal: Where every fact goes.
        clock: The world's time.

    Raises:
        NotReadyError: The world died; the journal says so and ends there.
        UnreachableError: A Region that should be alive did not answer.
    """
    facts = world.facts()
    run = _Run(scenario, world, journal, clock, facts.active, facts.standby)
    journal.write(opening(scenario, scenario_text, facts))
    with to_its_end(world, journal):
        _prepare(run)
        run.start(Phase.COURSE)
        for act in run.course.acts:
            _do(run, act)
        _settle(run)
        _collect(run)


def _prepare(run: _Run) -> None:
    run.start(Phase.ONBOARD)
    for fact in onboarded(run.world, run.things, (run.active, run.standby)):
        run.journal.write(fact)
        run.look()
    for region in (run.standby, run.active):
        _await_applied(run, region)
    run.start(Phase.PROVE)
    for proof in run.world.prove(run.things, region=run.standby):
        run.journal.write(proof)
    run.start(Phase.STEADY)
    run.world.start_fleet(run.things, _plan(run.scenario))
    if not run.wait_for(lambda: run.serves(SITES[0]), run.course.await_limit_s):
        run.journal.write(Note(f"the fleet was never whole: {run.connected}, {run.on}"))
    run.watch(run.scenario.steady_s)


def _plan(scenario: Scenario) -> FleetPlan:
    return FleetPlan(
        publish_interval_s=scenario.publish_interval_s,
        seed=scenario.seed,
        follow=scenario.devices_follow,
        retention_s=scenario.retention_s,
    )


def _await_applied(run: _Run, region: str) -> None:
    things = set(run.things)
    run.wait_for(lambda: things <= run.world.lags(region).keys(), _LIMIT_S)
    lags = run.world.lags(region)
    for thing in run.things:
        if thing in lags:
            run.journal.write(DeviceApplied(thing, region, lags[thing]))
    if things - lags.keys():
        run.journal.write(Note(f"{region} lacks {min(things - lags.keys())}"))


def _do(run: _Run, act: Act) -> None:
    if act.awaits:
        _await(run, act.awaits)
    run.watch(act.after_s)
    began_s = run.clock.now_s()
    if act.hurt is not None:
        run.world.hurt(act.hurt, act.site, share=act.share)
        share = act.share if act.hurt is Outage.BROWN_OUT else 1.0
        run.journal.write(OutageBegan(act.hurt, act.site, share))
    elif act.mend is not None:
        run.world.mend(act.mend, act.site)
        took_s = round(run.clock.now_s() - began_s, 3)
        run.journal.write(OutageEnded(act.mend, act.site, took_s))
    elif act.operate is not None:
        _operate(run, act, act.operate)


def _await(run: _Run, letter: str) -> None:
    began_s = run.clock.now_s()
    is_so = run.wait_for(lambda: run.leads(letter), run.course.await_limit_s)
    took_s = round(run.clock.now_s() - began_s, 3)
    run.journal.write(SiteAwaited(letter, took_s if is_so else None))


def _operate(run: _Run, act: Act, kind: Kind) -> None:
    for tries_left in reversed(range(act.tries_max)):
        began_s = run.clock.now_s()
        ended = _ended(run, act, kind)
        took_s = round(run.clock.now_s() - began_s, 3)
        if ended.ending is act.ends or not tries_left:
            break
        run.journal.write(OperationTold(f"{kind.value}: {ended.text}"))
        run.watch(_TRY_AGAIN_S)
    run.journal.write(
        OperationEnded(kind, act.site, ended.ending, act.ends, ended.text, took_s)
    )


def _ended(run: _Run, act: Act, kind: Kind) -> Ended:
    run.world.operate(kind, act.site, act.because)
    while (ended := run.world.operated()) is None:
        run.look()
        run.clock.sleep(_TICK_S)
    run.look()
    return ended


def _settle(run: _Run) -> None:
    run.start(Phase.SETTLE)
    active = run.course.objectives.active
    run.wait_for(lambda: run.serves(active), run.course.await_limit_s)
    run.watch(run.scenario.stay_healthy_s)


def _collect(run: _Run) -> None:
    run.start(Phase.COLLECT)
    region = run.region(run.course.objectives.active)
    _tell_who_is_silent(run)
    run.world.quiesce_fleet()
    run.wait_for(
        lambda: not sum(books.waiting(one) for one in run.world.accounts()), _LIMIT_S
    )
    accounts = run.world.accounts()
    run.wait_for(lambda: books.is_complete(accounts, run.world.held(region)), _LIMIT_S)
    books.write_reports(run.journal, accounts, {})
    at = books.At(region, Moment.END)
    books.write_held(run.journal, run.things, run.world.held(region), at)


def _tell_who_is_silent(run: _Run) -> None:
    """Write down who is not heard of at the end."""
    now_s = run.clock.now_s()
    for thing in run.things:
        last_s = run.heard_s.get(thing)
        if last_s is None or now_s - last_s >= run.silent_s_min:
            run.journal.write(DeviceSilent(thing, None))
