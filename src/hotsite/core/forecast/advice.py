"""What to change first: the same plan with one thing changed, best gain first."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hotsite.core.forecast.forecast import connects_per_device
from hotsite.core.forecast.outcome import Forecast
from hotsite.core.forecast.plan import FaultKind, Plan, device
from hotsite.core.forecast.simulate import finite, play
from hotsite.core.hardship import Follow

# A gain that nobody would notice is no advice.
_GAIN_S_MIN = 0.5
# A storm that is half as large is worth a little time: it is everybody's broker.
_CALMER, _COST_SHARE_MAX = 0.5, 0.05
_TTL_S = 5.0
_PUBLISH_S = 2.0


@dataclass(frozen=True, slots=True)
class Change:
    """One change, and what it is worth.

    Attributes:
        text: What to do.
        p99_s: The recovery time of 99 % with it; None if it is never reached.
        gain_s: How much sooner that is.
        connects_per_device: CONNECTs that a device then needs.
    """

    text: str
    p99_s: float | None
    gain_s: float
    connects_per_device: float


def advise(plan: Plan, found: Forecast) -> tuple[Change, ...]:
    """Return the changes that help, the best one first.

    Args:
        plan: What was assumed.
        found: Its forecast.
    """
    if plan.fault is FaultKind.PLANNED or found.rto.p99_s is None:
        return ()
    changes = []
    for text, changed in _changes(plan, found):
        played = play(changed, [0.5])
        reached_s = played.percentile_s(played.back, 99)[0]
        gain_s = found.rto.p99_s - reached_s
        connects = connects_per_device(played)
        is_calmer = connects < _CALMER * found.connects_per_device
        is_cheap = gain_s >= -_COST_SHARE_MAX * found.rto.p99_s
        if gain_s >= _GAIN_S_MIN or (is_calmer and is_cheap):
            changes.append(Change(text, finite(reached_s), gain_s, connects))
    return tuple(sorted(changes, key=lambda change: -change.gain_s))


def _changes(plan: Plan, found: Forecast) -> Iterator[tuple[str, Plan]]:
    yield from _of_names(plan)
    yield from _of_quotas(plan, found)
    yield from _of_health(plan)
    if plan.device.publish_interval_s > _PUBLISH_S:
        often = replace(plan.device, publish_interval_s=_PUBLISH_S)
        text = f"let devices say something every {_PUBLISH_S:g} s"
        yield text, replace(plan, device=often)


def _of_names(plan: Plan) -> Iterator[tuple[str, Plan]]:
    own = plan.device
    others = {
        "publish_interval_s": own.publish_interval_s,
        "subscriptions": own.subscriptions,
        "reach_s": own.reach_s,
    }
    if own.follow is Follow.DNS:
        named = replace(own, follow=Follow.OWN_NAMES)
        text = "give devices the sites' own names (iot-a., iot-b.)"
        yield text, replace(plan, device=named)
    if own.follow is not Follow.PRE_WARMED:
        warm = device(Follow.PRE_WARMED, **others)
        text = "keep a second connection (standby_connection)"
        yield text, replace(plan, device=warm)


def _of_quotas(plan: Plan, found: Forecast) -> Iterator[tuple[str, Plan]]:
    limit, devices = plan.quotas.connects_per_s, plan.devices
    if limit is None or plan.device.follow is Follow.PRE_WARMED:
        return
    wall = found.walls[0]
    if wall.needed is not None:
        more = replace(plan.quotas, connects_per_s=float(wall.needed))
        text = f"raise the CONNECT quota of the standby to {wall.needed:,}/s"
        yield text, replace(plan, quotas=more)
    spread_s = devices / limit
    if spread_s > plan.spread_s:
        policy = plan.device.policy
        backoff = replace(policy.backoff, throttle_spread_s=spread_s)
        own = replace(plan.device, policy=replace(policy, backoff=backoff))
        text = f"set telemetry.fleet_size: refused devices spread over {spread_s:.0f} s"
        yield text, replace(plan, device=own)


def _of_health(plan: Plan) -> Iterator[tuple[str, Plan]]:
    if plan.device.follow is not Follow.DNS:
        return
    check, resolvers = plan.check, plan.resolvers
    if check.interval_s > 10:  # noqa: PLR2004 - the shorter of Route 53's two
        faster = replace(check, interval_s=10.0)
        yield "check health every 10 s (dns.interval_s)", replace(plan, check=faster)
    if check.failure_threshold > 2:  # noqa: PLR2004 - docs/adr/0006
        sooner = replace(check, failure_threshold=2)
        text = "give up after 2 failed checks (dns.failure_threshold)"
        yield text, replace(plan, check=sooner)
    if resolvers.ttl_s > _TTL_S:
        shorter = replace(resolvers, ttl_s=_TTL_S)
        text = f"shorten the TTL to {_TTL_S:g} s (dns.ttl_s)"
        yield text, replace(plan, resolvers=shorter)
