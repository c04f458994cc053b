"""Percentiles of a stream of times, in constant memory.

Times are counted in classes that grow by 2 %, so a percentile is exact to within
1 %, however many times there are.
"""

import math
from dataclasses import dataclass, field

_GROWTH = math.log(1.02)
_SMALLEST_S = 0.001


@dataclass(slots=True)
class Lags:
    """Times in seconds, counted.

    Attributes:
        counts: How many of each class.
        count: How many in all.
        max_s: The longest.
    """

    counts: dict[int, int] = field(default_factory=dict)
    count: int = 0
    max_s: float = 0.0

    def add(self, lag_s: float) -> None:
        """Count one more time, 0 or more seconds."""
        place = 0
        if lag_s > _SMALLEST_S:
            place = 1 + int(math.log(lag_s / _SMALLEST_S) / _GROWTH)
        self.counts[place] = self.counts.get(place, 0) + 1
        self.count += 1
        self.max_s = max(self.max_s, lag_s)

    def percentile_s(self, share: float) -> float | None:
        """Return the time that a share of all did not exceed.

        Args:
            share: 0.5 for the median, up to 1.

        Returns:
            Seconds; nothing when there are no times.
        """
        if not self.count:
            return None
        rank, passed = max(1, math.ceil(share * self.count)), 0
        for place in sorted(self.counts):
            passed += self.counts[place]
            if passed >= rank:
                return min(self.max_s, _middle_s(place))
        return self.max_s


def _middle_s(place: int) -> float:
    return _SMALLEST_S * math.exp((place - 0.5) * _GROWTH) if place else 0.0
