"""What a drill of the registry says to people: the same rows for text and page."""

from collections.abc import Iterable, Iterator

from hotsite.core.churn import (
    Action,
    ChurnObjectives,
    RegionSwept,
    RegistryChanged,
    SiteReturned,
    Way,
)
from hotsite.core.churn_verdict import ChurnFigures
from hotsite.core.history import History
from hotsite.faces.render import tables
from hotsite.faces.render.story import Story
from hotsite.faces.render.tables import Figure, Table, count, seconds

_ACTIONS = {
    Action.CREATE: "Created",
    Action.UPDATE: "Attributes updated",
    Action.SHADOW: "Shadow updated",
    Action.ROTATE: "New certificate",
    Action.RETIRE: "Old certificate retired",
    Action.REVOKE: "Revoked",
    Action.DELETE: "Deleted",
}


def figures(found: ChurnFigures, goals: ChurnObjectives) -> tuple[Figure, ...]:
    """Return the figures that decide a drill of the registry."""
    let_in, lag_s = found.shut_out_let_in, found.lag_p99_s
    wrong = wrong_devices(found)
    return (
        Figure(
            "Shut out, and let in",
            _share(let_in, f"{found.shut_out_tried} tries"),
            f"at most {goals.shut_out_let_in}",
            is_met=let_in is not None and let_in <= goals.shut_out_let_in,
        ),
        Figure(
            "Devices lost",
            count(wrong),
            f"at most {goals.devices_lost}",
            is_met=wrong is not None and wrong <= goals.devices_lost,
        ),
        Figure(
            "Drift of both Regions",
            count(found.drift),
            f"at most {goals.drift}",
            is_met=found.drift is not None and found.drift <= goals.drift,
        ),
        Figure(
            "Replication lag p99",
            seconds(lag_s),
            f"at most {goals.lag_p99_s:g} s",
            is_met=lag_s is not None and lag_s <= goals.lag_p99_s,
        ),
    )


def wrong_devices(found: ChurnFigures) -> int | None:
    """Return how many devices are not as they ought to be, in either Region."""
    parts = (found.lost, found.undeleted, found.stale)
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def headline(story: Story, found: ChurnFigures) -> str:
    """Return the outcome of a drill of the registry in one sentence."""
    fault = story.history.fault
    total = sum(found.changes.values())
    if story.verdict.is_pass and fault is not None:
        return (
            f"{fault.region} died and came back under {total} changes, and both"
            " Regions equal the record."
        )
    return f"After {total} changes, the drill missed its objectives."


def names_table(story: Story) -> Table:
    """Return what was done to names, and by whom."""
    history = story.history
    changes = [fact for _, fact in history.each(RegistryChanged)]
    alone = set(_numbers_alone(history))

    def row(name: str, some: list[RegistryChanged]) -> tuple[str, ...]:
        outside = sum(fact.way is Way.OUTSIDE for fact in some)
        lonely = sum(fact.number in alone for fact in some)
        return (name, *map(count, (len(some), len(some) - outside, outside, lonely)))

    rows = [
        row(name, [fact for fact in changes if fact.action is action])
        for action, name in _ACTIONS.items()
    ]
    return Table(
        "What happened to names",
        ("Change", "Made", "Through hotsite", "Behind its back", "With one Region"),
        (*rows, row("All", changes)) if changes else (),
        note=(
            "Through hotsite: by the onboarding API or into the record. Behind its"
            " back: straight in IoT Core of one Region, where events and the sweep"
            " must find it."
        ),
    )


def _numbers_alone(history: History) -> Iterator[int]:
    """Yield the numbers of the changes that were made with one Region dead."""
    is_alone = False
    for event in history.events:
        is_alone = is_alone or event.fact is history.fault
        if isinstance(event.fact, SiteReturned):
            is_alone = False
        elif is_alone and isinstance(event.fact, RegistryChanged):
            yield event.fact.number


def end_table(found: ChurnFigures) -> Table:
    """Return what was found of each device and certificate at the end."""
    return Table(
        "What became of them",
        ("Devices", "Count", "Wrong", "Wrong means, in either Region"),
        (
            ("Living", count(found.living), count(found.lost), "missing or not let in"),
            ("Revoked", count(found.revoked), "see tries", "let in by a broker"),
            ("Deleted", count(found.deleted), count(found.undeleted), "still there"),
            (
                "Tries of what is shut out",
                count(found.shut_out_tried),
                count(found.shut_out_let_in),
                "accepted by a broker",
            ),
            (
                "Last change",
                count(found.living + found.revoked),
                count(found.stale),
                "an older one is shown",
            ),
        ),
        note=(
            "Every certificate that ever was has tried to connect to both brokers;"
            " every device was asked for in both registries."
        ),
    )


def sweep_table(story: Story) -> Table:
    """Return how the Regions came to equal the record."""
    rows = tuple(
        (
            f"{event.at_s - story.zero_s:+.0f} s".replace("-", "\u2212"),
            fact.region,
            "repair" if fact.is_repair else "comparison",
            count(fact.names),
            count(fact.drift),
            count(fact.pending),
            count(fact.adopted + fact.applied),
        )
        for event, fact in story.history.each(RegionSwept)
    )
    return Table(
        "Record against Regions",
        ("When", "Region", "Pass", "Names", "Differ", "At work", "Settled"),
        rows,
        note=(
            "A comparison is what hotsite verify does; a repair is the sweep, called"
            " before its time."
        ),
    )


def tables_of(story: Story) -> Iterable[Table]:
    """Return the tables of a drill of the registry, in their order."""
    yield names_table(story)
    if story.verdict.churn is not None:
        yield end_table(story.verdict.churn)
    yield sweep_table(story)


def _share(part: int | None, whole: str) -> str:
    return tables.UNKNOWN if part is None else f"{part} of {whole}"
