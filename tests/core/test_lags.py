import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.lags import Lags


@given(
    st.lists(st.floats(0.002, 100_000), min_size=1, max_size=200),
    st.sampled_from([0.5, 0.9, 0.99, 1.0]),
)
def test_percentile_is_within_two_percent_of_the_exact_one(times, share):
    lags = Lags()
    for lag_s in times:
        lags.add(lag_s)
    exact = sorted(times)[max(1, math.ceil(share * len(times))) - 1]
    assert lags.percentile_s(share) == pytest.approx(exact, rel=0.02)


def test_no_times_have_no_percentile_and_memory_stays_small():
    lags = Lags()
    assert lags.percentile_s(0.5) is None
    for number in range(50_000):
        lags.add(number / 10)
    assert len(lags.counts) < 900
    assert lags.max_s == 4_999.9
