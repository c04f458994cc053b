"""A drawing of lanes below each other over one axis of time."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from hotsite.faces.render.charts import Layout, Scale, label, text_width
from hotsite.faces.render.markup import Markup, tag

_Held = TypeVar("_Held", bound="Held")
BAND = 24.0
_GAP = 14.0
_PADDING = 6.0


class Held(Protocol):
    """Something that held for a time."""

    @property
    def start_s(self) -> float:
        """Return when it began, on the drawing's clock."""
        ...

    @property
    def end_s(self) -> float:
        """Return when it ended, likewise."""
        ...

    @property
    def label(self) -> str:
        """Return what held."""
        ...


@dataclass(slots=True)
class Sheet:
    """A drawing that grows downwards.

    Attributes:
        layout: How large it is.
        x: Where a time is.
        parts: What was drawn.
        titles: Of the lanes; drawn last, so that no line crosses them out.
        y: How far down it goes.
    """

    layout: Layout
    x: Scale
    parts: list[Markup] = field(default_factory=list)
    titles: list[Markup] = field(default_factory=list)
    y: float = 0.0

    @property
    def hatch(self) -> str:
        """Return the fill of what is off."""
        return f"url(#hatch-{self.layout.name})"

    def title(self, text: str) -> None:
        """Write a lane's title and go on below it."""
        self.y += _GAP + self.layout.font
        self.titles.append(label(text, self.x.start, self.y, class_="lane"))
        self.y += 6

    def band(
        self, spans: Sequence[_Held], css: Callable[[_Held], str], *, empty: str
    ) -> None:
        """Draw what held over time, each stretch with its name where it fits.

        Args:
            spans: In order.
            css: Class of each: ``a``, ``b``, ``phase``, or ``off`` for hatched.
            empty: Name of a stretch that has none.
        """
        for span in spans:
            start, end = self.x(span.start_s), self.x(span.end_s)
            kind = css(span)
            fill = self.hatch if kind == "off" else None
            self._block(start, max(end - start - 1, 0.5), kind, fill)
            text = span.label or empty
            if text_width(text, self.layout) + 2 * _PADDING <= end - start:
                middle = self.y + BAND / 2 + self.layout.font * 0.36
                css_of_text = f"on on-{kind}"
                at = start + _PADDING
                self.parts.append(label(text, at, middle, class_=css_of_text))
        self.y += BAND

    def strokes(self, times: Iterable[float], css: str) -> None:
        """Draw a stroke for each time."""
        for at_s in times:
            self._block(self.x(at_s), 1.5, css, None)
        self.y += BAND

    def _block(self, x: float, width: float, css: str, fill: str | None) -> None:
        self.parts.append(
            tag(
                "rect",
                x=x,
                y=self.y,
                width=width,
                height=BAND,
                class_=f"band {css}",
                fill=fill,
            )
        )


def hatch(layout: Layout) -> Markup:
    """Return the pattern of what is off."""
    stroke = tag("path", d="M0 0 L0 8", class_="hatch-line")
    pattern = tag(
        "pattern",
        tag("rect", width=8, height=8, class_="hatch-ground"),
        stroke,
        id=f"hatch-{layout.name}",
        width=8,
        height=8,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    )
    return tag("defs", pattern)
