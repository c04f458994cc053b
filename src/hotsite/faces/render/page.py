"""The report as one self-contained page: no script, no fetch, no fonts."""

import re
from collections.abc import Iterable

from hotsite.core.journal import Event
from hotsite.faces.render import churn, course, kinds, parts, tables
from hotsite.faces.render.charts import LAYOUTS
from hotsite.faces.render.curve import curve, waits
from hotsite.faces.render.markup import Markup, join, tag
from hotsite.faces.render.story import Story, tell
from hotsite.faces.render.timeline import timeline

_TIME = r"\d[\d.]* s\b"


def report_html(events: Iterable[Event]) -> str:
    """Return the whole report of a drill as one HTML document.

    Args:
        events: All events, in the order of the journal.

    Returns:
        The document; everything it needs is inside, and every text of the
        journal is escaped.

    Raises:
        InvalidInputError: The events are no journal.
    """
    story = tell(events)
    started = story.history.started
    title = f"{_word(story)}: {started.scenario} \u2013 hotsite drill"
    head = parts.head(title)
    body = tag("body", _banner(story), tag("main", *_sections(story)), _footer(story))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _word(story: Story) -> str:
    return "Pass" if story.verdict.is_pass else "Fail"


def _banner(story: Story) -> Markup:
    verdict = story.verdict
    mark = "\u2713" if verdict.is_pass else "\u2715"
    facts = (
        f"Drill \u201c{verdict.scenario}\u201d, {verdict.devices} devices, world"
        f" {verdict.world}, seed {verdict.seed}"
    )
    items = [tag("li", _unbroken(reason, story)) for reason in verdict.reasons]
    return tag(
        "header",
        tag("p", tag("span", f"{mark} {_word(story)}", class_="badge"), class_="word"),
        tag("h1", _unbroken(kinds.headline_of(story), story)),
        tag("ul", *items, class_="reasons") if items else "",
        tag("p", facts, class_="facts"),
        class_="pass" if verdict.is_pass else "fail",
    )


def _unbroken(text: str, story: Story) -> Markup:
    """Return a sentence in which no line ends inside a Region's name or a time."""
    started = story.history.started
    names = (re.escape(name) for name in (started.active, started.standby) if name)
    pieces = re.split(f"({'|'.join((*names, _TIME))})", text)
    return join(
        *(
            tag("span", piece, class_="name") if place % 2 else piece
            for place, piece in enumerate(pieces)
        )
    )


def _sections(story: Story) -> Iterable[Markup]:
    verdict = story.verdict
    yield tag("dl", *map(parts.card, kinds.figures_of(verdict)), class_="cards")
    yield parts.section(
        "Timeline",
        *(timeline(story, layout) for layout in LAYOUTS),
        parts.legend(_regions(story)),
    )
    if verdict.churn is None:
        yield from _recovery_sections(story)
    else:
        for table in churn.tables_of(story):
            yield parts.section(table.caption, parts.table(table))
    yield parts.section(
        "What happened", parts.table(tables.moment_table(story), "moments")
    )
    yield parts.section(
        "This run",
        parts.table(tables.run_table(story), "words"),
        tag("h3", "Play it again"),
        tag("pre", "\n".join(tables.commands(story))),
        tag("h3", "Scenario"),
        tag("pre", story.history.started.scenario_text.strip()),
    )


def _recovery_sections(story: Story) -> Iterable[Markup]:
    verdict = story.verdict
    if story.away_s and verdict.course is None:
        yield parts.section(
            "How long devices were away",
            tag(
                "p",
                "A device is back when telemetry that it published after the fault"
                " is stored in the surviving site.",
            ),
            *(curve(story, layout) for layout in LAYOUTS),
            parts.legend(
                (wait.css, f"{wait.name}: {wait.took}") for wait in waits(story)
            ),
        )
    yield from (
        parts.section(table.caption, parts.table(table, "words"))
        for table in (course.tables_of(story) if verdict.course else ())
        if table.rows
    )
    yield tag(
        "div",
        parts.section(
            "Recovery, step by step", parts.table(tables.recovery_table(verdict))
        )
        if verdict.course is None
        else "",
        parts.section(
            "Readiness of the standby",
            parts.table(tables.registry_table(story)),
            parts.table(tables.slowest_table(story)),
        ),
        class_="pair",
    )
    yield parts.section(
        "Messages, accounted for", parts.table(tables.loss_table(story))
    )
    if verdict.returned is not None:
        table = tables.return_table(verdict)
        yield parts.section(table.caption, parts.table(table))


def _regions(story: Story) -> Iterable[tuple[str, str]]:
    started = story.history.started
    return (
        ("a", f"{started.active} (active)"),
        ("b", f"{started.standby} (standby)"),
        ("off", "offline or unhealthy"),
    )


def _footer(story: Story) -> Markup:
    version = story.history.started.versions.get("hotsite", "unknown")
    return tag(
        "footer",
        tag("p", f"Made by hotsite {version} from the journal of the drill alone."),
    )
