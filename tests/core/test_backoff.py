import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.backoff import BackoffPolicy, Pacer, ceiling_s, full_jitter_s
from hotsite.errors import InvalidInputError


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_a_wait_is_never_longer_than_its_ceiling_nor_the_cap(rounds, uniform):
    policy = BackoffPolicy()
    wait_s = full_jitter_s(rounds, uniform, policy)
    assert 0 <= wait_s <= ceiling_s(rounds, policy) <= policy.cap_s


def test_the_ceiling_doubles_until_the_cap():
    policy = BackoffPolicy(base_s=1, cap_s=8)
    assert [ceiling_s(k, policy) for k in range(6)] == [1, 2, 4, 8, 8, 8]


@pytest.mark.parametrize(
    "changes", [{"base_s": 0}, {"base_s": 9}, {"connect_spacing_s": -1}]
)
def test_a_policy_that_could_spin_is_refused(changes):
    with pytest.raises(InvalidInputError):
        BackoffPolicy(**changes)


@given(
    st.integers(1, 100),
    st.lists(st.floats(0, 0.2), min_size=1, max_size=400),
)
def test_no_second_holds_more_than_the_limit(limit, gaps_s):
    pacer, now_s, sent_s = Pacer(limit), 1000.0, []
    for gap_s in gaps_s:
        now_s = max(now_s + gap_s, pacer.ready_s())
        pacer.note(now_s)
        sent_s.append(now_s)
    for first_s in sent_s:
        # A limit of 1 allows a burst of 1 and one a second: two in the window.
        inside = sum(first_s <= at_s < first_s + 0.999 for at_s in sent_s)
        assert inside <= limit
