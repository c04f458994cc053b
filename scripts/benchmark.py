"""What every benchmark says, and how it measures a rate."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

# Odd, so that one round is the median.
ROUNDS = 9


@dataclass(frozen=True)
class Rates:
    """How often a second something was done: the median round, and the worst."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, found: Iterable[float]) -> "Rates":
        """Sum up the rates of all rounds."""
        rates = sorted(found)
        return cls(rates[len(rates) // 2], rates[0], rates[-1])


@dataclass(frozen=True)
class Result:
    """What one file says.

    ``bound`` is what the value must keep to, ``peer`` what other code did with
    the same input in the same run.
    """

    name: str
    value: float
    unit: str
    bound: float | None = None
    is_upper_bound: bool = False
    peer: str | None = None
    peer_value: float | None = None
    details: dict[str, float] = field(default_factory=dict)

    @property
    def is_met(self) -> bool | None:
        """Say whether the bound is kept, where there is one."""
        if self.bound is None:
            return None
        if self.is_upper_bound:
            return self.value <= self.bound
        return self.value >= self.bound


def rate(count: int, work: Callable[[], object]) -> float:
    """Return how many of ``count`` things a second one call of ``work`` did."""
    began_s = time.perf_counter()
    work()
    return count / (time.perf_counter() - began_s)


def details_of(rates: Rates) -> dict[str, float]:
    """Return the spread of the rounds."""
    return {"lowest": rates.lowest, "highest": rates.highest, "rounds": ROUNDS}
