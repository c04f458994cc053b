"""The ledger of deletions that all workers of a Region share."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from hotsite.core.deletions import Window
from hotsite.core.registry import Kind
from hotsite.errors import UnreachableError, UnsafePlanError

NOW_S = 1_700_000_000.0


def taken(window, count=1, count_max=100):
    return window.taken(count, count_max=count_max, now_s=NOW_S)


def test_ledger_is_empty_at_first_and_keeps_each_kind_apart(ports):
    assert ports.ledger.read(Kind.THING) == Window()
    ports.ledger.update(Kind.THING, lambda window: taken(window, 3))
    ports.ledger.update(Kind.POLICY, taken)
    assert ports.ledger.read(Kind.THING).count(NOW_S) == 3
    assert ports.ledger.read(Kind.POLICY).count(NOW_S) == 1
    assert ports.ledger.read(Kind.THING_GROUP) == Window()


def test_change_that_is_refused_writes_nothing(ports):
    ports.ledger.update(Kind.THING, lambda window: taken(window, 3))
    with pytest.raises(UnsafePlanError):
        ports.ledger.update(Kind.THING, lambda window: taken(window, 3, count_max=5))
    assert ports.ledger.read(Kind.THING).count(NOW_S) == 3


def test_workers_at_the_same_time_lose_no_deletion(ports):
    def work(_):
        ports.ledger.update(Kind.THING, taken)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(12)))
    assert ports.ledger.read(Kind.THING).count(NOW_S) == 12


@pytest.mark.parametrize(
    "call",
    [
        lambda ledger: ledger.read(Kind.THING),
        lambda ledger: ledger.update(Kind.THING, taken),
    ],
)
def test_unreadable_ledger_is_an_error_not_an_empty_one(ports_cut_off, call):
    with pytest.raises(UnreachableError):
        call(ports_cut_off.ledger)
