"""Distributions of a time, as their values at the edges of a grid.

``row[j]`` is the probability that the time is at most ``j`` steps; several rows are
several such times. Adding an even wait, or a fixed one, is exact for distributions that
are linear between the edges, so it makes no difference whether a constant is a whole
number of steps.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Row: TypeAlias = NDArray[np.float64]


def edges(count: int, step_s: float) -> Row:
    """Return the times at which a distribution has values, in seconds."""
    found: Row = np.arange(count + 1, dtype=np.float64) * step_s
    return found


def even(times_s: Row, low_s: float, high_s: float) -> Row:
    """Return the distribution of a time that is even between two.

    Args:
        times_s: The edges.
        low_s: Earliest time.
        high_s: Latest one; the same as ``low_s`` for a fixed time.
    """
    if high_s <= low_s:
        return (times_s >= low_s).astype(float)
    return np.clip((times_s - low_s) / (high_s - low_s), 0.0, 1.0)


def later(row: Row, by_s: float, step_s: float) -> Row:
    """Return the distribution of a time that is later by a fixed one."""
    steps = by_s / step_s
    whole = int(steps)
    part = steps - whole
    moved = _moved(row, whole)
    # Less than a millionth of a step is rounding of the division.
    if part < 1e-6:  # noqa: PLR2004
        return moved
    return (1 - part) * moved + part * _moved(row, whole + 1)


def spread(row: Row, width_s: float, step_s: float) -> Row:
    """Return the distribution of a time with an even wait, 0 to a width, after it."""
    if width_s <= 0:
        return row
    area = np.zeros_like(row)
    np.cumsum((row[..., 1:] + row[..., :-1]) * (step_s / 2), axis=-1, out=area[..., 1:])
    found: Row = (area - later(area, width_s, step_s)) / width_s
    return found


def weighted(row: Row, weight: Row) -> Row:
    """Return the integral of a weight over a distribution, up to each edge.

    Args:
        row: The distribution.
        weight: How much each moment counts, 0 to 1; may have rows of its own.
    """
    middle = (weight[..., 1:] + weight[..., :-1]) / 2
    grown = np.diff(row) * middle
    found = np.empty((*grown.shape[:-1], row.shape[-1]))
    found[..., 0] = row[..., 0] * weight[..., 0]
    np.cumsum(grown, axis=-1, out=found[..., 1:])
    found[..., 1:] += found[..., :1]
    return found


def level_s(row: Row, share: float, step_s: float) -> float:
    """Return when a distribution reaches a share; infinity if it never does."""
    place = int(np.searchsorted(row, share))
    if place >= len(row):
        return float("inf")
    if place == 0:
        return 0.0
    low, high = row[place - 1], row[place]
    return float((place - 1 + (share - low) / (high - low)) * step_s)


def _moved(row: Row, steps: int) -> Row:
    if steps == 0:
        return row
    moved = np.zeros_like(row)
    if steps < row.shape[-1]:
        moved[..., steps:] = row[..., :-steps]
    return moved
