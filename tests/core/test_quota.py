import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.apis import (
    API_OF,
    DEFAULT_QUOTAS,
    ISSUE_API,
    PAGE_API_OF,
    calls_of_observation,
    default_limits,
)
from hotsite.core.quota import Bucket, Eta, Slots, eta, lease_count, slow, take
from hotsite.core.registry import Kind
from hotsite.core.replication import Verb
from hotsite.errors import InvalidInputError

NOW_S = 1_700_000_000.0
# Times of today have a resolution of a quarter of a microsecond.
ROUNDING_S = 1e-5
limits = st.sampled_from([1.0, 5.0, 10.0, 15.0, 100.0, 350.0])
shares = st.floats(0.5, 0.99)


@st.composite
def takers(draw):
    """Workers that come at any time, take some slots and use them late."""
    gaps_s = draw(st.lists(st.floats(0, 0.3), min_size=1, max_size=150))
    return [(gap_s, draw(st.integers(1, 4)), draw(st.floats(0, 1))) for gap_s in gaps_s]


def calls_of(bucket, arrivals):
    now_s, called_s = NOW_S, []
    for gap_s, count, lateness in arrivals:
        now_s += gap_s
        bucket, slots = take(bucket, now_s, count)
        called_s += [
            slots.first_s + index * slots.interval_s + lateness * slots.late_s
            for index in range(count)
        ]
    return sorted(called_s)


@given(limits, shares, takers())
def test_no_window_holds_more_than_rate_times_length_plus_what_may_be_late(
    limit, share, arrivals
):
    bucket = Bucket(limit, share)
    called_s = calls_of(bucket, arrivals)
    rate = limit * share
    for first, last in itertools.combinations(range(len(called_s)), 2):
        length_s = called_s[last] - called_s[first] + bucket.late_s + ROUNDING_S
        assert last - first + 1 <= rate * length_s + 1


@given(limits, st.floats(0.9, 0.99), takers())
def test_no_second_holds_more_than_the_quota_even_when_calls_come_late(
    limit, share, arrivals
):
    called_s = calls_of(Bucket(limit, share), arrivals)
    for first_s in called_s:
        inside = sum(first_s <= at_s < first_s + 1 - ROUNDING_S for at_s in called_s)
        assert inside <= limit


@pytest.mark.no_cover
@given(limits, st.lists(st.floats(0, 0.01), min_size=50, max_size=200))
def test_busy_takers_use_all_of_the_share(limit, gaps_s):
    bucket, now_s, last_s = Bucket(limit, 0.97), NOW_S, NOW_S
    for gap_s in gaps_s:
        # Each comes back before the slot of the one before is over.
        now_s = max(now_s, last_s) + min(gap_s, 0.5 / limit)
        bucket, slots = take(bucket, now_s)
        last_s = slots.first_s
    used_s = last_s + slots.interval_s - NOW_S
    assert len(gaps_s) / used_s >= 0.95 * 0.97 * limit


@given(limits, st.integers(1, 60))
def test_nobody_waits_longer_than_the_slots_ahead_of_him(limit, worker_count):
    bucket = Bucket(limit)
    for place in range(worker_count):
        bucket, slots = take(bucket, NOW_S)
        assert slots.first_s - NOW_S == pytest.approx(
            place / (limit * bucket.share), abs=ROUNDING_S
        )


@given(limits, st.lists(st.floats(0, 30), min_size=1, max_size=50))
def test_no_run_of_refusals_stops_a_bucket_for_good(limit, gaps_s):
    bucket, now_s = Bucket(limit), NOW_S
    for gap_s in gaps_s:
        now_s += gap_s
        bucket = slow(bucket, now_s)
        assert 0.05 <= bucket.ratio_at(now_s) <= 1
        assert bucket.interval_s_at(now_s) <= 1 / (0.05 * limit * bucket.share) + 1e-9
    assert bucket.ratio_at(now_s + 50) == 1


def test_one_overshoot_that_many_workers_hear_of_counts_once():
    once = slow(Bucket(10), NOW_S)
    assert once.ratio == pytest.approx(0.7)
    assert slow(once, NOW_S + 0.9) == once
    assert slow(once, NOW_S + 1).ratio == pytest.approx(0.72 * 0.7)


def test_rate_comes_back_by_the_same_step_each_second():
    slowed = slow(Bucket(10), NOW_S)
    assert slowed.ratio_at(NOW_S + 5) == pytest.approx(0.8)
    assert slowed.ratio_at(NOW_S + 10) == pytest.approx(0.9)
    assert slowed.ratio_at(NOW_S - 60) == pytest.approx(0.7)


def test_slots_that_are_over_are_not_used():
    slots = Slots(first_s=10.0, interval_s=1.0, count=3, late_s=0.25)
    assert slots.after(9.0) == slots
    assert slots.after(10.25) == slots
    assert slots.after(10.5) == Slots(11.0, 1.0, 2, 0.25)
    assert slots.after(12.1).last_s == 12.0
    assert slots.after(12.5).count == 0
    assert slots.after(99.0).count == 0


def test_free_bucket_gives_its_first_slot_now():
    bucket, slots = take(Bucket(10, 0.5, next_s=NOW_S - 100), NOW_S, 2)
    assert (slots.first_s, slots.count) == (NOW_S, 2)
    assert bucket.wait_s(NOW_S) == pytest.approx(0.4, abs=ROUNDING_S)


@pytest.mark.parametrize(
    ("interval_s", "busy_s", "previous", "count"),
    [
        (0.1, None, 9, 1),
        (0.1, 0.1, 9, 1),
        (0.1, 0.05, 1, 2),
        (0.1, 0.05, 2, 4),
        (0.1, 0.05, 4, 5),
        (0.001, 0.0, 99, 50),
        (2.0, 0.1, 9, 1),
    ],
)
def test_only_a_worker_faster_than_the_slots_takes_several(
    interval_s, busy_s, previous, count
):
    assert lease_count(interval_s, busy_s=busy_s, previous=previous) == count


@pytest.mark.parametrize(
    "changes",
    [{"limit_per_s": 0}, {"share": 0}, {"share": 1}, {"ratio": 0}],
)
def test_bucket_that_never_or_always_gives_is_refused(changes):
    with pytest.raises(InvalidInputError):
        Bucket(**{"limit_per_s": 10} | changes)


def test_million_devices_last_as_long_as_the_slowest_quota_says():
    calls = {
        "RegisterCertificateWithoutCA": 1,
        "CreateThing": 1,
        "AttachThingPrincipal": 1,
        "AddThingToThingGroup": 1,
    }
    limits = default_limits("eu-central-1")
    found = eta(1_000_000, calls, limits)
    assert found == Eta(100_000.0, "RegisterCertificateWithoutCA")
    raised = limits | {"RegisterCertificateWithoutCA": 1000.0}
    assert eta(1_000_000, calls, raised).duration_s == 10_000.0
    assert eta(0, calls, limits) == Eta(0.0, None)


def test_api_without_a_rate_has_no_arrival_time():
    with pytest.raises(InvalidInputError):
        eta(1, {"CreateThing": 1}, {})


def test_every_step_calls_an_api_whose_quota_is_known():
    assert set(API_OF) == set(Verb)
    assert set(API_OF.values()) | {ISSUE_API} <= set(DEFAULT_QUOTAS)
    assert set(PAGE_API_OF.values()) <= set(DEFAULT_QUOTAS)
    for kind in Kind:
        assert set(calls_of_observation(kind, 2)) <= set(DEFAULT_QUOTAS)


def test_small_regions_have_their_own_figures():
    usual, select = default_limits("eu-central-1"), default_limits("eu-west-3")
    assert (usual["CreateThing"], select["CreateThing"]) == (100, 50)
    assert (usual["AddThingToThingGroup"], select["AddThingToThingGroup"]) == (100, 60)
    assert usual["RegisterCertificateWithoutCA"] == 10
    assert all(select[api] <= limit for api, limit in usual.items())


def test_each_certificate_and_each_shadow_is_looked_at_by_calls_of_its_own():
    thing = calls_of_observation(Kind.THING, 2)
    assert (thing["DescribeThing"], thing["DescribeCertificate"]) == (1, 2)
    assert "DescribeCertificate" not in calls_of_observation(Kind.THING)
    assert calls_of_observation(Kind.SHADOWS, 3) == {"DeviceShadow": 4}
    assert calls_of_observation(Kind.POLICY, 9) == calls_of_observation(Kind.POLICY)
