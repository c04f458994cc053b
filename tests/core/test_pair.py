from itertools import product
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.device import Device, State
from hotsite.core.device_values import (
    DevicePolicy,
    Dial,
    Dialled,
    Identity,
    Joined,
    Left,
    Lost,
    Queued,
    Resolve,
    Resolved,
    ResolveFailed,
    Send,
    Standby,
    Start,
    Stop,
    Tick,
)
from hotsite.core.move import Move, encode
from hotsite.core.mqtt_packets import (
    Connack,
    Connect,
    Disconnect,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Subscribe,
)
from hotsite.core.outbox import Key, Message, Outbox, OutboxPolicy, Snapshot
from hotsite.core.pair import Pair, empty_outbox, idle_identity

A, B = Resolved("192.0.2.1", "a"), Resolved("192.0.2.2", "b")
NAMES = ("iot.example.com", "iot-a.example.com", "iot-b.example.com")
POLICY = DevicePolicy(ack_s_max=2.0, keep_alive_s=2.0, ping_s_max=2.0)


class Bench:
    """A pair, two sites of which each may be silent, and a clock in hand."""

    def __init__(self):
        self.now_s, self.seq = 1_000.0, 0
        identity = Identity("thing", NAMES, ("cmd/thing/#",))
        self.outbox = Outbox(Snapshot(7), OutboxPolicy())
        active = Device(identity, self.outbox, POLICY, uniform=lambda: 0.5)
        idle = Device(
            idle_identity(identity), empty_outbox(), POLICY, uniform=lambda: 0.5
        )
        self.pair = Pair(active, idle)
        self.said = []
        self.at = {0: None, 1: None}
        self.leads_to = dict(zip(NAMES, (A, A, B), strict=True))
        self.silent = set()

    def take(self, told):
        self.said += told
        for place, output in told:
            match output:
                case Resolve(name):
                    self.handle(place, self.leads_to[name])
                case Dial(address):
                    self.at[place] = address
                    if address not in self.silent:
                        self.handle(place, Dialled())
                case Send(packet) if self.at[place] not in self.silent:
                    self.answer(place, packet)

    def answer(self, place, packet):
        match packet:
            case Connect():
                self.handle(place, Connack())
            case Publish(packet_id=packet_id):
                self.handle(place, Puback(packet_id))
            case Pingreq():
                self.handle(place, Pingresp())

    def handle(self, place, happened):
        self.take(self.pair.handle(place, happened, now_s=self.now_s))

    def tell(self, happened):
        self.take(self.pair.tell(happened, now_s=self.now_s))

    def publish(self):
        self.seq += 1
        self.pair.active.outbox.reserve()
        self.tell(Queued(Message(Key(7, self.seq), b"%d" % self.seq)))

    def run(self, for_s):
        until_s = self.now_s + for_s
        while (due_s := self.pair.deadline_s()) <= until_s:
            self.now_s = max(self.now_s + 0.001, due_s)
            self.tell(Tick())
        self.now_s = until_s

    def of(self, kind):
        return [output for _place, output in self.said if isinstance(output, kind)]


def test_the_idle_machine_waits_at_the_other_site_and_hears_no_commands():
    bench = Bench()
    bench.tell(Start())
    bench.run(5)
    assert [joined.site for joined in bench.of(Joined)] == ["a"]
    assert bench.of(Standby) == [Standby("b", "ready")]
    subscribed = [o for o in bench.of(Send) if isinstance(o.packet, Subscribe)]
    assert len(subscribed) == 1


def test_a_silent_site_is_left_at_once_for_the_connection_that_stands():
    bench = Bench()
    bench.tell(Start())
    bench.run(5)
    bench.silent.add(A.address)
    fault_s = bench.now_s
    bench.run(1)
    bench.publish()
    bench.run(2.1)
    assert bench.now_s - fault_s < 4
    assert bench.of(Left)[-1].reason == "no PUBACK for 2 s"
    assert bench.of(Joined)[-1].site == "b"
    assert bench.outbox.backlog_count == 0
    assert bench.pair.active.outbox is bench.outbox
    bench.run(60)
    assert bench.pair.active.site == "b"


def test_what_the_dead_site_acknowledged_is_sent_over_the_other_connection():
    bench = Bench()
    bench.tell(Start())
    bench.run(5)
    for _ in range(3):
        bench.publish()
    bench.handle(0, Lost("gone"))
    assert bench.of(Joined)[-1] == Joined("b", B.address, 3)
    bench.run(6)
    assert bench.outbox.replay_count == 0


def test_the_idle_machine_notices_that_its_site_is_dead_and_comes_back():
    bench = Bench()
    bench.tell(Start())
    bench.run(5)
    bench.silent.add(B.address)
    bench.run(5)
    assert bench.of(Standby)[-1] == Standby("", "no PINGRESP for 2 s")
    assert not bench.of(Left)
    bench.silent.clear()
    bench.run(30)
    assert bench.of(Standby)[-1] == Standby("b", "ready")


def test_an_order_to_move_has_no_gap():
    bench = Bench()
    bench.tell(Start())
    bench.run(5)
    bench.handle(0, Publish("cmd/thing/move", encode(Move("b", 0.0, 1))))
    bench.tell(Tick())
    assert bench.pair.active.site == "b"
    assert bench.pair.active.state is State.CONNECTED
    bench.run(20)
    assert {lane.site for lane in bench.pair.lanes} == {"a", "b"}


def test_a_stop_ends_both():
    bench = Bench()
    bench.tell(Start())
    bench.run(5)
    bench.tell(Stop())
    assert {lane.state for lane in bench.pair.lanes} == {State.OFFLINE}
    assert len([o for o in bench.of(Send) if isinstance(o.packet, Disconnect)]) == 2


EVENTS = [Lost("gone"), ResolveFailed("no"), Dialled(), Connack(), A, B, Connack(0x97)]
STEPS = st.one_of(
    st.tuples(st.sampled_from([0, 1]), st.sampled_from(EVENTS)),
    st.tuples(st.just(None), st.sampled_from([Start(), Tick(), Stop(), "publish"])),
    st.tuples(st.just(None), st.floats(0.1, 20)),
)


@given(st.lists(STEPS, max_size=40))
def test_two_connections_are_never_at_one_site(steps):
    """The broker would take the second for the first one's successor."""
    now_s, seq = 1_000.0, 0
    pair = Bench().pair
    for place, step in steps:
        if isinstance(step, float):
            now_s += step
            pair.tell(Tick(), now_s=now_s)
        elif step == "publish":
            seq += 1
            pair.active.outbox.reserve()
            pair.tell(Queued(Message(Key(7, seq), b"1")), now_s=now_s)
        elif place is None:
            pair.tell(step, now_s=now_s)
        else:
            pair.handle(place, step, now_s=now_s)
        away = {State.OFFLINE, State.WAITING, State.RESOLVING}
        at = [lane.resolved.address for lane in pair.lanes if lane.state not in away]
        assert len(set(at)) == len(at)
        assert pair.active.outbox.backlog_count == seq
        assert isfinite(pair.deadline_s()) or pair.active.state is State.OFFLINE


@pytest.mark.parametrize(("first", "second"), list(product("ab", repeat=2)))
def test_one_machine_alone_is_a_device_as_ever(first, second):
    bench = Bench()
    bench.pair = Pair(bench.pair.active)
    bench.leads_to[NAMES[0]] = {"a": A, "b": B}[first]
    bench.tell(Start())
    assert bench.pair.active.site == first
    bench.leads_to[NAMES[0]] = {"a": A, "b": B}[second]
    bench.run(20)
    bench.handle(0, Lost("gone"))
    bench.run(5)
    assert bench.pair.active.site == second
