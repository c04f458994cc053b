"""Play what a device must survive: refusals, a silent Region, a dead one.

The order saves time: between two refusals lies the silent Region, so the device has
been connected long enough to forget its first failures, and the second refusal
brings it back to the Region that the failover name leads to, which then dies.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from hotsite.core.attempts import story
from hotsite.core.conformance import Kept, Phase
from hotsite.core.sightings import Acknowledged, Answered, Mark, Sighting
from hotsite.ports import Clock
from hotsite.ports.conformance import ConformanceWorld

_LOOK_EVERY_S = 0.25
# Enough to compare two refusals by.
_WAITS_ENOUGH = 6


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run goes.

    Attributes:
        phases: The parts to play.
        limit_s: Longest wait for anything that the device should do.
        steady_s: How long it is left in peace before something happens to it.
        refusal_s: Longest time of each refusal.
        connected_s: Connected time before the second refusal; the AWS SDK forgets
            failures after 30 s.
        lag_s: How far replication is behind when a Region dies.
        settle_s: Time to deliver what waited, at the end.
    """

    phases: frozenset[Phase]
    limit_s: float = 150.0
    steady_s: float = 8.0
    refusal_s: float = 50.0
    connected_s: float = 32.0
    lag_s: float = 5.0
    settle_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Played:
    """What a run brought.

    Attributes:
        seen: All sightings of the device, and the marks of what was done to it.
        kept: What the last site holds of it; None if the play did not get so far.
        phases: The parts that were played.
        notes: What went otherwise than planned.
    """

    seen: tuple[Sighting, ...]
    kept: tuple[Kept, ...] | None
    phases: frozenset[Phase]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Play:
    """One run while it goes on."""

    world: ConformanceWorld
    clock: Clock
    plan: Plan
    say: Callable[[str], None]
    marks: list[Mark] = field(default_factory=list)
    phases: set[Phase] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def mark(self, name: str, site: str = "") -> float:
        """Write down that something was done to the device."""
        now_s = self.clock.now_s()
        self.marks.append(Mark(now_s, name, site))
        return now_s

    def wait(self, is_done: Callable[[], bool], limit_s: float) -> bool:
        """Wait until something holds; return whether it did in time."""
        end_s = self.clock.now_s() + limit_s
        while not is_done():
            if self.clock.now_s() > end_s or self.world.device_trouble() is not None:
                return is_done()
            self.clock.sleep(_LOOK_EVERY_S)
        return True

    def site(self) -> str:
        """Return where the device was let in last."""
        let_in = [
            one
            for one in self.world.seen()
            if isinstance(one, Answered) and not one.code
        ]
        return max(let_in, key=lambda one: one.at_s).site

    def is_heard(self, since_s: float, *, beyond: str = "", count: int = 1) -> bool:
        """Return whether messages were acknowledged, outside of a site."""
        found = (
            one
            for one in self.world.seen()
            if isinstance(one, Acknowledged)
            and one.at_s > since_s
            and one.site != beyond
        )
        return sum(1 for _ in found) >= count


def play(
    world: ConformanceWorld, clock: Clock, plan: Plan, say: Callable[[str], None]
) -> Played:
    """Play a plan with a device.

    Args:
        world: The cloud and the device.
        clock: The time.
        plan: What is played.
        say: Told what happens, one line each.

    Raises:
        RetryableError: The world does not answer.
    """
    run = _Play(world, clock, plan, say)
    kept = None
    try:
        if _begin(run):
            _middle(run)
            kept = _end(run)
    finally:
        world.stop()
    trouble = world.device_trouble()
    if trouble is not None:
        run.notes.append(trouble)
    seen = (*world.seen(), *run.marks)
    return Played(seen, kept, frozenset(run.phases), tuple(run.notes))


def _begin(run: _Play) -> bool:
    run.world.start()
    began_s = run.mark("started")
    run.phases.add(Phase.START)
    run.say("waiting for the device's first messages")
    if not run.wait(lambda: run.is_heard(began_s, count=3), run.plan.limit_s):
        trouble = run.world.device_trouble() or "it was not heard of"
        run.notes.append(f"the play ended early: {trouble}")
        return False
    run.clock.sleep(run.plan.steady_s)
    return True


def _middle(run: _Play) -> None:
    """Refuse, freeze, refuse again."""
    phases = run.plan.phases
    if Phase.REFUSAL in phases:
        _refuse(run)
    if Phase.FREEZE in phases:
        _freeze(run)
    if Phase.REFUSAL in phases:
        back_s = max(one.at_s for one in run.world.seen() if isinstance(one, Answered))
        rest_s = back_s + run.plan.connected_s - run.clock.now_s()
        run.clock.sleep(max(0.0, rest_s))
        _refuse(run)


def _refuse(run: _Play) -> None:
    run.phases.add(Phase.REFUSAL)
    run.say("its certificate is INACTIVE in both Regions")
    run.mark("deactivated")
    run.world.set_certificate(is_active=False)
    run.wait(lambda: _has_tried(run), run.plan.refusal_s)
    # Marked before: it may be let in while the sites still tell each other.
    again_s = run.mark("reactivated")
    run.world.set_certificate(is_active=True)
    run.say("its certificate is ACTIVE again")
    if not run.wait(lambda: run.is_heard(again_s), run.plan.limit_s):
        run.notes.append("it did not come back after the refusal")


def _has_tried(run: _Play) -> bool:
    refusals = story((*run.world.seen(), *run.marks)).refusals
    return len(refusals[-1].waits_s) >= _WAITS_ENOUGH


def _freeze(run: _Play) -> None:
    run.phases.add(Phase.FREEZE)
    # Who has just come back still subscribes, and delivers what waited.
    run.clock.sleep(run.plan.steady_s)
    site = run.site()
    run.say(f"{site} falls silent")
    at_s = run.mark("freeze", site)
    run.world.fault("freeze", site)
    if not run.wait(lambda: run.is_heard(at_s, beyond=site), run.plan.limit_s):
        run.notes.append(f"it did not leave {site}, which was silent")
    run.world.fault("thaw", site)
    run.mark("thaw", site)
    run.say(f"{site} answers again; waiting for its health checks")
    thawed_s = run.clock.now_s()
    run.wait(run.world.is_whole, run.plan.limit_s)
    run.wait(lambda: run.is_heard(thawed_s), run.plan.limit_s)


def _end(run: _Play) -> tuple[Kept, ...]:
    """Kill where the device is, if that is played; compare the stores."""
    site = run.site()
    if Phase.KILL in run.plan.phases:
        run.phases.add(Phase.KILL)
        run.world.set_replication_lag(run.plan.lag_s)
        run.clock.sleep(run.plan.steady_s)
        site = run.site()
        run.say(f"{site} dies, with replication {run.plan.lag_s:g} s behind")
        at_s = run.mark("kill", site)
        run.world.fault("kill", site)
        if not run.wait(lambda: run.is_heard(at_s, beyond=site), run.plan.limit_s):
            run.notes.append(f"it did not leave {site}, which was dead")
            return ()
        site = run.site()
    run.say("letting it deliver what waited")
    run.clock.sleep(run.plan.settle_s)
    run.world.stop()
    run.mark("stopped")
    return run.world.kept(site)
