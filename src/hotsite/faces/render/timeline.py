"""The timeline: the fleet, DNS, health and backlog over one axis of time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hotsite.core.churn import RegistryChanged
from hotsite.core.epoch import SITES
from hotsite.core.hardship import PowerCut
from hotsite.faces.render import courselanes
from hotsite.faces.render.charts import (
    WIDE,
    Layout,
    Scale,
    frame,
    label,
    line,
    path,
    steps,
    text_width,
    time_axis,
)
from hotsite.faces.render.lanes import Sheet, hatch
from hotsite.faces.render.markup import Markup
from hotsite.faces.render.story import Sample, Span, Story

_PADDING = 6.0


@dataclass(slots=True)
class _Sheet(Sheet):
    """The drawing of a drill."""

    story: Story = field(kw_only=True)

    def css(self, region: str) -> str:
        """Return the class that colours a Region."""
        started = self.story.history.started
        return {started.active: "a", started.standby: "b"}.get(region, "off")


def timeline(story: Story, layout: Layout) -> Markup:
    """Return the drawing.

    Args:
        story: The drill.
        layout: How large to draw.
    """
    gutter = 34.0
    x = Scale(story.start_s, story.end_s, gutter, layout.width - 10.0)
    sheet = _Sheet(layout, x, [hatch(layout)], story=story)
    has_fault = story.history.fault is not None
    sheet.y = layout.font + 4 if has_fault else 0.0
    top = sheet.y
    sheet.title("Phase of the drill")
    _band(sheet, story.phases, lambda _: "phase")
    is_churn = story.history.started.churn is not None
    if is_churn:
        _changes(sheet)
    else:
        _fleet(sheet)
        _power(sheet)
    _dns(sheet)
    _health(sheet)
    if courselanes.is_course(story):
        _course(sheet)
    if not is_churn:
        _backlog(sheet)
    if has_fault:
        at = x(0)
        sheet.parts += [
            line(at, top + 2, at, sheet.y, class_="fault"),
            label(
                "\u25bc fault", at, top - 2, text_anchor="middle", class_="fault-label"
            ),
        ]
    first = "the first act" if courselanes.is_course(story) else "the start"
    unit = f"seconds since {'the fault' if has_fault else first}"
    sheet.parts += [*sheet.titles, *time_axis(x, sheet.y + 6, layout, unit=unit)]
    height = sheet.y + 6 + 3.6 * layout.font
    about = ("timeline", "Timeline of the drill", _description(story))
    return frame(sheet.parts, layout, height, about=about)


def _band(sheet: _Sheet, spans: Sequence[Span], css: Callable[[Span], str]) -> None:
    """Draw what held over time, each stretch with its name where it fits."""
    sheet.band(spans, css, empty="no answer")


def _dns(sheet: _Sheet) -> None:
    sheet.title(f"DNS answer for {sheet.story.witness}")
    _band(sheet, sheet.story.answers, lambda span: sheet.css(span.label))


def _health(sheet: _Sheet) -> None:
    started = sheet.story.history.started
    for region, css in ((started.active, "a"), (started.standby, "b")):
        colours = {True: css, False: "off"}
        spans = sheet.story.health(region)
        if spans:
            sheet.title(f"Health checks of {region}")
            _band(sheet, spans, _by_health(colours))


def _course(sheet: _Sheet) -> None:
    """Draw whose switch was on, what was broken, and what operators did."""
    story = sheet.story
    for letter, css in zip(SITES, "ab", strict=True):
        colours = {True: css, False: "off"}
        sheet.title(f"Switch of site {letter}")
        spans = courselanes.switch_lane(story, letter)
        sheet.band(spans, _by_health(colours), empty="silent")
    operations = courselanes.broken(courselanes.operation_lane(story))
    if operations:
        sheet.title("Operations")
        _band(sheet, operations, lambda _: "phase")
    for name, spans in courselanes.outage_lanes(story):
        sheet.title(f"Broken: {name}")
        _band(sheet, courselanes.broken(spans), lambda _: "cut")


def _by_health(colours: Mapping[bool, str]) -> Callable[[Span], str]:
    return lambda span: colours[span.is_good]


def _changes(sheet: _Sheet) -> None:
    """Draw a stroke for each change of the registry, in its Region's colour."""
    started = sheet.story.history.started
    for region in (started.active, started.standby):
        sheet.title(f"Changes in {region}")
        times = (
            event.at_s
            for event, fact in sheet.story.history.each(RegistryChanged)
            if fact.region == region
        )
        _strokes(sheet, times, sheet.css(region))


def _power(sheet: _Sheet) -> None:
    """Draw a stroke for each power cut, if there were any."""
    times = [event.at_s for event, _ in sheet.story.history.each(PowerCut)]
    if times:
        sheet.title("Power cuts, each of one part of the fleet")
        _strokes(sheet, times, "cut")


def _strokes(sheet: _Sheet, times: Iterable[float], css: str) -> None:
    sheet.strokes((at_s - sheet.story.zero_s for at_s in times), css)


def _fleet(sheet: _Sheet) -> None:
    """Draw devices per Region as stacked areas, those offline on top."""
    story = sheet.story
    sheet.title("Devices connected")
    height = 200.0 if sheet.layout is WIDE else 150.0
    bottom = sheet.y + height
    y = Scale(0, story.verdict.devices, bottom, sheet.y)
    _grid(sheet, y)
    floor = [0.0] * len(story.samples)
    started = story.history.started
    for region, css in ((started.active, "a"), (started.standby, "b"), ("", "off")):
        counts = [_count(sample, region) for sample in story.samples]
        top = [low + count for low, count in zip(floor, counts, strict=True)]
        if any(counts):
            _area(sheet, y, (floor, top), css)
            _name(sheet, y, (floor, top), (region or "offline", css))
        floor = top
    sheet.y = bottom


def _count(sample: Sample, region: str) -> float:
    fleet = sample.fleet
    return float(fleet.connected.get(region, 0) if region else fleet.offline)


_Edges = tuple[Sequence[float], Sequence[float]]


def _area(sheet: _Sheet, y: Scale, edges: _Edges, css: str) -> None:
    places = [sheet.x(sample.at_s) for sample in sheet.story.samples]
    low, high = (
        steps([(x, y(value)) for x, value in zip(places, edge, strict=True)])
        for edge in edges
    )
    fill = sheet.hatch if css == "off" else None
    sheet.parts.append(path([*high, *reversed(low)], class_=f"area {css}", fill=fill))


def _name(sheet: _Sheet, y: Scale, edges: _Edges, name: tuple[str, str]) -> None:
    """Write an area's name where the area is high enough for long enough."""
    text, css = name
    lows, highs = edges
    wanted = sheet.story.verdict.devices / 2
    samples = sheet.story.samples
    run = _longest_run([h - low >= wanted for low, h in zip(lows, highs, strict=True)])
    if not run:
        return
    start, end = (sheet.x(samples[i].at_s) for i in (run[0], run[-1]))
    if text_width(text, sheet.layout) + 2 * _PADDING > end - start:
        return
    middle = y((lows[run[0]] + highs[run[0]]) / 2) + sheet.layout.font * 0.36
    x = (start + end) / 2
    sheet.parts.append(
        label(text, x, middle, text_anchor="middle", class_=f"on on-{css}")
    )


def _longest_run(flags: Sequence[bool]) -> range:
    """Return the places of the longest unbroken run of true flags."""
    best = range(0)
    start = 0
    for place, flag in enumerate(flags):
        if not flag:
            start = place + 1
        elif place + 1 - start > len(best):
            best = range(start, place + 1)
    return best


def _grid(sheet: _Sheet, y: Scale) -> None:
    for value in {y.low, y.high}:
        at = y(value)
        sheet.parts += [
            line(sheet.x.start, at, sheet.x.end, at, class_="grid"),
            label(
                _short(value),
                sheet.x.start - 5,
                at + sheet.layout.font * 0.36,
                text_anchor="end",
                class_="tick",
            ),
        ]


def _short(value: float) -> str:
    """Return a number that fits beside an axis, such as 2.5k."""
    return f"{value:g}" if value < 1000 else f"{value / 1000:.3g}k"  # noqa: PLR2004


def _backlog(sheet: _Sheet) -> None:
    samples = sheet.story.samples
    most = max((sample.fleet.backlog for sample in samples), default=0)
    sheet.title(f"Messages waiting on devices (most: {most})")
    height = 64.0
    bottom = sheet.y + height
    y = Scale(0, max(most, 1), bottom, sheet.y)
    _grid(sheet, y)
    points = steps([(sheet.x(s.at_s), y(s.fleet.backlog)) for s in samples])
    if points:
        ground = [(points[-1][0], bottom), (points[0][0], bottom)]
        sheet.parts += [
            path([*points, *ground], class_="area waiting"),
            path(points, class_="waiting-line"),
        ]
    sheet.y = bottom


def _description(story: Story) -> str:
    verdict, survivor = story.verdict, story.history.survivor
    sentences = [f"{verdict.devices} devices over {story.end_s - story.start_s:.0f} s."]
    if verdict.phases.dns_switched_s is not None:
        sentences.append(f"DNS moved {verdict.phases.dns_switched_s:.1f} s on.")
    if verdict.rto.recovered is not None:
        sentences.append(f"{verdict.rto.recovered} devices came back in {survivor}.")
    return " ".join(sentences)
