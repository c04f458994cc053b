"""What a quota of CONNECTs a second does to a fleet that arrives at once.

A device that is refused tries again after an even wait, however often it was refused
(``Candidates.throttle``), so all who wait are alike: how many try in each tick is the
whole state, whatever the size of the fleet.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hotsite.core.forecast.grid import Row
from hotsite.core.forecast.plan import FaultKind, Plan
from hotsite.core.hardship import Follow

# A quota "per second" lets a second's worth in at once.
_BURST_S = 1.0
_TICKS = 6000
# Beyond this nobody is waited for: the quota is far too small for the fleet.
_TICKS_MAX = 60_000
# Less than this part of one device is left: the last one is in.
_LEFT_MAX = 0.1


@dataclass(frozen=True, slots=True)
class Admission:
    """What the surviving Region saw, in ticks.

    Attributes:
        step_s: Length of a tick.
        offered: CONNECTs in each tick.
        admitted: Those that were accepted; rows as given.
    """

    step_s: float
    offered: Row
    admitted: Row

    @property
    def connected(self) -> Row:
        """Return devices that are in at the end of each tick, from none at first."""
        found = np.zeros((self.admitted.shape[0], self.admitted.shape[1] + 1))
        np.cumsum(self.admitted, axis=-1, out=found[:, 1:])
        return found

    @property
    def connects_per_device(self) -> float:
        """Return how many CONNECTs an admitted device needed on average."""
        return float(self.offered.sum() / max(self.admitted.sum(), 1.0))


def admit(plan: Plan, arrived: Row, step_s: float) -> Admission:
    """Let the fleet in.

    Args:
        plan: What is assumed.
        arrived: When devices send their first CONNECT, a row a failover.
        step_s: Distance of its edges.
    """
    rate = plan.quotas.connects_per_s
    if plan.fault is FaultKind.PLANNED or plan.device.follow is Follow.PRE_WARMED:
        # Paced below the quota, or connected already: nobody waits.
        rate = None
    coarse = 1
    if rate is not None:
        coarse = max(1, int(np.ceil(plan.devices / rate / _TICKS / step_s)))
    edges = arrived[:, ::coarse] if coarse > 1 else arrived
    fresh = np.diff(edges, prepend=0.0) * plan.devices
    # What arrives with the fault itself belongs to the first tick.
    fresh[:, 1] += fresh[:, 0]
    fresh = fresh[:, 1:]
    if (arrived.shape[1] - 1) % coarse:
        rest = (arrived[:, -1] - edges[:, -1])[:, None] * plan.devices
        fresh = np.concatenate([fresh, rest], axis=1)
    tick_s = step_s * coarse
    if rate is None or float(fresh.max()) <= rate * tick_s:
        return Admission(tick_s, fresh, fresh)
    return _queue(plan, fresh, tick_s, rate)


def _queue(plan: Plan, fresh: Row, tick_s: float, rate: float) -> Admission:
    """Play the quota tick by tick, one failover in plain numbers, many in rows."""
    is_one = fresh.shape[0] == 1
    least: Any = min if is_one else np.minimum
    columns = fresh[0].tolist() if is_one else list(fresh.T)
    waiting = _Waiting(plan, tick_s, zero=0.0 if is_one else np.zeros(len(fresh)))
    offered: list[Any] = []
    admitted: list[Any] = []
    depth = rate * _BURST_S
    tokens: Any = depth
    left: Any = fresh.sum() if is_one else fresh.sum(axis=1)
    last = len(columns)
    for tick in range(_TICKS_MAX):
        tries = waiting.next() + (columns[tick] if tick < last else 0.0)
        tokens = least(tokens + rate * tick_s, max(depth, rate * tick_s))
        taken = least(tries, tokens)
        tokens = tokens - taken
        waiting.add(tries - taken)
        left = left - taken
        offered.append(tries)
        admitted.append(taken)
        if tick >= last and (left if is_one else left.max()) < _LEFT_MAX:
            break
    shape = (1, -1) if is_one else (len(offered), -1)
    rows = np.asarray(offered).reshape(shape), np.asarray(admitted).reshape(shape)
    if is_one:
        return Admission(tick_s, *rows)
    return Admission(tick_s, rows[0].T, rows[1].T)


class _Waiting:
    """Devices that were refused, by the tick in which they try again.

    An even wait adds the same to each of many ticks: what changes from one tick to the
    next is kept instead of the sums, so that a refusal costs four additions.
    """

    __slots__ = ("_changes", "_places", "_spot", "_spots", "_tick", "_trying")

    def __init__(self, plan: Plan, tick_s: float, *, zero: Any) -> None:
        shortest_s = plan.device.policy.backoff.connect_spacing_s
        longest_s = max(plan.spread_s, shortest_s)
        early = 1.0 if plan.spread_s <= shortest_s else shortest_s / plan.spread_s
        low, high = shortest_s / tick_s, longest_s / tick_s
        self._spot = _shares(low, early)
        self._places = _ramps(low, high, 1.0 - early)
        size = int(high) + 4
        self._changes = [zero] * size
        self._spots = [zero] * size
        self._trying = zero
        self._tick = 0

    def next(self) -> Any:
        """Return who tries in the next tick."""
        place = self._tick % len(self._changes)
        self._trying = self._trying + self._changes[place]
        tries = self._trying + self._spots[place]
        self._changes[place] = self._changes[place] * 0.0
        self._spots[place] = self._spots[place] * 0.0
        return tries

    def add(self, refused: Any) -> None:
        """Let those wait who were refused in this tick, and go on to the next."""
        size = len(self._changes)
        for offset, share in self._spot:
            place = (self._tick + offset) % size
            self._spots[place] = self._spots[place] + share * refused
        for offset, share in self._places:
            place = (self._tick + offset) % size
            self._changes[place] = self._changes[place] + share * refused
        self._tick += 1


def _shares(at: float, share: float) -> list[tuple[int, float]]:
    """Return in which ticks a fixed wait ends; never in the tick in which it began."""
    at = max(at, 1.0)
    whole = int(at)
    part = at - whole
    return [(whole, share * (1 - part)), (whole + 1, share * part)]


def _ramps(low: float, high: float, share: float) -> list[tuple[int, float]]:
    """Return the changes that an even wait makes: a ramp up and a ramp down.

    Who was refused anywhere within a tick, and waits evenly, tries along a trapezium.
    """
    low, high = max(low, 1.0), max(high, 1.0)
    if share <= 0 or high <= low:
        return [(int(low), 0.0)]
    height = share / (high - low)
    changes: dict[int, float] = {}
    for at, sign in ((low, 1.0), (high, -1.0)):
        whole = int(at)
        part = at - whole
        # The integral of a step at ``at``, smeared over one tick, over each tick.
        values = (0.5 * (1 - part) ** 2, 1 - 0.5 * part**2, 1.0)
        before = 0.0
        for offset, value in enumerate(values):
            changes[whole + offset] = changes.get(whole + offset, 0.0) + sign * (
                height * (value - before)
            )
            before = value
    return sorted(changes.items())
