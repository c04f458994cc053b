"""A query over simulated stores: what it shows, and what it says it cannot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.intervals import Intervals
from hotsite.core.outbox import Key
from hotsite.core.series import Row, Window
from hotsite.errors import UnreachableError
from hotsite.flows.telemetry_query import COLD, HOT, Question, Source, query
from hotsite.sim.series import SimSeries

A, B = "eu-central-1", "eu-west-1"


def rows(*numbers, thing="oven", origin=A, after_s=0.5):
    return [
        Row(thing, Key(7, n), float(n), f'{{"t":{n}}}', origin, n + after_s)
        for n in numbers
    ]


@pytest.fixture
def stores():
    return {(kind, place): SimSeries() for kind in (HOT, COLD) for place in (A, B)}


def sources(stores):
    return [Source(kind, place, store) for (kind, place), store in stores.items()]


def numbers(series):
    return [row.key.seq for row in series.rows]


def test_hot_and_cold_make_one_series_without_repeats(stores):
    stores[HOT, A].rows = rows(3, 4, 5)
    stores[COLD, A].rows = rows(1, 2, 3, 4) + rows(2, origin=B)
    found = query(Question("oven"), sources(stores))
    assert numbers(found) == [1, 2, 3, 4, 5]
    assert found.gaps == {7: Intervals()}
    assert [(r.kind, r.region, r.count) for r in found.reads] == [
        (HOT, A, 3),
        (COLD, A, 5),
    ]


def test_the_other_site_answers_for_one_that_is_dead(stores):
    for kind in (HOT, COLD):
        stores[kind, A].is_reachable = False
    stores[HOT, B].rows, stores[COLD, B].rows = rows(2), rows(1, origin=B)
    found = query(Question("oven"), sources(stores))
    assert numbers(found) == [1, 2]
    assert [r.region for r in found.reads if r.failure] == [A, A]
    assert found.failed_kinds == ()


def test_a_kind_that_no_site_answers_for_is_named_and_the_rest_is_shown(stores):
    for place in (A, B):
        stores[COLD, place].is_reachable = False
    stores[HOT, A].rows = rows(4, 6)
    found = query(Question("oven"), sources(stores))
    assert numbers(found) == [4, 6]
    assert found.gaps == {7: Intervals(((5, 5),))}
    assert found.failed_kinds == (COLD,)


def test_unreadable_is_never_empty(stores):
    for store in stores.values():
        store.is_reachable = False
    with pytest.raises(UnreachableError, match=r"cold in eu-west-1: the store does"):
        query(Question("oven"), sources(stores))


def test_a_store_that_holds_nothing_has_answered(stores):
    found = query(Question("oven"), sources(stores))
    assert found.rows == ()
    assert [read.region for read in found.reads] == [A, A]


def test_other_devices_and_other_times_are_not_shown(stores):
    stores[HOT, A].rows = rows(1, 2, 3) + rows(2, thing="lamp")
    found = query(Question("oven", Window(2.0, 2.5)), sources(stores))
    assert [(row.thing, row.key.seq) for row in found.rows] == [("oven", 2)]


@pytest.mark.parametrize(("limit", "shown"), [(0, []), (2, [3, 4]), (9, [1, 2, 3, 4])])
def test_a_limit_keeps_the_newest(stores, limit, shown):
    stores[HOT, A].rows = rows(1, 2, 3, 4)
    assert numbers(query(Question("oven", count_max=limit), sources(stores))) == shown


def test_what_is_no_message_is_counted(stores):
    stores[HOT, A].unreadable = 3
    assert query(Question("oven"), sources(stores)).reads[0].unreadable == 3


@given(st.lists(st.frozensets(st.integers(1, 30)), min_size=2, max_size=2))
def test_stranded_rows_that_return_add_what_was_missing_and_change_nothing(held):
    before, stranded = held
    hot, cold = SimSeries(rows(*before)), SimSeries()
    places = [Source(HOT, B, hot), Source(COLD, B, cold)]
    shown = query(Question("oven"), places).rows
    # What is stranded arrived before its device gave up waiting and went elsewhere.
    cold.rows = rows(*stranded, origin=B, after_s=0.1)
    hot.rows = [*hot.rows, *rows(*stranded, after_s=0.1)]
    after = query(Question("oven"), places).rows
    assert [row for row in after if row.key.seq in before] == list(shown)
    assert {row.key.seq for row in after} == before | stranded
