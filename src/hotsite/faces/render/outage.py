"""An outage for people: as text, and as one page like a drill's."""

import datetime as dt
import re
from collections.abc import Iterator
from importlib.metadata import version

from hotsite.core import outage as outages
from hotsite.core.outage import Outage, Turn
from hotsite.core.standing import FencePolicy
from hotsite.faces.render import outagelanes, parts
from hotsite.faces.render.charts import LAYOUTS
from hotsite.faces.render.markup import Markup, join, tag
from hotsite.faces.render.tables import Figure, Table
from hotsite.faces.render.text import table_lines

_NOTHING = "-"


def text(found: Outage) -> str:
    """Return the whole report as text; it ends with a line feed."""
    lines = [headline(found), ""]
    lines += [f"! {gap}" for gap in outages.gaps(found)]
    for table in (figure_table(found), turn_table(found), line_table(found)):
        if table.rows:
            lines += ["", table.caption.upper(), *table_lines(table)]
    return "\n".join(lines) + "\n"


def html(found: Outage) -> str:
    """Return the whole report as one HTML document, everything inside."""
    head = parts.head(f"{headline(found)} \u2013 hotsite")
    body = tag("body", _banner(found), tag("main", *_sections(found)), _footer())
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def headline(found: Outage) -> str:
    """Return the outage in one sentence."""
    if not found.lines:
        return "The journal of operations has no line of this time."
    turns = outages.turns(found)
    if not turns:
        return f"Nobody took over; lines in the journal: {len(found.lines):,}."
    last = turns[-1]
    told = outages.figures(found)
    where = found.regions[last.active]
    if not told.switches:
        return f"{where} stayed active: epoch {last.number}, by {last.by}."
    times = _times(told.switches)
    return f"The fleet's site changed {times}; {where} is active, by {last.by}."


def _banner(found: Outage) -> Markup:
    gaps = list(outages.gaps(found))
    is_calm = all(card.is_met for card in cards(found))
    items = [tag("li", gap) for gap in gaps]
    start, end = _moment(found.start_s), _moment(found.read_at_s)
    facts = f"{len(found.lines):,} lines since {start}, read {end}"
    return tag(
        "header",
        tag("p", tag("span", _badge(found), class_="badge"), class_="word"),
        tag("h1", _unbroken(headline(found), found)),
        tag("ul", *items, class_="reasons") if items else "",
        tag("p", facts, class_="facts"),
        class_="pass" if is_calm else "fail",
    )


def _unbroken(sentence: str, found: Outage) -> Markup:
    """Return a sentence in which no line ends inside a Region's name."""
    names = "|".join(map(re.escape, found.regions.values()))
    pieces = re.split(f"({names})", sentence)
    return join(
        *(
            tag("span", piece, class_="name") if place % 2 else piece
            for place, piece in enumerate(pieces)
        )
    )


def _badge(found: Outage) -> str:
    if list(outages.gaps(found)):
        return "\u0021 Outage, with gaps in what is known"
    return "Outage, as both Regions tell it"


def _sections(found: Outage) -> Iterator[Markup]:
    yield tag("dl", *map(parts.card, cards(found)), class_="cards three")
    if not found.lines:
        return
    yield parts.section(
        "Timeline",
        *(outagelanes.timeline(found, layout) for layout in LAYOUTS),
        parts.legend(
            (
                *((one, f"{name}: active") for one, name in found.regions.items()),
                ("phase", "standing by"),
                ("off", "waiting, or silent"),
            )
        ),
    )
    tables = ((turn_table(found), "ledger turns"), (line_table(found), "ledger"))
    for table, css in tables:
        if table.rows:
            yield parts.section(table.caption, parts.table(table, css))


def cards(found: Outage) -> tuple[Figure, ...]:
    """Return the figures that say whether the fence held, each with its bound."""
    told, policy = outages.figures(found), FencePolicy()
    gaps = len(list(outages.gaps(found)))
    switches = max(1, told.switches)
    two_s, none_s = switches * outages.two_s_max(policy), switches * policy.dns_s_max
    two = f"{told.two_active_s:.0f} s"
    return (
        Figure(
            "Two sites active",
            f"at most {two}" if told.is_two_bound else two,
            f"at most {two_s:.0f} s, the bound of the fence",
            # A second of rounding for each edge.
            is_met=told.two_active_s <= two_s + switches,
        ),
        Figure(
            "Nobody active",
            f"{told.none_active_s:.0f} s",
            f"at most {none_s:.0f} s, what DNS may need",
            is_met=told.none_active_s <= none_s,
        ),
        Figure("Gaps in the journal", str(gaps), "none", is_met=not gaps),
    )


def figure_table(found: Outage) -> Table:
    """Return what the outage comes to."""
    told = outages.figures(found)
    most = "at most " if told.is_two_bound else ""
    return Table(
        "What it comes to",
        ("Figure", "Value"),
        (
            ("The site changed", _times(told.switches)),
            ("Two sites active", f"{most}{told.two_active_s:.1f} s"),
            ("Nobody active", f"{told.none_active_s:.1f} s"),
            ("Active, and silent or sick to the other", f"{told.doubted_s:.1f} s"),
        ),
    )


def turn_table(found: Outage) -> Table:
    """Return who decided what, and why."""
    return Table(
        "Who decided",
        ("At (UTC)", "By", "Epoch", "Why"),
        tuple(_turn(turn, found) for turn in outages.turns(found)),
    )


def _turn(turn: Turn, found: Outage) -> tuple[str, ...]:
    why = turn.reason or _NOTHING
    if turn.overridden:
        why = f"{why}; overridden: {turn.overridden}"
    return (
        _clock(turn.at_s),
        turn.by,
        f"{turn.number}: {found.regions[turn.active]}",
        why,
    )


def line_table(found: Outage) -> Table:
    """Return every line, in order."""
    rows = []
    for line in found.lines:
        entry = line.entry
        rows.append((_clock(entry.at_s), entry.by, entry.what, entry.reason))
    return Table("What was written", ("At (UTC)", "By", "What", "Why"), tuple(rows))


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _clock(at_s: float) -> str:
    return f"{dt.datetime.fromtimestamp(at_s, dt.UTC):%H:%M:%S.%f}"[:-5]


def _moment(at_s: float) -> str:
    return f"{dt.datetime.fromtimestamp(at_s, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def _footer() -> Markup:
    made = f"Made by hotsite {version('hotsite')} from the journal of operations alone."
    note = (
        "A site that dies writes nothing: how long it went on to believe itself active "
        "is the bound of the fence, and is marked as at most."
    )
    return tag("footer", tag("p", join(made, " ", note)))
