"""Scales, axes and marks that both drawings of a report share."""

from collections.abc import Sequence
from dataclasses import dataclass

from hotsite.faces.render.markup import Markup, tag

_STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1200, 3600)


@dataclass(frozen=True, slots=True)
class Layout:
    """How large a drawing is: one for wide paper, one for a phone.

    Attributes:
        name: Class that the style sheet shows or hides.
        width: Width of the drawing, in its own units.
        font: Height of its letters, in the same units.
    """

    name: str
    width: int
    font: float


WIDE = Layout("wide", 960, 13)
NARROW = Layout("narrow", 360, 12)
LAYOUTS = (WIDE, NARROW)


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps a value to a place on the drawing, linearly."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value; values outside are clamped."""
        inside = min(max(value, self.low), self.high)
        share = (inside - self.low) / ((self.high - self.low) or 1)
        return self.start + share * (self.end - self.start)

    def ticks(self, room: float) -> tuple[float, ...]:
        """Return round values, at least ``room`` units apart."""
        span, length = self.high - self.low, abs(self.end - self.start)
        fitting = (s for s in _STEPS if s * length / (span or 1) >= room)
        step = next(fitting, _STEPS[-1])
        first = int(-(-self.low // step))
        last = int(self.high // step)
        return tuple(float(number * step) for number in range(first, last + 1))


def text_width(text: str, layout: Layout) -> float:
    """Return a careful guess of a text's width; no browser is at hand."""
    return len(text) * layout.font * 0.56


def label(text: str, x: float, y: float, **attributes: object) -> Markup:
    """Return a text at a place."""
    return tag("text", text, x=x, y=y, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, **attributes: object) -> Markup:
    """Return a line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, **attributes)


def path(points: Sequence[tuple[float, float]], **attributes: object) -> Markup:
    """Return a path through points; give ``fill`` by its class."""
    places = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return tag("path", d=f"M{places}", **attributes)


def steps(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return points joined by steps: a value holds until the next one."""
    joined: list[tuple[float, float]] = []
    for x, y in points:
        if joined:
            joined.append((x, joined[-1][1]))
        joined.append((x, y))
    return joined


def frame(
    parts: Sequence[str], layout: Layout, height: float, *, about: tuple[str, str, str]
) -> Markup:
    """Return a drawing that says what it shows.

    Args:
        parts: What is drawn, back to front.
        layout: How wide it is.
        height: How high it is.
        about: Identifier, title and description.
    """
    name, title, description = about
    identifier = f"{name}-{layout.name}"
    return tag(
        "svg",
        tag("title", title, id=f"{identifier}-title"),
        tag("desc", description, id=f"{identifier}-desc"),
        *parts,
        viewBox=f"0 0 {layout.width} {height:g}",
        class_=f"chart {layout.name}",
        font_size=layout.font,
        role="img",
        aria_labelledby=f"{identifier}-title {identifier}-desc",
    )


def side_label(text: str, x: Scale, y: float, layout: Layout) -> Markup:
    """Return the text of a level, beside the drawing's left edge."""
    text_y = y + layout.font * 0.36
    return label(text, x.start - 5, text_y, text_anchor="end", class_="tick")


def percent_grid(x: Scale, y: Scale, layout: Layout) -> list[Markup]:
    """Return lines at 0, 50 and 100 %, and what they are."""
    parts: list[Markup] = []
    for share in (0, 50, 100):
        at = y(share)
        parts += [
            line(x.start, at, x.end, at, class_="grid"),
            side_label(f"{share} %", x, at, layout),
        ]
    return parts


def time_axis(scale: Scale, y: float, layout: Layout, *, unit: str) -> list[Markup]:
    """Return ticks, their numbers and the unit below a drawing."""
    room = text_width("+000", layout) * (1.6 if layout is WIDE else 1.2)
    parts = [line(scale.start, y, scale.end, y, class_="axis")]
    for value in scale.ticks(room):
        x = scale(value)
        number = f"{value:g}".replace("-", "\u2212")
        parts += [
            line(x, y, x, y + 4, class_="axis"),
            label(number, x, y + 6 + layout.font, text_anchor="middle", class_="tick"),
        ]
    middle = (scale.start + scale.end) / 2
    parts.append(
        label(
            unit,
            middle,
            y + 10 + 2.2 * layout.font,
            text_anchor="middle",
            class_="tick",
        )
    )
    return parts
