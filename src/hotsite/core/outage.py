"""An outage as the journal of operations tells it: who was active when, by whom.

Pure: the lines of both Regions' replicas in, one story out. What the journal cannot
tell is named. A site that dies writes nothing, so that how long it went on to believe
itself active is told as the bound that ``core/standing`` sets, and said to be one.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise

from hotsite.core.epoch import SITES
from hotsite.core.operations import Action, Entry
from hotsite.core.standing import FencePolicy

_EPOCH = re.compile(r"epoch (\d+) \(([a-d])\)")
_GUARD = re.compile(r"guard of ([a-d])")
_TOLD = re.compile(r"told ([a-d]) of epoch")
_OVERRIDDEN = "overridden: "
_ISSUED = "issued "
# After the last line the picture goes on for a while, so that its end can be seen.
_TAIL_S, _TAIL_SHARE = 60.0, 0.1


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the journal.

    Attributes:
        entry: What it says.
        seen_in: The letters of the sites whose replica has it.
    """

    entry: Entry
    seen_in: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outage:
    """All that both replicas tell of a time.

    Attributes:
        regions: AWS Region by the letter of the site.
        since_s: Where it begins, seconds since the epoch.
        read_at_s: When the replicas were read, likewise.
        silent: Why a replica could not be read, by the letter of its site.
        lines: In order, each once.
    """

    regions: Mapping[str, str]
    since_s: float
    read_at_s: float
    silent: Mapping[str, str]
    lines: tuple[Line, ...]

    @property
    def start_s(self) -> float:
        """Return the time of the first line."""
        return self.lines[0].entry.at_s if self.lines else self.since_s

    @property
    def end_s(self) -> float:
        """Return where a picture of it ends."""
        if not self.lines:
            return self.read_at_s
        last_s = self.lines[-1].entry.at_s
        tail_s = max(_TAIL_S, _TAIL_SHARE * (last_s - self.start_s))
        return max(min(self.read_at_s, last_s + tail_s), last_s + 1.0)


def gather(
    read: Mapping[str, Sequence[Entry] | str],
    regions: Mapping[str, str],
    *,
    since_s: float,
    now_s: float,
) -> Outage:
    """Put the journals of both replicas together; each line once.

    Args:
        read: By the letter of the site: its replica's lines, or why there are none.
        regions: AWS Region by the letter of the site.
        since_s: From when on, seconds since the epoch.
        now_s: When they were read.
    """
    counted = {k: Counter(v) for k, v in read.items() if not isinstance(v, str)}
    silent = {k: v for k, v in read.items() if isinstance(v, str)}
    # Two equal lines of one replica are two; the same two in the other are those.
    every: Counter[Entry] = Counter()
    for one in counted.values():
        every |= one
    lines = [
        Line(entry, tuple(k for k, found in sorted(counted.items()) if entry in found))
        for entry in every.elements()
    ]
    lines.sort(key=_order)
    return Outage(regions, since_s, now_s, silent, tuple(lines))


def _order(line: Line) -> tuple[float, str, str, str, str]:
    """Return what lines are sorted by: all of it, so that nothing else decides."""
    entry = line.entry
    return entry.at_s, entry.site, entry.by, entry.what, entry.reason


def gaps(outage: Outage) -> Iterator[str]:
    """Yield what may be missing, and why, one sentence each."""
    for site, why in sorted(outage.silent.items()):
        yield (
            f"{outage.regions[site]} does not answer, so what only its replica has is "
            f"missing: {why}"
        )
    known = [site for site in sorted(outage.regions) if site not in outage.silent]
    if len(known) < len(outage.regions):
        return
    for site in known:
        only = sum(1 for line in outage.lines if line.seen_in == (site,))
        if only:
            yield (
                f"{only:,} lines are in {outage.regions[site]} only: not replicated "
                "yet, or expired in the other"
            )


@dataclass(frozen=True, slots=True)
class Turn:
    """One decision about who is active.

    Attributes:
        number: Of the epoch.
        active: The letter of the site that it leads to.
        at_s: When, seconds since the epoch.
        by: Who decided.
        reason: Why.
        overridden: What spoke against it and was overridden; may be empty.
    """

    number: int
    active: str
    at_s: float
    by: str
    reason: str
    overridden: str = ""


def turns(outage: Outage) -> tuple[Turn, ...]:
    """Return the epochs that were issued in this time, in order."""
    found: list[Turn] = []
    overridden = ""
    for line in outage.lines:
        entry = line.entry
        if entry.what.startswith(_OVERRIDDEN):
            told = entry.what.removeprefix(_OVERRIDDEN)
            overridden = f"{told} ({entry.reason})" if entry.reason else told
        epoch = _epoch_of(entry)
        if epoch is not None and _is_issue(entry):
            number, active = epoch
            turn = Turn(number, active, entry.at_s, entry.by, entry.reason, overridden)
            found.append(turn)
            overridden = ""
    return tuple(found)


def _is_issue(entry: Entry) -> bool:
    return entry.what.startswith((_ISSUED, f"{Action.TAKE_OVER.value},"))


def _epoch_of(entry: Entry) -> tuple[int, str] | None:
    found = _EPOCH.search(entry.what)
    return (int(found[1]), found[2]) if found else None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a site did the same.

    Attributes:
        start_s: Seconds since the epoch.
        end_s: Likewise.
        action: What its guard did; the words of ``Action``.
        reason: Why.
        lost_s: When the other site became active, where this one wrote nothing of
            it: the end is then not told, but the latest that it can be.
        silent_until_s: When it wrote again after that; None where it did not.
    """

    start_s: float
    end_s: float
    action: str
    reason: str
    lost_s: float | None = None
    silent_until_s: float | None = None

    @property
    def is_bound(self) -> bool:
        """Say whether the end is the latest that it can be, and not told."""
        return self.lost_s is not None

    @property
    def is_active(self) -> bool:
        """Say whether the site believed itself active."""
        return self.action in {Action.SERVE.value, Action.TAKE_OVER.value}


def stretches(outage: Outage, site: str) -> tuple[Stretch, ...]:
    """Return what a site did, from its first line on.

    Args:
        outage: The outage.
        site: Its letter.
    """
    edges = list(_edges(outage, site))
    ends = [*(at_s for at_s, _, _ in edges), outage.end_s][1:]
    found = [
        Stretch(at_s, max(at_s, end_s), action, reason)
        for (at_s, action, reason), end_s in zip(edges, ends, strict=True)
    ]
    return tuple(_bounded(one, site, outage) for one in found)


def _edges(outage: Outage, site: str) -> Iterator[tuple[float, str, str]]:
    for line in outage.lines:
        entry = line.entry
        guard, told = _GUARD.fullmatch(entry.by), _TOLD.match(entry.what)
        if guard is not None and guard[1] == site:
            yield entry.at_s, entry.what.partition(",")[0], entry.reason
        elif told is not None and told[1] == site:
            yield entry.at_s, Action.STAND_DOWN.value, f"told by {entry.by}"
        elif entry.what.startswith(_ISSUED):
            epoch = _epoch_of(entry)
            if epoch is not None and epoch[1] == site:
                yield entry.at_s, Action.SERVE.value, entry.reason


def _bounded(stretch: Stretch, site: str, outage: Outage) -> Stretch:
    """End what a dead site would go on to believe where the fence ends it."""
    if not stretch.is_active:
        return stretch
    policy = FencePolicy()
    lost = (
        turn.at_s
        for turn in turns(outage)
        if turn.active != site and stretch.start_s < turn.at_s < stretch.end_s
    )
    lost_s = next(lost, None)
    if lost_s is None:
        return stretch
    latest_s = lost_s + two_s_max(policy)
    if stretch.end_s > latest_s:
        told_s = stretch.end_s
        return replace(stretch, end_s=latest_s, lost_s=lost_s, silent_until_s=told_s)
    if site in outage.silent and stretch.end_s >= outage.end_s:
        # The picture ends before the fence does, and nobody has told its end.
        return replace(stretch, lost_s=lost_s, silent_until_s=stretch.end_s)
    return stretch


def two_s_max(policy: FencePolicy) -> float:
    """Return how long a site that lost may go on to believe itself active.

    Cut off from its peer alone, it believes until DNS, which leads elsewhere, had its
    time, and until a look and the fence after it (ADR 0012).
    """
    return policy.dns_s_max + policy.look_every_s + policy.away_s_max


@dataclass(frozen=True, slots=True)
class Figures:
    """What the outage comes to.

    Attributes:
        switches: How often another site became active.
        two_active_s: How long both sites may have believed to be active, at most.
        is_two_bound: True when that is no measurement but the bound of the fence.
        none_active_s: How long nobody was active: no site said so, or the one that
            did was silent to the other until that took over.
        doubted_s: How long the active site was silent or sick to the other one, and
            stayed active.
    """

    switches: int
    two_active_s: float
    is_two_bound: bool
    none_active_s: float
    doubted_s: float


def figures(outage: Outage) -> Figures:
    """Return what the outage comes to, as far as its journal tells."""
    sites = sorted({*SITES, *outage.regions})
    lanes = {site: stretches(outage, site) for site in sites}
    issued = turns(outage)
    switches = sum(1 for one, two in pairwise(issued) if one.active != two.active)
    switches += 1 if issued and _is_change(issued[0], lanes) else 0
    lengths: dict[_State, float] = dict.fromkeys(_State, 0.0)
    is_bound = False
    for start_s, end_s in _pieces(lanes.values()):
        now = {site: _at(lane, start_s) for site, lane in lanes.items()}
        state = _state(now, lanes, start_s)
        lengths[state] += end_s - start_s
        bounds = (one.is_bound for one in now.values() if one is not None)
        is_bound = is_bound or (state is _State.TWO and any(bounds))
    return Figures(
        switches,
        lengths[_State.TWO],
        is_bound,
        lengths[_State.NONE],
        lengths[_State.DOUBTED],
    )


class _State(Enum):
    """What the journal tells of a moment."""

    TWO = "two active"
    ONE = "one active"
    DOUBTED = "one active, and silent or sick to the other"
    NONE = "nobody active"
    UNTOLD = "not told"


def _state(
    now: Mapping[str, Stretch | None],
    lanes: Mapping[str, Sequence[Stretch]],
    at_s: float,
) -> _State:
    active = [site for site, one in now.items() if one is not None and one.is_active]
    if len(active) > 1:
        return _State.TWO
    waits = [site for site, one in now.items() if _is_waiting(one)]
    if any(_takes_over(lanes[site], at_s) for site in waits if site not in active):
        # Whoever waits does so because the other one is silent or sick to it.
        return _State.NONE
    if active:
        return _State.DOUBTED if waits else _State.ONE
    return _State.NONE if all(now.values()) else _State.UNTOLD


def _is_change(first: Turn, lanes: Mapping[str, Sequence[Stretch]]) -> bool:
    """Say whether the first epoch led away from a site that was active before."""
    before = (
        one.is_active and one.start_s < first.at_s
        for site, lane in lanes.items()
        if site != first.active
        for one in lane
    )
    return any(before) or first.active != SITES[0]


def _pieces(lanes: Iterable[Sequence[Stretch]]) -> Iterator[tuple[float, float]]:
    """Yield the times between any two edges."""
    spans = [one for lane in lanes for one in lane]
    edges = sorted({at_s for one in spans for at_s in (one.start_s, one.end_s)})
    yield from pairwise(edges)


def _at(lane: Sequence[Stretch], at_s: float) -> Stretch | None:
    return next((one for one in lane if one.start_s <= at_s < one.end_s), None)


def _is_waiting(stretch: Stretch | None) -> bool:
    return stretch is not None and stretch.action == Action.WAIT.value


def _takes_over(lane: Sequence[Stretch], at_s: float) -> bool:
    """Say whether a site that waits at a time becomes active next."""
    later = (one for one in lane if one.end_s > at_s and not _is_waiting(one))
    following = next(later, None)
    return following is not None and following.is_active
