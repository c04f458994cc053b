"""When DNS and when each device learns that a Region is dead."""

from math import comb, floor

import numpy as np

from hotsite.core.forecast import grid
from hotsite.core.forecast.grid import Row
from hotsite.core.forecast.plan import FaultKind, HealthCheck, Plan, Resolvers
from hotsite.core.healthcheck import HEALTHY_PERCENT_MIN

_LEVELS = 2000


def checked_s(check: HealthCheck, fault: FaultKind, share: float) -> float:
    """Return when the health check gives the Region up, in seconds since the fault.

    Checkers have phases of their own, and the verdict turns with the one that leaves
    18 % or fewer healthy: an order statistic of even phases, which is a beta
    distribution. A silent endpoint makes each probe as long as its time limit, and
    the next one is counted from its end (``RequestInterval``).

    Args:
        check: The health check.
        fault: How the Region is lost.
        share: Which of all failovers, 0 to 1: 0.5 is the median one.

    Returns:
        Seconds; 0 for a planned move, of which nobody has to learn.
    """
    if fault is FaultKind.PLANNED:
        return 0.0
    probe_s = check.silent_s if fault is FaultKind.BLACK_HOLE else 0.0
    rounds = check.failure_threshold
    fixed_s = rounds * probe_s + (rounds - 1) * check.interval_s
    return fixed_s + _level_s(check, share)


def _level_s(check: HealthCheck, share: float) -> float:
    """Return a level of the deciding checker's phase plus the publication's time."""
    step_s = (check.interval_s + check.publish_s_max) / _LEVELS
    times_s = grid.edges(_LEVELS, step_s)
    phases = np.clip(times_s / check.interval_s, 0.0, 1.0)
    healthy_max = check.checkers * HEALTHY_PERCENT_MIN // 100
    needed = check.checkers - healthy_max
    turned = sum(
        comb(check.checkers, count)
        * phases**count
        * (1 - phases) ** (check.checkers - count)
        for count in range(needed, check.checkers + 1)
    )
    decided = grid.spread(np.asarray(turned), check.publish_s_max, step_s)
    return grid.level_s(decided, share, step_s)


def answered(resolvers: Resolvers, switched_s: Row, times_s: Row, step_s: float) -> Row:
    """Return when a device's resolver first answers the surviving Region.

    Args:
        resolvers: What stands between.
        switched_s: When the name servers changed, one a failover.
        times_s: The edges.
        step_s: Their distance.

    Returns:
        A distribution a failover. Busy resolvers are assumed: each is at an even
        place within its TTL when the name servers change.
    """
    since_s = times_s[None, :] - switched_s[:, None]
    share = resolvers.stretch_share
    usual = np.clip(since_s / max(resolvers.ttl_s, step_s), 0.0, 1.0)
    if not share:
        return usual
    stretched_s = max(resolvers.stretch_s, resolvers.ttl_s, step_s)
    found: Row = (1 - share) * usual
    found += share * np.clip(since_s / stretched_s, 0.0, 1.0)
    return found


def noticed(plan: Plan, times_s: Row, step_s: float) -> Row:
    """Return when a device knows that its connection is dead.

    A reset is known at once. In silence it is the acknowledgement that does not come,
    of the next message or of the next ping, whichever is sent first.

    Args:
        plan: The fault, and how often devices say something.
        times_s: The edges.
        step_s: Their distance.
    """
    policy, every_s = plan.device.policy, plan.device.publish_interval_s
    if plan.fault is not FaultKind.BLACK_HOLE:
        return grid.even(times_s, 0.0, 0.0)
    pings = floor(every_s / policy.keep_alive_s)
    pinged = pings * policy.keep_alive_s / every_s
    rest_s = every_s - pings * policy.keep_alive_s
    found = (1 - pinged) * grid.later(
        grid.even(times_s, 0.0, rest_s), policy.ack_s_max, step_s
    )
    if pings:
        found += pinged * grid.later(
            grid.even(times_s, 0.0, policy.keep_alive_s), policy.ping_s_max, step_s
        )
    return found


def spoken(plan: Plan, times_s: Row) -> Row:
    """Return when a device has made a message after the fault.

    A device is back when such a message is stored, so one that says something once a
    minute may be back only then. Where silence shows in a message that is not
    acknowledged, that message was made before the device knew; a planned move is
    counted from each device's own leave. Where a ping comes before the next message,
    the two are taken as independent, which errs by less than a ping's time limit.
    """
    every_s, policy = plan.device.publish_interval_s, plan.device.policy
    by_message = plan.fault is FaultKind.BLACK_HOLE and every_s <= policy.keep_alive_s
    if by_message or plan.fault is FaultKind.PLANNED:
        return grid.even(times_s, 0.0, 0.0)
    return grid.even(times_s, 0.0, every_s)
