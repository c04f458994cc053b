"""Pause and resume, in every Region that answers."""

import pytest

from hotsite.core.operations import Pause
from hotsite.errors import UnreachableError
from hotsite.flows.pausing import say
from hotsite.sim.clock import SimClock
from hotsite.sim.operations import SimOperations, Written

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


class Hasty(SimOperations):
    """A replica into which replication brings something between read and write."""

    def __init__(self, arriving, *, times, **more):
        super().__init__("b", **more)
        self.arriving = arriving
        self.times = times

    def write(self, item, *, previous):
        if self.times:
            self.times -= 1
            later_s = self.clock.now_s() + 100 - self.times
            self.receive(Written(self.arriving(self.times), (later_s, "a")))
        super().write(item, previous=previous)


def test_pause_that_replication_brings_meanwhile_is_written():
    clock = SimClock()
    hasty = Hasty(lambda _: PAUSE, times=1, clock=clock)
    said = say(PAUSE, {"b": hasty}, clock)
    assert (said.written, dict(said.silent)) == (("b",), {})
    assert hasty.read().pause == PAUSE


def test_replica_that_is_written_all_the_time_is_named():
    clock = SimClock()

    def another(number):
        return Pause(is_paused=True, by="somebody", reason=f"{number}")

    both = {"a": SimOperations("a", clock), "b": Hasty(another, times=9, clock=clock)}
    said = say(PAUSE, both, clock)
    assert (said.written, list(said.silent)) == (("a",), ["b"])
