"""How a device finds the surviving Region: from the fault to its first CONNECT there.

Until then no device has to do with any other, so the fleet is one distribution. What
is modelled is ``core/device.py`` and ``core/candidates.py``, rule by rule; a test plays
those very rules device by device and compares.
"""

from dataclasses import dataclass

import numpy as np

from hotsite.core import backoff
from hotsite.core.forecast import detection, grid
from hotsite.core.forecast.grid import Row
from hotsite.core.forecast.plan import FaultKind, Plan
from hotsite.core.hardship import Follow

# An attempt that fewer than one in a thousand million devices make is not counted.
_SHARE_MIN = 1e-9


@dataclass(frozen=True, slots=True)
class Journey:
    """Distributions over the fleet, the rows one a failover.

    Attributes:
        step_s: Distance of their edges.
        noticed: The device knows; one row.
        answered: It knows, and its resolver answers the surviving Region.
        arrived: It sends its first CONNECT there.
    """

    step_s: float
    noticed: Row
    answered: Row
    arrived: Row


def travel(plan: Plan, switched_s: Row, step_s: float) -> Journey:
    """Follow the fleet to the surviving Region's door.

    Args:
        plan: What is assumed.
        switched_s: When DNS changed, one a failover.
        step_s: How fine to look.
    """
    count = int(_horizon_s(plan, float(switched_s.max())) / step_s) + 1
    times_s = grid.edges(count, step_s)
    noticed = detection.noticed(plan, times_s, step_s)
    needs_dns = plan.device.follow is Follow.DNS and plan.fault is not FaultKind.PLANNED
    if needs_dns:
        told = detection.answered(plan.resolvers, switched_s, times_s, step_s)
        arrived = _by_dns(plan, noticed, told, step_s)
        return Journey(step_s, noticed, noticed * told, arrived)
    both = np.broadcast_to(noticed, (len(switched_s), len(noticed)))
    arrived = np.broadcast_to(_directly(plan, noticed, step_s), both.shape)
    return Journey(step_s, noticed, both, arrived)


def _horizon_s(plan: Plan, switched_s: float) -> float:
    """Return when the last device has found its way, in seconds."""
    policy, resolvers = plan.device.policy, plan.resolvers
    is_stretched = bool(resolvers.stretch_share)
    stretch_s = resolvers.stretch_s if is_stretched else 0.0
    told_s = switched_s + max(resolvers.ttl_s, stretch_s)
    if plan.device.follow is not Follow.DNS:
        told_s = 0.0
    spoken_s = plan.device.publish_interval_s
    knows_s = min(spoken_s, policy.keep_alive_s) + policy.ack_s_max + policy.ping_s_max
    retry_s = policy.attempt_s_max + policy.backoff.cap_s + 2 * policy.backoff.base_s
    return max(told_s, knows_s, spoken_s) + retry_s + 1.0


def _directly(plan: Plan, noticed: Row, step_s: float) -> Row:
    """Return the arrivals of devices that do not wait for DNS."""
    policy, follow = plan.device.policy.backoff, plan.device.follow
    if follow is Follow.PRE_WARMED:
        return noticed
    if plan.fault is FaultKind.PLANNED and follow is Follow.OWN_NAMES:
        # An ordered device dials before it lets go (``Device._move``).
        return noticed
    first = grid.spread(noticed, backoff.ceiling_s(0, policy), step_s)
    if plan.fault is FaultKind.RESET:
        # Only a refused attempt tells it that the address, not the line, is dead:
        # the other site's own name has its turn after a stagger.
        return grid.spread(first, policy.stagger_s_max, step_s)
    return first


def _by_dns(plan: Plan, noticed: Row, told: Row, step_s: float) -> Row:
    """Return the arrivals of devices that ask DNS at each attempt.

    Attempt ``k`` succeeds where DNS told the truth by then, and not yet by attempt
    ``k - 1``. With ``G`` the times of all attempts, whether they are made or not, and
    ``H`` the part of them that would succeed, the arrivals are the sum of
    ``H[k] - wait(H[k - 1])``.
    """
    policy = plan.device.policy.backoff
    lost_s = plan.device.policy.attempt_s_max
    lost_s = lost_s if plan.fault is FaultKind.BLACK_HOLE else 0.0

    def wait(row: Row, rounds: int) -> Row:
        width_s = backoff.ceiling_s(rounds, policy)
        return grid.later(grid.spread(row, width_s, step_s), lost_s, step_s)

    attempt = grid.spread(noticed, backoff.ceiling_s(0, policy), step_s)
    before = grid.weighted(attempt, told)
    arrived = before.copy()
    rounds = 1
    while backoff.ceiling_s(rounds, policy) < policy.cap_s:
        attempt = wait(attempt, rounds)
        succeeded = grid.weighted(attempt, told)
        arrived += succeeded - wait(before, rounds)
        before = succeeded
        rounds += 1
    # From here on all waits are alike, so the attempts can be added up first.
    attempts = np.zeros_like(attempt)
    while attempt[-1] > _SHARE_MIN:
        attempt = wait(attempt, rounds)
        attempts += attempt
    succeeded = grid.weighted(attempts, told)
    arrived += succeeded - wait(succeeded + before, rounds)
    found: Row = np.clip(np.maximum.accumulate(arrived, axis=-1), 0.0, 1.0)
    return found
