import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.intervals import Intervals
from hotsite.errors import InvalidInputError

NUMBERS = st.frozensets(st.integers(-40, 40), max_size=60)


@given(NUMBERS)
def test_a_set_survives_being_kept_as_intervals(numbers):
    kept = Intervals.from_numbers(numbers)
    assert set(kept) == numbers
    assert kept.size == len(numbers)
    assert bool(kept) == bool(numbers)
    assert all((number in kept) == (number in numbers) for number in range(-42, 43))


@given(NUMBERS, NUMBERS)
def test_operations_agree_with_plain_sets(left, right):
    mine, theirs = Intervals.from_numbers(left), Intervals.from_numbers(right)
    assert set(mine.union(theirs)) == left | right
    assert set(mine.intersection(theirs)) == left & right
    assert set(mine.difference(theirs)) == left - right


@given(NUMBERS, NUMBERS)
def test_equal_sets_have_one_form_however_they_were_made(left, right):
    mine, theirs = Intervals.from_numbers(left), Intervals.from_numbers(right)
    whole = Intervals.from_numbers(left | right)
    assert mine.union(theirs) == whole == theirs.union(mine)
    rest = mine.difference(theirs).union(mine.intersection(theirs))
    assert rest == mine


@given(NUMBERS)
def test_intervals_neither_touch_nor_overlap(numbers):
    pairs = Intervals.from_numbers(numbers).pairs
    assert all(low <= high for low, high in pairs)
    assert all(a[1] + 1 < b[0] for a, b in itertools.pairwise(pairs))


def test_pairs_are_merged_in_any_order():
    merged = Intervals.from_pairs([(7, 9), (1, 3), (4, 4), (8, 12)])
    assert merged.pairs == ((1, 4), (7, 12))


def test_an_interval_that_ends_before_it_begins_is_refused():
    with pytest.raises(InvalidInputError, match=r"\[3, 1\] ends before it begins"):
        Intervals.from_pairs([(3, 1)])
