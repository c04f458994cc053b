from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.epoch import number_after
from hotsite.core.move import Move, Mover, decode, destination, encode
from hotsite.errors import InvalidInputError

NAMES = ("iot.example.com", "iot-a.example.com", "iot-b.example.com")


@given(st.text(), st.floats(0, 86_400), st.integers(0, 2**53))
def test_an_order_survives_the_wire(to, within_s, epoch):
    move = Move(to, within_s, epoch)
    assert decode(encode(move)) == move


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b'{"to":"b","within_s":1}',
        b'{"to":"b","within_s":-1,"epoch":1}',
        b'{"to":"b","within_s":86401,"epoch":1}',
        b'{"to":"b","within_s":1,"epoch":-1}',
        b'{"to":"b","within_s":1,"epoch":1.5}',
        b'{"v":2,"to":"b","within_s":1,"epoch":1}',
        b'{"to":"b","within_s":1,"epoch":1,"now":true}',
    ],
)
def test_what_is_no_order_is_refused(payload):
    with pytest.raises(InvalidInputError):
        decode(payload)


@pytest.mark.parametrize(
    ("to", "name"),
    [("a", NAMES[1]), ("b", NAMES[2]), *((name, name) for name in NAMES)],
)
def test_an_order_names_a_site_or_a_name_of_the_device(to, name):
    assert destination(to, NAMES) == name


@pytest.mark.parametrize(
    "to",
    ["", "c", "iot-c.example.com", "iot-b.example.org", "-b", "t",
     "abc-ats.iot.eu-west-1.amazonaws.com"],
)  # fmt: skip
def test_a_device_goes_only_where_it_could_go_anyway(to):
    with pytest.raises(InvalidInputError):
        destination(to, NAMES)


def take(mover, move, now_s=100.0, uniform=0.5):
    mover.take(encode(move), NAMES, now_s=now_s, uniform=uniform)


def test_a_device_moves_at_its_own_moment_and_asks_once():
    mover = Mover()
    assert mover.due_s == inf
    take(mover, Move("b", 60, 1))
    assert (mover.name, mover.due_s) == (NAMES[2], 130)
    assert mover.ask() == NAMES[2]
    assert mover.due_s == inf
    mover.interrupt()
    assert mover.due_s == 130
    assert mover.end() == NAMES[2]
    assert (mover.name, mover.due_s) == ("", inf)


def test_only_a_newer_order_is_followed():
    mover = Mover()
    take(mover, Move("b", 60, 5))
    for epoch in (5, 4):
        with pytest.raises(InvalidInputError):
            take(mover, Move("a", 60, epoch))
    take(mover, Move("a", 60, 6))
    assert mover.name == NAMES[1]


def test_order_of_an_older_epoch_is_dropped_whichever_site_issued_it():
    mover, number = Mover(), 0
    for site in ("b", "a", "b", "b"):
        before, number = number, number_after(number, site)
        order = encode(Move(NAMES[0], 0.0, number))
        mover.take(order, NAMES, now_s=0.0, uniform=0.5)
        for old in (before, number):
            with pytest.raises(InvalidInputError, match="is not newer"):
                mover.take(
                    encode(Move(NAMES[0], 0.0, old)), NAMES, now_s=1.0, uniform=0.5
                )


def test_stale_order_after_a_restart_leads_to_the_failover_name_only():
    mover = Mover()
    mover.take(encode(Move(NAMES[0], 0.0, 1)), NAMES, now_s=0.0, uniform=0.5)
    assert mover.ask() == NAMES[0]
