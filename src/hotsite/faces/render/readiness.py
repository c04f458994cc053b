"""What ``hotsite status`` says: readiness first, then replication and what is at risk.

The same points for a terminal, for a live view and for scripts.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hotsite.core import records
from hotsite.core.metering import Exposure
from hotsite.core.replication_status import ReplicationStatus
from hotsite.core.site_facts import Sampled, SiteFacts, Unknown
from hotsite.core.site_readiness import Level, Point, ReadinessPolicy, judge, worst
from hotsite.core.standing import Standing
from hotsite.faces.render import registry, rpo

# Side by side only where a line of either still holds a sentence.
_WIDE_MIN = 110
_MARKS = {Level.READY: "✓", Level.LOOK: "!", Level.NOT_READY: "✗"}
_STYLES = {Level.READY: "green", Level.LOOK: "yellow", Level.NOT_READY: "red"}
_NOUN_WIDTH = 10


@dataclass(frozen=True, slots=True)
class Found:
    """What one look at all sites found.

    Attributes:
        facts: Of each site.
        policy: What is asked of them.
    """

    facts: tuple[SiteFacts, ...]
    policy: ReadinessPolicy

    @property
    def points(self) -> Mapping[str, tuple[Point, ...]]:
        """Return what was judged, by the letter of the site."""
        return {
            one.site: judge(one, self.policy, _peer(one, self.facts))
            for one in self.facts
        }

    @property
    def level(self) -> Level:
        """Return how bad the worst point of all sites is."""
        return worst(tuple(p for points in self.points.values() for p in points))


def text(found: Found) -> str:
    """Return it all as lines."""
    lines = []
    for facts in found.facts:
        points = found.points[facts.site]
        lines.append(f"{facts.site}  {facts.region}: {_headline(facts, found, points)}")
        lines += [_line(point) for point in points]
    lines += ["", registry.status_text(_statuses(found))]
    lines.append(rpo.text(_exposures(found), found.policy.reach_s))
    return "\n".join(lines)


def _headline(facts: SiteFacts, found: Found, points: tuple[Point, ...]) -> str:
    said = facts.standing(found.policy.fence)
    word = worst(points).value
    if said is None:
        return word
    return f"{_standing(facts, found)}, {word}"


def _standing(facts: SiteFacts, found: Found) -> str:
    """Return what a site is; who nobody guards is what the epoch says."""
    said = facts.standing(found.policy.fence)
    if said is None or isinstance(facts.book, Unknown):
        return "silent"
    if facts.book.look(facts.site) is None and said.standing is Standing.FENCED:
        return "active, unwatched"
    return said.standing.value


def _line(point: Point) -> str:
    mark = _MARKS[point.level]
    return f"   {mark} {point.noun:{_NOUN_WIDTH}} {point.text}"


def document(found: Found) -> dict[str, Any]:
    """Return it all as a JSON object; what was not found out is null or a reason."""
    reach_s = found.policy.reach_s
    return {
        "level": found.level.value,
        "sites": [_site(one, found) for one in found.facts],
        "regions": [_region(n, s) for n, s in _statuses(found).items()],
        "rpo": {n: rpo.document(e, reach_s) for n, e in _exposures(found).items()},
    }


def _site(facts: SiteFacts, found: Found) -> dict[str, Any]:
    points = found.points[facts.site]
    said = facts.standing(found.policy.fence)
    limits = () if isinstance(facts.limits, Unknown) else facts.limits
    return {
        "site": facts.site,
        "region": facts.region,
        "now_s": facts.now_s,
        "level": worst(points).value,
        "silence": facts.silence,
        "standing": None if said is None else _standing(facts, found),
        "epoch": None if said is None else records.write(said.epoch),
        "points": [records.write(point) for point in points],
        "health": _plain(facts.verdict),
        "quotas": [records.write(limit) for limit in limits],
        "names": [records.write(door) for door in facts.doors],
        "registered": _sampled(facts.registered),
        "proven": _sampled(facts.proven),
        "canary": _plain(facts.canary),
    }


def _sampled(found: Sampled | Unknown | None) -> object:
    if not isinstance(found, Sampled):
        return _plain(found)
    share = round(1 - found.share_of_bad_max, 6) if found.looked_at else None
    return {**records.write(found), "share_min_at_95": share}


def _plain(found: object) -> object:
    if isinstance(found, Unknown):
        return {"unknown": found.reason}
    return None if found is None else records.write(found)


def _region(region: str, status: ReplicationStatus | str) -> dict[str, Any]:
    if isinstance(status, str):
        return {"region": region, "error": status}
    return {"region": region, **records.write(status)}


def _statuses(found: Found) -> dict[str, ReplicationStatus | str]:
    return {
        one.region: one.replication.reason
        if isinstance(one.replication, Unknown)
        else one.replication
        for one in found.facts
    }


def _exposures(found: Found) -> dict[str, Exposure]:
    return {one.region: one.exposure or Exposure() for one in found.facts}


def _peer(one: SiteFacts, every: tuple[SiteFacts, ...]) -> SiteFacts | None:
    return next((other for other in every if other.site != one.site), None)


def view(found: Found, width: int) -> RenderableType:
    """Return the live view: a panel a site, beside each other where there is room.

    Args:
        found: What was found.
        width: Of the terminal, in columns.
    """
    panels = [_panel(facts, found) for facts in found.facts]
    if width >= _WIDE_MIN:
        grid = Table.grid(expand=True, padding=(0, 0))
        for _ in panels:
            grid.add_column(ratio=1)
        grid.add_row(*panels)
        body: RenderableType = grid
    else:
        body = Group(*panels)
    return Group(_banner(found), body, _foot(found))


def _banner(found: Found) -> RenderableType:
    level = found.level
    at_s = max(facts.now_s for facts in found.facts)
    at = dt.datetime.fromtimestamp(at_s, dt.UTC)
    line = Table.grid(expand=True, padding=(0, 1))
    line.add_column(ratio=1)
    line.add_column(justify="right", no_wrap=True)
    words = {
        Level.READY: "every site is ready",
        Level.LOOK: "ready, with something to look at",
        Level.NOT_READY: "not ready",
    }
    left = Text.assemble(
        (f" {_MARKS[level]} ", f"reverse {_STYLES[level]}"),
        "  ",
        (words[level], "bold"),
    )
    line.add_row(left, Text(f"{at:%H:%M:%S} UTC", style="dim"))
    return line


def _panel(facts: SiteFacts, found: Found) -> Panel:
    points = found.points[facts.site]
    level = worst(points)
    rows = Table.grid(padding=(0, 1))
    rows.add_column(no_wrap=True)
    rows.add_column(no_wrap=True, style="dim", min_width=_NOUN_WIDTH)
    rows.add_column(ratio=1, overflow="fold")
    for point in points:
        style = _STYLES[point.level]
        said = Text(point.text, style="" if point.level is Level.READY else style)
        rows.add_row(Text(_MARKS[point.level], style=style), point.noun, said)
    title = Text.assemble(
        (f" {facts.site} ", "bold"),
        (f"{facts.region} ", ""),
        (f"· {_standing(facts, found)} ", "bold"),
    )
    return Panel(
        rows,
        title=title,
        title_align="left",
        border_style=_STYLES[level],
        box=box.ROUNDED,
        padding=(0, 1),
    )


def _foot(found: Found) -> RenderableType:
    lines = list(_troubles(found))
    lines.append("again every few seconds; Ctrl-C ends")
    return Text("\n".join(lines), style="dim")


def _troubles(found: Found) -> Iterator[str]:
    """Yield the devices and names that are in the way, the first of each site."""
    for facts in found.facts:
        for sampled in (facts.proven, facts.registered):
            if isinstance(sampled, Sampled):
                yield from (f"{facts.region}: {one}" for one in sampled.problems[:3])
        if isinstance(facts.replication, ReplicationStatus):
            for failure in facts.replication.failures[:3]:
                yield f"{facts.region}: {failure.key}: {failure.reason}"
