"""Verdict and report as plain text, for a terminal, a log or a mail."""

from collections.abc import Iterable, Iterator

from hotsite.core.journal import Event
from hotsite.core.verdict import Verdict
from hotsite.faces.render import churn, kinds, tables
from hotsite.faces.render.story import Story, tell
from hotsite.faces.render.tables import Table


def verdict_text(verdict: Verdict) -> str:
    """Return a verdict as a few lines that end with a line feed."""
    word = "PASS" if verdict.is_pass else "FAIL"
    lines = [
        (
            f"{word}  {verdict.scenario}: {verdict.devices} devices,"
            f" world {verdict.world}, seed {verdict.seed}"
        ),
        "",
        *table_lines(tables.figure_table(kinds.figures_of(verdict))),
    ]
    if verdict.reasons:
        lines += ["", *(f"- {reason}" for reason in verdict.reasons)]
    return "\n".join(lines) + "\n"


def report_text(events: Iterable[Event]) -> str:
    """Return the whole report of a drill as text.

    Args:
        events: All events, in the order of the journal.

    Returns:
        The report; it ends with a line feed.

    Raises:
        InvalidInputError: The events are no journal.
    """
    story = tell(events)
    parts = (*_parts(story), tables.moment_table(story), tables.run_table(story))
    lines = [kinds.headline_of(story), "", verdict_text(story.verdict)]
    for table in filter(lambda part: part.rows, parts):
        lines += [table.caption.upper(), *table_lines(table), ""]
    lines += ["AGAIN", *(f"  {command}" for command in tables.commands(story))]
    return "\n".join(lines) + "\n"


def _parts(story: Story) -> Iterable[Table]:
    if story.verdict.churn is not None:
        yield from churn.tables_of(story)
        return
    yield from kinds.tables_of(story)
    yield tables.loss_table(story)
    yield tables.return_table(story.verdict)
    yield tables.registry_table(story)
    yield tables.slowest_table(story)


def table_lines(table: Table) -> Iterator[str]:
    """Yield a table's lines, its columns below each other."""
    rows = (table.headers, *table.rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip()
