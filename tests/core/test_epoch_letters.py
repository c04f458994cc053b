"""Up to four sites: each number has one owner, for ever, whoever was added when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.epoch import LETTERS, SITES, WIDE, Epoch, newest, number_after, owner
from hotsite.errors import InvalidInputError

LETTER = st.sampled_from(LETTERS)
NUMBER = st.one_of(st.integers(0, 50), st.integers(WIDE - 5, WIDE + 50))


@given(NUMBER, LETTER)
def test_next_number_is_larger_and_the_sites_own(number, letter):
    following = number_after(number, letter)
    assert following > number
    assert owner(following) == letter
    assert Epoch(following, letter, 0.0).active == letter


@given(NUMBER, LETTER, NUMBER, LETTER)
def test_sites_that_do_not_hear_each_other_issue_no_number_twice(one, a, two, b):
    if a != b:
        assert number_after(one, a) != number_after(two, b)


@given(NUMBER, LETTER)
def test_no_number_is_left_out_that_would_be_the_sites_own_and_allowed(number, letter):
    between = range(max(number + 1, WIDE - 5), number_after(number, letter))
    passed = [one for one in between if owner(one) == letter]
    assert passed == []


@given(st.integers(0, WIDE - 1), st.sampled_from(SITES))
def test_two_sites_go_on_as_before_there_were_more(number, letter):
    assert owner(number) == SITES[number % 2]
    assert number_after(number, letter) - number <= 5


def test_added_site_is_newer_than_all_before_it_and_is_followed_by_anybody():
    b1 = Epoch(number_after(0, "b"), "b", 0.0)
    c = Epoch(number_after(b1.number, "c"), "c", 0.0)
    a = Epoch(number_after(c.number, "a"), "a", 0.0)
    assert (b1.number, c.number, a.number) == (1, WIDE + 2, WIDE + 4)
    assert newest((c, a, b1)) == a
    # A device may keep the number in 32 bits with a sign.
    assert a.number < 2**31


@pytest.mark.parametrize(
    ("number", "letter"), [(2, "c"), (3, "d"), (WIDE, "b"), (WIDE + 1, "e")]
)
def test_number_that_the_site_never_issues_is_refused(number, letter):
    with pytest.raises(InvalidInputError):
        Epoch(number, letter, 0.0)
