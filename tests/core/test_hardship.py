from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.hardship import Power, Sick, cut, uniform

SEEDS = st.integers(0, 2**40)


@given(SEEDS, st.integers(0, 10**6))
def test_a_draw_is_repeated_by_its_seed_and_stays_in_its_range(seed, number):
    assert 0 <= uniform(seed, "x", number) < 1
    assert uniform(seed, "x", number) == uniform(seed, "x", number)


@given(SEEDS, st.integers(0, 10**6))
def test_a_power_cut_hits_a_part_that_exists_for_no_longer_than_allowed(seed, number):
    power = Power(cuts_per_min=20, processes=5, off_s_max=2)
    drawn = cut(power, seed=seed, number=number)
    assert drawn.gap_s >= 0
    assert drawn.process in range(5)
    assert 0 <= drawn.off_s < 2


def test_power_cuts_come_as_often_as_asked_and_hit_every_part():
    power = Power(cuts_per_min=20, processes=5)
    cuts = [cut(power, seed=1, number=number) for number in range(4000)]
    assert 2.8 < sum(one.gap_s for one in cuts) / len(cuts) < 3.2
    assert {one.process for one in cuts} == set(range(5))


@given(SEEDS)
def test_a_sick_region_lags_within_its_range(seed):
    assert 5 <= Sick(lag_s_min=5, lag_s_max=300).lag_s(seed) <= 300
