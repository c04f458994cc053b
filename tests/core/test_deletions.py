from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sample_registry import certificate

from hotsite.core.deletions import Limit, Window, check, check_given, is_loss
from hotsite.core.registry import Key, Kind, Record, Shadows, Thing, thing_key
from hotsite.errors import UnsafePlanError


@pytest.mark.parametrize(
    ("names", "allowed"), [(0, 5), (10, 5), (50, 5), (60, 6), (1_000_000, 100_000)]
)
def test_limit_is_a_share_with_a_floor(names, allowed):
    assert Limit().count_max(names) == allowed


@given(
    st.lists(st.tuples(st.floats(0, 90_000), st.integers(1, 4)), max_size=30),
    st.integers(0, 20),
)
def test_no_day_holds_more_than_the_limit(taken, count_max):
    window, now_s, done = Window(), 1_000_000.0, []
    for wait_s, count in taken:
        now_s += wait_s
        try:
            window = window.taken(count, count_max=count_max, now_s=now_s)
        except UnsafePlanError:
            continue
        done.append((now_s, count))
    for end_s, _ in done:
        day = [n for at_s, n in done if end_s - 86_400 < at_s <= end_s]
        assert sum(day) <= count_max


def test_window_forgets_after_a_day_and_stays_small():
    window, now_s = Window(), 0.0
    for _ in range(500):
        now_s += 1800
        window = window.taken(1, count_max=100, now_s=now_s)
    assert len(window.buckets) <= 25
    assert window.count(now_s + 2 * 86_400) == 0


def test_refusal_names_the_first_and_counts_the_rest():
    names = tuple(f"oven-{number}" for number in range(30))
    check(Kind.THING, names[:5], count=5, count_max=5, before=0)
    with pytest.raises(UnsafePlanError, match=r"oven-0, .*oven-19 and 10 more"):
        check(Kind.THING, names, count=30, count_max=5, before=0)
    with pytest.raises(UnsafePlanError, match="after 3 within 24 h"):
        check(Kind.THING, names[:3], count=3, count_max=5, before=3)


def test_list_is_refused_as_a_whole_unless_the_given_limit_holds_it():
    texts = tuple(f"thing#oven-{number}" for number in range(25))
    for count_max in (25, 26):
        check_given(texts, count=25, count_max=count_max)
    for count_max in (0, 24):
        with pytest.raises(UnsafePlanError, match=rf"is {count_max}: thing#oven-0, "):
            check_given(texts, count=25, count_max=count_max)
    with pytest.raises(UnsafePlanError, match=r"1200 deletions.* and 1180 more"):
        check_given(texts, count=1200, count_max=25)


def test_what_takes_a_name_or_its_last_certificate_away_is_a_loss():
    oven = Record(thing_key("oven"), Thing("oven"), (certificate("a"),))
    assert is_loss(oven, replace(oven, body=None, is_deleted=True))
    assert is_loss(oven, replace(oven, certificates=()))
    assert not is_loss(oven, replace(oven, certificates=(certificate("b"),)))
    assert not is_loss(Record(oven.key, None), oven)
    shadows = Record(Key(Kind.SHADOWS, "oven"), Shadows("oven", (("", "{}"),)))
    assert is_loss(shadows, replace(shadows, body=Shadows("oven")))
    assert not is_loss(shadows, replace(shadows, body=Shadows("oven", (("x", "{}"),))))
