"""The only source of time."""

from typing import Protocol


class Clock(Protocol):
    """The only source of time."""

    def now_s(self) -> float:
        """Return seconds since the epoch."""
        ...

    def sleep(self, duration_s: float) -> None:
        """Wait; a simulated clock moves on instead."""
        ...
