"""The verdict: what a drill proved, recomputed from its journal alone.

Every figure that was not measured is None, never 0, and a drill passes only if
every objective was measured and met. Percentiles are nearest-rank over *all*
devices of the fleet: a device that did not recover took infinitely long, so a
percentile that falls on it is None. Must not read anything but events.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from hotsite.core import history as histories
from hotsite.core import readiness, records
from hotsite.core.accounting import Account, Rpo, account
from hotsite.core.aftermath import ReturnFigures, judge_return, return_reasons
from hotsite.core.churn import ChurnObjectives
from hotsite.core.churn_verdict import ChurnFigures, judge_churn
from hotsite.core.foreseen import DrillForecast
from hotsite.core.hardship import PowerCut, SiteSick
from hotsite.core.history import History, is_iot_name, percentile
from hotsite.core.journal import (
    DeviceConnected,
    DeviceDisconnected,
    DeviceRecovered,
    DnsAnswered,
    Event,
    Phase,
    SiteHealth,
)
from hotsite.core.readiness import RegistryFigures
from hotsite.core.scenario import Objectives

SCHEMA = 1
_RARE_GOALS = ("puback_loss_min", "power_cuts_min")


@dataclass(frozen=True, slots=True)
class Rto:
    """Seconds from the fault until a device's telemetry was stored again.

    Attributes:
        first_s: The first device.
        p50_s: Half of the fleet.
        p90_s: 90 % of the fleet.
        p99_s: 99 % of the fleet; the objective is about this one.
        max_s: The last device; None unless all recovered.
        recovered: Devices that recovered, or None if there was no fault.
    """

    first_s: float | None = None
    p50_s: float | None = None
    p90_s: float | None = None
    p99_s: float | None = None
    max_s: float | None = None
    recovered: int | None = None


@dataclass(frozen=True, slots=True)
class Phases:
    """What the recovery was made of, in seconds since the fault.

    Attributes:
        fault_at_s: 0 by definition: the zero of the others.
        detected_s: The health checkers gave the site up.
        dns_switched_s: ``iot.<domain>`` first answered the surviving site.
        reconnected_p50_s: Half of the fleet had a session there.
        first_telemetry_s: The first message was stored there.
    """

    fault_at_s: float | None = None
    detected_s: float | None = None
    dns_switched_s: float | None = None
    reconnected_p50_s: float | None = None
    first_telemetry_s: float | None = None


@dataclass(frozen=True, slots=True)
class Hardship:
    """What the drill did to the fleet and the Region beside the fault.

    Attributes:
        power_cuts: How often a part of the fleet lost its power.
        devices_cut: Devices that lost it, each as often as it did.
        lag_s: Replication lag of the sick Region, or None if it was well.
    """

    power_cuts: int
    devices_cut: int
    lag_s: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything in ``verdict.json``.

    Attributes:
        scenario: The scenario's name.
        world: ``sim``, ``local`` or ``aws``.
        seed: Seed of every random choice.
        devices: Size of the fleet.
        objectives: What the drill was judged against.
        rto: How long the fleet was away.
        phases: What that time was made of.
        rpo: What was published, kept, lost and doubled.
        registry: How far the standby was ready.
        is_pass: Whether every objective was measured and met.
        reasons: Why not, one sentence each; empty if ``is_pass``.
        churn: What became of all names, in a drill of the registry.
        churn_objectives: What such a drill was judged against, instead.
        hardship: Power cuts and sickness, in a drill that has them.
        returned: What the dead Region's return changed, if it returned.
        forecast: What was foreseen of the recovery, if anything was.
    """

    scenario: str
    world: str
    seed: int
    devices: int
    objectives: Objectives
    rto: Rto
    phases: Phases
    rpo: Rpo
    registry: RegistryFigures
    is_pass: bool
    reasons: tuple[str, ...]
    churn: ChurnFigures | None = None
    churn_objectives: ChurnObjectives | None = None
    hardship: Hardship | None = None
    returned: ReturnFigures | None = None
    forecast: DrillForecast | None = None

    def to_json(self) -> dict[str, object]:
        """Return ``verdict.json``, its keys in the documented order."""
        objectives, churn = records.write(self.objectives), {}
        for goal in _RARE_GOALS:
            # What a scenario does not ask for is no objective of it.
            if not objectives[goal]:
                del objectives[goal]
        more = {
            "forecast": self.forecast,
            "hardship": self.hardship,
            "returned": self.returned,
        }
        if self.churn is not None and self.churn_objectives is not None:
            # Nobody published, so the usual ones were no objectives of the drill.
            own = records.write(self.churn_objectives)
            objectives = {**dict.fromkeys(objectives), **own}
            churn = {"churn": records.write(self.churn)}
        return {
            "schema": SCHEMA,
            "scenario": self.scenario,
            "world": self.world,
            "seed": self.seed,
            "devices": self.devices,
            "objectives": objectives,
            "rto": records.write(self.rto),
            "phases": records.write(self.phases),
            "rpo": records.write(self.rpo),
            "registry": records.write(self.registry),
            **{k: records.write(part) for k, part in more.items() if part},
            **churn,
            "verdict": "pass" if self.is_pass else "fail",
            "reasons": list(self.reasons),
        }


def judge(events: Iterable[Event]) -> Verdict:
    """Recompute the verdict of a drill from its journal.

    Args:
        events: All events, in the order of the journal.

    Returns:
        The verdict; figures that were not measured are None.

    Raises:
        InvalidInputError: The events are no journal of this schema.
    """
    history = histories.read(events)
    if history.started.churn is not None:
        return _of_churn(history, history.started.churn)
    books = account(history)
    rto = _rto(history)
    phases = _phases(history, rto)
    registry = readiness.measure(history)
    hardship, returned = _hardship(history), judge_return(history)
    reasons = (
        *_ending_reasons(history),
        *readiness.reasons(history, registry),
        *_rto_reasons(history, rto, phases),
        *_loss_reasons(history, books),
        *_hardship_reasons(history, books, hardship),
        *_aftermath_reasons(history),
        *return_reasons(history, returned),
    )
    return Verdict(
        scenario=history.started.scenario,
        world=history.started.world,
        seed=history.started.seed,
        devices=history.started.devices,
        objectives=history.started.objectives,
        rto=rto,
        phases=phases,
        rpo=books.rpo,
        registry=registry,
        is_pass=not reasons,
        reasons=reasons,
        hardship=hardship,
        returned=returned,
        forecast=next((fact for _, fact in history.each(DrillForecast)), None),
    )


def _of_churn(history: History, goals: ChurnObjectives) -> Verdict:
    found = judge_churn(history, goals)
    reasons = (*_ending_reasons(history), *found.reasons)
    return Verdict(
        scenario=history.started.scenario,
        world=history.started.world,
        seed=history.started.seed,
        devices=history.started.devices,
        objectives=history.started.objectives,
        rto=Rto(),
        phases=Phases(),
        rpo=Rpo(),
        registry=replace(readiness.measure(history), lag_p99_s=found.figures.lag_p99_s),
        is_pass=not reasons,
        reasons=reasons,
        churn=found.figures,
        churn_objectives=goals,
    )


def recoveries(history: History) -> dict[str, float]:
    """Return how long each device of the fleet was away, in seconds.

    Args:
        history: The drill.

    Returns:
        Seconds from the fault to the first telemetry published after it being
        stored in the surviving site; only devices that recovered are in it.
    """
    first: dict[str, float] = {}
    if history.fault_world_s is None:
        return first
    fleet = history.fleet
    for _, fact in history.each(DeviceRecovered):
        if fact.thing in fleet:
            took_s = round(fact.stored_world_s - history.fault_world_s, 3)
            first[fact.thing] = min(took_s, first.get(fact.thing, took_s))
    return first


def _rto(history: History) -> Rto:
    if history.fault is None:
        return Rto()
    times = list(recoveries(history).values())
    total = history.started.devices
    return Rto(
        first_s=min(times, default=None),
        p50_s=percentile(times, 50, total=total),
        p90_s=percentile(times, 90, total=total),
        p99_s=percentile(times, 99, total=total),
        max_s=percentile(times, 100, total=total),
        recovered=len(times),
    )


def _phases(history: History, rto: Rto) -> Phases:
    if history.fault is None:
        return Phases()
    lost, survivor, fleet = history.fault.region, history.survivor, history.fleet
    detected = (
        since_s
        for since_s, fact in history.after_fault(SiteHealth)
        if fact.region == lost and not fact.is_healthy
    )
    switched = (
        since_s
        for since_s, fact in history.after_fault(DnsAnswered)
        if is_iot_name(fact) and fact.region == survivor
    )
    sessions: dict[str, float] = {}
    for since_s, fact in history.after_fault(DeviceConnected):
        if fact.region == survivor and fact.thing in fleet:
            sessions.setdefault(fact.thing, since_s)
    half_s = percentile(list(sessions.values()), 50, total=history.started.devices)
    return Phases(
        fault_at_s=0.0,
        detected_s=_rounded(next(detected, None)),
        dns_switched_s=_rounded(next(switched, None)),
        reconnected_p50_s=_rounded(half_s),
        first_telemetry_s=rto.first_s,
    )


def _ending_reasons(history: History) -> Iterator[str]:
    ended = history.ended
    if ended is None:
        yield "the journal has no end: the drill died or is still running"
    elif ended.reason != "done":
        yield f"the drill did not finish: {ended.reason}"


def _rto_reasons(history: History, rto: Rto, phases: Phases) -> Iterator[str]:
    if rto.recovered is None:
        yield "no fault was injected, so RTO was not measured"
        return
    devices, survivor = history.started.devices, history.survivor
    limit_s = history.started.objectives.rto_s
    if rto.recovered < devices:
        yield f"{devices - rto.recovered} of {devices} devices never recovered"
    if rto.p99_s is None:
        yield (
            "RTO p99 is unknown, because it falls on a device that never"
            f" recovered; the objective is {limit_s:g} s"
        )
    elif rto.p99_s > limit_s:
        yield f"RTO p99 was {rto.p99_s:.1f} s; the objective is {limit_s:g} s"
    if phases.dns_switched_s is None:
        yield f"DNS never switched the fleet's name to {survivor}"


def _loss_reasons(history: History, books: Account) -> Iterator[str]:
    survivor, limit = history.survivor, history.started.objectives.rpo_messages
    rpo = books.rpo
    if books.silent:
        yield f"{_devices(books.silent)} never reported what was published"
    if books.unread:
        count = _devices(books.unread)
        yield f"the store in {survivor} was not read at the end for {count}"
    if rpo.lost is None:
        yield "what was lost was not measured"
    elif rpo.lost > limit:
        yield (
            f"the drill lost {rpo.lost} of {rpo.acknowledged} acknowledged messages;"
            f" the objective is at most {limit}"
        )
    if rpo.duplicates:
        rows = _count(rpo.duplicates, "duplicate row")
        yield f"the store in {survivor} holds {rows}"
    if books.ghosts:
        ghosts = _count(books.ghosts, "message")
        yield f"the store in {survivor} holds {ghosts} that nobody published"
    if books.dropped:
        dropped = _count(books.dropped, "message")
        yield f"devices dropped {dropped}, their outboxes being full"


def _hardship(history: History) -> Hardship | None:
    cuts = [fact.devices for _, fact in history.each(PowerCut)]
    lags = [fact.lag_s for _, fact in history.each(SiteSick)]
    if not cuts and not lags:
        return None
    return Hardship(len(cuts), sum(cuts), lags[-1] if lags else None)


def _hardship_reasons(
    history: History, books: Account, hardship: Hardship | None
) -> Iterator[str]:
    goals, lost = history.started.objectives, books.rpo.lost_if_puback_trusted or 0
    if lost < goals.puback_loss_min:
        yield (
            f"the drill proved nothing: a device that trusts the PUBACK lost {lost}"
            f" messages; the objective is at least {goals.puback_loss_min}"
        )
    cuts = hardship.power_cuts if hardship else 0
    if cuts < goals.power_cuts_min:
        yield (
            f"the fleet went through {_count(cuts, 'power cut')};"
            f" the objective is at least {goals.power_cuts_min}"
        )


def _aftermath_reasons(history: History) -> Iterator[str]:
    if history.has(Phase.ONBOARD_AFTER) and not history.newcomers:
        yield "no new device could be onboarded after the fault"
    facts = (event.fact for event in history.within(Phase.STAY_HEALTHY))
    gone = [fact for fact in facts if isinstance(fact, DeviceDisconnected)]
    if gone:
        yield (
            f"{_devices({fact.thing for fact in gone})} disconnected again after"
            f" recovery ({gone[0].thing}: {gone[0].reason})"
        )


def _devices(things: Iterable[str]) -> str:
    return _count(len(set(things)), "device")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _rounded(value_s: float | None) -> float | None:
    return None if value_s is None else round(value_s, 3)
