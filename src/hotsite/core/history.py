"""A journal that was read: the questions that verdict and report ask of it.

Knows the order of events and nothing about good or bad; ``verdict`` judges.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hotsite.core.epoch import SITES
from hotsite.core.journal import (
    SCHEMA,
    DeviceOnboarded,
    DnsAnswered,
    DrillEnded,
    DrillStarted,
    Event,
    Fact,
    FaultInjected,
    Phase,
    PhaseStarted,
)
from hotsite.errors import InvalidInputError

_Fact = TypeVar("_Fact", bound=Fact)


@dataclass(frozen=True, slots=True)
class History:
    """The events of one drill, in the order of the journal.

    Attributes:
        events: All events.
        started: The first line.
        fault: The first injected fault, or None.
        fault_world_s: When it took effect, or None.
    """

    events: tuple[Event, ...]
    started: DrillStarted
    fault: FaultInjected | None
    fault_world_s: float | None

    def each(self, kind: type[_Fact]) -> Iterator[tuple[Event, _Fact]]:
        """Yield the facts of one kind, each with its event."""
        for event in self.events:
            if isinstance(event.fact, kind):
                yield event, event.fact

    def after_fault(self, kind: type[_Fact]) -> Iterator[tuple[float, _Fact]]:
        """Yield the facts of one kind since the fault, with that time in seconds.

        Yields nothing if there was no fault.
        """
        if self.fault_world_s is None:
            return
        for event, fact in self.each(kind):
            since_s = event.world_s - self.fault_world_s
            if since_s >= 0:
                yield since_s, fact

    def within(self, phase: Phase) -> tuple[Event, ...]:
        """Return the events of a phase; none if the phase never began."""
        inside: list[Event] = []
        is_inside = False
        for event in self.events:
            if isinstance(event.fact, PhaseStarted):
                is_inside = event.fact.phase is phase
            elif is_inside:
                inside.append(event)
        return tuple(inside)

    def has(self, phase: Phase) -> bool:
        """Return whether a phase began."""
        return any(fact.phase is phase for _, fact in self.each(PhaseStarted))

    @property
    def ended(self) -> DrillEnded | None:
        """Return the last line, or None if the journal just stops."""
        last = self.events[-1].fact
        return last if isinstance(last, DrillEnded) else None

    @property
    def survivor(self) -> str:
        """Return the Region whose store counts at the end.

        It is the one that the fault spared; without a fault, the active one,
        because the fleet never left it; in a course, the one that is to be active.
        """
        started = self.started
        if started.course is not None:
            is_first = started.course.active == SITES[0]
            return started.active if is_first else started.standby
        is_active_lost = self.fault and self.fault.region == started.active
        return started.standby if is_active_lost else started.active

    @property
    def newcomers(self) -> frozenset[str]:
        """Return the things that were onboarded after the fault."""
        facts = (event.fact for event in self.within(Phase.ONBOARD_AFTER))
        return frozenset(f.thing for f in facts if isinstance(f, DeviceOnboarded))

    @property
    def fleet(self) -> frozenset[str]:
        """Return the things that were onboarded before the fault."""
        things = frozenset(fact.thing for _, fact in self.each(DeviceOnboarded))
        return things - self.newcomers


def read(events: Iterable[Event]) -> History:
    """Return the history that a journal tells.

    Args:
        events: All events, in the order of the journal.

    Returns:
        The history.

    Raises:
        InvalidInputError: The journal is empty, does not begin with
            ``drill_started``, or is of another schema.
    """
    lines = tuple(events)
    if not lines:
        raise InvalidInputError("the journal is empty")
    started = lines[0].fact
    if not isinstance(started, DrillStarted):
        raise InvalidInputError("the journal does not begin with drill_started")
    if started.schema != SCHEMA:
        raise InvalidInputError(
            f"the journal is of schema {started.schema}; this hotsite reads {SCHEMA}"
        )
    for event in lines:
        if isinstance(event.fact, FaultInjected):
            return History(lines, started, event.fact, event.world_s)
    return History(lines, started, None, None)


def is_witness(answer: DnsAnswered) -> bool:
    """Return whether an answer tells where Route 53 leads the fleet."""
    return answer.name.startswith(("iot.", "active."))


def percentile(values: Sequence[float], percent: int, *, total: int) -> float | None:
    """Return the nearest-rank percentile over a fleet.

    Args:
        values: One figure for each device that has one, in any order.
        percent: Which percentile, 1 to 100.
        total: Size of the fleet; devices without a figure count as infinite.

    Returns:
        The smallest figure that at least ``percent`` % of the fleet does not
        exceed, or None where that is a device without a figure.
    """
    rank = -(-percent * total // 100)
    ordered = sorted(values)
    return ordered[rank - 1] if 1 <= rank <= len(ordered) else None
