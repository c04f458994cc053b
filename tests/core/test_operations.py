"""What the operations table holds, and what holds because of it."""

import pytest

from hotsite.core import records
from hotsite.core.epoch import FIRST, Epoch, number_after
from hotsite.core.operations import (
    DONE,
    Action,
    Book,
    Claim,
    Entry,
    Kind,
    Look,
    Operation,
    Pause,
)
from hotsite.errors import InvalidInputError

B1 = Epoch(1, "b", 50.0, "operator", "a is dead", is_forced=True)
A2 = Epoch(2, "a", 90.0)
LOOK = Look("a", B1, 60.0, 60.0, 55.0, Action.STAND_BY, "b is active and healthy")
MOVE = Operation("planned-b-1", Kind.PLANNED, "a", "b", "epoch", 50.0, "operator", 1)
ITEMS = (Claim(B1), Claim(A2), LOOK, MOVE, Pause(is_paused=True, until_s=9.0))


def book(*items):
    return Book({item.key: item for item in items})


def test_each_item_that_must_not_be_lost_is_written_in_one_region_only():
    keys = [item.key for item in ITEMS]
    assert keys == ["epoch#b", "epoch#a", "look#a", "operation#b", "pause"]


@pytest.mark.parametrize("item", [*ITEMS, Entry(1.0, "a", "guard", "serve", "why")])
def test_what_is_kept_is_read_back_whole(item):
    plain = records.write(item)
    assert records.read(type(item), plain, where="test") == item


@pytest.mark.parametrize(
    ("items", "holds"),
    [((), FIRST), ((Claim(B1),), B1), ((Claim(B1), Claim(A2)), A2), ((LOOK,), B1)],
)
def test_newest_epoch_holds_wherever_it_was_heard_of(items, holds):
    assert book(*items).newest == holds


def test_claim_tells_more_of_an_epoch_than_what_was_heard():
    heard = Look("a", Epoch(1, "b", 50.0), 60.0, 60.0, 55.0, Action.STAND_DOWN, "")
    assert book(Claim(B1), heard).newest.reason == "a is dead"


def test_book_says_what_is_there_and_what_is_not():
    full, empty = book(*ITEMS), Book()
    assert (full.look("a"), full.claim("b"), full.operation("b")) == (
        LOOK,
        Claim(B1),
        MOVE,
    )
    assert empty.look("a") is empty.claim("a") is empty.operation("a") is None
    assert empty.pause == Pause(is_paused=False)
    with pytest.raises(InvalidInputError):
        full.look("e")


def test_pause_ends_by_itself_or_never():
    assert Pause(is_paused=True).holds(10**12)
    assert Pause(is_paused=True, until_s=9.0).holds(8.9)
    assert not Pause(is_paused=True, until_s=9.0).holds(9.0)
    assert not Pause(is_paused=False, until_s=9.0).holds(1.0)


def test_operation_is_over_at_its_last_step_only():
    assert not MOVE.is_over
    over = Operation("x", Kind.FORCED, "a", "b", DONE, 0.0, "operator")
    assert over.is_over


def test_site_is_away_since_the_first_that_took_over_from_it():
    b1 = Epoch(1, "b", 100.0)
    c = Epoch(number_after(1, "c"), "c", 500.0)
    assert book(Claim(b1)).left_at_s("a") == 100.0
    assert book(Claim(b1), Claim(c)).left_at_s("a") == 100.0
    assert book(Claim(b1), Claim(c)).left_at_s("b") == 500.0
    home = Epoch(number_after(1, "a"), "a", 300.0)
    assert book(Claim(b1), Claim(home), Claim(c)).left_at_s("a") == 500.0
    assert book(Claim(b1), Claim(home)).left_at_s("b") == 300.0
    assert book().left_at_s("a") == 0.0


def test_operation_leaves_the_site_that_was_active_before_the_target():
    b1 = Epoch(1, "b", 100.0)
    c = Epoch(number_after(1, "c"), "c", 500.0)
    assert book(Claim(b1), Claim(c)).before("c") == b1
    assert book(Claim(b1), Claim(c)).before("a") == c
    assert book(Claim(b1)).before("b") is None
