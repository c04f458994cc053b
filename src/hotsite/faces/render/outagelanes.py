"""The timeline of an outage: epochs, what each guard did, what operators did."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from hotsite.core import outage as outages
from hotsite.core.operations import Action
from hotsite.core.outage import Outage, Stretch
from hotsite.faces.render.charts import (
    WIDE,
    Layout,
    Scale,
    frame,
    label,
    line,
    time_axis,
)
from hotsite.faces.render.lanes import Sheet, hatch
from hotsite.faces.render.markup import Markup

_GUTTER = 10.0
_MINUTE_S, _HOUR_S = 60.0, 3600.0
_UNITS = (("h", "hours", _HOUR_S, 3 * _HOUR_S), ("min", "minutes", _MINUTE_S, 900.0))


@dataclass(frozen=True, slots=True)
class _Span:
    """A stretch on the drawing's clock, in its unit since the first line."""

    start_s: float
    end_s: float
    label: str
    css: str


def timeline(found: Outage, layout: Layout) -> Markup:
    """Return the drawing.

    Args:
        found: The outage; it has a line.
        layout: How large to draw.
    """
    unit, length_s = _unit(found.end_s - found.start_s)
    x = Scale(
        0.0, (found.end_s - found.start_s) / length_s, _GUTTER, layout.width - _GUTTER
    )
    sheet = Sheet(layout, x, [hatch(layout)], y=layout.font + 4)
    top = sheet.y
    at = _Clock(found.start_s, length_s)
    sheet.title("Active, by the newest epoch")
    sheet.band(list(_epochs(found, at)), _css, empty="before")
    for site, region in sorted(found.regions.items()):
        sheet.title(f"What {region} did" if layout is WIDE else region)
        lane = outages.stretches(found, site)
        spans = [span for one in lane for span in _of(one, site, at)]
        sheet.band(spans, _css, empty="")
    times = list(_operators(found, at))
    if times:
        sheet.title("Operators")
        sheet.strokes(times, "cut")
    sheet.parts += list(_marks(found, at, sheet, top))
    begun = dt.datetime.fromtimestamp(found.start_s, dt.UTC)
    words = f"{unit} since {begun:%H:%M:%S} UTC"
    sheet.parts += [*sheet.titles, *time_axis(x, sheet.y + 6, layout, unit=words)]
    height = sheet.y + 6 + 3.6 * layout.font
    about = ("outage", "Timeline of the outage", _description(found))
    return frame(sheet.parts, layout, height, about=about)


@dataclass(frozen=True, slots=True)
class _Clock:
    zero_s: float
    unit_s: float

    def __call__(self, at_s: float) -> float:
        return (at_s - self.zero_s) / self.unit_s


def _unit(length_s: float) -> tuple[str, float]:
    for _, name, unit_s, from_s in _UNITS:
        if length_s >= from_s:
            return name, unit_s
    return "seconds", 1.0


def _epochs(found: Outage, at: _Clock) -> Iterator[_Span]:
    turns = outages.turns(found)
    if not turns:
        yield _Span(0.0, at(found.end_s), "no new epoch", "phase")
        return
    if turns[0].at_s > found.start_s:
        yield _Span(0.0, at(turns[0].at_s), "before", "phase")
    edges = [*((one.at_s, one) for one in turns), (found.end_s, turns[-1])]
    for (start_s, turn), (end_s, _) in pairwise(edges):
        name = f"{turn.number}: {found.regions[turn.active]}"
        yield _Span(at(start_s), at(end_s), name, turn.active)


def _of(stretch: Stretch, site: str, at: _Clock) -> Iterator[_Span]:
    css = "phase"
    if stretch.is_active:
        css = site
    elif stretch.action == Action.WAIT.value:
        css = "off"
    told_s = stretch.end_s if stretch.lost_s is None else stretch.lost_s
    yield _Span(at(stretch.start_s), at(told_s), stretch.action, css)
    if stretch.silent_until_s is not None:
        yield _Span(at(told_s), at(stretch.silent_until_s), "silent", "off")


def _css(span: _Span) -> str:
    return span.css


def _operators(found: Outage, at: _Clock) -> Iterator[float]:
    for one in found.lines:
        if not one.entry.by.startswith(("guard of ", "readiness of ")):
            yield at(one.entry.at_s)


def _marks(found: Outage, at: _Clock, sheet: Sheet, top: float) -> Iterator[Markup]:
    """Yield a line through all lanes for each epoch."""
    last_x = -1e9
    for turn in outages.turns(found):
        x = sheet.x(at(turn.at_s))
        yield line(x, top + 2, x, sheet.y, class_="fault")
        if x - last_x > 6 * sheet.layout.font:
            anchor = "end" if x > sheet.layout.width * 0.8 else "start"
            text = f"epoch {turn.number}"
            yield label(text, x, top - 2, text_anchor=anchor, class_="fault-label")
            last_x = x


def _description(found: Outage) -> str:
    told = outages.figures(found)
    return (
        f"The site changed {told.switches} times in "
        f"{found.end_s - found.start_s:.0f} s; nobody was active for "
        f"{told.none_active_s:.0f} s, and two sites were for at most "
        f"{told.two_active_s:.0f} s."
    )
