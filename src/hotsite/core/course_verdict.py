"""The verdict on the course of an outage, recomputed from the journal alone.

How long each device was not heard of, who was active when, and how operations ended.
Must not judge messages and the end of the journal; ``verdict`` does, as of all drills.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from hotsite.core.course import (
    CourseObjectives,
    DeviceSilent,
    OperationEnded,
    OutageBegan,
    SiteAwaited,
    SiteSpoke,
)
from hotsite.core.epoch import SITES
from hotsite.core.history import History, is_witness
from hotsite.core.journal import DnsAnswered, Event, FleetSampled
from hotsite.core.strategy import is_spread


@dataclass(frozen=True, slots=True)
class CourseFigures:
    """What became of the sites; a figure that was not measured is None.

    Attributes:
        outages: How often something broke.
        operations: How many operations were ended, one way or the other.
        switches: How often a newer epoch led to the other site.
        active: The letter of the site whose switch alone is on in the end, "" when
            that is none or both, or None.
        both_active_s: Longest time that both switches were on.
        none_active_s: Longest time that no switch was on.
        dns_leads_to: AWS Region that the failover name leads to in the end.
        connected: Devices connected to the active site in the end.
    """

    outages: int
    operations: int
    switches: int | None
    active: str | None
    both_active_s: float | None
    none_active_s: float | None
    dns_leads_to: str | None
    connected: int | None


def silences(history: History) -> dict[str, float | None]:
    """Return the longest silence of each device that had one, in seconds.

    Returns:
        None for a device that was never heard of again.
    """
    found: dict[str, float | None] = {}
    for _, fact in history.each(DeviceSilent):
        before = found.get(fact.thing, 0.0)
        if before is None or fact.silent_s is None:
            found[fact.thing] = None
        else:
            found[fact.thing] = max(before, fact.silent_s)
    return found


def measure_course(history: History) -> CourseFigures:
    """Return what became of both sites."""
    spoken = tuple(history.each(SiteSpoke))
    active = _active_in_the_end(spoken)
    both_s, none_s = _times(history, spoken)
    samples = [fact for _, fact in history.each(FleetSampled)]
    regions = regions_of(history)
    connected = None
    if samples and active:
        counts = samples[-1].connected
        connected = counts.get(regions[active], 0)
        if is_spread(history.started.strategy, active):
            connected = sum(counts.values())
    answers = [fact for _, fact in history.each(DnsAnswered) if is_witness(fact)]
    return CourseFigures(
        outages=sum(1 for _ in history.each(OutageBegan)),
        operations=sum(1 for _ in history.each(OperationEnded)),
        switches=_switches(spoken) if spoken else None,
        active=active,
        both_active_s=both_s,
        none_active_s=none_s,
        dns_leads_to=answers[-1].region if answers else None,
        connected=connected,
    )


def course_reasons(
    history: History, figures: CourseFigures, goals: CourseObjectives
) -> Iterator[str]:
    """Yield why the sites did not do what they had to, one sentence each."""
    if not figures.outages and not figures.operations:
        yield "nothing broke and nobody did anything, so nothing was proved"
    if figures.active is None:
        yield "who is active was not measured"
    elif figures.active != goals.active:
        said = figures.active or "not one site alone"
        yield f"{said} is active in the end; it has to be {goals.active}"
    if figures.switches != goals.switches:
        yield (
            f"the fleet was led to the other site {figures.switches} times;"
            f" the objective is {goals.switches}"
        )
    both_s = figures.both_active_s
    if both_s is None:
        yield "for how long both sites were active was not measured"
    elif both_s > goals.both_active_s:
        yield (
            f"both sites were active for {both_s:.1f} s;"
            f" the objective is at most {goals.both_active_s:g} s"
        )
    yield from _place_reasons(history, figures, goals)
    yield from _act_reasons(history)


def _act_reasons(history: History) -> Iterator[str]:
    for _, awaited in history.each(SiteAwaited):
        if awaited.took_s is None:
            yield f"{awaited.site} did not take over in time"
    for _, ended in history.each(OperationEnded):
        if ended.ending is not ended.expected:
            yield (
                f"{ended.operation.value} to {ended.site} was to end"
                f" {ended.expected.value}, and ended {ended.ending.value}: {ended.text}"
            )


def _place_reasons(
    history: History, figures: CourseFigures, goals: CourseObjectives
) -> Iterator[str]:
    wanted = regions_of(history)[goals.active]
    if figures.dns_leads_to != wanted:
        where = figures.dns_leads_to or "nowhere"
        yield f"the failover name leads to {where}, and has to lead to {wanted}"
    devices = history.started.devices
    if figures.active == goals.active and figures.connected != devices:
        is_anywhere = is_spread(history.started.strategy, goals.active)
        where = "either site" if is_anywhere else wanted
        yield f"{figures.connected} of {devices} devices are connected to {where}"


def regions_of(history: History) -> Mapping[str, str]:
    """Return the AWS Region of each site by its letter."""
    started = history.started
    return dict(zip(SITES, (started.active, started.standby), strict=True))


_Spoken = tuple[tuple[Event, SiteSpoke], ...]


def _active_in_the_end(spoken: _Spoken) -> str | None:
    last = {fact.site: fact.is_on for _, fact in spoken}
    if not last:
        return None
    on = [letter for letter, is_on in last.items() if is_on]
    return on[0] if len(on) == 1 else ""


def _switches(spoken: _Spoken) -> int:
    """Count in the order of epochs, whoever told of them first."""
    epochs = {fact.epoch: fact.active for _, fact in spoken if fact.epoch is not None}
    active = [epochs[number] for number in sorted(epochs)]
    return sum(1 for one, two in itertools.pairwise(active) if one != two)


@dataclass(frozen=True, slots=True)
class _Spell:
    """A state that lasts: since when, and the longest time so far."""

    since_s: float | None = None
    longest_s: float = 0.0

    def at(self, now_s: float, *, is_on: bool) -> "_Spell":
        if self.since_s is None:
            return replace(self, since_s=now_s) if is_on else self
        longest_s = max(self.longest_s, now_s - self.since_s)
        return _Spell(self.since_s if is_on else None, longest_s)


def _times(history: History, spoken: _Spoken) -> tuple[float | None, float | None]:
    """Return how long both switches were on at most, and how long none was."""
    if not spoken:
        return None, None
    is_on = dict.fromkeys(SITES, False)
    both, none = _Spell(), _Spell()
    for event, fact in spoken:
        is_on[fact.site] = bool(fact.is_on)
        both = both.at(event.world_s, is_on=all(is_on.values()))
        none = none.at(event.world_s, is_on=not any(is_on.values()))
    end_s = history.events[-1].world_s
    both = both.at(end_s, is_on=all(is_on.values()))
    none = none.at(end_s, is_on=not any(is_on.values()))
    return round(both.longest_s, 3), round(none.longest_s, 3)
