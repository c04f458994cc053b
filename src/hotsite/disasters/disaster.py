"""One seed, one disaster of the registry: played, healed and judged."""

import random
from collections import Counter
from contextlib import suppress

from hotsite.core.sweeping import Mode, Report
from hotsite.disasters import operators, outsiders
from hotsite.disasters.estate import OUTSIDE, REGIONS, Estate, SimRegion
from hotsite.disasters.faults import FAULTS, heal
from hotsite.disasters.invariants import broken
from hotsite.disasters.operators import Hand, entry_of, fleet_names
from hotsite.disasters.outcome import Op, Outcome
from hotsite.disasters.script import LENGTH_S, script
from hotsite.disasters.wishes import Wishes
from hotsite.errors import HotsiteError
from hotsite.sim.gates import BrokenInvariantError
from hotsite.sim.scheduler import Worker

DEVICES = 8
_SETTLING_S = 50.0
_DRAIN_S = 400.0
# A sweep needs this long when nothing fails; the rest is for what it applied.
_PASS_S = 200.0
_ROUNDS_MAX = 12
_DAYS_S = 26 * 3600.0


def play(seed: int, ops: tuple[Op, ...] | None = None) -> Outcome:
    """Play the disaster of a seed.

    Args:
        seed: Any integer; the same one gives the same disaster.
        ops: What is to happen instead of the seed's own script.
    """
    ops = script(seed) if ops is None else ops
    estate, wishes = Estate(seed), Wishes()
    problems: tuple[str, ...]
    try:
        _prepare(estate, wishes)
        for op in ops:
            _plan(op, estate, wishes)
        estate.scheduler.run(LENGTH_S - _SETTLING_S)
        if any(op.what == "stall for days" for op in ops):
            estate.scheduler.run(_DAYS_S)
        heal(estate)
        estate.history.add("all faults are over")
        estate.scheduler.run(_DRAIN_S)
        problems = tuple(_quiet(estate)) or tuple(broken(estate, wishes))
    except BrokenInvariantError as error:
        problems = (str(error),)
    finally:
        counts = _counts(estate)
        estate.close()
    return Outcome(seed, ops, problems, tuple(estate.history.lines), counts)


def _prepare(estate: Estate, wishes: Wishes) -> None:
    """Make policies, groups, claims and half of the devices, in fair weather."""
    region = estate.regions[REGIONS[0]]
    names = fleet_names(DEVICES)

    def job() -> None:
        hand = Hand(estate, region, random.Random(estate.seed), wishes, names)  # noqa: S311 - a simulation
        for policy in operators.POLICIES:
            operators.policy(hand, policy)
        for group in operators.GROUPS:
            operators.group(hand, group)
        for name in names:
            region.claims.add(entry_of(name))
        for name in names[::2]:
            operators.enroll(hand, name)

    estate.scheduler.start(Worker("operator", region.name, job))
    estate.scheduler.run(_SETTLING_S)


def _plan(op: Op, estate: Estate, wishes: Wishes) -> None:
    region = estate.regions[op.region]
    chance = random.Random(op.seed)  # noqa: S311 - a simulation
    hand = Hand(estate, region, chance, wishes, fleet_names(DEVICES))

    def begin() -> None:
        estate.history.add(f"{op.region}: {op.what}")
        if op.what in FAULTS:
            FAULTS[op.what](estate, region, chance)
            return
        if region.is_dead or not region.gate.weather.is_iot_up:
            return
        is_ours = op.what in operators.ACTS
        act = operators.ACTS[op.what] if is_ours else outsiders.ACTS[op.what]

        def job() -> None:
            with suppress(HotsiteError):
                act(hand)

        name = "operator" if is_ours else OUTSIDE
        estate.scheduler.start(Worker(name, region.name, job))

    estate.scheduler.at(op.at_s - _SETTLING_S, begin)


def _quiet(estate: Estate) -> list[str]:
    """Let sweeps make both Regions equal to the record; say what stays unequal."""
    told: list[str] = []
    for _ in range(_ROUNDS_MAX):
        told = []
        for region in estate.regions.values():
            report = _swept(estate, region, Mode.ADOPT)
            if report is not None and report.refused:
                # Too many deletions: a person looks at the list, and says no.
                _swept(estate, region, Mode.RESTORE)
        estate.scheduler.run(_PASS_S)
        for region in estate.regions.values():
            report = _swept(estate, region, Mode.REPORT)
            if report is None:
                told.append(f"no sweep of {region.name} ends")
            elif not report.is_equal:
                found = "; ".join(str(one) for one in report.findings)
                told.append(f"{region.name} differs from its record: {found}")
            told.extend(_waiting(region))
        if not told:
            break
    return told


def _waiting(region: SimRegion) -> list[str]:
    if region.stream.is_drained:
        return []
    return [f"the stream of {region.name} is not read to its end"]


def _swept(estate: Estate, region: SimRegion, mode: Mode) -> Report | None:
    reports = region.sweep_now(mode)
    estate.scheduler.run(_PASS_S)
    return reports[-1] if reports else None


def _counts(estate: Estate) -> Counter[str]:
    counts = +estate.scheduler.counts
    for region in estate.regions.values():
        counts["calls failed"] += region.gate.faults
        counts["IoT Core calls"] += sum(region.gate.calls.values())
    return counts
