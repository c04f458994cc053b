"""What a forecast says, and what must hold of it whatever the plan."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotsite.core.device_values import CRITICAL, DevicePolicy
from hotsite.core.forecast import grid
from hotsite.core.forecast.advice import advise
from hotsite.core.forecast.detection import checked_s
from hotsite.core.forecast.forecast import forecast, missed
from hotsite.core.forecast.plan import (
    FaultKind,
    HealthCheck,
    Lags,
    Plan,
    Quotas,
    Resolvers,
    default_quotas,
    device,
)
from hotsite.core.forecast.simulate import many, play
from hotsite.core.hardship import Follow
from hotsite.errors import InvalidInputError

MILLION = 1_000_000
RAISED = Quotas(connections=20_000_000)


@pytest.mark.parametrize(
    ("fault", "interval_s", "threshold", "wanted_s"),
    [
        # The mean of 14 of 16 phases is 14/17 of the interval; publication 2.5 s.
        (FaultKind.RESET, 10, 1, 10.7),
        (FaultKind.RESET, 10, 2, 20.7),
        (FaultKind.BLACK_HOLE, 10, 2, 28.7),
        (FaultKind.BLACK_HOLE, 10, 3, 42.7),
        (FaultKind.RESET, 30, 3, 87.2),
        (FaultKind.PLANNED, 30, 3, 0.0),
    ],
)
def test_health_check_takes_what_the_formula_of_adr_0006_says(
    fault, interval_s, threshold, wanted_s
):
    check = HealthCheck(interval_s=interval_s, failure_threshold=threshold)
    assert checked_s(check, fault, 0.5) == pytest.approx(wanted_s, abs=0.8)


def test_device_of_the_forecast_is_the_agent_as_it_is_shipped():
    assert device(Follow.DNS).policy == DevicePolicy()
    assert device(Follow.PRE_WARMED).policy == CRITICAL


def test_large_fleet_is_back_when_the_quota_has_let_it_in():
    plan = Plan(MILLION, device=device(Follow.OWN_NAMES), quotas=RAISED)
    found = forecast(plan, 60)
    wall = found.walls[0]
    assert wall.quota == "CONNECT requests per second"
    assert wall.floor_s == pytest.approx(MILLION / 3000)
    assert wall.floor_s < found.rto.p100_s < wall.floor_s + 60
    assert max(found.series.admitted_per_s) <= 3000 + 3000 / found.series.step_s


def test_quota_that_is_asked_for_is_enough_and_a_smaller_one_is_not():
    plan = Plan(MILLION, device=device(Follow.OWN_NAMES), quotas=RAISED)
    needed = forecast(plan, 60).walls[0].needed

    def p99_s(rate):
        quotas = replace(RAISED, connects_per_s=rate)
        return forecast(replace(plan, quotas=quotas), 60).rto.p99_s

    assert p99_s(needed) <= 60 < p99_s(needed * 0.85)


def test_no_quota_helps_where_the_detection_alone_is_too_slow():
    plan = Plan(MILLION, resolvers=Resolvers(stretch_share=0.0), quotas=RAISED)
    wall = forecast(plan, 20).walls[0]
    assert not wall.is_enough
    assert wall.needed is None


def test_second_connection_sends_no_connect_and_knows_no_such_wall():
    found = forecast(Plan(MILLION, device=device(Follow.PRE_WARMED)), 60)
    assert found.connects_per_device == 0
    assert found.walls[0].quota == "subscriptions per second"
    assert found.connected.p99_s < 4.1
    assert found.commands_s > 300


def test_refused_devices_that_know_the_fleet_try_twice_instead_of_ten_times():
    plan = Plan(MILLION, device=device(Follow.OWN_NAMES), quotas=RAISED)
    found = forecast(plan, 60)
    assert found.connects_per_device > 10
    (change,) = [c for c in advise(plan, found) if "fleet_size" in c.text]
    assert change.connects_per_device < 2.1


def test_advice_is_what_the_forecast_then_says_and_the_best_comes_first():
    plan = Plan(10_000)
    found = forecast(plan, 60)
    changes = advise(plan, found)
    assert [c.gain_s for c in changes] == sorted(
        (c.gain_s for c in changes), reverse=True
    )
    named = replace(plan, device=replace(plan.device, follow=Follow.OWN_NAMES))
    (change,) = [c for c in changes if "own names" in c.text]
    assert change.p99_s == pytest.approx(forecast(named, 60).rto.p99_s)


def test_loss_is_rate_times_lag_and_devices_that_keep_enough_lose_nothing():
    found = forecast(Plan(600, lags=Lags(hot_s=2.0, sick_s=500.0)), 60)
    hot, sick, _ = found.losses
    assert (hot.messages, hot.kept_messages) == (120, 0)
    # 420 s are kept, of which the 15 s until the last device knows are used up.
    assert sick.messages == 30_000
    assert sick.kept_messages == pytest.approx(60 * (500 - 405), rel=0.01)
    assert "acknowledged messages are lost" in " ".join(
        missed(found, Plan(600), rto_s=3600, rpo=0)
    )


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (Plan(10_000), "RTO p99 is"),
        (Plan(MILLION, device=device(Follow.PRE_WARMED)), "no connection left"),
    ],
)
def test_objective_that_is_missed_is_named(plan, reason):
    found = forecast(plan, 60)
    assert any(reason in line for line in missed(found, plan, rto_s=60, rpo=0))


def test_plan_that_will_do_has_nothing_against_it():
    plan = Plan(10_000, device=device(Follow.OWN_NAMES))
    assert missed(forecast(plan, 60), plan, rto_s=60, rpo=0) == ()


def test_planned_move_keeps_each_device_away_for_a_moment_and_stays_below_the_quota():
    plan = Plan(MILLION, FaultKind.PLANNED, device(Follow.OWN_NAMES), quotas=RAISED)
    found = forecast(plan, 60)
    assert found.rto.p99_s < 1
    assert found.move_s == pytest.approx(MILLION / 2400)
    assert [loss.messages for loss in found.losses] == [0, 0, 0]


def test_fleet_that_follows_dns_is_moved_as_fast_as_it_may_be_disconnected():
    found = forecast(Plan(10_000, FaultKind.PLANNED), 60)
    assert found.move_s == pytest.approx(100)


def test_pilot_light_serves_nobody_before_it_is_switched_on():
    plan = Plan(1000, device=device(Follow.OWN_NAMES), opens_s=600.0)
    row = play(plan, [0.5]).connected[0]
    assert grid.level_s(row, 0.001, 0.025) >= 600
    assert forecast(plan, 60).rto.p99_s < 610


def test_many_failovers_are_each_what_one_alone_is():
    plan = Plan(MILLION, quotas=RAISED)
    shares = [0.05, 0.5, 0.95]
    found = many(plan, shares, 99)
    for share, together_s in zip(shares, found, strict=True):
        alone = play(plan, [share])
        assert alone.percentile_s(alone.back, 99)[0] == pytest.approx(together_s)
    assert found == sorted(found)


def test_region_with_small_quotas_is_known():
    assert default_quotas("eu-west-3").connects_per_s == 100
    assert default_quotas("eu-west-1").connects_per_s == 3000


@pytest.mark.parametrize(
    "wrong",
    [
        {"devices": 0},
        {"devices": 10**9},
        {"quotas": Quotas(connects_per_s=0.0)},
        {"resolvers": Resolvers(stretch_share=1.5)},
        {"device": device(Follow.DNS, publish_interval_s=0.0)},
        {"opens_s": float("nan")},
    ],
)
def test_plan_that_cannot_be_played_is_refused_in_one_line(wrong):
    with pytest.raises(InvalidInputError, match=r"^forecast: [^\n]*$"):
        Plan(**{"devices": 50, **wrong})


plans = st.builds(
    Plan,
    devices=st.integers(1, 2_000_000),
    fault=st.sampled_from(FaultKind),
    device=st.builds(
        device,
        st.sampled_from(Follow),
        publish_interval_s=st.floats(0.5, 120),
    ),
    resolvers=st.builds(
        Resolvers, st.floats(0, 60), st.floats(0, 0.3), st.floats(0, 300)
    ),
    quotas=st.builds(Quotas, st.none() | st.floats(1000, 20_000)),
)


@settings(max_examples=40, deadline=None)
@given(plans)
def test_every_device_comes_back_in_the_order_of_percentiles(plan):
    found = forecast(plan, 60)
    rto = found.rto
    assert 0 <= rto.p50_s <= rto.p90_s <= rto.p99_s <= rto.p100_s
    connected = np.asarray(found.series.connected)
    assert (np.diff(connected) >= -0.5).all()
    assert connected[-1] == pytest.approx(plan.devices, rel=1e-3, abs=1)
    assert sum(part.p99_s for part in found.parts) == pytest.approx(rto.p99_s)


@settings(max_examples=20, deadline=None)
@given(plans, st.floats(1.1, 10))
def test_higher_quota_never_hurts(plan, factor):
    limit = plan.quotas.connects_per_s or 3000.0
    slow, fast = (
        play(replace(plan, quotas=Quotas(connects_per_s=rate)), [0.5])
        for rate in (limit, limit * factor)
    )
    gain_s = slow.percentile_s(slow.back, 99)[0] - fast.percentile_s(fast.back, 99)[0]
    # A tick of the larger queue is coarser.
    assert gain_s >= -2 * slow.admission.step_s


@settings(deadline=None)
@given(st.floats(0, 5), st.floats(0.01, 3), st.floats(0, 3))
def test_sums_of_even_and_fixed_times_have_the_right_mean(low_s, width_s, by_s):
    times_s = grid.edges(1000, 0.05)
    row = grid.even(times_s, 0.0, 0.0)
    row = grid.later(grid.spread(row, width_s, 0.05), low_s + by_s, 0.05)
    mean_s = float(np.sum(1 - row) * 0.05)
    assert mean_s == pytest.approx(low_s + by_s + width_s / 2, abs=0.06)
