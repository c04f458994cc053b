"""A device that is told anything, at any time, in any order."""

import json
from math import isfinite

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hotsite.core import resume
from hotsite.core.device import Device, State
from hotsite.core.device_values import (
    Acknowledged,
    DevicePolicy,
    Dialled,
    Dropped,
    Identity,
    Lost,
    Queued,
    Resolved,
    ResolveFailed,
    Resumed,
    Send,
    Start,
    Stop,
    Tick,
)
from hotsite.core.intervals import Intervals
from hotsite.core.move import Move, encode
from hotsite.core.mqtt_packets import (
    RECEIVE_MAXIMUM,
    Connack,
    Connect,
    Disconnect,
    Pingresp,
    Property,
    Puback,
    Publish,
    Suback,
)
from hotsite.core.outbox import Key, Message, Outbox, OutboxPolicy, Snapshot

RETENTION_S = 50
SITES = {"a": Resolved("192.0.2.1", "a"), "b": Resolved("192.0.2.2", "b")}
NAMES = ("iot.example.com", "iot-a.example.com", "iot-b.example.com")
POLICY = DevicePolicy(in_flight_max=8, replay_in_flight_max=2)


class Life(RuleBasedStateMachine):
    """One device between two sites; the books beside it are kept by the sites."""

    def __init__(self):
        super().__init__()
        self.now_s, self.seq = 1_000.0, 0
        self.outbox = Outbox(Snapshot(7), OutboxPolicy(retention_s=RETENTION_S))
        self.draws = [0.0]
        self.device = Device(
            Identity("thing", NAMES, ("cmd/thing/#",), (8883, 443)),
            self.outbox,
            POLICY,
            uniform=lambda: self.draws[-1],
        )
        self.in_flight, self.window, self.ask = {}, 8, None
        self.connect_at_s = {}
        # Who really holds which message, and since when.
        self.holds = {"a": {}, "b": {}}
        self.acknowledged, self.dropped = set(), set()

    def give(self, happened):
        outputs = self.device.handle(happened, now_s=self.now_s)
        for output in outputs:
            self.note(output)
        if self.device.state is not State.CONNECTED:
            self.in_flight, self.ask = {}, None

    def note(self, output):
        match output:
            case Send(Connect()):
                site = self.device.site
                assert self.now_s >= self.connect_at_s.get(site, 0) + 0.999
                self.connect_at_s[site] = self.now_s
            case Send(Publish() as publish):
                assert publish.packet_id > 1
                assert publish.packet_id not in self.in_flight
                self.in_flight[publish.packet_id] = publish
                assert len(self.in_flight) <= self.window
                if publish.topic == "dt/thing/resume":
                    self.ask = resume.decode_ask(publish.payload)
            case Acknowledged(key, by):
                assert self.holds[by.site].get(key.seq) is not None
                self.acknowledged.add(key.seq)
            case Resumed(site, vouched):
                for key in vouched:
                    assert key.seq in self.holds[site]
                    self.holds[site][key.seq] = self.now_s
            case Dropped(keys):
                for key in keys:
                    at_s = self.holds[self.device.site][key.seq]
                    assert at_s + RETENTION_S <= self.now_s
                    assert key.seq not in self.dropped
                    self.dropped.add(key.seq)

    @rule(count=st.integers(1, 30))
    def publish(self, count):
        for _ in range(count):
            self.seq += 1
            self.outbox.reserve()
            self.give(Queued(Message(Key(7, self.seq), b"%d" % self.seq)))

    @rule(
        happened=st.sampled_from(
            [
                Start(),
                Stop(),
                ResolveFailed("no"),
                Dialled(),
                Lost("gone"),
                Connack(0x97),
                Connack(0x88),
                Puback(4242),
                Suback(1, (1,)),
                Suback(1, (0x87,)),
                Pingresp(),
                Disconnect(0x8B),
                *SITES.values(),
                Publish("cmd/thing/resume", b"[]"),
                Publish("cmd/thing/x", b"", qos=1, packet_id=5),
            ]
        )
    )
    def surprise(self, happened):
        self.give(happened)

    @rule(to=st.sampled_from("abc"), within_s=st.floats(0, 5), epoch=st.integers(0, 9))
    def order(self, to, within_s, epoch):
        self.give(Publish("cmd/thing/move", encode(Move(to, within_s, epoch))))

    @rule(
        site=st.sampled_from("ab"),
        window=st.integers(1, 20),
        uniform=st.floats(0, 1),
    )
    def connect(self, site, window, uniform):
        self.draws.append(uniform)
        self.give(Start())
        while self.device.state is State.WAITING:
            self.now_s = self.device.deadline_s()
            self.give(Tick())
        while self.device.state is State.RESOLVING:
            self.give(SITES[site])
        if self.device.state is State.CONNECTING:
            self.window = min(8, window)
            self.give(Dialled())
            self.give(Connack(properties=(Property(RECEIVE_MAXIMUM, window),)))

    @rule(count=st.integers(1, 8), code=st.sampled_from([0, 0, 0, 0x97]))
    def acknowledge(self, count, code):
        for packet_id in sorted(self.in_flight)[:count]:
            publish = self.in_flight.pop(packet_id, None)
            if publish is None:
                break
            if not code and publish.topic != "dt/thing/resume":
                found = json.loads(publish.payload)
                for seq in found if isinstance(found, list) else [found]:
                    self.holds[self.device.site][seq] = self.now_s
            self.give(Puback(packet_id, code))

    @rule(is_late=st.booleans())
    def answer(self, is_late):
        if self.ask is None:
            return
        held = {7: Intervals.from_numbers(self.holds[self.device.site])}
        text = resume.encode(resume.answer(self.ask, held, throttle_spread_s=5.0))
        if is_late:
            self.wait(6.0)
        self.give(Publish("cmd/thing/resume", text, qos=1, packet_id=9))

    @rule(count=st.integers(1, 15), passed_s=st.floats(0, 45))
    def fail_over(self, count, passed_s):
        """Go the usual way: acknowledged here, replicated, resumed there."""
        self.publish(count)
        while self.in_flight and self.device.state is State.CONNECTED:
            self.acknowledge(8, 0)
        site = "b" if self.device.site == "a" else "a"
        self.replicate(self.device.site or "a")
        self.give(Lost("gone"))
        self.connect(site, 20, 0.5)
        self.give(Suback(1, (1,)))
        self.answer(is_late=False)
        self.wait(passed_s)

    @rule(passed_s=st.floats(0, 40))
    def wait(self, passed_s):
        until_s = self.now_s + passed_s
        for _ in range(50):
            due_s = self.device.deadline_s()
            if due_s > until_s or self.device.state is State.CONNECTED:
                break
            self.now_s = max(self.now_s, due_s)
            self.give(Tick())
        self.now_s = max(self.now_s, until_s)
        self.give(Tick())

    @rule(source=st.sampled_from("ab"))
    def replicate(self, source):
        target = "b" if source == "a" else "a"
        for seq, at_s in self.holds[source].items():
            self.holds[target].setdefault(seq, at_s)

    @invariant()
    def every_message_is_held_or_was_kept_long_enough(self):
        (report,) = self.outbox.report() or (None,)
        if report is None:
            return
        assert report.published.size == self.seq
        assert set(report.acknowledged) == self.acknowledged
        assert self.outbox.backlog_count == self.seq - len(self.acknowledged)
        assert self.outbox.held_count == self.seq - len(self.dropped)

    @invariant()
    def the_device_knows_when_to_look_again(self):
        if self.device.state is not State.OFFLINE:
            assert isfinite(self.device.deadline_s())


Life.TestCase.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None
)
TestLife = Life.TestCase
