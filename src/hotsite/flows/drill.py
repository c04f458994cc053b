"""Play a scenario in a world and write down what happened.

The flow decides when to go on and when to give up; it measures nothing itself
that the journal does not get. The verdict is made from the journal afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hotsite.core.books import Moment
from hotsite.core.churn import SiteReturned
from hotsite.core.hardship import SiteSick
from hotsite.core.intervals import Intervals
from hotsite.core.journal import (
    DeviceApplied,
    DeviceConnected,
    DeviceDisconnected,
    DeviceRecovered,
    Fact,
    FaultInjected,
    Note,
    Phase,
    PhaseStarted,
)
from hotsite.core.scenario import FaultKind, Scenario
from hotsite.errors import NotReadyError, RetryableError
from hotsite.flows import books
from hotsite.flows.power import Outages
from hotsite.flows.stage import onboarded, opening, to_its_end
from hotsite.ports import (
    Clock,
    FleetPlan,
    Held,
    Journal,
    World,
)

_TICK_S = 0.25
# What the standby must have before a fault makes sense: generous, because a
# drill that cannot start says why instead of hanging.
_APPLY_LIMIT_S = 60.0
_CONNECT_LIMIT_S = 60.0
# The last changes of a Region that just died are under way for a moment.
_SETTLE_S = 1.5
_DELIVER_LIMIT_S = 30.0
_STORE_LIMIT_S = 15.0
_RETRY_EVERY_S = 1.0
# A Region that returns has hours of changes to exchange, on AWS; here seconds.
_RETURN_LIMIT_S = 60.0


@dataclass(slots=True)
class _Play:
    """What one run knows so far."""

    scenario: Scenario
    world: World
    journal: Journal
    clock: Clock
    active: str
    standby: str
    outages: Outages
    sites: dict[str, str] = field(default_factory=dict)
    recovered: set[str] = field(default_factory=set)
    acknowledged_before: dict[tuple[str, int], Intervals] = field(default_factory=dict)
    fault_s: float | None = None
    kill_at_s: float | None = None

    @property
    def things(self) -> list[str]:
        """Return the names of the fleet."""
        return self.scenario.things

    def start(self, phase: Phase) -> None:
        """Write down that the next part begins."""
        self.journal.write(PhaseStarted(phase))

    def look(self) -> None:
        """Do what is due, and write down what happened since the last look."""
        self.outages.step(self.clock.now_s())
        if self.kill_at_s is not None and self.clock.now_s() >= self.kill_at_s:
            self.kill_at_s = None
            self.hurt(FaultKind.REGION_KILL)
        for fact in self.world.observe():
            self.journal.write(fact)
            self._follow(fact)
        if self.fault_s is None:
            return
        for stored in self.world.stored(self.standby):
            is_new = stored.thing not in self.recovered
            if is_new and stored.published_at_s >= self.fault_s:
                self.recovered.add(stored.thing)
                self.journal.write(DeviceRecovered(stored.thing, stored.seen_at_s))

    def hurt(self, kind: FaultKind) -> float:
        """Inject a fault and write it down; return when it took effect."""
        at_s = self.world.inject(kind, region=self.active)
        self.journal.write(FaultInjected(kind, self.active))
        return at_s

    def write_held(self, region: str, moment: Moment, held: Sequence[Held]) -> None:
        """Write down what a store held of the fleet."""
        books.write_held(self.journal, self.things, held, books.At(region, moment))

    def _follow(self, fact: Fact) -> None:
        if isinstance(fact, DeviceConnected):
            self.sites[fact.thing] = fact.region
        elif isinstance(fact, DeviceDisconnected):
            self.sites.pop(fact.thing, None)

    def watch(self, duration_s: float) -> None:
        """Look again and again for a while."""
        until_s = self.clock.now_s() + duration_s
        while self.clock.now_s() < until_s:
            self.look()
            self.clock.sleep(_TICK_S)
        self.look()


def play(
    scenario: Scenario,
    scenario_text: str,
    world: World,
    journal: Journal,
    clock: Clock,
) -> None:
    """Play one scenario from onboarding to the last count.

    Args:
        scenario: What happens, checked.
        scenario_text: The file, word for word, for the journal.
        world: Two live Regions, up and empty of this fleet.
        journal: Where every fact goes.
        clock: The world's time.

    Raises:
        NotReadyError: The world died; the journal says so and ends there.
        UnreachableError: A Region that should be alive did not answer.
    """
    facts = world.facts()
    journal.write(opening(scenario, scenario_text, facts))
    outages = Outages(scenario.power, scenario.seed, world, journal)
    run = _Play(scenario, world, journal, clock, facts.active, facts.standby, outages)
    with to_its_end(world, journal):
        _act(run)


def _act(run: _Play) -> None:
    scenario = run.scenario
    _prepare(run)
    if scenario.sick is not None:
        _sicken(run)
    if scenario.has_fault:
        _hurt(run)
        _recover(run)
    run.outages.end()
    if scenario.has_fault:
        _onboard_after(run)
    run.start(Phase.STAY_HEALTHY)
    run.watch(scenario.stay_healthy_s)
    _collect(run)
    if scenario.region_returns:
        _return(run)


def _prepare(run: _Play) -> None:
    run.world.set_replication_lag(run.scenario.replication_lag_s)
    if not run.scenario.dns_failover:
        run.world.disable_dns_failover()
        run.journal.write(Note("DNS failover is disabled: the names never move"))
    run.start(Phase.ONBOARD)
    for fact in onboarded(run.world, run.things, (run.active, run.standby)):
        run.journal.write(fact)
        run.look()
    run.start(Phase.PROVE)
    _await_applied(run)
    for proof in run.world.prove(run.things, region=run.standby):
        run.journal.write(proof)
    run.start(Phase.STEADY)
    run.world.start_fleet(run.things, _plan(run.scenario))
    _await_connected(run)
    run.outages.begin(run.clock.now_s())
    run.watch(run.scenario.steady_s)


def _plan(scenario: Scenario) -> FleetPlan:
    return FleetPlan(
        publish_interval_s=scenario.publish_interval_s,
        seed=scenario.seed,
        follow=scenario.devices_follow,
        retention_s=scenario.retention_s,
        processes=scenario.power.processes if scenario.power else 1,
    )


def _await_applied(run: _Play) -> None:
    """Wait until both Regions hold every device, whichever onboarded it."""
    until_s = run.clock.now_s() + _APPLY_LIMIT_S
    for region in (run.standby, run.active):
        while True:
            lags = run.world.lags(region)
            missing = set(run.things) - lags.keys()
            if not missing or run.clock.now_s() > until_s:
                break
            run.look()
            run.clock.sleep(_TICK_S)
        for thing in run.things:
            if thing in lags:
                run.journal.write(DeviceApplied(thing, region, lags[thing]))
        if missing:
            text = f"{region} lacks {len(missing)} devices, {min(missing)} for one"
            run.journal.write(Note(text))


def _await_connected(run: _Play) -> None:
    until_s = run.clock.now_s() + _CONNECT_LIMIT_S
    while len(run.sites) < len(run.things):
        if run.clock.now_s() > until_s:
            missing = len(run.things) - len(run.sites)
            text = f"{missing} devices never connected before the fault"
            run.journal.write(Note(text))
            return
        run.look()
        run.clock.sleep(_TICK_S)


def _sicken(run: _Play) -> None:
    assert run.scenario.sick is not None  # noqa: S101 - its caller asked
    run.start(Phase.SICK)
    lag_s = run.scenario.lag_s
    run.world.set_replication_lag(lag_s)
    run.journal.write(SiteSick(run.active, lag_s))
    run.watch(run.scenario.sick.for_s)


def _hurt(run: _Play) -> None:
    run.start(Phase.FAULT)
    run.look()
    run.world.stored(run.standby)
    fault = run.scenario.fault
    run.fault_s = run.hurt(fault.first)
    if fault.kind is not fault.first:
        run.kill_at_s = run.fault_s + fault.kill_after_s
    # Nobody can be acknowledged elsewhere yet: what the devices say now is what
    # was acknowledged before the fault, and what the surviving store holds once
    # the last changes have arrived is what a trusted PUBACK would have kept.
    run.acknowledged_before = {
        (account.thing, account.epoch): account.acknowledged
        for account in run.world.accounts()
    }
    run.watch(_SETTLE_S)
    run.write_held(run.standby, Moment.AFTER_FAULT, run.world.held(run.standby))


def _recover(run: _Play) -> None:
    run.start(Phase.RECOVER)
    assert run.fault_s is not None  # noqa: S101 - _hurt sets it
    until_s = run.fault_s + run.scenario.recovery_limit_s
    while len(run.recovered) < len(run.things) and run.clock.now_s() < until_s:
        run.look()
        run.clock.sleep(_TICK_S)
    while run.kill_at_s is not None:
        run.look()
        run.clock.sleep(_TICK_S)


def _onboard_after(run: _Play) -> None:
    run.start(Phase.ONBOARD_AFTER)
    count, seed = run.scenario.onboard_after, run.scenario.seed
    waiting = [f"oven-{seed}-after-{i}" for i in range(count)]
    until_s = run.clock.now_s() + run.scenario.recovery_limit_s
    while waiting:
        try:
            for fact in run.world.onboard(tuple(waiting), region=None):
                run.journal.write(fact)
                waiting.remove(fact.thing)
        except NotReadyError:
            raise
        except RetryableError as error:
            if run.clock.now_s() > until_s:
                run.journal.write(Note(f"{waiting[0]} was not onboarded: {error}"))
                return
            run.look()
            run.clock.sleep(_RETRY_EVERY_S)


def _collect(run: _Play) -> None:
    run.start(Phase.COLLECT)
    site = run.standby if run.scenario.has_fault else run.active
    run.world.quiesce_fleet()
    until_s = run.clock.now_s() + _DELIVER_LIMIT_S
    while True:
        run.look()
        accounts = run.world.accounts()
        waiting = sum(books.waiting(account) for account in accounts)
        if not waiting or run.clock.now_s() > until_s:
            break
        run.clock.sleep(_TICK_S)
    until_s = run.clock.now_s() + _STORE_LIMIT_S
    while True:
        held = run.world.held(site)
        if books.is_complete(accounts, held) or run.clock.now_s() > until_s:
            break
        run.look()
        run.clock.sleep(_TICK_S)
    books.write_reports(run.journal, accounts, run.acknowledged_before)
    run.write_held(site, Moment.END, held)


def _return(run: _Play) -> None:
    """Let the dead Region come back, and read both stores once they agree."""
    run.start(Phase.RETURN)
    # It was restarted, so it is not sick any more.
    run.world.set_replication_lag(run.scenario.replication_lag_s)
    began_s = run.clock.now_s()
    run.world.restore(run.active)
    back_s = run.clock.now_s()
    run.journal.write(SiteReturned(run.active, back_s - began_s))
    while True:
        here, there = run.world.held(run.standby), run.world.held(run.active)
        if books.is_same(here, there) or run.clock.now_s() > back_s + _RETURN_LIMIT_S:
            break
        run.look()
        run.clock.sleep(_TICK_S)
    # What the stores agree on may still be overwritten by what is under way.
    run.watch(2 * _SETTLE_S)
    for region in (run.standby, run.active):
        run.write_held(region, Moment.AFTER_RETURN, run.world.held(region))
