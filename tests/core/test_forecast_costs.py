"""What a strategy costs: tiers, and what is on top."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.forecast.costs import MINUTES, Price, Prices, cost
from hotsite.core.forecast.outlook import Goals, compare, look_ahead
from hotsite.core.forecast.plan import Plan, Quotas, device
from hotsite.core.hardship import Follow
from hotsite.errors import InvalidInputError


def price(unit, usd, above=0.0):
    return Price(unit, usd, "2026-11-28", "a page", above)


PRICES = Prices(
    (
        price(MINUTES, 0.08),
        price("message", 1.0),
        price("message", 0.8, 1000),
        price("message", 0.7, 5000),
    ),
    missing=("tables",),
)


@pytest.mark.parametrize(
    ("millions", "usd"),
    [(0, 0), (500, 500), (1000, 1000), (3000, 2600), (5000, 4200), (43_200, 30_940)],
)
def test_each_message_costs_what_its_tier_says(millions, usd):
    assert PRICES.of("message", millions * 1_000_000) == pytest.approx(usd)


@given(st.floats(0, 1e13), st.floats(0, 1e13))
def test_more_is_never_cheaper(one, other):
    low, high = sorted((one, other))
    assert PRICES.of("message", low) <= PRICES.of("message", high)


def test_unknown_price_is_refused_rather_than_taken_for_nothing():
    with pytest.raises(InvalidInputError, match="none for the first heartbeat"):
        PRICES.of("heartbeat", 1)


def test_second_connection_costs_its_minutes_and_nothing_else():
    dns, warm = (
        cost(Plan(1_000_000, device=device(follow)), PRICES, canaries=2, connects=1.0)
        for follow in (Follow.DNS, Follow.PRE_WARMED)
    )
    assert warm.fleet == dns.fleet
    # rto-rpo arithmetic: 43,200 minutes a month at $0.08 a million.
    assert warm.on_top - dns.on_top == pytest.approx(3456)
    assert dns.failover == pytest.approx(1.0)


def test_strategies_differ_in_time_and_in_who_is_away():
    plan = Plan(
        1_000_000,
        device=device(Follow.OWN_NAMES),
        quotas=Quotas(connections=2_000_000),
    )
    active, both, pilot = compare(plan, Goals(60, 0), PRICES, activation_s=600)
    assert both.away == active.away // 2
    assert both.p99_s < active.p99_s < pilot.p99_s
    assert active.p99_s == look_ahead(plan, Goals(60, 0)).found.rto.p99_s
    assert pilot.p99_s > 600
    assert pilot.cost.on_top < active.cost.on_top
