"""A deterministic drill on paper: the journal that a good (or bad) drill writes."""

import json
import random
from dataclasses import dataclass, replace
from pathlib import Path

from hotsite.core.books import DeviceReported, Moment, StoreHeld
from hotsite.core.intervals import Intervals
from hotsite.core.journal import (
    DeviceApplied,
    DeviceConnectable,
    DeviceConnected,
    DeviceDisconnected,
    DeviceOnboarded,
    DeviceRecovered,
    DnsAnswered,
    DrillEnded,
    DrillStarted,
    Event,
    FaultInjected,
    FleetSampled,
    Machine,
    Note,
    Phase,
    PhaseStarted,
    SiteHealth,
)
from hotsite.core.scenario import FaultKind, Objectives

ACTIVE, STANDBY = "eu-central-1", "eu-west-1"
EPOCH_S = 1_790_000_000.0
FAULT_S, SWITCH_S, END_S = 34.0, 12.4, 78.0
DRILLS = Path(__file__).parents[1] / "drills"


@dataclass(frozen=True)
class Paper:
    """What kind of drill to put on paper."""

    devices: int = 50
    seed: int = 7
    has_fault: bool = True
    has_switch: bool = True
    dead: int = 0
    lost: int = 0
    doubled: int = 0
    slow_s: float = 0.0


def thing(number: int) -> str:
    return f"oven-7-{number:05d}"


def event(at_s, fact):
    return Event(round(at_s, 3), round(EPOCH_S + at_s, 3), fact)


def journal(paper=Paper()):
    """Return the events of a whole drill, in the order of their times."""
    rng = random.Random(paper.seed)
    back_s = {
        number: SWITCH_S + 0.4 + rng.expovariate(1 / 2.2) + paper.slow_s
        for number in range(paper.devices)
    }
    dead = set(range(paper.dead))
    events = [
        *_prepared(paper, rng),
        *(_hurt(paper, back_s, dead) if paper.has_fault else ()),
        *_sampled(paper, back_s, dead),
        *_collected(paper, back_s, dead),
    ]
    first = event(0, started(paper))
    last = event(END_S, DrillEnded("done"))
    return [first, *sorted(events, key=lambda item: item.at_s), last]


def started(paper):
    name = "region-loss" if paper.has_fault else "no-fault"
    return DrillStarted(
        schema=1,
        versions={"hotsite": "0.1.0", "python": "3.11.9", "ministack": "1.5.33"},
        seed=paper.seed,
        scenario_text=(DRILLS / f"{name}.toml").read_text(),
        scenario=name,
        world="local",
        devices=paper.devices,
        machine=Machine(2, 8_232_000_000, "Linux 6.8.0 x86_64"),
        objectives=Objectives(),
        active=ACTIVE,
        standby=STANDBY,
    )


def _prepared(paper, rng):
    yield event(0.1, PhaseStarted(Phase.ONBOARD))
    yield event(0.2, DnsAnswered("iot.hotsite.test", ACTIVE))
    yield event(0.2, DnsAnswered("api.hotsite.test", ACTIVE))
    for region in (ACTIVE, STANDBY):
        yield event(
            0.2, SiteHealth(region, is_healthy=True, checkers_healthy=3, checkers=3)
        )
    step = 8.0 / paper.devices
    for number in range(paper.devices):
        name = thing(number)
        region = ACTIVE if number < (paper.devices + 1) // 2 else STANDBY
        took_s = round(rng.uniform(0.2, 0.6), 3)
        yield event(0.5 + number * step, DeviceOnboarded(name, region, took_s))
        for other in (ACTIVE, STANDBY):
            lag_s = round(rng.uniform(0.1, 0.9), 3)
            yield event(9.5, DeviceApplied(name, other, lag_s))
        at_s = 10 + number * step
        yield event(at_s, DeviceConnectable(name, STANDBY, round(took_s / 4, 3)))
        yield event(19 + number / 50, DeviceConnected(name, ACTIVE))
    yield event(9.4, PhaseStarted(Phase.PROVE))
    yield event(18.5, PhaseStarted(Phase.STEADY))


def _hurt(paper, back_s, dead):
    yield event(FAULT_S, PhaseStarted(Phase.FAULT))
    yield event(FAULT_S, FaultInjected(FaultKind.REGION_KILL, ACTIVE))
    yield event(
        FAULT_S + 11.1,
        SiteHealth(ACTIVE, is_healthy=False, checkers_healthy=0, checkers=3),
    )
    if paper.has_switch:
        for name in ("iot", "api"):
            dns = DnsAnswered(f"{name}.hotsite.test", STANDBY)
            yield event(FAULT_S + SWITCH_S, dns)
    yield event(FAULT_S + 1.5, PhaseStarted(Phase.RECOVER))
    for number in range(paper.devices):
        name = thing(number)
        gone = DeviceDisconnected(name, "connection reset")
        yield event(FAULT_S + 0.1 + number / 200, gone)
        held = StoreHeld(
            STANDBY, Moment.AFTER_FAULT, name, 0, Intervals.from_pairs([(1, 6)]), 6
        )
        yield event(FAULT_S + 1.4, held)
        if number in dead:
            continue
        at_s = FAULT_S + back_s[number]
        yield event(at_s, DeviceConnected(name, STANDBY))
        stored = round(EPOCH_S + at_s + 0.6, 3)
        yield event(at_s + 0.8, DeviceRecovered(name, stored))
    yield event(58.0, PhaseStarted(Phase.ONBOARD_AFTER))
    yield event(59.2, DeviceOnboarded("oven-7-after-0", STANDBY, 1.1))


def _sampled(paper, back_s, dead):
    yield event(60.0, PhaseStarted(Phase.STAY_HEALTHY))
    for second in range(19, 73):
        at_s = second + 0.25
        here = min(paper.devices, int((second - 18) * 25))
        there = 0
        backlog = 0
        if paper.has_fault and at_s > FAULT_S:
            returned = {
                n
                for n, back in back_s.items()
                if FAULT_S + back <= at_s and n not in dead
            }
            here, there = 0, len(returned)
            waiting_s = min(at_s - FAULT_S, 60)
            backlog = int((paper.devices - there) * waiting_s / 2)
        made = max(0, (second - 18) * paper.devices // 2)
        sample = FleetSampled(
            {ACTIVE: here, STANDBY: there},
            paper.devices - here - there,
            backlog,
            made,
            made - backlog,
            0.2,
        )
        yield event(at_s, sample)


def _collected(paper, back_s, dead):
    yield event(72.6, PhaseStarted(Phase.COLLECT))
    yield event(73.0, Note("the fleet was asked to deliver what waits"))
    region = STANDBY if paper.has_fault else ACTIVE
    for number in range(paper.devices):
        full = Intervals.from_pairs([(1, 27)])
        acknowledged = Intervals.from_pairs([(1, 7)]) if number in dead else full
        early = Intervals.from_pairs([(1, 7)])
        held = acknowledged
        if number < paper.lost:
            held = held.difference(Intervals.from_numbers([7]))
        rows = held.size + (1 if number < paper.doubled else 0)
        name = thing(number)
        report = DeviceReported(
            name, 0, full, acknowledged, early if paper.has_fault else Intervals(), 0
        )
        yield event(76.0, report)
        yield event(77.0, StoreHeld(region, Moment.END, name, 0, held, rows))


def but(events, old, **changes):
    """Return the events with every fact of one kind changed."""
    return [
        replace(item, fact=replace(item.fact, **changes))
        if isinstance(item.fact, old)
        else item
        for item in events
    ]


def without(events, *kinds):
    """Return the events without the facts of some kinds."""
    return [item for item in events if not isinstance(item.fact, kinds)]


def as_json(verdict):
    """Return a verdict as a reader of verdict.json gets it."""
    return json.loads(json.dumps(verdict.to_json(), allow_nan=False))
