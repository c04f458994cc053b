"""One seed, one disaster of deciding: played, healed, judged, and moved once more."""

import random

from hotsite.core.operations import Kind
from hotsite.disasters.failover.estate import Estate
from hotsite.disasters.failover.faults import FAULTS, heal
from hotsite.disasters.failover.invariants import broken, left_behind
from hotsite.disasters.failover.operators import ACTS, Operator, resume
from hotsite.disasters.failover.plan import plan
from hotsite.disasters.failover.script import LENGTH_S, script
from hotsite.disasters.failover.watch import Watch
from hotsite.disasters.outcome import Op, Outcome
from hotsite.flows.failover import Request
from hotsite.sim.gates import BrokenInvariantError

# Replication, two looks, the checkers, and who has to connect.
_SETTLE_S = 180.0
_LAST_S = 400.0
_MARGIN_S = 60.0


def play(seed: int, ops: tuple[Op, ...] | None = None) -> Outcome:
    """Play the disaster of a seed.

    Args:
        seed: Any integer; the same one gives the same disaster.
        ops: What is to happen instead of the seed's own script.
    """
    ops = script(seed) if ops is None else ops
    estate = Estate(seed, plan(seed))
    watch = Watch(estate)
    watch.begin()
    for op in ops:
        _plan(op, estate)
    try:
        estate.scheduler.run(LENGTH_S)
        problems = _settle(estate, watch)
        problems = problems or _move_once_more(estate, watch)
    except BrokenInvariantError as error:
        problems = [str(error)]
    finally:
        estate.close()
    counts = estate.counts + estate.scheduler.counts
    counts["commands of an older epoch dropped"] += sum(
        device.dropped for device in estate.fleet.devices.values()
    )
    counts["seconds of two active sites"] += round(watch.both_s_max)
    return Outcome(seed, ops, tuple(problems), tuple(estate.lines), +counts)


def _plan(op: Op, estate: Estate) -> None:
    chance = random.Random(op.seed)  # noqa: S311 - a simulation, no secret

    def begin() -> None:
        estate.tell(op.region, op.what)
        act = FAULTS.get(op.what) or ACTS[op.what]
        act(estate, op.region, chance)

    estate.scheduler.at(op.at_s, begin)


def _settle(estate: Estate, watch: Watch) -> list[str]:
    """Heal everything, and judge what the sites make of it by themselves."""
    heal(estate)
    estate.tell("all", "all faults are over")
    # What was to end later has ended as well, and what it did is undone.
    estate.scheduler.run(_LAST_S)
    heal(estate)
    resume(estate)
    estate.is_ending = True
    estate.scheduler.run(_SETTLE_S)
    return list(broken(estate, watch))


def _move_once_more(estate: Estate, watch: Watch) -> list[str]:
    """Let an operator move a healthy fleet to the next site, as planned."""
    newest = estate.sites["a"].operations.peek().newest
    sites = estate.plan.sites
    target = sites[(sites.index(newest.active) + 1) % len(sites)]
    dwell_s = estate.plan.limits.fence.dwell_s
    left_s = newest.since_s + dwell_s - estate.scheduler.now_s()
    estate.scheduler.run(max(0.0, left_s) + _MARGIN_S)
    kind = Kind.FAILBACK if target == "a" else Kind.PLANNED
    operator = Operator(estate, Request(kind, target), estate.chance)
    operator.begin(is_killed=False)
    estate.scheduler.run(_LAST_S)
    if operator.outcome != "done":
        why = operator.outcome or "it did not end"
        return [f"a {kind.value} move to {target} in fair weather: {why}"]
    found = list(broken(estate, watch))
    return found or list(left_behind(estate, target))
