"""Two sites never issue the same number, and of two epochs one is newer."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.epoch import FIRST, SITES, Epoch, newest, number_after, other
from hotsite.errors import InvalidInputError

SITE = st.sampled_from(SITES)


@given(st.integers(0, 10**9), SITE)
def test_next_number_is_larger_and_leads_to_the_site(number, site):
    following = number_after(number, site)
    assert number < following <= number + 2
    assert Epoch(following, site, 0.0).active == site


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_sites_that_do_not_hear_each_other_issue_no_number_twice(one, two):
    assert number_after(one, "a") != number_after(two, "b")


@given(st.lists(st.tuples(st.integers(0, 50), SITE), max_size=6))
def test_newest_epoch_does_not_depend_on_the_order_of_arrival(pairs):
    epochs = [Epoch(number_after(n, site), site, 0.0) for n, site in pairs]
    found = {newest(some) for some in itertools.permutations(epochs)}
    assert len(found) == 1


def test_before_anybody_decided_the_first_site_is_active():
    assert newest(()) == FIRST
    assert (FIRST.active, str(FIRST)) == ("a", "epoch 0 (a)")


@pytest.mark.parametrize(
    ("number", "site"), [(1, "a"), (2, "b"), (-1, "b"), (-2, "a"), (0, "c")]
)
def test_epoch_that_no_site_could_issue_is_refused(number, site):
    with pytest.raises(InvalidInputError):
        Epoch(number, site, 0.0)


def test_each_site_has_one_other():
    assert (other("a"), other("b")) == ("b", "a")
    with pytest.raises(InvalidInputError, match="there are a and b"):
        other("c")
