"""What each quota of the surviving Region costs, and to what it has to be raised."""

from collections.abc import Iterator
from dataclasses import replace
from math import ceil, inf

from hotsite.core.forecast.outcome import Wall
from hotsite.core.forecast.plan import FaultKind, Plan, Quotas
from hotsite.core.forecast.simulate import obeyed, p99_s
from hotsite.core.hardship import Follow

_ROUND_TO = 100
# How a quota that is enough is looked for.
_TRIES, _GROWTH = 40, 1.05


def walls(plan: Plan, goal_s: float) -> Iterator[Wall]:
    """Yield the quotas that have something to say to the plan.

    Args:
        plan: What is assumed.
        goal_s: The recovery time that is wanted.
    """
    quotas, devices = plan.quotas, plan.devices
    if plan.fault is not FaultKind.PLANNED:
        yield from _rate_walls(plan, goal_s)
    if quotas.connections is not None:
        is_enough = devices <= quotas.connections
        needed = None if is_enough else _rounded_up(devices)
        name = "concurrent connections"
        yield Wall(name, quotas.connections, None, needed, is_enough)


def _rate_walls(plan: Plan, goal_s: float) -> Iterator[Wall]:
    """Compare rates with the time that is left once the fleet is at the door.

    Resolvers that stretch the TTL are left out of what is needed: no quota helps
    those devices, and the others need one all the same.
    """
    quotas, devices = plan.quotas, plan.devices
    left_s = goal_s - p99_s(_unlimited(obeyed(plan)))
    connects = quotas.connects_per_s
    if connects is not None and plan.device.follow is not Follow.PRE_WARMED:
        wall = _rate_wall("CONNECT requests per second", connects, devices, left_s)
        if wall.needed is not None:
            wall = replace(wall, needed=_enough(obeyed(plan), wall.needed, goal_s))
        yield wall
    subscribes, filters = quotas.subscribes_per_s, plan.device.subscriptions
    if subscribes is not None and filters:
        name = "subscriptions per second"
        yield _rate_wall(name, subscribes, devices * filters, left_s)


def _rate_wall(name: str, limit: float, count: int, left_s: float) -> Wall:
    """Return what a rate costs.

    Args:
        name: The quota.
        limit: What it is, a second.
        count: How many have to pass.
        left_s: How much of the objective is left for that.
    """
    # A second's worth passes at once.
    wanted = 0.99 * count / (left_s + 1.0) if left_s > 0 else inf
    is_enough = limit >= min(wanted, count)
    needed = None if is_enough or wanted == inf else _rounded_up(wanted)
    return Wall(name, limit, count / limit, needed, is_enough)


def _enough(plan: Plan, at_least: int, goal_s: float) -> int:
    """Return a CONNECT quota that meets the objective, retries and all."""
    quota = at_least
    for _ in range(_TRIES):
        quotas = replace(plan.quotas, connects_per_s=float(quota))
        if p99_s(replace(plan, quotas=quotas)) <= goal_s:
            break
        quota = _rounded_up(quota * _GROWTH)
    return quota


def _rounded_up(value: float) -> int:
    return ceil(value / _ROUND_TO) * _ROUND_TO


def _unlimited(plan: Plan) -> Plan:
    """Return the same plan with no quota on CONNECTs."""
    return replace(plan, quotas=Quotas(None, None, plan.quotas.connections))
