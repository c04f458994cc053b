"""The drawing of a forecast: the fleet that comes back, and the CONNECTs that takes."""

from collections.abc import Iterator, Sequence

from hotsite.core.forecast.outlook import Outlook
from hotsite.core.hardship import Follow
from hotsite.faces.render.charts import (
    WIDE,
    Layout,
    Scale,
    frame,
    label,
    line,
    path,
    percent_grid,
    side_label,
    steps,
    text_width,
    time_axis,
)
from hotsite.faces.render.markup import Markup, tag

_MARGIN = 1.04


def drawing(outlook: Outlook, layout: Layout) -> Markup:
    """Return the drawing.

    Args:
        outlook: The forecast.
        layout: How large to draw.
    """
    series, goal_s = outlook.found.series, outlook.goals.rto_s
    last_s = max(len(series.recovered) * series.step_s, goal_s) * _MARGIN
    x = Scale(0, last_s, 56.0, layout.width - 10.0)
    top = 2.4 * layout.font
    bottom = top + (220.0 if layout is WIDE else 170.0)
    y = Scale(0, 100, bottom, top)
    parts = [
        *_shares(outlook, x, y, layout),
        *_goal(goal_s, x, y, layout),
        *_marks(outlook, x, y, layout),
    ]
    if outlook.plan.device.follow is not Follow.PRE_WARMED:
        storm, bottom = _storm(outlook, x, bottom, layout)
        parts += storm
    parts += time_axis(x, bottom + 8, layout, unit="seconds since the fault")
    description = (
        f"99 % of {outlook.plan.devices:,} devices are back after"
        f" {_seconds(outlook.found.rto.p99_s)}; the objective is {goal_s:g} s."
    )
    about = ("forecast", "Share of the fleet recovered, over time", description)
    return frame(parts, layout, bottom + 8 + 3.6 * layout.font, about=about)


def _seconds(value_s: float | None) -> str:
    if value_s is None:
        return "never"
    return f"{value_s:,.1f} s" if value_s < 100 else f"{value_s:,.0f} s"  # noqa: PLR2004


def _shares(outlook: Outlook, x: Scale, y: Scale, layout: Layout) -> Iterator[Markup]:
    yield from percent_grid(x, y, layout)
    series, devices = outlook.found.series, outlook.plan.devices
    points = [(x(0), y(0))] + [
        (x((place + 1) * series.step_s), y(100 * count / devices))
        for place, count in enumerate(series.recovered)
    ]
    points.append((x.end, points[-1][1]))
    yield path([*points, (x.end, y(0)), (x.start, y(0))], class_="area b soft")
    yield path(points, class_="curve-line")


def _goal(goal_s: float, x: Scale, y: Scale, layout: Layout) -> Iterator[Markup]:
    at, text = x(goal_s), f"objective {goal_s:g} s"
    half = text_width(text, layout) / 2
    middle = min(max(at, x.start + half), x.end - half)
    yield line(at, y(100) - 8, at, y(0), class_="goal")
    yield label(text, middle, y(100) - 13, text_anchor="middle", class_="goal-label")


def _marks(outlook: Outlook, x: Scale, y: Scale, layout: Layout) -> Iterator[Markup]:
    rto = outlook.found.rto
    for name, share, at_s in (
        ("p50", 50, rto.p50_s),
        ("p90", 90, rto.p90_s),
        ("p99", 99, rto.p99_s),
    ):
        if at_s is None:
            continue
        at, text = x(at_s), f"{name} {_seconds(at_s)}"
        end, goal = at + 9 + text_width(text, layout), x(outlook.goals.rto_s)
        has_room = at - 9 - text_width(text, layout) > x.start
        is_late = end > x.end or (at <= goal < end and has_room)
        yield tag("circle", cx=at, cy=y(share), r=4, class_="dot")
        yield label(
            text,
            at - 9 if is_late else at + 9,
            y(share) + (-0.4 if is_late else 1.1) * layout.font,
            text_anchor="end" if is_late else "start",
            class_="mark",
        )


def _storm(
    outlook: Outlook, x: Scale, top: float, layout: Layout
) -> tuple[list[Markup], float]:
    """Return CONNECTs a second, offered and admitted, and where that ends."""
    series = outlook.found.series
    caption = top + 14 + layout.font
    start = caption + 0.9 * layout.font
    bottom = start + (90.0 if layout is WIDE else 70.0)
    highest = max([*series.offered_per_s, 1.0])
    y = Scale(0, highest, bottom, start)
    parts = [
        label("CONNECTs a second", x.start, caption, class_="lane"),
        line(x.start, bottom, x.end, bottom, class_="grid"),
        line(x.start, start, x.end, start, class_="grid"),
        *(side_label(_short(value), x, y(value), layout) for value in (0.0, highest)),
    ]
    for css, values in (
        ("area waiting", series.offered_per_s),
        ("area a", series.admitted_per_s),
    ):
        parts.append(path(_ground(values, series.step_s, x, y), class_=css))
    return parts, bottom


def _ground(
    values: Sequence[float], step_s: float, x: Scale, y: Scale
) -> list[tuple[float, float]]:
    tops = [(x(place * step_s), y(value)) for place, value in enumerate(values)]
    end = x(len(values) * step_s)
    joined = steps([*tops, (end, y(0))])
    return [(x(0), y(0)), *joined]


def _short(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.1f}".removesuffix(".0") + f" {letter}"
    return f"{value:.0f}"
