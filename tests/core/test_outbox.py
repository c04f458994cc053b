import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hotsite.core.intervals import Intervals
from hotsite.core.outbox import (
    Acknowledgement,
    Evicted,
    Kept,
    Key,
    Message,
    Outbox,
    OutboxFullError,
    OutboxPolicy,
    Overflow,
    Snapshot,
)
from hotsite.errors import InvalidInputError

EPOCH = 7


def message(seq, epoch=EPOCH):
    return Message(Key(epoch, seq), b"%d" % seq)


def filled(count, policy=None, snapshot=None):
    outbox = Outbox(snapshot or Snapshot(EPOCH), policy or OutboxPolicy())
    for seq in range(1, count + 1):
        outbox.reserve()
        outbox.append(message(seq))
    return outbox


def take(outbox, *, is_replay_allowed=True):
    """Return the next message, whether it goes alone or in a batch."""
    if (taken := outbox.take()) is not None:
        return taken
    for waiting in outbox.waiting(1, is_replay_allowed=is_replay_allowed):
        outbox.take_waiting(1, is_replay_allowed=is_replay_allowed)
        return waiting
    return None


def drain(outbox, site, now_s):
    sent = []
    while (taken := take(outbox)) is not None:
        sent.append(taken.key.seq)
        assert outbox.acknowledge(taken.key, Acknowledgement(site, now_s))
    return sent


def test_another_site_gets_everything_that_is_retained_again():
    outbox = filled(3)
    outbox.enter("a")
    assert drain(outbox, "a", 100) == [1, 2, 3]
    assert outbox.enter("a") == 0
    assert outbox.enter("b") == 3
    assert drain(outbox, "b", 110) == [1, 2, 3]


def test_what_nobody_acknowledged_goes_before_what_somebody_did():
    outbox = filled(2)
    outbox.enter("a")
    drain(outbox, "a", 100)
    outbox.reserve()
    outbox.append(message(3))
    outbox.enter("b")
    assert take(outbox, is_replay_allowed=False).key.seq == 3
    assert take(outbox, is_replay_allowed=False) is None
    assert not outbox.has_next
    assert take(outbox).key.seq == 1
    assert outbox.replay_count == 2


def test_the_newest_of_a_backlog_go_alone_and_the_others_oldest_first():
    outbox = filled(25)
    assert drain(outbox, "a", 100) == [*range(16, 26), *range(1, 16)]
    outbox = filled(25)
    outbox.enter("a")
    assert drain(outbox, "a", 100) == [*range(16, 26), *range(1, 16)]


def test_what_a_site_vouches_for_is_retained_as_if_it_had_acknowledged_it():
    outbox = filled(4, OutboxPolicy(retention_s=300))
    outbox.enter("a")
    drain(outbox, "a", 100)
    outbox.enter("b")
    assert set(outbox.replayed()) == {Key(EPOCH, seq) for seq in range(1, 5)}
    outbox.vouch({Key(EPOCH, 1), Key(EPOCH, 3)}, Acknowledgement("b", 200))
    assert drain(outbox, "b", 210) == [2, 4]
    assert outbox.expire(499) == ()
    assert outbox.expire(505) == (Key(EPOCH, 1), Key(EPOCH, 3))
    assert outbox.enter("b") == 0
    assert outbox.enter("a") == 2


def test_retention_is_counted_from_the_last_acknowledgement():
    outbox = filled(1, OutboxPolicy(retention_s=300))
    outbox.enter("a")
    drain(outbox, "a", 100)
    assert outbox.expire(399.9) == ()
    assert outbox.expire(400) == (Key(EPOCH, 1),)
    assert outbox.held_count == 0
    assert outbox.report()[0].acknowledged == Intervals(((1, 1),))


def test_only_time_on_a_connection_counts_for_the_retention():
    """A site that stood still while the device was away has replicated nothing."""
    outbox = filled(1, OutboxPolicy(retention_s=300))
    outbox.enter("a")
    drain(outbox, "a", 100)
    assert outbox.expire(200) == ()
    outbox.leave()
    outbox.enter("a")
    assert outbox.expire(10_000) == ()
    assert outbox.expire(10_199) == ()
    assert outbox.expire(10_200) == (Key(EPOCH, 1),)


def test_time_at_another_site_does_not_count_for_the_retention():
    outbox = filled(1, OutboxPolicy(retention_s=300))
    outbox.enter("a")
    drain(outbox, "a", 100)
    outbox.expire(100)
    outbox.leave()
    outbox.enter("b")
    outbox.expire(150)
    outbox.leave()
    outbox.enter("a")
    assert outbox.expire(1_000) == ()
    assert outbox.expire(1_299) == ()
    assert outbox.expire(1_300) == (Key(EPOCH, 1),)


def test_a_replayed_message_does_not_expire_before_the_new_site_has_it():
    outbox = filled(1, OutboxPolicy(retention_s=10))
    outbox.enter("a")
    drain(outbox, "a", 100)
    outbox.enter("b")
    assert outbox.expire(10_000) == ()
    assert drain(outbox, "b", 10_000) == [1]


def test_a_lost_connection_puts_what_was_in_flight_back_in_order():
    outbox = filled(3)
    outbox.enter("a")
    for _ in range(2):
        take(outbox)
    outbox.leave()
    assert drain(outbox, "a", 100) == [1, 2, 3]


def test_a_refused_message_waits_at_the_end_of_its_queue():
    outbox = filled(2)
    outbox.enter("a")
    first = take(outbox)
    outbox.give_back(first.key)
    assert drain(outbox, "a", 100) == [2, 1]
    outbox.enter("b")
    replayed = take(outbox)
    outbox.give_back(replayed.key)
    assert outbox.replay_count == 2


def test_an_acknowledgement_of_something_else_changes_nothing():
    outbox = filled(1)
    assert not outbox.acknowledge(Key(EPOCH, 1), Acknowledgement("a", 1))
    assert outbox.backlog_count == 1


def test_a_full_outbox_refuses_unless_told_to_drop():
    outbox = filled(2, OutboxPolicy(message_count_max=2))
    with pytest.raises(OutboxFullError):
        outbox.reserve()
    assert outbox.backlog_count == 2


def test_a_dropping_outbox_drops_copies_before_originals_and_counts_these():
    policy = OutboxPolicy(message_count_max=2, overflow=Overflow.DROP_OLDEST)
    outbox = filled(2, policy)
    outbox.enter("a")
    taken = take(outbox)
    outbox.acknowledge(taken.key, Acknowledgement("a", 100))
    assert outbox.reserve() == Evicted(Key(EPOCH, 1), is_given_up=False)
    outbox.append(message(3))
    assert outbox.reserve() == Evicted(Key(EPOCH, 2), is_given_up=True)
    outbox.append(message(4))
    report = outbox.report()[0]
    assert report.dropped == 1
    assert report.published == Intervals(((1, 4),))
    assert report.acknowledged == Intervals(((1, 1),))


def test_a_dropping_outbox_drops_replayed_copies_and_never_what_is_in_flight():
    policy = OutboxPolicy(message_count_max=2, overflow=Overflow.DROP_OLDEST)
    outbox = filled(2, policy)
    outbox.enter("a")
    drain(outbox, "a", 100)
    outbox.enter("b")
    assert outbox.reserve() == Evicted(Key(EPOCH, 1), is_given_up=False)
    outbox.append(message(3))
    for _ in range(2):
        take(outbox)
    with pytest.raises(OutboxFullError):
        outbox.reserve()


def test_a_restart_remembers_the_epochs_before_it():
    snapshot = Snapshot(
        epoch=9,
        kept=(
            Kept(message(3, 7), Acknowledgement("a", 50)),
            Kept(message(5, 7)),
        ),
        published=(Key(7, 2), Key(8, 0)),
        given_up=(Key(7, 4),),
    )
    outbox = Outbox(snapshot, OutboxPolicy())
    first, second = outbox.report(before_s=40)
    assert (first.epoch, first.published) == (7, Intervals(((1, 5),)))
    assert first.acknowledged == Intervals(((1, 3),))
    assert first.acknowledged_before == Intervals(((1, 2),))
    assert first.dropped == 1
    assert (second.epoch, second.published) == (8, Intervals())
    assert outbox.enter("a") == 0
    assert drain(outbox, "a", 60) == [5]


@pytest.mark.parametrize("now_s", [0, 100, 10_000_000])
def test_retention_starts_again_when_a_restart_may_have_changed_the_clock(now_s):
    kept = Kept(message(1, 7), Acknowledgement("a", 100))
    outbox = Outbox(Snapshot(9, kept=(kept,)), OutboxPolicy(retention_s=300))
    outbox.enter("a")
    assert outbox.expire(now_s) == ()
    assert outbox.expire(now_s + 299) == ()
    assert outbox.expire(now_s + 300) == (Key(7, 1),)


def test_a_report_tells_what_was_acknowledged_before_the_fault():
    outbox = filled(2)
    outbox.enter("a")
    for at_s in (100, 200):
        taken = take(outbox)
        outbox.acknowledge(taken.key, Acknowledgement("a", at_s))
    outbox.enter("b")
    drain(outbox, "b", 300)
    assert outbox.report(before_s=150)[0].acknowledged_before == Intervals(((1, 1),))


@pytest.mark.parametrize("changes", [{"message_count_max": 0}, {"retention_s": -1}])
def test_an_outbox_that_can_hold_nothing_is_refused(changes):
    with pytest.raises(InvalidInputError):
        OutboxPolicy(**changes)


class Replay(RuleBasedStateMachine):
    """Two sites, of which either may forget everything it acknowledged."""

    def __init__(self):
        super().__init__()
        self.policy = OutboxPolicy(retention_s=50)
        self.outbox = Outbox(Snapshot(EPOCH), self.policy)
        self.now_s, self.seq, self.site = 1000.0, 0, None
        self.has = {"a": {}, "b": {}}

    @rule(count=st.integers(1, 5))
    def publish(self, count):
        for _ in range(count):
            self.seq += 1
            self.outbox.reserve()
            self.outbox.append(message(self.seq))

    @rule(site=st.sampled_from("ab"))
    def connect(self, site):
        self.outbox.leave()
        self.outbox.enter(site)
        self.site = site

    @rule(count=st.integers(1, 9), is_heard=st.booleans())
    def send(self, count, is_heard):
        for _ in range(count if self.site else 0):
            taken = take(self.outbox)
            if taken is None:
                break
            if is_heard:
                acknowledgement = Acknowledgement(self.site, self.now_s)
                self.outbox.acknowledge(taken.key, acknowledgement)
                self.has[self.site][taken.key.seq] = self.now_s

    @rule(passed_s=st.floats(0, 40))
    def wait(self, passed_s):
        self.now_s += passed_s
        if self.site:
            self.outbox.expire(self.now_s)

    @rule()
    def switch_and_drain(self):
        """Whatever the other site acknowledged within retention arrives here."""
        other = "b" if self.site == "a" else "a"
        retained = {
            seq
            for seq, at_s in self.has[self.site or "a"].items()
            if at_s + self.policy.retention_s > self.now_s
        }
        self.connect(other)
        drained = set(drain(self.outbox, other, self.now_s))
        for seq in drained:
            self.has[other][seq] = self.now_s
        assert retained <= set(self.has[other])

    @invariant()
    def every_message_is_acknowledged_or_still_there(self):
        got = set(self.has["a"]) | set(self.has["b"])
        for report in self.outbox.report():
            assert report.dropped == 0
            assert report.published.size == self.seq
            assert set(report.acknowledged) == got
        assert self.outbox.backlog_count == self.seq - len(got)


Replay.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestReplay = Replay.TestCase


@given(st.lists(st.sampled_from("ab"), max_size=6))
def test_flapping_between_sites_never_loses_a_message(path):
    outbox = filled(4)
    for now_s, site in enumerate(path):
        outbox.enter(site)
        drain(outbox, site, float(now_s))
    outbox.enter("c")
    assert drain(outbox, "c", 100.0) == [1, 2, 3, 4]
