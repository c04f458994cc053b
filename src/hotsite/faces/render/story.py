"""What a journal tells: the one thing that text and page are made from.

Turns events into tables, spans and sentences; draws and prints nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from hotsite.core import history as histories
from hotsite.core.accounting import Account, account
from hotsite.core.churn import SiteReturned
from hotsite.core.course import OperationTold, OutageBegan
from hotsite.core.hardship import PowerCut, SiteSick
from hotsite.core.history import History, is_witness
from hotsite.core.journal import (
    DeviceOnboarded,
    DnsAnswered,
    Event,
    Fact,
    FaultInjected,
    FleetSampled,
    Note,
    Phase,
    PhaseStarted,
    SiteHealth,
)
from hotsite.core.recovery import recoveries
from hotsite.core.scenario import FaultKind
from hotsite.core.verdict import Verdict, judge
from hotsite.faces.render.coursewords import words

FAULTS = {
    FaultKind.REGION_KILL: "{} was killed",
    FaultKind.REGION_FREEZE: "{} was frozen",
    FaultKind.REGION_FREEZE_THEN_KILL: "{} was frozen and then killed",
    FaultKind.NONE: "nothing happened to {}",
}


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in which something held.

    Attributes:
        start_s: When it began, in seconds since the story's zero.
        end_s: When it ended, likewise.
        label: What held: a Region, a phase; empty for "no answer".
        is_good: Whether that is how it should be.
    """

    start_s: float
    end_s: float
    label: str
    is_good: bool = True


@dataclass(frozen=True, slots=True)
class Sample:
    """The fleet at one moment, in seconds since the story's zero."""

    at_s: float
    fleet: FleetSampled


@dataclass(frozen=True, slots=True)
class Story:
    """A drill, told.

    Attributes:
        history: The events.
        verdict: What they prove.
        books: The account of messages.
        away_s: Seconds that each recovered device was away.
        zero_s: The fault on the drill's clock, or the drill's begin if there
            was none; every other time counts from here.
        start_s: Where a picture of the drill begins.
        end_s: Where it ends.
    """

    history: History
    verdict: Verdict
    books: Account
    away_s: dict[str, float]
    zero_s: float
    start_s: float
    end_s: float

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Return the samples of the fleet within the picture."""
        return tuple(
            Sample(event.at_s - self.zero_s, fact)
            for event, fact in self.history.each(FleetSampled)
            if self.start_s <= event.at_s - self.zero_s <= self.end_s
        )

    @property
    def phases(self) -> tuple[Span, ...]:
        """Return the drill's phases within the picture."""
        starts = [
            (event.at_s, fact.phase.replace("_", " "))
            for event, fact in self.history.each(PhaseStarted)
        ]
        return self.spans((at_s, label, True) for at_s, label in starts)

    @property
    def witness(self) -> str:
        """Return the name whose answer tells where Route 53 leads."""
        answers = (fact for _, fact in self.history.each(DnsAnswered))
        return next((fact.name for fact in answers if is_witness(fact)), "iot name")

    @property
    def answers(self) -> tuple[Span, ...]:
        """Return what the fleet's name meant, over time."""
        return self.spans(
            (event.at_s, fact.region or "", fact.region is not None)
            for event, fact in self.history.each(DnsAnswered)
            if is_witness(fact)
        )

    def health(self, region: str) -> tuple[Span, ...]:
        """Return what the health checkers thought of a site, over time."""
        return self.spans(
            (event.at_s, "healthy" if fact.is_healthy else "unhealthy", fact.is_healthy)
            for event, fact in self.history.each(SiteHealth)
            if fact.region == region
        )

    def spans(self, changes: Iterable[tuple[float, str, bool]]) -> tuple[Span, ...]:
        """Return the stretches between changes, within the picture.

        Args:
            changes: When, on the drill's clock, what holds from then on, and whether
                that is how it should be; in order.
        """
        edges = [*changes, (self.end_s + self.zero_s, "", True)]
        spans = (
            Span(
                max(start_s - self.zero_s, self.start_s),
                min(end_s - self.zero_s, self.end_s),
                label,
                is_good,
            )
            for (start_s, label, is_good), (end_s, _, _) in pairwise(edges)
        )
        return tuple(span for span in spans if span.end_s > span.start_s)


def tell(events: Iterable[Event]) -> Story:
    """Return the story of a drill.

    Args:
        events: All events, in the order of the journal.

    Returns:
        The story.

    Raises:
        InvalidInputError: The events are no journal.
    """
    history = histories.read(events)
    faults = (
        e.at_s
        for e in history.events
        if e.fact is history.fault or isinstance(e.fact, OutageBegan | OperationTold)
    )
    zero_s = next(faults, 0.0)
    starts = {fact.phase: event.at_s for event, fact in history.each(PhaseStarted)}
    start_s = starts.get(Phase.STEADY, history.events[0].at_s)
    end_s = starts.get(Phase.COLLECT, history.events[-1].at_s)
    return Story(
        history=history,
        verdict=judge(history.events),
        books=account(history),
        away_s=recoveries(history),
        zero_s=zero_s,
        start_s=start_s - zero_s,
        end_s=max(end_s, start_s + 1) - zero_s,
    )


def headline(story: Story) -> str:
    """Return the outcome in one sentence."""
    verdict, history = story.verdict, story.history
    if history.fault is None:
        return "Nothing was broken, so the drill proves nothing about recovery."
    if verdict.is_pass and verdict.rto.max_s is not None:
        return (
            f"All {verdict.devices} devices were back in {history.survivor}"
            f" {verdict.rto.max_s:.1f} s after {history.fault.region} was lost, and"
            f" {losses_in_words(verdict.rpo.lost)}."
        )
    return (
        f"{verdict.rto.recovered} of {verdict.devices} devices came back in"
        f" {history.survivor}; the drill missed its objectives."
    )


def losses_in_words(lost: int | None) -> str:
    """Return what became of acknowledged messages, as a part of a sentence."""
    return "no acknowledged message is missing" if lost == 0 else f"{lost} are missing"


def moments(story: Story) -> tuple[tuple[float, str], ...]:
    """Return what happened, as seconds since the story's zero and a sentence."""
    every = (
        *_moments_written(story),
        *_moments_of_recovery(story),
    )
    return tuple(sorted(moment for moment in every if moment[0] >= story.start_s))


def _moments_written(story: Story) -> Iterator[tuple[float, str]]:
    newcomers = story.history.newcomers
    for event in story.history.events:
        at_s = event.at_s - story.zero_s
        match event.fact:
            case DnsAnswered(name=name, region=region):
                answer = f"answers {region}" if region else "has no answer"
                yield at_s, f"{name} {answer}"
            case SiteHealth(region=region, is_healthy=is_healthy) as health:
                state = "healthy" if is_healthy else "unhealthy"
                count = f"{health.checkers_healthy} of {health.checkers}"
                yield at_s, f"{region} is {state}: {count} checkers reach it"
            case DeviceOnboarded(thing=thing, region=region, took_s=took_s):
                if thing in newcomers:
                    yield at_s, f"{thing} was onboarded in {region} in {took_s:.1f} s"
            case FaultInjected() as fault if fault is story.history.fault:
                # The first one is told with the recovery from it.
                pass
            case fact:
                text = plain(fact)
                if text is not None:
                    yield at_s, text


def plain(fact: Fact) -> str | None:
    """Return what was done, or was noted, in words; None for all other facts."""
    match fact:
        case Note(text=text):
            return text
        case PowerCut(devices=devices):
            return f"{devices} devices lost their power"
        case SiteSick(region=region, lag_s=lag_s):
            return f"{region} is sick: it replicates {lag_s:.1f} s late"
        case FaultInjected(fault=kind, region=region):
            return FAULTS[kind].format(region)
        case SiteReturned(region=region, took_s=took_s):
            return f"{region} was back after {took_s:.1f} s"
    return words(fact)


def _moments_of_recovery(story: Story) -> Iterator[tuple[float, str]]:
    history, rto, phases = story.history, story.verdict.rto, story.verdict.phases
    if history.fault is None:
        return
    yield 0.0, FAULTS[history.fault.fault].format(history.fault.region)
    for at_s, text in (
        (rto.first_s, "the first device's telemetry is stored"),
        (phases.reconnected_p50_s, "half of the fleet is connected"),
        (rto.max_s, "the last device's telemetry is stored"),
    ):
        if at_s is not None:
            yield at_s, f"{text} in {history.survivor}"
