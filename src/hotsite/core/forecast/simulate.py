"""Play the loss of a Region: from the fault until telemetry is stored again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, inf

import numpy as np

from hotsite.core.forecast import detection, grid
from hotsite.core.forecast.admission import Admission, admit
from hotsite.core.forecast.grid import Row
from hotsite.core.forecast.journey import Journey, travel
from hotsite.core.forecast.plan import Plan
from hotsite.core.hardship import Follow

# What waits for nothing but the device is over in seconds, so it is looked at closer.
_STEP_S, _STEP_BY_DNS_S = 0.025, 0.05
# Rows at a time: what all of them need together must stay small.
_ROWS = 100


@dataclass(frozen=True, slots=True)
class Play:
    """What happened, a row a failover.

    Attributes:
        plan: What was assumed.
        journey: Until the first CONNECT.
        admission: Until the accepted one.
    """

    plan: Plan
    journey: Journey
    admission: Admission

    @property
    def connected(self) -> Row:
        """Return the share of devices whose CONNECT was accepted, by tick."""
        return self.admission.connected / self.plan.devices

    @property
    def back(self) -> Row:
        """Return the share whose telemetry of after the fault is stored, by tick."""
        step_s, wait_s = self.admission.step_s, self.plan.handshake_s
        rows = _longer(self.connected, wait_s, step_s)
        spoken = detection.spoken(self.plan, grid.edges(rows.shape[1] - 1, step_s))
        return grid.later(rows * spoken, wait_s, step_s)

    def percentile_s(self, rows: Row, percent: float) -> list[float]:
        """Return a percentile over the fleet, one a failover.

        Nearest rank, as a drill counts it: of 50 devices the 99th percentile is the
        last one. Infinity if that device never comes.

        Args:
            rows: Shares by tick.
            percent: 0 to 100.
        """
        share = rank_share(self.plan.devices, percent)
        step_s = self.admission.step_s
        return [grid.level_s(row, share, step_s) for row in rows]


def rank_share(devices: int, percent: float) -> float:
    """Return which share of a fleet the device of a percentile's rank stands for."""
    rank = max(1, ceil(devices * percent / 100 - 1e-9))
    return (rank - 0.5) / devices


def play(plan: Plan, shares: Sequence[float]) -> Play:
    """Play a plan once or more.

    Args:
        plan: What is assumed.
        shares: Of all failovers, which: 0.5 is one with a median health check.
    """
    checked = [detection.checked_s(plan.check, plan.fault, share) for share in shares]
    switched_s = np.maximum(np.asarray(checked), plan.opens_s)
    step_s = _STEP_BY_DNS_S if plan.device.follow is Follow.DNS else _STEP_S
    journey = travel(plan, switched_s, step_s)
    arrived = journey.arrived
    if plan.opens_s:
        arrived = _not_before(plan, arrived, step_s)
    return Play(plan, journey, admit(plan, arrived, step_s))


def _not_before(plan: Plan, arrived: Row, step_s: float) -> Row:
    """Hold the fleet back until the surviving Region serves.

    Those who came too early try again at their longest back-off.
    """
    cap_s = plan.device.policy.backoff.cap_s
    rows = _longer(arrived, plan.opens_s + cap_s, step_s)
    times_s = grid.edges(rows.shape[1] - 1, step_s)
    again = grid.even(times_s, plan.opens_s, plan.opens_s + cap_s)
    found: Row = np.minimum(rows, again)
    return found


def _longer(rows: Row, by_s: float, step_s: float) -> Row:
    """Return the same distributions with room behind them."""
    more = np.repeat(rows[:, -1:], int(by_s / step_s) + 2, axis=1)
    return np.concatenate([rows, more], axis=1)


def many(plan: Plan, shares: Sequence[float], percent: float) -> list[float]:
    """Return a percentile of the recovery time in each of many failovers.

    Args:
        plan: What is assumed.
        shares: Drawn from 0 to 1, evenly: they are chance, made elsewhere.
        percent: 0 to 100.

    Returns:
        Seconds, one a failover.
    """
    found: list[float] = []
    for start in range(0, len(shares), _ROWS):
        part = play(plan, shares[start : start + _ROWS])
        found += part.percentile_s(part.back, percent)
    return found


def p99_s(plan: Plan, share: float = 0.5) -> float:
    """Return the 99th percentile of the recovery time.

    Args:
        plan: What is assumed.
        share: Of all failovers, which, 0 to 1.
    """
    played = play(plan, [share])
    return played.percentile_s(played.back, 99)[0]


def obeyed(plan: Plan) -> Plan:
    """Return the same plan with no resolver that stretches the TTL."""
    return replace(plan, resolvers=replace(plan.resolvers, stretch_share=0.0))


def finite(value_s: float) -> float | None:
    """Return a time, or nothing for one that never comes."""
    return None if value_s == inf else value_s
