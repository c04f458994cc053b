"""How far long work is, and how long it will still take."""

from collections.abc import Mapping
from dataclasses import dataclass

from hotsite.core import quota


@dataclass(frozen=True, slots=True)
class Progress:
    """Where long work stands.

    Attributes:
        stage: What is being done, in a word or two.
        done: Names that are finished.
        total: How many there are; nothing while they are not counted.
        elapsed_s: Seconds since the work went on (not since it first began).
        eta_s: Seconds until the end, at least; nothing when it cannot be told.
        api: The API whose quota decides that; nothing when the pace so far does.
    """

    stage: str
    done: int
    total: int | None = None
    elapsed_s: float = 0.0
    eta_s: float | None = None
    api: str | None = None

    @property
    def rate_per_s(self) -> float:
        """Return names a second; 0 before the first."""
        return self.done / self.elapsed_s if self.elapsed_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Costs:
    """What one name costs.

    Attributes:
        calls_each: Calls that a name takes, by API.
        rates_per_s: Calls a second that each of those APIs takes.
    """

    calls_each: Mapping[str, float]
    rates_per_s: Mapping[str, float]


def progress(
    stage: str, *, done: int, total: int | None, elapsed_s: float, costs: Costs | None
) -> Progress:
    """Say where work stands, and when it can be over.

    Args:
        stage: What is being done.
        done: Names finished in ``elapsed_s``.
        total: Names finished then and left now; nothing when not counted.
        elapsed_s: Since this run began, 0 or more.
        costs: What a name costs; nothing to go by the pace alone.

    Returns:
        The longer of what the quotas allow and what the pace so far promises.
    """
    if total is None:
        return Progress(stage, done, None, elapsed_s)
    left = max(0, total - done)
    pace_s = left * elapsed_s / done if done else 0.0
    best = quota.eta(left, costs.calls_each, costs.rates_per_s) if costs else None
    if best is None or best.duration_s <= pace_s:
        eta_s = pace_s if done or not left else None
        return Progress(stage, done, total, elapsed_s, eta_s)
    return Progress(stage, done, total, elapsed_s, best.duration_s, best.api)
