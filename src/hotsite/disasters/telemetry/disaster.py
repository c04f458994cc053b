"""One seed, one loss of a Region: played by a whole fleet, healed, judged."""

import random
from collections import Counter

from hotsite.disasters.outcome import Op, Outcome
from hotsite.disasters.telemetry import invariants
from hotsite.disasters.telemetry.estate import Estate
from hotsite.disasters.telemetry.faults import FAULTS, heal
from hotsite.disasters.telemetry.plan import LATE_S, plan
from hotsite.disasters.telemetry.script import LENGTH_S, script

_LAST_WORDS_S = 30.0
_LOOK_EVERY_S = 10.0
_REST_S_MAX = 900.0
# What was replayed to the end may still be on its way from broker to table.
_STORING_S = LATE_S
_FAILBACK_S = 60.0


def play(seed: int, ops: tuple[Op, ...] | None = None) -> Outcome:
    """Play the disaster of a seed.

    Args:
        seed: Any integer; the same one gives the same disaster.
        ops: What is to happen instead of the seed's own script.
    """
    ops = script(seed) if ops is None else ops
    estate = Estate(seed, plan(seed))
    for device in estate.devices.values():
        delay_s = estate.chance.uniform(0.0, 5.0)
        estate.scheduler.at(delay_s, device.boot)
    for op in ops:
        _plan(op, estate)
    estate.scheduler.run(LENGTH_S)
    heal(estate)
    estate.tell("all", "all faults are over, but for the lost Region")
    problems = _come_to_rest(estate) or list(invariants.broken(estate))
    problems = problems or list(invariants.too_many_connects(estate))
    counts = _counts_of_loss(estate)
    problems = problems or _come_back(estate)
    counts += _counts(estate)
    return Outcome(seed, ops, tuple(problems), tuple(estate.lines), counts)


def _plan(op: Op, estate: Estate) -> None:
    chance = random.Random(op.seed)  # noqa: S311 - a simulation, no secret

    def begin() -> None:
        estate.unrest.note(estate.scheduler.now_s())
        estate.tell(op.region, op.what)
        FAULTS[op.what](estate, op.region, chance)

    estate.scheduler.at(op.at_s, begin)


def _come_to_rest(estate: Estate) -> list[str]:
    """Let the devices say their last words, deliver them, and fall silent."""
    estate.scheduler.run(_LAST_WORDS_S)
    for device in estate.devices.values():
        device.is_publishing = False
    told: list[str] = []
    for _ in range(int(_REST_S_MAX / _LOOK_EVERY_S)):
        estate.scheduler.run(_LOOK_EVERY_S)
        told = list(invariants.restless(estate))
        if not told:
            # Between Regions that both live, replication has to catch up as well.
            lag_s = 0.0 if estate.death else estate.plan.lag_s
            estate.scheduler.run(_STORING_S + lag_s)
            return []
    return told


def _come_back(estate: Estate) -> list[str]:
    """Let the lost Region return with its stranded writes, and devices after it."""
    before = invariants.shown(estate)
    if estate.death is not None:
        estate.tell(estate.death.region, "is back")
        estate.live(estate.death.region)
        estate.death = None
    for device in estate.devices.values():
        device.is_publishing = True
    estate.scheduler.run(_FAILBACK_S)
    for device in list(estate.devices.values())[::2]:
        device.cut_power()
        device.boot()
    problems = _come_to_rest(estate) or list(invariants.broken(estate))
    return problems or list(invariants.changed(estate, before))


def _counts_of_loss(estate: Estate) -> Counter[str]:
    counts: Counter[str] = Counter()
    if estate.death is not None:
        counts["lost if a PUBACK were trusted"] = len(estate.death.at_risk)
        for _, connects in invariants.connects_of_loss(estate):
            counts["devices moved by a loss"] += connects > 0
            counts["CONNECTs of devices moved by a loss"] += connects
    return +counts


def _counts(estate: Estate) -> Counter[str]:
    counts = +estate.scheduler.counts
    for device in estate.devices.values():
        counts += device.account.counts
        counts["messages made"] += len(device.account.made)
        counts["messages acknowledged"] += len(device.account.acknowledged)
        counts["messages dropped by policy"] += len(device.account.dropped)
    for site in estate.sites.values():
        counts["messages that arrived again"] += site.table.repeats
        counts["connects refused for load"] += site.broker.refusals.total()
    return +counts
