"""Pause and resume, in every Region that answers."""

import pytest

from hotsite.core.operations import Pause
from hotsite.errors import UnreachableError
from hotsite.flows.pausing import say
from hotsite.sim.clock import SimClock
from hotsite.sim.operations import SimOperations

PAUSE = Pause(is_paused=True, by="operator", reason="work")


def replicas():
    clock = SimClock()
    return clock, {letter: SimOperations(letter, clock) for letter in "ab"}


def test_pause_is_written_in_both_regions_once():
    clock, both = replicas()
    for _ in range(2):
        assert say(PAUSE, both, clock).written == ("a", "b")
    for operations in both.values():
        assert operations.read().pause == PAUSE
        assert [line.what for line in operations.entries()] == ["paused"]


def test_pause_ends_in_both_regions():
    clock, both = replicas()
    say(PAUSE, both, clock)
    say(Pause(is_paused=False, by="operator"), both, clock)
    assert not any(one.read().pause.is_paused for one in both.values())


def test_region_that_is_silent_is_named():
    clock, both = replicas()
    both["b"].is_reachable = False
    said = say(PAUSE, both, clock)
    assert (said.written, list(said.silent)) == (("a",), ["b"])


def test_pause_that_nobody_heard_is_no_pause():
    clock, both = replicas()
    for operations in both.values():
        operations.is_reachable = False
    with pytest.raises(UnreachableError):
        say(PAUSE, both, clock)
