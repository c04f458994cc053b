"""What a drill of deciding says to people: the same rows for text and page."""

from collections.abc import Iterable, Iterator

from hotsite.core.course import CourseObjectives, OperationEnded
from hotsite.core.course_verdict import CourseFigures, regions_of
from hotsite.faces.render import tables
from hotsite.faces.render.coursewords import ENDINGS
from hotsite.faces.render.story import Story, losses_in_words
from hotsite.faces.render.tables import Figure, Table, count, seconds


def headline(story: Story, found: CourseFigures, goals: CourseObjectives) -> str:
    """Return the outcome in one sentence."""
    if not story.verdict.is_pass:
        return "The sites or the fleet did not end where they had to."
    region = regions_of(story.history)[goals.active]
    moves = {0: "never moved", 1: "moved once"}.get(
        found.switches or 0, f"moved {found.switches} times"
    )
    losses = losses_in_words(story.verdict.rpo.lost)
    return f"The fleet {moves}, {region} alone is active, and {losses}."


def figures(found: CourseFigures, goals: CourseObjectives) -> tuple[Figure, ...]:
    """Return what decides a drill of deciding beside the usual figures."""
    both_s = found.both_active_s
    return (
        Figure(
            "Active in the end",
            tables.UNKNOWN if found.active is None else found.active or "not one site",
            f"site {goals.active}",
            is_met=found.active == goals.active,
        ),
        Figure(
            "Switches",
            count(found.switches),
            f"{goals.switches}",
            is_met=found.switches == goals.switches,
        ),
        Figure(
            "Both sites active",
            seconds(both_s),
            f"at most {goals.both_active_s:g} s",
            is_met=both_s is not None and both_s <= goals.both_active_s,
        ),
    )


def tables_of(story: Story) -> Iterable[Table]:
    """Return the tables of a course, in their order."""
    if story.verdict.course is not None:
        yield sites_table(story, story.verdict.course)
    yield operations_table(story)


def sites_table(story: Story, found: CourseFigures) -> Table:
    """Return what became of both sites."""
    return Table(
        "The sites",
        ("What", "Measured"),
        (
            ("Active in the end", found.active or "not one site alone"),
            ("The failover name leads to", found.dns_leads_to or "nowhere"),
            ("Devices connected there", count(found.connected)),
            ("Longest time with two active sites", seconds(found.both_active_s)),
            ("Longest time with none", seconds(found.none_active_s)),
            ("Longest silence of a device", seconds(story.verdict.rto.max_s)),
        ),
        note=(
            "A site is active while its switch says so. With none, telemetry flows"
            " wherever devices are connected, and no command goes out."
        ),
    )


def operations_table(story: Story) -> Table:
    """Return what operators did, and how it ended."""
    return Table(
        "Operations", ("When", "Operation", "Took", "Ended"), tuple(_ops(story))
    )


def _ops(story: Story) -> Iterator[tuple[str, str, str, str]]:
    for event, fact in story.history.each(OperationEnded):
        began_s = event.at_s - fact.took_s - story.zero_s
        yield (
            f"{began_s:+.0f} s".replace("-", "\u2212"),
            f"{fact.operation.value} to {fact.site}",
            seconds(fact.took_s),
            f"{ENDINGS[fact.ending]}: {fact.text}",
        )
