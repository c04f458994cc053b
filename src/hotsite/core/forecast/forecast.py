"""The forecast of one plan: figures, walls and losses, and whether they will do."""

from collections.abc import Iterator
from math import ceil, inf

import numpy as np

from hotsite.core.forecast import grid
from hotsite.core.forecast.grid import Row
from hotsite.core.forecast.outcome import Forecast, Loss, Part, Percentiles, Series
from hotsite.core.forecast.plan import FaultKind, Plan
from hotsite.core.forecast.simulate import (
    Play,
    finite,
    obeyed,
    p99_s,
    play,
    rank_share,
)
from hotsite.core.forecast.walls import walls
from hotsite.core.hardship import Follow
from hotsite.core.move import PACE_SHARE

# One failover in ten is better or worse than these.
_BETTER, _MEDIAN, _WORSE = 0.05, 0.5, 0.95
_POINTS = 240
# AWS IoT Core: "DeleteConnection requests per second", the default.
DELETE_CONNECTIONS_PER_S = 100.0


def forecast(plan: Plan, goal_s: float) -> Forecast:
    """Foresee a plan.

    Args:
        plan: What is assumed.
        goal_s: The recovery time that is wanted, for the quotas' sake.
    """
    played = play(plan, [_MEDIAN])
    better, worse = (p99_s(plan, share) for share in (_BETTER, _WORSE))
    admission = played.admission
    return Forecast(
        rto=_percentiles(played, played.back),
        connected=_percentiles(played, played.connected),
        p99_s_range=(finite(better), finite(worse)),
        obeyed_p99_s=_obeyed_p99_s(plan),
        commands_s=_commands_s(played),
        parts=_parts(played),
        walls=tuple(walls(plan, goal_s)),
        losses=tuple(_losses(played)),
        connects_per_device=connects_per_device(played),
        offered_per_s_max=_peak_per_s(played),
        move_s=_move_s(plan),
        series=_series(played, admission.step_s),
    )


def missed(found: Forecast, plan: Plan, *, rto_s: float, rpo: int) -> tuple[str, ...]:
    """Return why a plan cannot meet its objectives, one sentence each.

    Args:
        found: Its forecast.
        plan: What was assumed.
        rto_s: Longest allowed recovery time of 99 % of the fleet.
        rpo: Most acknowledged messages that may be lost.
    """
    return tuple(_reasons(found, plan, rto_s, rpo))


def _reasons(found: Forecast, plan: Plan, rto_s: float, rpo: int) -> Iterator[str]:
    reached_s = found.rto.p99_s
    if reached_s is None:
        yield f"99 % of the fleet never recover; the objective is {rto_s:g} s"
    elif reached_s > rto_s:
        yield f"RTO p99 is {reached_s:.1f} s; the objective is {rto_s:g} s"
        if found.obeyed_p99_s is not None and found.obeyed_p99_s <= rto_s:
            yield (
                f"resolvers that stretch the TTL are all that is in the way: without"
                f" them it is {found.obeyed_p99_s:.1f} s"
            )
    limit = plan.quotas.connections
    if limit is not None and plan.devices > limit:
        shut_out = plan.devices - limit
        yield f"{shut_out:,} devices find no connection left: the quota is {limit:,}"
    worst = max((loss.kept_messages for loss in found.losses[:2]), default=0)
    if worst > rpo:
        yield (
            f"{worst:,} acknowledged messages are lost when a sick Region dies;"
            f" the objective is {rpo}"
        )


def _percentiles(played: Play, rows: Row) -> Percentiles:
    found = (played.percentile_s(rows, percent)[0] for percent in (50, 90, 99, 100))
    return Percentiles(*map(finite, found))


def connects_per_device(played: Play) -> float:
    """Return CONNECTs a device; one with a second connection sends none."""
    if played.plan.device.follow is Follow.PRE_WARMED:
        return 0.0
    return played.admission.connects_per_device


def _peak_per_s(played: Play) -> float:
    """Return the most CONNECTs that any one second brings."""
    plan, admission = played.plan, played.admission
    if plan.device.follow is Follow.PRE_WARMED:
        return 0.0
    if plan.fault is FaultKind.PLANNED:
        return _pace_per_s(plan) or 0.0
    ticks = max(1, round(1.0 / admission.step_s))
    total = np.concatenate([np.zeros(ticks), np.cumsum(admission.offered[0])])
    return float((total[ticks:] - total[:-ticks]).max() / (ticks * admission.step_s))


def _parts(played: Play) -> tuple[Part, ...]:
    """Divide the recovery time: each stage's level less that of the one before."""
    journey, plan = played.journey, played.plan
    fine_s, tick_s = journey.step_s, played.admission.step_s
    stages = (
        ("detect", journey.noticed, fine_s),
        ("DNS", journey.answered[0], fine_s),
        ("next try", journey.arrived[0], fine_s),
        ("admission", played.connected[0], tick_s),
        ("handshake, and something to say", played.back[0], tick_s),
    )
    shares = [rank_share(plan.devices, percent) for percent in (50, 99)]
    before = [0.0, 0.0]
    parts = []
    for name, row, step_s in stages:
        # A tick is coarser than the stages before it where the fleet is large.
        at = [
            max(last, grid.level_s(row, share, step_s))
            for last, share in zip(before, shares, strict=True)
        ]
        took = [now - last for now, last in zip(at, before, strict=True)]
        parts.append(Part(name, *(0.0 if span == inf else span for span in took)))
        before = at
    return tuple(parts)


def _obeyed_p99_s(plan: Plan) -> float | None:
    waits = plan.device.follow is Follow.DNS and plan.fault is not FaultKind.PLANNED
    if not waits or not plan.resolvers.stretch_share:
        return None
    return finite(p99_s(obeyed(plan)))


def _commands_s(played: Play) -> float | None:
    """Return when 99 % of the fleet could have subscribed, at the quota's rate.

    Nobody subscribes before being connected, and no more than the quota a second do:
    a queue whose level is the largest backlog so far.
    """
    plan, step_s = played.plan, played.admission.step_s
    rate, count = plan.quotas.subscribes_per_s, plan.device.subscriptions
    connected = played.connected[0] * plan.devices
    if rate is None or not count or plan.fault is FaultKind.PLANNED:
        level = connected
    else:
        served = grid.edges(len(connected) - 1, step_s) * rate / count
        level = served + np.minimum.accumulate(connected - served)
    share = rank_share(plan.devices, 99) * plan.devices
    at_s = grid.level_s(level, share, step_s)
    if at_s == inf and rate is not None:
        last_s = (len(level) - 1) * step_s
        at_s = last_s + float(share - level[-1]) * count / rate
    return finite(at_s)


def _losses(played: Play) -> Iterator[Loss]:
    plan, journey = played.plan, played.journey
    per_s = plan.devices / plan.device.publish_interval_s
    # Retention runs on while a dead connection is taken for a living one.
    known_s = grid.level_s(
        journey.noticed, rank_share(plan.devices, 100), journey.step_s
    )
    reach_s = max(0.0, plan.device.reach_s - known_s)
    if plan.fault is FaultKind.PLANNED:
        # A Region that lives replicates what it has acknowledged.
        per_s = 0.0
    for path, lag_s in (
        ("hot", plan.lags.hot_s),
        ("hot, Region sick before", plan.lags.sick_s),
        ("cold", plan.lags.cold_s),
    ):
        # Little's law: what is under way is the rate times the time under way.
        kept = ceil(per_s * max(0.0, lag_s - reach_s))
        yield Loss(path, lag_s, ceil(per_s * lag_s), kept)


def _pace_per_s(plan: Plan) -> float | None:
    """Return how many devices a second a planned move takes; None for all at once."""
    quota = plan.quotas.connects_per_s
    pace = None if quota is None else PACE_SHARE * quota
    if plan.device.follow is Follow.DNS:
        # Who follows DNS alone has to be disconnected, one call a device.
        return min(pace or inf, DELETE_CONNECTIONS_PER_S)
    return pace


def _move_s(plan: Plan) -> float | None:
    if plan.fault is not FaultKind.PLANNED:
        return None
    pace = _pace_per_s(plan)
    return plan.devices / pace if pace else 0.0


def _series(played: Play, step_s: float) -> Series:
    admission, devices = played.admission, played.plan.devices
    recovered = played.back[0] * devices
    # Up to the last device, and a little beyond: what follows is a straight line.
    last = int(np.searchsorted(recovered, recovered[-1] - 0.5)) + 2
    every = max(1, ceil(last / _POINTS))
    count = ceil(last / every)

    def levels(row: Row) -> tuple[float, ...]:
        longer = np.pad(row, (0, max(0, count * every + 1 - len(row))), mode="edge")
        return tuple(np.round(longer[every : count * every + 1 : every], 1).tolist())

    def rates(row: Row) -> tuple[float, ...]:
        longer = np.pad(row, (0, max(0, count * every - len(row))))[: count * every]
        sums = longer.reshape(count, every).sum(axis=1)
        return tuple(np.round(sums / (every * step_s), 1).tolist())

    return Series(
        step_s=every * step_s,
        recovered=levels(recovered),
        connected=levels(admission.connected[0]),
        offered_per_s=rates(admission.offered[0]),
        admitted_per_s=rates(admission.admitted[0]),
    )
