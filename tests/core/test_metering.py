from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.metering import (
    STALE_S,
    Arrival,
    Exposure,
    Reading,
    Readings,
    exposure,
    least,
    merge,
    take_in,
)

A, B = "eu-central-1", "eu-west-1"
NOW_S = 1_795_000_000.0


def row(age_s, *, is_heartbeat=False, origin=A):
    return Arrival(origin, NOW_S - age_s, is_heartbeat=is_heartbeat)


def merged(*batches, now_s=NOW_S):
    reading = None
    for name, rows in batches:
        reading = merge(reading, rows, batch=name, now_s=now_s)
    return reading


def shown(reading, *, after_s=0.0):
    """What is said some time later, by a meter that goes on."""
    now_s = NOW_S + after_s
    own = Reading(B, now_s, now_s, measured_at_s=now_s)
    return exposure(Readings({A: reading, B: own}), A, now_s=now_s)


def minute(*, lag_s, per_s):
    """The rows of a minute that ended a while ago, at an even rate."""
    return [row(lag_s + number / per_s) for number in range(60 * per_s)]


# What of the last minute was stored there when it was seen here; what is said
# later, when nothing more has come.
TABLE = [
    # A busy fleet: the newest row's own time, and soon everything since it.
    ("busy, at once", minute(lag_s=1, per_s=10), 0, 1.0),
    ("busy, silent for 5 s", minute(lag_s=1, per_s=10), 5, 1.0),
    ("busy, silent for 7 s", minute(lag_s=1, per_s=10), 7, 8.0),
    ("busy, silent for 60 s", minute(lag_s=1, per_s=10), 60, 61.0),
    ("sick, at once", minute(lag_s=120, per_s=10), 0, 120.0),
    # Heartbeats alone come every 10 s, and silence may last for 20.
    ("idle, at once", [row(2, is_heartbeat=True)], 0, 2.0),
    ("idle, silent for 30 s", [row(2, is_heartbeat=True)], 30, 2.0),
    ("idle, silent for 31 s", [row(2, is_heartbeat=True)], 31, 33.0),
    # The other Region's clock is ahead: never below 0, never in the future.
    ("clock ahead", [row(-500, is_heartbeat=True)], 0, 0.0),
    ("clock ahead, silent", [row(-500, is_heartbeat=True)], 100, 100.0),
]


@pytest.mark.parametrize(("rows", "after_s", "hot_s"), [each[1:] for each in TABLE])
def test_seconds_at_risk_are_those_since_the_newest_row(rows, after_s, hot_s):
    assert shown(merged(("1", rows)), after_s=after_s).hot_s == pytest.approx(hot_s)


def test_messages_at_risk_are_rate_times_lag():
    found = shown(merged(("1", minute(lag_s=20, per_s=10))))
    assert found.messages == pytest.approx(200, rel=0.03)
    assert found.hot_s == pytest.approx(20)


def test_stalled_replication_leaves_the_last_rate_that_was_true():
    reading = merged(("1", minute(lag_s=1, per_s=10)))
    first, later = shown(reading, after_s=20), shown(reading, after_s=200)
    assert (first.messages, later.messages) == pytest.approx((210, 2010), rel=0.03)


def test_nobody_would_miss_a_heartbeat():
    reading = merged(("1", [row(s, is_heartbeat=True) for s in range(60)]))
    assert shown(reading, after_s=100).messages == 0


def test_fleet_that_fell_silent_has_no_rate_after_a_minute_of_heartbeats():
    reading = merged(("1", minute(lag_s=1, per_s=10)))
    beat = [Arrival(A, NOW_S + 70, is_heartbeat=True)]
    reading = merge(reading, beat, batch="2", now_s=NOW_S + 71)
    assert reading.rate_per_s == 0


def test_what_was_never_seen_or_is_stale_is_not_measured():
    readings = Readings({A: merged(("1", minute(lag_s=1, per_s=10)))})
    unseen = Exposure(measured_at_s=NOW_S)
    assert exposure(readings, B, now_s=NOW_S) == unseen
    assert exposure(readings, A, now_s=NOW_S + STALE_S + 1) == unseen
    assert exposure(Readings(), A, now_s=NOW_S) == Exposure()


def test_cold_figure_is_told_only_while_somebody_looks():
    reading = replace(merged(("1", [row(1)])), cold_s=NOW_S - 65, cold_at_s=NOW_S)
    assert shown(reading).cold_s == 65
    assert shown(reading, after_s=60).cold_s == 125
    assert shown(reading, after_s=STALE_S + 1).cold_s is None
    assert shown(replace(reading, cold_s=None)).cold_s is None


def test_meter_measures_as_long_as_any_origin_is_seen():
    first = take_in(Readings(), [row(1)], batch="1", now_s=NOW_S)
    later = take_in(first, [row(-50, origin=B)], batch="2", now_s=NOW_S + 60)
    assert (first.measured_at_s, later.measured_at_s) == (NOW_S, NOW_S + 60)
    assert Readings().measured_at_s is None


def test_rows_are_kept_apart_by_origin():
    rows = (row(1), row(2, origin=B), row(3))
    found = take_in(Readings(), rows, batch="1", now_s=NOW_S).by_origin
    assert {name: one.watermark_s - NOW_S for name, one in found.items()} == {
        A: -1,
        B: -2,
    }
    assert found[A].counts != found[B].counts


def test_rows_that_name_ever_new_origins_do_not_fill_the_memory():
    rows = [row(1, origin=f"mars-north-{number}") for number in range(99)]
    known = take_in(Readings(), [row(1), row(1, origin=B)], batch="1", now_s=NOW_S)
    found = take_in(known, [*rows, row(0)], batch="2", now_s=NOW_S).by_origin
    assert len(found) == 4
    assert found[A].watermark_s == NOW_S


def test_state_stays_small_whatever_comes():
    reading = None
    for number in range(500):
        rows = [Arrival(A, NOW_S + number + part / 4) for part in range(4)]
        reading = merge(reading, rows, batch=str(number), now_s=NOW_S + number + 1)
    assert len(reading.counts) <= 12
    assert len(reading.batches) <= 32
    assert reading.rate_per_s == pytest.approx(4, rel=0.1)


ages = st.floats(0, 300, allow_nan=False)
rows = st.builds(row, ages, is_heartbeat=st.booleans())
batches = st.lists(st.lists(rows, min_size=1, max_size=8), min_size=1, max_size=12)


def facts(reading):
    return reading.watermark_s, reading.counts, reading.rate_per_s


@given(batches, st.randoms(use_true_random=False))
def test_order_of_batches_and_second_deliveries_change_nothing(parts, chance):
    named = [(str(number), part) for number, part in enumerate(parts)]
    again = [*named, *chance.choices(named, k=len(named))]
    chance.shuffle(again)
    assert facts(merged(*again)) == facts(merged(*named))


@given(batches)
def test_watermark_never_goes_back(parts):
    reading: Reading | None = None
    for number, part in enumerate(parts):
        later = merge(reading, part, batch=str(number), now_s=NOW_S + number)
        if reading is not None:
            assert later.watermark_s >= reading.watermark_s
            assert later.seen_at_s >= reading.seen_at_s
        reading = later


@given(batches, st.floats(0, 1_000))
def test_figure_is_never_below_zero_and_never_above_the_watermarks_age(parts, after_s):
    reading = merged(*((str(number), part) for number, part in enumerate(parts)))
    found = shown(reading, after_s=after_s)
    assert 0 <= found.hot_s <= NOW_S + after_s - reading.watermark_s
    assert found.messages >= 0


def test_of_several_survivors_the_one_that_has_most_counts():
    much, little, nothing = Exposure(9, 3.0), Exposure(2, 0.5), Exposure()
    assert least([much, nothing, little]) == little
    assert least([nothing, much]) == much
    assert least([nothing]) == least([]) == nothing
    assert least([Exposure(0, 0.0), little]).hot_s == 0.0
