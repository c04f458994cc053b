"""Two replicas of the simulated operations table: the last writer wins."""

from hotsite.core.operations import Entry, Pause
from hotsite.sim.clock import SimClock
from hotsite.sim.operations import SimOperations


def replicas():
    clock, told = SimClock(), []
    one, two = SimOperations("a", clock), SimOperations("b", clock)
    one.on_write = two.on_write = told.append
    return clock, one, two, told


def test_last_writer_wins_in_both_whatever_arrives_first():
    clock, one, two, told = replicas()
    one.write(Pause(is_paused=True), previous=None)
    clock.sleep(1.0)
    two.write(Pause(is_paused=False), previous=None)
    for write in reversed(told):
        one.receive(write)
        two.receive(write)
    assert one.read() == two.read()
    assert not one.read().pause.is_paused


def test_what_arrived_is_not_sent_back():
    _, one, two, told = replicas()
    one.write(Pause(is_paused=True), previous=None)
    two.receive(told[0])
    assert len(told) == 1


def test_journals_of_both_regions_become_one():
    _, one, two, told = replicas()
    one.note(Entry(1.0, "a", "guard of a", "serve", ""))
    two.receive(told[0])
    two.note(Entry(2.0, "b", "guard of b", "stand by", ""))
    assert [line.site for line in two.entries()] == ["a", "b"]
