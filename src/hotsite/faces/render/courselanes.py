"""What a course draws below the fleet: whose switch was on, and what was broken."""

from collections.abc import Iterable, Iterator

from hotsite.core.course import OperationEnded, OutageBegan, OutageEnded, SiteSpoke
from hotsite.faces.render.story import Span, Story

_STATES = {True: "on", False: "off", None: "silent"}


def switch_lane(story: Story, letter: str) -> tuple[Span, ...]:
    """Return what a site's switch said over time; good is on."""
    changes: list[tuple[float, str, bool]] = []
    for event, fact in story.history.each(SiteSpoke):
        state = _STATES[fact.is_on]
        # It speaks as well when it hears of an epoch, which changes no switch.
        if fact.site == letter and not (changes and changes[-1][1] == state):
            changes.append((event.at_s, state, bool(fact.is_on)))
    return story.spans(changes)


def outage_lanes(story: Story) -> Iterator[tuple[str, tuple[Span, ...]]]:
    """Yield each kind of outage and place, and when it lasted; good is whole."""
    places = dict.fromkeys(
        (fact.outage, fact.site) for _, fact in story.history.each(OutageBegan)
    )
    for outage, site in places:
        changes = (
            (event.at_s, "broken" if is_began else "whole", not is_began)
            for event in story.history.events
            if (is_began := _is(event.fact, (outage, site))) is not None
        )
        yield f"{outage.value}, site {site}", story.spans(changes)


def operation_lane(story: Story) -> tuple[Span, ...]:
    """Return when an operation was under way; good is none."""
    changes: list[tuple[float, str, bool]] = []
    for event, fact in story.history.each(OperationEnded):
        what = f"{fact.operation.value} to {fact.site}"
        changes += [(event.at_s - fact.took_s, what, False), (event.at_s, "none", True)]
    return story.spans(changes)


def broken(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return those that are not as they should be: the rest of a lane is empty."""
    return tuple(span for span in spans if not span.is_good)


def is_course(story: Story) -> bool:
    """Tell whether there is anything of it to draw."""
    return story.history.started.course is not None


def _is(fact: object, place: tuple[object, str]) -> bool | None:
    match fact:
        case OutageBegan(outage=outage, site=site):
            return True if (outage, site) == place else None
        case OutageEnded(outage=outage, site=site):
            return False if (outage, site) == place else None
    return None
