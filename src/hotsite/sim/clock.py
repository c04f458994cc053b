"""A clock that stands still until somebody sleeps."""


class SimClock:
    """Implements ``ports.Clock`` in virtual time."""

    def __init__(self, now_s: float = 1_000_000.0) -> None:
        """Start at a time in seconds since the epoch."""
        self._now_s = now_s

    def now_s(self) -> float:
        """Return the virtual time in seconds since the epoch."""
        return self._now_s

    def sleep(self, duration_s: float) -> None:
        """Move the virtual time on."""
        self._now_s += duration_s
