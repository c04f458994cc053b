"""The distribution of the recovery time over the fleet, and its parts."""

from dataclasses import dataclass
from math import inf

from hotsite.faces.render.charts import (
    WIDE,
    Layout,
    Scale,
    frame,
    label,
    line,
    path,
    percent_grid,
    steps,
    text_width,
    time_axis,
)
from hotsite.faces.render.markup import Markup, tag
from hotsite.faces.render.story import Story

_MARGIN = 1.06
_BAR = 24.0


@dataclass(frozen=True, slots=True)
class Wait:
    """One part of what half of the fleet waited for, in seconds since the fault.

    Attributes:
        css: Class that colours it.
        name: What was waited for.
        start_s: When that began.
        end_s: When it was there.
    """

    css: str
    name: str
    start_s: float
    end_s: float

    @property
    def took(self) -> str:
        """Return its length as people read it."""
        return f"{self.end_s - self.start_s:.1f} s"


def waits(story: Story) -> tuple[Wait, ...]:
    """Return what half of the fleet waited for, part by part.

    Devices that know the other site's own name do not wait for health checks and
    DNS: what came after they were back is no part of it.
    """
    phases, rto = story.verdict.phases, story.verdict.rto
    last_s = inf if rto.p50_s is None else rto.p50_s
    parts: list[Wait] = []
    start_s = 0.0
    for css, name, end_s in (
        ("off", "detect", phases.detected_s),
        ("phase", "switch", phases.dns_switched_s),
        ("a", "connect", phases.reconnected_p50_s),
        ("b", "store", rto.p50_s),
    ):
        if end_s is not None and start_s < end_s <= last_s:
            parts.append(Wait(css, name, start_s, end_s))
            start_s = end_s
    return tuple(parts)


def curve(story: Story, layout: Layout) -> Markup:
    """Return the drawing: share of the fleet recovered, over time.

    Args:
        story: A drill with a fault.
        layout: How large to draw.
    """
    goal_s = story.verdict.objectives.rto_s
    last_s = max([goal_s, *story.away_s.values()]) * _MARGIN
    x = Scale(0, last_s, 44.0, layout.width - 10.0)
    top = 2.2 * layout.font
    bottom = top + (220.0 if layout is WIDE else 180.0)
    y = Scale(0, 100, bottom, top)
    parts = [
        *percent_grid(x, y, layout),
        *_steps(story, x, y),
        *_goal(goal_s, x, y, layout),
        *_marks(story, x, y, layout),
    ]
    lane = bottom + 14 + layout.font
    parts += _parts_of_recovery(story, x, lane, layout)
    axis = lane + 6 + _BAR + 6
    parts += time_axis(x, axis, layout, unit="seconds since the fault")
    rto = story.verdict.rto
    description = (
        f"{rto.recovered} of {story.verdict.devices} devices recovered; the"
        f" objective is {goal_s:g} s."
    )
    about = ("curve", "Share of the fleet recovered, over time", description)
    return frame(parts, layout, axis + 3.6 * layout.font, about=about)


def _steps(story: Story, x: Scale, y: Scale) -> list[Markup]:
    devices = story.verdict.devices
    times = sorted(story.away_s.values())
    shares = [(x(t), y(100 * n / devices)) for n, t in enumerate(times, 1)]
    points = [*steps([(x(0), y(0)), *shares])]
    points.append((x.end, points[-1][1]))
    ground = [(x.end, y(0)), (x.start, y(0))]
    return [
        path([*points, *ground], class_="area b soft"),
        path(points, class_="curve-line"),
    ]


def _goal(goal_s: float, x: Scale, y: Scale, layout: Layout) -> list[Markup]:
    at, text = x(goal_s), f"objective {goal_s:g} s"
    is_crowded = at + text_width(text, layout) / 2 > x.end
    return [
        line(at, y(100) - 8, at, y(0), class_="goal"),
        label(
            text,
            x.end if is_crowded else at,
            y(100) - 13,
            text_anchor="end" if is_crowded else "middle",
            class_="goal-label",
        ),
    ]


def _marks(story: Story, x: Scale, y: Scale, layout: Layout) -> list[Markup]:
    rto = story.verdict.rto
    parts: list[Markup] = []
    for name, share, at_s in (
        ("p50", 50, rto.p50_s),
        ("p90", 90, rto.p90_s),
        ("p99", 99, rto.p99_s),
    ):
        if at_s is None:
            continue
        at, text = x(at_s), f"{name} {at_s:.1f} s"
        is_crowded = at + 9 + text_width(text, layout) > x(
            story.verdict.objectives.rto_s
        )
        is_crowded = is_crowded and at > text_width(text, layout) + 9
        # Below the dot's height on the right, above it on the left: clear of the line.
        lift = -0.4 if is_crowded else 1.1
        parts += [
            tag("circle", cx=at, cy=y(share), r=4, class_="dot"),
            label(
                text,
                at - 9 if is_crowded else at + 9,
                y(share) + lift * layout.font,
                text_anchor="end" if is_crowded else "start",
                class_="mark",
            ),
        ]
    return parts


def _parts_of_recovery(
    story: Story, x: Scale, y: float, layout: Layout
) -> list[Markup]:
    """Draw what the first half of the fleet waited for, as one divided bar."""
    parts = [label("What half of the fleet waited for", x.start, y, class_="lane")]
    for wait in waits(story):
        css, text, start_s, end_s = wait.css, wait.name, wait.start_s, wait.end_s
        width = x(end_s) - x(start_s)
        parts.append(
            tag(
                "rect",
                x=x(start_s),
                y=y + 6,
                width=max(width - 1, 0.5),
                height=_BAR,
                class_=f"band {css}",
                fill=f"url(#hatch-{layout.name})" if css == "off" else None,
            )
        )
        if text_width(text, layout) + 12 <= width:
            middle = y + 6 + _BAR / 2 + layout.font * 0.36
            parts.append(label(text, x(start_s) + 6, middle, class_=f"on on-{css}"))
    return parts
