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
from hotsite.core.course import CourseObjectives
from hotsite.core.course_verdict import (
    CourseFigures,
    course_reasons,
    measure_course,
)
from hotsite.core.foreseen import DrillForecast
from hotsite.core.hardship import PowerCut, SiteSick
from hotsite.core.history import History
from hotsite.core.journal import (
    DeviceDisconnected,
    Event,
    Phase,
)
from hotsite.core.readiness import RegistryFigures
from hotsite.core.recovery import (
    Phases,
    Rto,
    measure_phases,
    measure_rto,
    rto_reasons,
)
from hotsite.core.scenario import Objectives

SCHEMA = 1
_RARE_GOALS = ("puback_loss_min", "power_cuts_min")


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
        course: What became of both sites, in a drill of deciding.
        course_objectives: What such a drill was judged against, as well.
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
    course: CourseFigures | None = None
    course_objectives: CourseObjectives | None = None

    def to_json(self) -> dict[str, object]:
        """Return ``verdict.json``, its keys in the documented order."""
        objectives, churn = records.write(self.objectives), {}
        if self.course_objectives is not None:
            objectives |= records.write(self.course_objectives)
        for goal in _RARE_GOALS:
            # What a scenario does not ask for is no objective of it.
            if not objectives[goal]:
                del objectives[goal]
        more = {
            "forecast": self.forecast,
            "hardship": self.hardship,
            "returned": self.returned,
            "course": self.course,
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
    rto = measure_rto(history)
    phases = measure_phases(history, rto)
    registry = readiness.measure(history)
    hardship, returned = _hardship(history), judge_return(history)
    goals = history.started.course
    course = None if goals is None else measure_course(history)
    reasons = (
        *_ending_reasons(history),
        *readiness.reasons(history, registry),
        *rto_reasons(history, rto, phases),
        *_loss_reasons(history, books),
        *_hardship_reasons(history, books, hardship),
        *_aftermath_reasons(history),
        *return_reasons(history, returned),
        *(course_reasons(history, course, goals) if course and goals else ()),
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
        course=course,
        course_objectives=goals,
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


def _ending_reasons(history: History) -> Iterator[str]:
    ended = history.ended
    if ended is None:
        yield "the journal has no end: the drill died or is still running"
    elif ended.reason != "done":
        yield f"the drill did not finish: {ended.reason}"


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
