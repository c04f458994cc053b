"""Laws of one series put together from several stores."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.intervals import Intervals
from hotsite.core.outbox import Key
from hotsite.core.series import Row, Window, gaps, merge

ARRIVALS = st.tuples(
    st.sampled_from(["eu-central-1", "eu-west-1", ""]),
    st.none() | st.integers(0, 9).map(float),
)


@st.composite
def stores(draw):
    """Rows in several stores: one message has one content, and several arrivals."""
    keys = draw(st.lists(st.builds(Key, st.integers(1, 3), st.integers(1, 20))))
    rows = st.sampled_from(keys or [Key(1, 1)]).flatmap(
        lambda key: ARRIVALS.map(lambda arrival: row(*key, arrival))
    )
    return draw(st.lists(st.lists(rows, max_size=15), min_size=1, max_size=4))


def row(epoch, seq, arrival=("eu-west-1", 1.0), thing="oven"):
    origin, received_at_s = arrival
    published_at_s = float((epoch * 7 + seq * 3) % 11)
    return Row(
        thing, Key(epoch, seq), published_at_s, f'{{"t":{seq}}}', origin, received_at_s
    )


@given(stores())
def test_a_merge_has_each_message_of_each_store_once(held):
    found = merge(*held)
    assert {one.key for one in found} == {one.key for part in held for one in part}
    assert len({one.key for one in found}) == len(found)
    assert set(found) <= {one for part in held for one in part}


@given(stores(), st.randoms(use_true_random=False))
def test_order_of_stores_and_rows_does_not_matter(held, chance):
    mixed = [chance.sample(part, len(part)) for part in held]
    chance.shuffle(mixed)
    assert merge(*held) == merge(*mixed) == merge([x for part in mixed for x in part])


@given(stores())
def test_merging_again_and_in_steps_changes_nothing(held):
    whole = merge(*held)
    assert merge(whole) == merge(whole, *held) == whole
    assert merge(merge(*held[:1]), merge(*held[1:])) == whole


@given(stores())
def test_a_merge_is_ordered_by_time_and_then_by_key(held):
    places = [(one.published_at_s, one.key) for one in merge(*held)]
    assert places == sorted(places)


def test_the_last_of_several_arrivals_stays_and_a_known_one_beats_an_unknown():
    late, early = row(1, 1, ("eu-west-1", 9.0)), row(1, 1, ("eu-central-1", 2.0))
    unknown = row(1, 1, ("", None))
    assert merge([late], [unknown], [early]) == (late,)
    assert merge([unknown], [late]) == (late,)


def test_things_with_equal_keys_are_two_series():
    assert len(merge([row(1, 1), row(1, 1, thing="lamp")])) == 2


@given(st.frozensets(st.integers(1, 60), min_size=1), st.randoms())
def test_gaps_are_what_lies_between_first_and_last_and_is_not_there(numbers, chance):
    rows = [row(4, number) for number in numbers]
    chance.shuffle(rows)
    between = set(range(min(numbers), max(numbers) + 1))
    assert {4: between - numbers} == {e: set(found) for e, found in gaps(rows).items()}


def test_each_epoch_has_gaps_of_its_own():
    rows = [row(2, 1), row(1, 5), row(2, 4), row(1, 6)]
    assert gaps(rows) == {1: Intervals(), 2: Intervals(((2, 3),))}
    assert gaps([]) == {}


@pytest.mark.parametrize(
    ("window", "hours"),
    [
        (Window(), (None, None)),
        # The clock of a device may be an hour ahead of the site's.
        (Window(from_s=7200.0), (1, None)),
        # What was published at the end may have arrived much later.
        (Window(to_s=3600.0, late_s=0.0), (None, 1)),
        (Window(from_s=0.0, to_s=0.0, late_s=7199.9), (-1, 1)),
    ],
)
def test_hours_of_arrival_cover_clocks_ahead_and_late_arrivals(window, hours):
    assert window.hours == hours


@given(st.floats(0, 1e9), st.floats(0, 3600), st.floats(0, 86_400))
def test_no_message_of_a_window_arrives_outside_its_hours(at_s, ahead_s, late_s):
    window = Window(from_s=at_s, to_s=at_s)
    low, high = window.hours
    assert window.has(at_s)
    for arrival_s in (at_s - ahead_s, at_s + late_s):
        assert low <= arrival_s // 3600 <= high


def test_a_window_has_its_bounds():
    window = Window(1.0, 2.0)
    assert [window.has(at) for at in (0.9, 1.0, 2.0, 2.1)] == [False, True, True, False]
    assert Window().has(random.random())
