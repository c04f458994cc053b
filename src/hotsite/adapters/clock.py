"""``ports.Clock`` on this machine."""

import time


class SystemClock:
    """Implements ``ports.Clock`` with the operating system's time."""

    def now_s(self) -> float:
        """Return seconds since the epoch."""
        return time.time()

    def sleep(self, duration_s: float) -> None:
        """Wait for a duration in seconds."""
        time.sleep(duration_s)
