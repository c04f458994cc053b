from dataclasses import replace
from itertools import pairwise, product
from math import inf
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.backoff import BackoffPolicy
from hotsite.core.device import TRANSITIONS, Device, State
from hotsite.core.device_values import (
    Acknowledged,
    Close,
    Delivered,
    DevicePolicy,
    Dial,
    Dialled,
    Dropped,
    Failed,
    Identity,
    Input,
    Joined,
    Left,
    Lost,
    Queued,
    Refused,
    Resolve,
    Resolved,
    ResolveFailed,
    Send,
    Start,
    Stop,
    Tick,
)
from hotsite.core.mqtt_packets import (
    RECEIVE_MAXIMUM,
    SERVER_KEEP_ALIVE,
    Connack,
    Connect,
    Disconnect,
    Pingreq,
    Pingresp,
    Property,
    Puback,
    Publish,
    Suback,
    Subscribe,
)
from hotsite.core.outbox import Key, Message, Outbox, OutboxPolicy, Snapshot
from hotsite.core.session import SUBSCRIBE_ID, Session
from hotsite.errors import InvalidInputError

NAME = "iot.example.com"
YES = Connack()
SITE_A = Resolved("192.0.2.1", "a.example.net", 10)
SITE_B = Resolved("192.0.2.2", "b.example.net", 10)


class Bench:
    """A device with a clock in hand."""

    def __init__(self, *, uniform=0.5, endpoints=(NAME,), topics=(), **policy):
        self.now_s = 1000.0
        keeping = OutboxPolicy(retention_s=policy.pop("retention_s", 300.0))
        self.outbox = Outbox(Snapshot(7), keeping)
        self.seq = 0
        identity = Identity("thing", endpoints, topics)
        self.device = Device(
            identity, self.outbox, DevicePolicy(**policy), uniform=lambda: uniform
        )

    def give(self, *inputs, after_s=0.0):
        self.now_s += after_s
        outputs = []
        for happened in inputs:
            outputs += self.device.handle(happened, now_s=self.now_s)
        return outputs

    def queue(self, count=1):
        outputs = []
        for _ in range(count):
            self.seq += 1
            self.outbox.reserve()
            message = Message(Key(7, self.seq), b"%d" % self.seq)
            outputs += self.give(Queued(message))
        return outputs

    def connect(self, site=SITE_A, connack=YES):
        if self.device.state is State.OFFLINE:
            self.give(Start())
        elif self.device.state is State.WAITING:
            self.now_s = self.device.deadline_s()
            self.give(Tick())
        self.give(site, Dialled())
        return self.give(connack)

    def to(self, state):
        match state:
            case State.RESOLVING:
                self.give(Start())
            case State.CONNECTING:
                self.give(Start(), SITE_A)
            case State.CONNECTED:
                self.connect()
            case State.WAITING:
                self.give(Start(), ResolveFailed("no"))
        assert self.device.state is state
        return self


def published(outputs):
    return [
        output.packet
        for output in outputs
        if isinstance(output, Send) and isinstance(output.packet, Publish)
    ]


def samples():
    return {
        Start: Start(),
        Stop: Stop(),
        Tick: Tick(),
        Resolved: SITE_A,
        ResolveFailed: ResolveFailed("no"),
        Dialled: Dialled(),
        Lost: Lost("gone"),
        Connack: Connack(),
        Puback: Puback(9),
        Suback: Suback(1, (1,)),
        Pingresp: Pingresp(),
        Publish: Publish("cmd/thing/x", b"", qos=1, packet_id=5),
        Disconnect: Disconnect(0x8B),
    }


MOVES = {
    (State.OFFLINE, Start): State.RESOLVING,
    (State.RESOLVING, Stop): State.OFFLINE,
    (State.RESOLVING, Resolved): State.CONNECTING,
    (State.RESOLVING, ResolveFailed): State.WAITING,
    (State.CONNECTING, Stop): State.OFFLINE,
    (State.CONNECTING, Lost): State.WAITING,
    (State.CONNECTING, Connack): State.CONNECTED,
    (State.CONNECTING, Puback): State.WAITING,
    (State.CONNECTING, Suback): State.WAITING,
    (State.CONNECTING, Pingresp): State.WAITING,
    (State.CONNECTING, Publish): State.WAITING,
    (State.CONNECTING, Disconnect): State.WAITING,
    (State.CONNECTED, Stop): State.OFFLINE,
    (State.CONNECTED, Lost): State.WAITING,
    (State.CONNECTED, Connack): State.WAITING,
    (State.CONNECTED, Disconnect): State.WAITING,
    (State.WAITING, Stop): State.OFFLINE,
}


@pytest.mark.parametrize(("state", "kind"), list(product(State, samples())))
def test_each_cell_of_the_table_moves_as_written(state, kind):
    bench = Bench().to(state)
    outputs = bench.give(samples()[kind])
    assert bench.device.state is MOVES.get((state, kind), state)
    was_open = state in {State.CONNECTING, State.CONNECTED}
    if was_open and bench.device.state in {State.WAITING, State.OFFLINE}:
        assert kind is Lost or any(isinstance(output, Close) for output in outputs)


@pytest.mark.parametrize("state", State)
def test_a_message_is_kept_in_every_state(state):
    bench = Bench().to(state)
    sent = published(bench.queue())
    assert bench.outbox.backlog_count == 1
    assert bool(sent) == (state is State.CONNECTED)


def test_the_table_has_every_cell():
    for state in State:
        assert set(TRANSITIONS[state]) == set(get_args(Input))


def test_a_device_asks_dials_greets_and_sends():
    bench = Bench(topics=("cmd/thing/#",))
    assert bench.device.site == ""
    bench.queue(2)
    assert bench.give(Start()) == [Resolve(NAME)]
    assert bench.give(SITE_A) == [Dial("192.0.2.1", NAME)]
    assert bench.give(Dialled()) == [Send(Connect("thing", 30))]
    joined, subscribe, *sends = bench.give(Connack())
    assert joined == Joined("a.example.net", "192.0.2.1", 0)
    assert subscribe.packet.subscriptions[0].topic_filter == "cmd/thing/#"
    assert [packet.payload for packet in published(sends)] == [b"1", b"2"]
    assert {packet.topic for packet in published(sends)} == {"dt/thing/telemetry"}
    assert SUBSCRIBE_ID not in {packet.packet_id for packet in published(sends)}


def test_a_puback_names_the_site_that_has_the_message():
    bench = Bench()
    bench.connect()
    (packet,) = published(bench.queue())
    (told,) = bench.give(Puback(packet.packet_id), after_s=0.5)
    assert isinstance(told, Acknowledged)
    assert told.acknowledgement.site == "a.example.net"
    assert told.acknowledgement.at_s == bench.now_s
    assert bench.give(Puback(packet.packet_id)) == []


def test_a_missing_puback_ends_the_connection():
    bench = Bench()
    bench.connect()
    bench.queue()
    assert bench.give(Tick(), after_s=4.99) == []
    close, left = bench.give(Tick(), after_s=0.02)
    assert (close, left) == (Close(), Left("a.example.net", "no PUBACK for 5 s"))


def test_a_slow_broker_that_makes_progress_is_kept():
    bench = Bench(in_flight_max=3)
    bench.connect()
    packets = published(bench.queue(3))
    for packet in packets:
        bench.give(Puback(packet.packet_id), after_s=4)
        assert bench.device.state is State.CONNECTED


def test_a_silent_device_pings_and_leaves_without_an_answer():
    bench = Bench()
    bench.connect()
    assert bench.device.deadline_s() == bench.now_s + 30
    assert bench.give(Tick(), after_s=30) == [Send(Pingreq())]
    assert bench.give(Tick(), after_s=1) == []
    bench.give(Pingresp())
    assert bench.give(Tick(), after_s=29) == [Send(Pingreq())]
    assert bench.device.deadline_s() == bench.now_s + 5
    _close, left = bench.give(Tick(), after_s=5)
    assert left.reason == "no PINGRESP for 5 s"


@pytest.mark.parametrize(("said", "meant"), [(10, 10), (60, 30), (0, 30)])
def test_the_broker_may_shorten_the_keep_alive(said, meant):
    bench = Bench()
    bench.connect(connack=Connack(properties=(Property(SERVER_KEEP_ALIVE, said),)))
    assert bench.device.deadline_s() == bench.now_s + meant


def test_the_brokers_receive_maximum_narrows_the_window():
    bench = Bench()
    limits = (Property(RECEIVE_MAXIMUM, 2), Property(0x27, 1000))
    bench.connect(connack=Connack(properties=limits))
    assert len(published(bench.queue(5))) == 2


def test_a_refused_message_is_told_and_tried_again_after_a_pause():
    bench = Bench()
    bench.connect()
    (packet,) = published(bench.queue())
    assert bench.give(Puback(packet.packet_id, 0x97)) == [Refused(Key(7, 1), 0x97)]
    assert bench.device.deadline_s() == bench.now_s + 1
    assert len(published(bench.give(Tick(), after_s=1))) == 1


def test_a_refused_subscription_is_told_and_the_connection_stays():
    bench = Bench(topics=("cmd/thing/#",))
    outputs = bench.connect()
    assert any(isinstance(getattr(o, "packet", None), Subscribe) for o in outputs)
    assert bench.give(Suback(SUBSCRIBE_ID, (0x87,))) == [Refused(None, 0x87)]
    assert bench.device.state is State.CONNECTED


def test_a_command_is_acknowledged_before_it_is_handed_on():
    bench = Bench()
    bench.connect()
    command = Publish("cmd/thing/reboot", b"", qos=1, packet_id=5)
    assert bench.give(command) == [Send(Puback(5)), Delivered(command)]
    quiet = replace(command, qos=0, packet_id=0)
    assert bench.give(quiet) == [Delivered(quiet)]


def test_an_attempt_has_a_time_limit_from_dns_to_connack():
    bench = Bench()
    bench.give(Start())
    assert bench.device.deadline_s() == bench.now_s + 4
    bench.give(SITE_A, after_s=2)
    bench.give(Dialled(), after_s=1.9)
    assert bench.give(Tick()) == []
    assert bench.give(Tick(), after_s=0.1) == [Close(), Failed("no CONNACK in 4 s")]
    assert bench.give(Tick()) == []
    bench.now_s = bench.device.deadline_s()
    bench.give(Tick())
    assert bench.give(Tick(), after_s=4) == [Close(), Failed("no address in 4 s")]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_connects_of_one_device_are_a_second_apart(draws):
    bench = Bench()
    bench.device._uniform = iter([*draws, 0.0]).__next__
    bench.give(Start())
    connects_s = []
    for _ in draws:
        bench.give(SITE_A, Dialled())
        connects_s.append(bench.now_s)
        bench.give(Connack(0x88))
        bench.now_s = bench.device.deadline_s()
        bench.give(Tick())
        assert bench.device.state is State.RESOLVING
    waits_s = [b - a for a, b in pairwise(connects_s)]
    # Subtracting large numbers costs a few bits.
    assert all(0.999 <= wait_s <= 8.001 for wait_s in waits_s)


def test_back_off_grows_and_a_short_connection_does_not_reset_it():
    bench = Bench(uniform=1.0)
    bench.give(Start())
    waits_s = []
    for lived_s in (0, 0, 1, 1, 11, 0):
        bench.give(SITE_A, Dialled(), Connack())
        bench.give(Lost("gone"), after_s=lived_s)
        waits_s.append(bench.device.deadline_s() - bench.now_s)
        bench.now_s = bench.device.deadline_s()
        bench.give(Tick())
    assert waits_s == [1, 2, 4, 8, 1, 2]


@pytest.mark.parametrize(("code", "wait_s"), [(0x97, 15), (0x89, 15), (0x87, 1)])
def test_a_refusal_for_load_spreads_the_next_attempt(code, wait_s):
    bench = Bench()
    bench.give(Start(), SITE_A, Dialled(), Connack(code))
    assert bench.device.deadline_s() - bench.now_s == wait_s


def test_candidates_are_tried_in_order_and_back_off_separates_rounds():
    names = (NAME, "iot-a.example.com", "iot-b.example.com")
    bench = Bench(uniform=1.0, endpoints=names)
    (resolve,) = bench.give(Start())
    tried, waits_s = [resolve.name], []
    for _ in range(5):
        bench.give(ResolveFailed("no"))
        waits_s.append(bench.device.deadline_s() - bench.now_s)
        bench.now_s = bench.device.deadline_s()
        (resolve,) = bench.give(Tick())
        tried.append(resolve.name)
    assert tried == [*names, *names]
    assert waits_s == [0, 0, 1, 0, 0]


def test_after_a_long_connection_the_first_candidate_comes_first():
    bench = Bench(endpoints=(NAME, "iot-b.example.com"))
    bench.give(Start(), ResolveFailed("no"), Tick())
    bench.give(SITE_B, Dialled(), Connack())
    bench.give(Lost("gone"), after_s=11)
    bench.now_s = bench.device.deadline_s()
    assert bench.give(Tick()) == [Resolve(NAME)]


def test_another_site_gets_what_the_former_acknowledged_at_a_limited_pace():
    bench = Bench(publishes_per_s_max=50, replay_in_flight_max=2)
    bench.connect()
    for _ in range(60):
        for packet in published(bench.queue()):
            bench.give(Puback(packet.packet_id))
        bench.now_s += 1
    bench.give(Lost("gone"))
    outputs = bench.connect(SITE_B)
    assert outputs[0] == Joined("b.example.net", "192.0.2.2", 60)
    sent = published(outputs)
    assert len(sent) == 2
    payloads, start_s = [], bench.now_s
    while sent:
        payloads += [packet.payload for packet in sent]
        acks = [Puback(packet.packet_id) for packet in sent]
        sent = published(bench.give(*acks))
        while not sent and bench.outbox.has_next(is_replay_allowed=True):
            bench.now_s = bench.device.deadline_s()
            sent = published(bench.give(Tick()))
    assert payloads == [b"%d" % seq for seq in range(1, 61)]
    assert bench.now_s - start_s >= 1
    assert bench.outbox.replay_count == 0


def test_messages_leave_after_their_retention():
    bench = Bench(retention_s=10.0)
    bench.connect()
    (packet,) = published(bench.queue())
    bench.give(Puback(packet.packet_id))
    outputs = bench.give(Tick(), after_s=30)
    assert Dropped((Key(7, 1),)) in outputs


def test_a_stop_says_goodbye_and_waits_for_nothing():
    bench = Bench().to(State.CONNECTED)
    assert bench.give(Stop()) == [
        Send(Disconnect()),
        Close(is_polite=True),
        Left("a.example.net", "stopped"),
    ]
    assert bench.device.deadline_s() == inf


def test_packet_identifiers_go_round_without_the_one_of_the_subscription():
    bench = Bench()
    bench.connect()
    session = bench.device._session
    assert isinstance(session, Session)
    session._packet_id = 65_535
    (packet,) = published(bench.queue())
    assert packet.packet_id == 2


@pytest.mark.parametrize(
    "name",
    [
        "amazonaws.com",
        "abc-ats.iot.eu-west-1.amazonaws.com",
        "ABC.IOT.EU-WEST-1.AMAZONAWS.COM.",
        "abc.iot.cn-north-1.amazonaws.com.cn",
        "abc.execute-api.eu-west-1.api.aws",
        "192.0.2.1",
        "iot_a.example.com",
        "",
    ],
)
def test_a_device_refuses_an_endpoint_that_is_not_its_owners(name):
    with pytest.raises(InvalidInputError):
        Identity("thing", (name,))


def test_a_name_that_only_looks_like_aws_is_the_owners():
    Identity("thing", ("iot.notamazonaws.com",))


def test_a_device_needs_a_name_and_an_endpoint():
    with pytest.raises(InvalidInputError):
        Identity("", (NAME,))
    with pytest.raises(InvalidInputError):
        Identity("thing", ())


@pytest.mark.parametrize(
    "changes",
    [
        {"attempt_s_max": 0},
        {"ping_s_max": 0},
        {"keep_alive_s": 1201},
        {"in_flight_max": 101},
        {"replay_in_flight_max": 0},
        {"publishes_per_s_max": 101},
    ],
)
def test_limits_that_aws_would_not_serve_are_refused(changes):
    with pytest.raises(InvalidInputError):
        DevicePolicy(backoff=BackoffPolicy(), **changes)
