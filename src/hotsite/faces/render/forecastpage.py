"""A forecast as one self-contained page: no script, no fetch, no fonts."""

import re
from collections.abc import Iterable
from dataclasses import replace

from hotsite.core.forecast.outlook import Outlook
from hotsite.core.hardship import Follow
from hotsite.faces.render import forecast, parts
from hotsite.faces.render.charts import LAYOUTS
from hotsite.faces.render.forecastcurve import drawing
from hotsite.faces.render.markup import Markup, join, tag
from hotsite.faces.render.tables import Table

_UNIT = re.compile(r"(\d) (s|h|%)(?!\w)")


def html(outlook: Outlook, *, more: Iterable[Table] = ()) -> str:
    """Return the whole forecast as one HTML document.

    Args:
        outlook: The forecast.
        more: Tables that come after its own.
    """
    word = "Missed" if outlook.reasons else "Met"
    devices = f"{outlook.plan.devices:,}"
    head = parts.head(f"{word}: forecast for {devices} devices \u2013 hotsite")
    sections = (_section(table) for table in (*forecast.tables(outlook), *more))
    main = tag(
        "main",
        tag("dl", *map(parts.card, forecast.figures(outlook)), class_="cards three"),
        parts.section(
            "The fleet comes back",
            tag(
                "p",
                "A device is back when telemetry that it published after the fault is"
                " stored in the surviving Region.",
            ),
            *(drawing(outlook, layout) for layout in LAYOUTS),
            parts.legend(_legend(outlook)),
        ),
        *sections,
    )
    foot = tag("footer", tag("p", "A forecast is arithmetic; a drill measures."))
    body = tag("body", _banner(outlook, word), main, foot)
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _banner(outlook: Outlook, word: str) -> Markup:
    plan = outlook.plan
    mark = "\u2715" if outlook.reasons else "\u2713"
    facts = (
        f"Forecast: {forecast.FAULTS[plan.fault]};"
        f" {forecast.POLICIES[plan.device.follow]}"
    )
    items = [tag("li", _unbroken(reason)) for reason in outlook.reasons]
    return tag(
        "header",
        tag("p", tag("span", f"{mark} {word}", class_="badge"), class_="word"),
        tag("h1", _unbroken(forecast.headline(outlook))),
        tag("ul", *items, class_="reasons") if items else "",
        tag("p", facts, class_="facts"),
        class_="fail" if outlook.reasons else "pass",
    )


def _legend(outlook: Outlook) -> Iterable[tuple[str, str]]:
    yield "b", "devices that are back"
    if outlook.plan.device.follow is not Follow.PRE_WARMED:
        yield "a", "CONNECTs that are admitted"
        yield "wait", "CONNECTs that are refused"


def _section(table: Table) -> Markup:
    if not table.rows:
        return join()
    rows = tuple(tuple(map(_unbroken, row)) for row in table.rows)
    # A table of two columns is one of words: its values may be long.
    is_words = table.headers[1:] == ("Value",)
    whole = parts.table(replace(table, rows=rows), "words" if is_words else "numbers")
    return parts.section(table.caption, tag("div", whole, class_="scroll"))


def _unbroken(text: str) -> str:
    """Return a text in which no line ends between a number and its unit."""
    return _UNIT.sub("\\1\u00a0\\2", text)
