"""The operations table, as any replica of it must behave."""

from dataclasses import replace

import pytest

from hotsite.core.epoch import Epoch
from hotsite.core.operations import (
    Action,
    Book,
    Claim,
    Entry,
    Kind,
    Look,
    Operation,
    Pause,
)
from hotsite.errors import ConflictError, UnreachableError
from hotsite.sim.clock import SimClock
from hotsite.sim.operations import SimOperations

B1 = Epoch(1, "b", 1_795_000_000.125, "operator", "a is dead", is_forced=True)
LOOK = Look("b", B1, 1_795_000_009.5, 1_795_000_009.5, 4.0, Action.SERVE, "why")
OPERATION = Operation(
    "forced-b-1",
    Kind.FORCED,
    "a",
    "b",
    "dns",
    1_795_000_000.0,
    "operator",
    epoch=1,
    token="page-2",
    moved=200,
    overridden=("paused: work",),
    force_because="the hall is dark",
)
PAUSE = Pause(is_paused=True, until_s=1_795_000_100.0, by="operator", reason="work")
ITEMS = (Claim(B1), LOOK, OPERATION, PAUSE)


@pytest.fixture(params=["sim"])
def operations(request):
    """One Region's replica; whoever builds another one adds it here."""
    return SimOperations("b", SimClock())


def test_table_that_nobody_wrote_is_an_empty_book(operations):
    assert operations.read() == Book()


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.key)
def test_item_is_read_back_whole(operations, item):
    operations.write(item, previous=None)
    assert operations.read().items == {item.key: item}


def test_items_do_not_touch_each_other(operations):
    for item in ITEMS:
        operations.write(item, previous=None)
    moved = replace(OPERATION, step="verify", token=None)
    operations.write(moved, previous=OPERATION)
    found = operations.read()
    assert found.operation("b") == moved
    assert (found.claim("b"), found.look("b"), found.pause) == (Claim(B1), LOOK, PAUSE)


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.key)
def test_second_of_two_writers_has_to_read_again(operations, item):
    operations.write(item, previous=None)
    for stale in (None, Claim(Epoch(3, "b", 0.0))):
        with pytest.raises(ConflictError):
            operations.write(item, previous=stale)
    assert operations.read().items == {item.key: item}


def test_item_that_is_gone_is_not_replaced(operations):
    with pytest.raises(ConflictError):
        operations.write(OPERATION, previous=replace(OPERATION, step="epoch"))
    assert operations.read() == Book()


def test_journal_keeps_every_line_in_order(operations):
    one = Entry(1_795_000_001.0, "b", "operator", "issued epoch 1 (b)", "a is dead")
    two = Entry(1_795_000_002.0, "b", "guard of b", "serve", "a is dead")
    same = replace(two, what="stand by")
    for entry in (two, one, same):
        operations.note(entry)
    lines = operations.entries()
    assert lines[0] == one
    assert set(lines) == {one, two, same}
    assert set(operations.entries(since_s=1_795_000_001.5)) == {two, same}
    assert operations.read() == Book()


def test_table_that_cannot_be_read_is_not_empty(operations):
    operations.is_reachable = False
    with pytest.raises(UnreachableError):
        operations.read()
    with pytest.raises(UnreachableError):
        operations.write(PAUSE, previous=None)
    with pytest.raises(UnreachableError):
        operations.entries()
