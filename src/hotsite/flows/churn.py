"""Play a drill of the registry: change names through a kill and a return.

Devices are onboarded, changed, shut out and deleted in both Regions; one is
killed, the changes go on in the other; it returns, and they go on in both. Then
nothing is touched until both Regions are equal to the record, and every name and
every certificate is looked at. The verdict is made from the journal afterwards.
"""

from dataclasses import dataclass, field
from typing import cast

from hotsite.core.churn import (
    Change,
    Churn,
    RegionSwept,
    RegistryChanged,
    SiteReturned,
)
from hotsite.core.fates import CALM_OUTSIDE_S, Chooser, Fates, follow, stirred, stranded
from hotsite.core.journal import (
    DeviceApplied,
    Fact,
    FaultInjected,
    Note,
    Phase,
    PhaseStarted,
)
from hotsite.core.scenario import Scenario
from hotsite.flows.stage import onboarded, opening, to_its_end
from hotsite.ports import Clock, Journal
from hotsite.ports.churn import ChurnWorld

_TICK_S = 0.25
_APPLY_LIMIT_S = 60.0
# A comparison uses up the quotas that the replicators need, too.
_COMPARE_EVERY_S = 5.0


@dataclass(slots=True)
class _Run:
    """What one run knows so far."""

    scenario: Scenario
    world: ChurnWorld
    journal: Journal
    clock: Clock
    chooser: Chooser
    fates: Fates = field(default_factory=dict)
    active: str = ""
    standby: str = ""

    @property
    def churn(self) -> Churn:
        """Return what is to be done to the registry."""
        return cast("Churn", self.scenario.churn)

    @property
    def regions(self) -> tuple[str, str]:
        """Return both Regions, the active one first."""
        return self.active, self.standby

    def start(self, phase: Phase) -> None:
        """Write down that the next part begins."""
        self.journal.write(PhaseStarted(phase))

    def note(self, fact: Fact) -> None:
        """Write a fact down and follow what it means for its device."""
        self.journal.write(fact)
        follow(self.fates, fact, self.clock.now_s())

    def look(self) -> None:
        """Write down what happened since the last look."""
        for fact in self.world.observe():
            self.journal.write(fact)


def play_churn(
    scenario: Scenario,
    scenario_text: str,
    world: ChurnWorld,
    journal: Journal,
    clock: Clock,
) -> None:
    """Play one scenario that has a churn, from onboarding to the last look.

    Args:
        scenario: What happens, checked.
        scenario_text: The file, word for word, for the journal.
        world: Two live Regions, up and empty of these devices.
        journal: Where every fact goes.
        clock: The world's time.

    Raises:
        NotReadyError: The world died; the journal says so and ends there.
        HotsiteError: A change could not be made.
    """
    assert scenario.churn is not None  # noqa: S101 - the caller's choice of flow
    chooser = Chooser(scenario.seed, scenario.churn.outside_share)
    run = _Run(scenario, world, journal, clock, chooser)
    facts = world.facts()
    run.active, run.standby = facts.active, facts.standby
    journal.write(opening(scenario, scenario_text, facts))
    with to_its_end(world, journal):
        _onboard(run)
        _change_in_both(run)
        _lose_and_return(run)
        run.start(Phase.AFTERWARDS)
        _change(run, run.churn.after, run.regions)
        _await_quiet(run)
        _look_at_all(run)


def _onboard(run: _Run) -> None:
    run.start(Phase.ONBOARD)
    for fact in onboarded(run.world, run.scenario.things, run.regions):
        run.note(fact)
        run.look()
    _await_applied(run)


def _change_in_both(run: _Run) -> None:
    run.start(Phase.CHURN)
    _change(run, run.churn.before, run.regions)
    run.start(Phase.PROVE)
    _await_applied(run)
    for region in run.regions:
        lags = run.world.lags(region)
        for thing in sorted(run.fates.keys() & lags.keys()):
            run.journal.write(DeviceApplied(thing, region, lags[thing]))


def _await_applied(run: _Run) -> None:
    """Wait until both Regions have applied every device, for a while."""
    until_s = run.clock.now_s() + _APPLY_LIMIT_S
    for region in run.regions:
        while True:
            # One that others made and deleted at once may never be heard of.
            living = {f.thing for f in run.fates.values() if not f.is_deleted}
            missing = living - run.world.lags(region).keys()
            if not missing or run.clock.now_s() > until_s:
                break
            run.look()
            run.clock.sleep(_TICK_S)
        if missing:
            text = f"{region} lacks {len(missing)} devices, {min(missing)} for one"
            run.journal.write(Note(text))


def _change(run: _Run, count: int, regions: tuple[str, ...]) -> None:
    """Make so many changes, one after the other, no faster than agreed."""
    gap_s = 1 / run.churn.rate_per_s
    for done in range(count):
        change = _drawn(run, regions)
        if change is None:
            run.journal.write(Note(f"{count - done} changes were not made"))
            return
        began_s = run.clock.now_s()
        run.world.change(change)
        took_s = run.clock.now_s() - began_s
        run.note(
            RegistryChanged(
                number=change.number,
                thing=change.thing,
                action=change.action,
                way=change.way,
                region=change.region,
                certificates=change.certificates,
                took_s=took_s,
            )
        )
        run.look()
        run.clock.sleep(max(0.0, gap_s - took_s))


def _drawn(run: _Run, regions: tuple[str, ...]) -> Change | None:
    """Draw a change; where every device must be let alone, wait for one."""
    until_s = run.clock.now_s() + CALM_OUTSIDE_S
    while True:
        now_s = run.clock.now_s()
        change = run.chooser.draw(run.fates, regions, now_world_s=now_s)
        if change is not None or now_s > until_s:
            return change
        _pause(run, _TICK_S)


def _lose_and_return(run: _Run) -> None:
    run.start(Phase.FAULT)
    kind = run.scenario.fault.kind
    lost_s = run.world.inject(kind, region=run.active)
    run.journal.write(FaultInjected(kind, run.active))
    stranded(run.fates, run.active, now_world_s=lost_s)
    run.start(Phase.MEANWHILE)
    _change(run, run.churn.meanwhile, (run.standby,))
    run.start(Phase.RETURN)
    began_s = run.clock.now_s()
    run.world.restore(run.active)
    back_s = run.clock.now_s()
    run.journal.write(SiteReturned(run.active, back_s - began_s))
    stirred(run.fates, since_world_s=lost_s, now_world_s=back_s)


def _await_quiet(run: _Run) -> None:
    """Compare both Regions until they are equal; call the sweep if they are not."""
    run.start(Phase.QUIET)
    began_s = run.clock.now_s()
    is_swept = False
    while True:
        # Where the first one differs, to look at the other would only cost quota.
        if all(_is_equal(_swept(run, region)) for region in run.regions):
            return
        waited_s = run.clock.now_s() - began_s
        if waited_s > run.churn.quiet_limit_s:
            run.journal.write(Note(f"not equal after {waited_s:.0f} s"))
            return
        if waited_s > run.churn.sweep_after_s and not is_swept:
            run.journal.write(Note("the sweep is called to help"))
            is_swept = not any(
                _swept(run, region, is_repair=True).pending for region in run.regions
            )
        _pause(run, _COMPARE_EVERY_S)


def _is_equal(look: RegionSwept) -> bool:
    return not (look.drift or look.pending)


def _swept(run: _Run, region: str, *, is_repair: bool = False) -> RegionSwept:
    found = run.world.sweep(region, is_repair=is_repair)
    run.journal.write(found)
    run.look()
    return found


def _pause(run: _Run, duration_s: float) -> None:
    until_s = run.clock.now_s() + duration_s
    while run.clock.now_s() < until_s:
        run.look()
        run.clock.sleep(_TICK_S)


def _look_at_all(run: _Run) -> None:
    run.start(Phase.VERIFY)
    things = sorted(run.fates)
    pairs = [(name, n) for name in things for n in run.fates[name].certificates]
    for region in run.regions:
        for found in run.world.look_for(things, region=region):
            run.journal.write(found)
        for tried in run.world.try_certificates(pairs, region=region):
            run.journal.write(tried)
        run.look()
    # What was connected with must have changed nothing.
    for region in run.regions:
        _swept(run, region)
