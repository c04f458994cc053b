"""The pieces that pages are made of: sections, cards, legends, tables, the head."""

from collections.abc import Iterable
from importlib import resources

from hotsite.faces.render.markup import Markup, join, tag
from hotsite.faces.render.tables import Figure, Table


def head(title: str) -> Markup:
    """Return a page's head, the style sheet inside."""
    style = resources.files(__package__).joinpath("report.css").read_text("utf-8")
    return tag(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="color-scheme" content="light dark">'),
        tag("title", title),
        tag("style", Markup(style)),
    )


def section(title: str, *children: str) -> Markup:
    """Return a section under a heading."""
    return tag("section", tag("h2", title), *children)


def card(figure: Figure) -> Markup:
    """Return one deciding figure."""
    mark = "\u2713" if figure.is_met else "\u2715"
    kind = "met" if figure.is_met else "missed"
    is_number = figure.value[0].isdigit()
    return tag(
        "div",
        tag("dt", figure.name),
        tag("dd", figure.value, class_="value" if is_number else "value word"),
        tag("dd", f"wanted: {figure.wanted}", class_="wanted"),
        tag("dd", f"{mark} {figure.word}", class_="judgement"),
        class_=f"card {kind}",
    )


def legend(entries: Iterable[tuple[str, str]]) -> Markup:
    """Return what the colours mean: class and text."""
    items = (
        tag("li", tag("span", class_=f"swatch {css}", aria_hidden="true"), text)
        for css, text in entries
    )
    return tag("ul", *items, class_="legend")


def table(content: Table, css: str = "numbers") -> Markup:
    """Return a table; nothing where it has no rows."""
    if not content.rows:
        return Markup()
    head = tag("tr", *(tag("th", text, scope="col") for text in content.headers))
    rows = (
        tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in rest))
        for first, *rest in content.rows
    )
    element = tag(
        "table",
        tag("caption", content.caption),
        tag("thead", head),
        tag("tbody", *rows),
        class_=css,
    )
    note = tag("p", content.note, class_="note") if content.note else Markup()
    return join(element, note)
