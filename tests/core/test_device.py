import json
from dataclasses import replace
from itertools import pairwise, product
from math import inf
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core import resume
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
    Moved,
    Queued,
    Refused,
    Resolve,
    Resolved,
    ResolveFailed,
    Resumed,
    Send,
    Start,
    Stayed,
    Stop,
    Tick,
)
from hotsite.core.intervals import Intervals
from hotsite.core.move import Move, encode
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
from hotsite.core.outbox import (
    Acknowledgement,
    Kept,
    Key,
    Message,
    Outbox,
    OutboxPolicy,
    Snapshot,
)
from hotsite.core.replay import RESUME_ID, SUBSCRIBE_ID
from hotsite.core.session import Session
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
        self.outbox = Outbox(policy.pop("snapshot", Snapshot(7)), keeping)
        self.seq = 0
        ports = policy.pop("ports", (8883,))
        identity = Identity("thing", endpoints, topics, ports)
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
    assert waits_s == pytest.approx([0.25, 0.25, 1, 0.25, 0.25])


def test_after_a_long_connection_the_first_candidate_comes_first():
    bench = Bench(endpoints=(NAME, "iot-b.example.com"))
    bench.give(Start(), ResolveFailed("no"))
    bench.give(Tick(), after_s=0.25)
    bench.give(SITE_B, Dialled(), Connack())
    bench.give(Lost("gone"), after_s=11)
    bench.now_s = bench.device.deadline_s()
    assert bench.give(Tick()) == [Resolve(NAME)]


def fill(bench, count):
    """Let the bench's site acknowledge so many messages."""
    for _ in range(count):
        for packet in published(bench.queue()):
            bench.give(Puback(packet.packet_id))
        bench.now_s += 0.1


def play(bench, outputs):
    """Acknowledge all that is sent until nothing is left; return the packets."""
    packets = []
    while sent := published(outputs):
        packets += sent
        outputs = bench.give(*(Puback(packet.packet_id) for packet in sent))
        while not published(outputs) and bench.device.deadline_s() < bench.now_s + 1:
            bench.now_s = bench.device.deadline_s()
            outputs = outputs + bench.give(Tick())
    return packets


def seqs(packets):
    found = [json.loads(packet.payload) for packet in packets]
    return [s for item in found for s in (item if isinstance(item, list) else [item])]


def test_another_site_gets_what_the_former_acknowledged_in_batches():
    bench = Bench(replay_in_flight_max=2)
    bench.connect()
    fill(bench, 60)
    bench.give(Lost("gone"))
    outputs = bench.connect(SITE_B)
    assert outputs[0] == Joined("b.example.net", "192.0.2.2", 60)
    (packet,) = play(bench, outputs)
    assert packet.topic == "dt/thing/batch"
    assert seqs([packet]) == list(range(1, 61))
    assert bench.outbox.replay_count == 0


def test_few_batches_are_in_flight_and_live_messages_pass_them():
    bench = Bench(replay_in_flight_max=2)
    bench.connect()
    fill(bench, 450)
    bench.give(Lost("gone"))
    sent = published(bench.connect(SITE_B))
    assert [len(seqs([packet])) for packet in sent] == [100, 100]
    (live,) = published(bench.queue())
    assert (live.topic, seqs([live])) == ("dt/thing/telemetry", [451])
    rest = play(bench, bench.give(Puback(sent[0].packet_id)))
    assert len(rest) == 3


def test_batches_are_paced_by_their_bytes():
    """512 KB a second is a connection's share on AWS."""
    bench = Bench(publishes_per_s_max=100, replay_in_flight_max=20)
    text = b'"' + b"x" * 2_998 + b'"'
    for _ in range(1_000):
        bench.seq += 1
        bench.outbox.reserve()
        bench.give(Queued(Message(Key(7, bench.seq), text)))
    start_s = bench.now_s
    packets = play(bench, bench.connect())
    size = sum(len(packet.payload) for packet in packets)
    assert len(seqs(packets)) == 1_000
    assert size / (bench.now_s - start_s) < 1.25 * 512 * 1024
    assert bench.now_s - start_s < 10


def test_a_backlog_goes_in_batches_behind_the_newest():
    bench = Bench()
    bench.queue(60)
    packets = play(bench, bench.connect())
    assert [packet.topic for packet in packets[:10]] == ["dt/thing/telemetry"] * 10
    assert seqs(packets) == [*range(51, 61), *range(1, 51)]
    assert len(packets) == 11


def test_a_refused_batch_gives_all_its_messages_back():
    bench = Bench(publishes_per_s_max=100)
    bench.queue(60)
    *singles, batch = published(bench.connect())
    assert len(seqs([batch])) == 50
    bench.give(*(Puback(packet.packet_id) for packet in singles))
    refused = bench.give(Puback(batch.packet_id, 0x97))
    assert len(refused) == 50
    assert bench.outbox.backlog_count == 50
    assert sorted(seqs(play(bench, bench.give(Tick(), after_s=1)))) == [*range(1, 51)]


def asked(outputs):
    """Return the questions among the outputs, with their packets."""
    packets = [p for p in published(outputs) if p.topic == "dt/thing/resume"]
    return [(packet, resume.decode_ask(packet.payload)) for packet in packets]


def moved(count=20, **policy):
    """Return a bench on site B that site A acknowledged, and what it did there."""
    bench = Bench(topics=("cmd/thing/#",), **policy)
    bench.connect()
    bench.give(Suback(SUBSCRIBE_ID, (1,)))
    fill(bench, count)
    bench.give(Lost("gone"))
    return bench, bench.connect(SITE_B)


def answer_of(ask, *stored, throttle_spread_s=None):
    held = {7: Intervals.from_numbers(stored)}
    said = resume.answer(ask, held, throttle_spread_s=throttle_spread_s)
    return Publish("cmd/thing/resume", resume.encode(said), qos=1, packet_id=9)


def test_a_device_asks_another_site_and_sends_only_what_that_lacks():
    bench, outputs = moved()
    assert published(outputs) == []
    ((packet, ask),) = asked(bench.give(Suback(SUBSCRIBE_ID, (1,))))
    assert (packet.qos, packet.packet_id) == (1, RESUME_ID)
    assert ask.ranges == (resume.Range(7, 1, 20),)
    (live,) = published(bench.queue())
    assert live.packet_id not in {SUBSCRIBE_ID, RESUME_ID}
    bench.give(Puback(RESUME_ID), Puback(live.packet_id))
    outputs = bench.give(answer_of(ask, *range(1, 8), *range(10, 20)))
    (resumed,) = [output for output in outputs if isinstance(output, Resumed)]
    assert (len(resumed.vouched), resumed.missing_count) == (17, 3)
    assert resumed.acknowledgement.site == "b.example.net"
    assert seqs(play(bench, outputs)) == [8, 9, 20]
    assert not any(isinstance(output, Delivered) for output in outputs)
    assert (bench.outbox.replay_count, bench.outbox.backlog_count) == (0, 0)


@pytest.mark.parametrize(
    "refusal", [Connack(0x89), Lost("refused"), Disconnect(0x8B), Connack(0x87)]
)
def test_a_device_tells_which_site_did_not_let_it_in_and_tells_it_once(refusal):
    bench = Bench(topics=("cmd/thing/#",))
    bench.connect()
    bench.give(Suback(SUBSCRIBE_ID, (1,)))
    fill(bench, 20)
    bench.give(Lost("gone"))
    bench.connect(SITE_A, refusal)
    bench.connect(SITE_A, refusal)
    bench.connect(SITE_B)
    ((_, ask),) = asked(bench.give(Suback(SUBSCRIBE_ID, (1,))))
    assert ask.failed == (resume.Failed("a.example.net", 2),)
    bench.give(Lost("gone"))
    bench.connect(SITE_B)
    again = asked(bench.give(Suback(SUBSCRIBE_ID, (1,))))
    assert [ask.failed for _, ask in again] in ([], [()])


def test_the_site_that_acknowledged_is_not_asked():
    bench = Bench(topics=("cmd/thing/#",))
    bench.connect()
    fill(bench, 20)
    bench.give(Lost("gone"))
    bench.connect(SITE_A)
    assert published(bench.give(Suback(SUBSCRIBE_ID, (1,)))) == []


@pytest.mark.parametrize(
    "ending",
    [
        [Suback(SUBSCRIBE_ID, (0x87,))],
        [Suback(SUBSCRIBE_ID, (1,)), Puback(RESUME_ID, 0x97), Tick()],
        [Suback(SUBSCRIBE_ID, (1,)), Publish("cmd/thing/resume", b"[1")],
        [Suback(SUBSCRIBE_ID, (1,)), Publish("cmd/thing/resume", b'{"v":2}')],
    ],
    ids=["refused subscription", "refused question", "no JSON", "no answer"],
)
def test_without_a_good_answer_everything_is_sent_again(ending):
    bench, _outputs = moved(count=5)
    outputs = bench.give(*ending)
    assert any(isinstance(output, Resumed) for output in outputs)
    assert seqs(play(bench, [o for o in outputs if not asked([o])])) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("inputs", [[], [Suback(SUBSCRIBE_ID, (1,))]])
def test_no_answer_in_time_sends_everything_again(inputs):
    bench, _outputs = moved(count=5)
    bench.give(*inputs)
    bench.give(Puback(RESUME_ID))
    assert published(bench.give(Tick(), after_s=4.9)) == []
    outputs = bench.give(Tick(), after_s=0.2)
    (resumed,) = [output for output in outputs if isinstance(output, Resumed)]
    assert (resumed.missing_count, resumed.reason) == (5, "no answer in 5 s")
    assert seqs(play(bench, outputs)) == [1, 2, 3, 4, 5]


def test_an_answer_to_another_question_is_not_taken_for_this_one():
    bench, _outputs = moved(count=5)
    ((_packet, ask),) = asked(bench.give(Suback(SUBSCRIBE_ID, (1,))))
    foreign = replace(ask, token=ask.token + 1)
    outputs = bench.give(answer_of(foreign, *range(1, 6)))
    assert not any(isinstance(output, Resumed) for output in outputs)
    assert bench.outbox.replay_count == 5


def test_an_answer_that_comes_late_still_counts_for_what_waits():
    bench, _outputs = moved(count=250, replay_in_flight_max=1)
    ((_packet, ask),) = asked(bench.give(Suback(SUBSCRIBE_ID, (1,))))
    bench.give(Puback(RESUME_ID))
    (batch,) = published(bench.give(Tick(), after_s=5.1))
    outputs = bench.give(answer_of(ask, *range(1, 251)))
    assert published(outputs) == []
    bench.give(Puback(batch.packet_id))
    assert bench.outbox.replay_count == 0


def test_a_question_has_its_place_in_the_window_of_the_broker():
    bench, _outputs = moved(count=5, in_flight_max=1, replay_in_flight_max=1)
    (live,) = published(bench.queue())
    assert published(bench.give(Suback(SUBSCRIBE_ID, (1,)))) == []
    assert asked(bench.give(Puback(live.packet_id)))


def test_only_so_many_epochs_are_asked_about_and_the_oldest_are_sent_again():
    kept = tuple(
        Kept(Message(Key(epoch, 1), b"%d" % epoch), Acknowledgement("a", 1.0))
        for epoch in range(1, 71)
    )
    bench = Bench(topics=("cmd/thing/#",), snapshot=Snapshot(71, kept))
    bench.connect(SITE_B)
    ((_packet, ask),) = asked(bench.give(Suback(SUBSCRIBE_ID, (1,))))
    assert [item.epoch for item in ask.ranges] == list(range(70, 6, -1))
    held = {epoch: Intervals(((1, 1),)) for epoch in range(1, 71)}
    said = resume.encode(resume.answer(ask, held))
    outputs = bench.give(Publish("cmd/thing/resume", said))
    assert seqs(play(bench, outputs)) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(("said", "wait_s"), [(60.0, 30), (-1.0, 15), (1e9, 15)])
def test_a_site_says_how_far_its_fleet_spreads(said, wait_s):
    bench, _outputs = moved(count=5)
    ((_packet, ask),) = asked(bench.give(Suback(SUBSCRIBE_ID, (1,))))
    bench.give(answer_of(ask, throttle_spread_s=said), Lost("gone"))
    bench.now_s = bench.device.deadline_s()
    bench.give(Tick(), SITE_B, Dialled(), Connack(0x97))
    assert bench.device.deadline_s() - bench.now_s == pytest.approx(wait_s)


def test_a_name_that_leads_to_what_failed_is_tried_after_the_others():
    names = (NAME, "iot-a.example.com", "iot-b.example.com")
    bench = Bench(endpoints=names)
    bench.connect()
    bench.now_s += 20
    bench.queue()
    bench.give(Tick(), after_s=5)
    left_s = bench.now_s
    bench.now_s = bench.device.deadline_s()
    assert bench.give(Tick()) == [Resolve(names[0])]
    assert bench.give(SITE_A) == [Resolve(names[1])]
    assert bench.give(SITE_A) == [Resolve(names[2])]
    assert bench.give(SITE_B) == [Dial("192.0.2.2", names[2])]
    assert bench.now_s - left_s <= 1


def test_when_all_names_lead_to_what_failed_they_are_dialled_anyway():
    names = (NAME, "iot-a.example.com")
    bench = Bench(endpoints=names)
    bench.give(Start(), SITE_A, Lost("refused"))
    dialled = []
    for _ in range(4):
        bench.now_s = bench.device.deadline_s()
        outputs = bench.give(Tick())
        while isinstance(outputs[0], Resolve):
            outputs = bench.give(SITE_A)
        dialled.append(outputs[0].server_name)
        bench.give(Lost("refused"))
    assert set(dialled) == set(names)


def test_each_round_uses_the_next_port_and_what_worked_stays():
    names = (NAME, "iot-b.example.com")
    bench = Bench(endpoints=names, ports=(8883, 443), uniform=0.0)
    outputs, dialled = bench.give(Start()), []
    for _ in range(4):
        while isinstance(outputs[0], Resolve):
            outputs = bench.give(SITE_A)
        dialled.append((outputs[0].server_name, outputs[0].port))
        if len(dialled) < 4:
            bench.give(Lost("refused"))
            bench.now_s = bench.device.deadline_s()
            outputs = bench.give(Tick())
    assert [port for _name, port in dialled] == [8883, 8883, 443, 443]
    bench.give(Dialled(), Connack())
    bench.give(Lost("gone"), after_s=20)
    bench.now_s = bench.device.deadline_s()
    bench.give(Tick())
    assert bench.give(SITE_A)[0].port == 443


OWN_NAMES = (NAME, "iot-a.example.com", "iot-b.example.com")


def order(to="b", within_s=10.0, epoch=1):
    return Publish("cmd/thing/move", encode(Move(to, within_s, epoch)))


def test_an_order_is_followed_without_giving_the_connection_up_for_dns():
    bench = Bench(endpoints=OWN_NAMES, topics=("cmd/thing/#",))
    bench.connect()
    assert bench.give(order()) == []
    assert bench.device.deadline_s() == bench.now_s + 5
    assert bench.give(Tick(), after_s=5) == [Resolve(OWN_NAMES[2])]
    assert bench.give(Tick(), after_s=1) == []
    assert bench.device.state is State.CONNECTED
    assert bench.give(SITE_B) == [
        Send(Disconnect()),
        Close(is_polite=True),
        Left("a.example.net", f"moved to {OWN_NAMES[2]}"),
        Moved(OWN_NAMES[2], "b.example.net"),
        Dial("192.0.2.2", OWN_NAMES[2]),
    ]
    _greeting, joined, *_rest = bench.give(Dialled(), Connack())
    assert joined.site == "b.example.net"


def test_a_move_that_fails_ends_at_the_site_it_came_from():
    bench = Bench(endpoints=OWN_NAMES, topics=("cmd/thing/#",))
    bench.connect()
    bench.give(order(within_s=0.0), Tick(), SITE_B, Lost("refused"))
    bench.now_s = bench.device.deadline_s()
    assert bench.give(Tick()) == [Resolve(OWN_NAMES[0])]
    assert bench.give(SITE_A) == [Dial("192.0.2.1", OWN_NAMES[0])]


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ([order(to="c")], "no name or site of this device"),
        ([order(to="x.iot.eu-west-1.amazonaws.com")], "belongs to AWS"),
        ([Publish("cmd/thing/move", b"now!")], "not JSON"),
        ([order(within_s=0.0), Tick(), ResolveFailed("no such name")], "no such name"),
        ([order(to="a", within_s=0.0), Tick(), SITE_A], "this site already"),
        ([order(), order(to="a")], "not newer"),
    ],
)
def test_an_order_that_leads_nowhere_is_told_and_the_device_stays(inputs, reason):
    bench = Bench(endpoints=OWN_NAMES, topics=("cmd/thing/#",))
    bench.connect()
    *_rest, stayed = bench.give(*inputs)
    assert isinstance(stayed, Stayed)
    assert reason in stayed.reason
    assert bench.device.state is State.CONNECTED


def test_an_order_outlives_the_connection_on_which_it_came():
    bench = Bench(endpoints=OWN_NAMES, topics=("cmd/thing/#",))
    bench.connect()
    bench.give(order(within_s=2.0), Tick())
    bench.give(Tick(), Lost("gone"), after_s=1)
    bench.connect(SITE_A)
    assert bench.device.deadline_s() <= bench.now_s
    assert Resolve(OWN_NAMES[2]) in bench.give(Tick())


def test_a_connection_that_is_sick_for_long_is_left_and_shunned():
    bench = Bench(endpoints=OWN_NAMES, refusal_wait_s=0.1)
    bench.connect()
    bench.now_s += 10
    outputs = published(bench.queue())
    for _ in range(10):
        (packet,) = outputs
        outputs = bench.give(Puback(packet.packet_id, 0x97))
        if bench.device.state is State.CONNECTED:
            bench.now_s = bench.device.deadline_s()
            outputs = published(bench.give(Tick()))
    assert outputs[1:] == [
        Close(),
        Left("a.example.net", "10 of 10 publishes were refused or took over 2 s"),
    ]
    bench.now_s = bench.device.deadline_s()
    bench.give(Tick())
    assert bench.give(SITE_A) == [Resolve(OWN_NAMES[1])]
    assert bench.outbox.backlog_count == 1


def test_a_slow_replay_and_a_slow_start_are_no_sickness():
    bench = Bench(in_flight_max=30)
    bench.connect()
    for packet in published(bench.queue(9)):
        bench.give(Puback(packet.packet_id), after_s=2.5)
    fill(bench, 150)
    bench.give(Lost("gone"))
    (batch, _second) = published(bench.connect(SITE_B))
    bench.now_s += 10
    for _ in range(12):
        (live,) = published(bench.queue())
        bench.give(Puback(live.packet_id), after_s=2.5)
    bench.give(Puback(batch.packet_id))
    assert bench.device.state is State.CONNECTED


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
    assert packet.packet_id == RESUME_ID + 1


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
