"""A plan, its forecast and the judgement; and what other strategies would give."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from hotsite.core.forecast.advice import Change, advise
from hotsite.core.forecast.costs import Cost, Prices, cost
from hotsite.core.forecast.forecast import forecast, missed
from hotsite.core.forecast.outcome import Forecast
from hotsite.core.forecast.plan import Plan


@dataclass(frozen=True, slots=True)
class Goals:
    """What is wanted.

    Attributes:
        rto_s: Longest recovery time of 99 % of the devices, in seconds.
        rpo_messages: Most acknowledged messages that may be lost.
    """

    rto_s: float
    rpo_messages: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """A plan and what is to be expected of it.

    Attributes:
        plan: What was assumed.
        goals: What is wanted.
        found: The forecast.
        changes: What to change first.
        reasons: Why it will not do; empty if it will.
    """

    plan: Plan
    goals: Goals
    found: Forecast
    changes: tuple[Change, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One strategy beside others.

    Attributes:
        name: Which.
        p99_s: Recovery time of 99 % of those who lost their Region.
        away: How many lose it.
        lost_messages: What is lost to who trusts the PUBACK, Region healthy before.
        kept_messages: What is lost although devices keep theirs, Region sick before.
        cost: Money.
    """

    name: str
    p99_s: float | None
    away: int
    lost_messages: int
    kept_messages: int
    cost: Cost


def look_ahead(plan: Plan, goals: Goals) -> Outlook:
    """Foresee a plan, judge it, and say what would help."""
    found = forecast(plan, goals.rto_s)
    reasons = missed(found, plan, rto_s=goals.rto_s, rpo=goals.rpo_messages)
    return Outlook(plan, goals, found, advise(plan, found), reasons)


def compare(
    plan: Plan, goals: Goals, prices: Prices, *, activation_s: float, sites: int = 2
) -> tuple[Option, ...]:
    """Return the strategies beside each other, for one fleet.

    Args:
        plan: What is assumed.
        goals: What is wanted.
        prices: What is known of money.
        activation_s: How long it takes to decide on a pilot light and to switch it
            on. Nobody else knows that; it is an assumption.
        sites: How many there are; two active ones are two in any case.
    """
    strategies = (
        (_hot_site(sites), plan, sites),
        ("hot site, active/active", replace(plan, devices=_half(plan)), 2),
        ("pilot light", replace(plan, opens_s=activation_s), 1),
    )
    return tuple(_options(plan, goals, prices, strategies))


def _hot_site(sites: int) -> str:
    standbys = sites - 1
    return f"hot site, active/{'standby' if standbys == 1 else f'{standbys} standbys'}"


def _half(plan: Plan) -> int:
    return max(1, plan.devices // 2)


def _options(
    plan: Plan,
    goals: Goals,
    prices: Prices,
    strategies: Iterable[tuple[str, Plan, int]],
) -> Iterator[Option]:
    for name, changed, canaries in strategies:
        found = forecast(changed, goals.rto_s)
        connects = found.connects_per_device * changed.devices / plan.devices
        yield Option(
            name=name,
            p99_s=found.rto.p99_s,
            away=changed.devices,
            lost_messages=found.losses[0].messages,
            kept_messages=found.losses[1].kept_messages,
            cost=cost(plan, prices, canaries=canaries, connects=connects),
        )
