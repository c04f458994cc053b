"""How long a device that was shown wrong codes waits before it listens again.

The count is stored before a proof is looked at, and needs no clock that survives:
a restart begins the present wait anew.
"""

from dataclasses import dataclass
from math import ceil

_FREE = 3
_FIRST_S = 10
_MAX_S = 3600
# 10 s doubled so often is above the hour: larger counts need no larger power.
_DOUBLINGS_MAX = 9
FAILURES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Lockout:
    """What wrong codes have led to.

    Attributes:
        failures: Wrong codes since the last right one, at least 0.
        since_s: When the last came, or the device started, on a monotonic clock.
    """

    failures: int
    since_s: float

    def wait_s(self) -> int:
        """Return how long the device waits in all, in seconds."""
        if self.failures < _FREE:
            return 0
        doublings = min(self.failures - _FREE, _DOUBLINGS_MAX)
        return min(_MAX_S, _FIRST_S << doublings)

    def left_s(self, now_s: float) -> int:
        """Return how long it waits yet, in whole seconds; 0 when it listens."""
        return max(0, ceil(self.since_s + self.wait_s() - now_s))

    def failed(self, now_s: float) -> "Lockout":
        """Return what one more wrong code leads to."""
        return Lockout(min(self.failures + 1, FAILURES_MAX), now_s)
