import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.registry import thing_key
from hotsite.core.sampling import Draw, Sample, share_max, size_for
from hotsite.errors import InvalidInputError

KEYS = [thing_key(f"oven-{number}") for number in range(200)]


def drawn(keys, sample):
    draw = Draw(sample)
    for key in keys:
        draw.offer(key)
    return draw.keys


@given(st.permutations(KEYS[:50]), st.lists(st.sampled_from(KEYS[:50])))
def test_choice_depends_on_neither_order_nor_repeats(keys, again):
    sample = Sample(7, seed=3)
    assert drawn([*keys, *again], sample) == drawn(KEYS[:50], sample)


def test_another_seed_chooses_others_and_every_name_has_its_turn():
    chosen = [drawn(KEYS, Sample(20, seed=seed)) for seed in range(200)]
    assert len(set(chosen)) == 200
    counts = [sum(key in keys for keys in chosen) for key in KEYS]
    assert min(counts) > 5
    assert max(counts) < 45


def test_small_fleet_is_looked_at_whole():
    assert set(drawn(KEYS[:5], Sample(20))) == set(KEYS[:5])


# Exact values: 1 - 0.05^(1/n), and tables of Clopper and Pearson (one-sided 95 %).
@pytest.mark.parametrize(
    ("found", "looked_at", "bound"),
    [(0, 1, 0.95), (0, 100, 0.029513), (0, 3000, 0.000998), (1, 10, 0.394163)],
)
def test_bound_is_the_exact_one(found, looked_at, bound):
    assert share_max(found, looked_at) == pytest.approx(bound, abs=1e-5)


def test_bound_of_nothing_is_everything():
    assert share_max(0, 0) == 1.0
    assert share_max(4, 4) == 1.0


@given(st.integers(1, 400), st.data())
def test_bound_is_above_what_was_found_and_falls_with_confidence(looked_at, data):
    found = data.draw(st.integers(0, looked_at))
    bound = share_max(found, looked_at)
    assert found / looked_at <= bound <= 1
    assert share_max(found, looked_at, confidence=0.5) <= bound + 1e-12


@given(st.floats(0.001, 0.9))
def test_sample_of_the_size_for_a_share_excludes_it(share):
    size = size_for(share)
    assert share_max(0, size) <= share + 1e-9
    if size > 1:
        assert share_max(0, size - 1) > share - 1e-9


def test_sample_of_nothing_is_refused():
    with pytest.raises(InvalidInputError):
        Sample(0)
    with pytest.raises(InvalidInputError):
        share_max(3, 2)
    with pytest.raises(InvalidInputError):
        size_for(0)
