"""The connected part of a device: window, pace, acknowledgements, keep-alive.

One session lasts from a CONNACK to the loss of its connection. It decides
what is sent and whether the connection is dead; ``core/device.py`` decides
what happens then. Live messages go first and alone; a backlog, and what is
replayed, go behind them in batches of which few are in flight.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import inf

from hotsite.core import replay, resume, telemetry
from hotsite.core.backoff import Pacer
from hotsite.core.device_values import (
    Acknowledged,
    Delivered,
    DevicePolicy,
    Dropped,
    Identity,
    Output,
    Refused,
    Resumed,
    Send,
)
from hotsite.core.error_budget import ErrorBudget
from hotsite.core.mqtt_packets import (
    FAILURE_MIN,
    RECEIVE_MAXIMUM,
    SERVER_KEEP_ALIVE,
    Connack,
    Pingreq,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Subscription,
)
from hotsite.core.outbox import Acknowledgement, Key, Outbox
from hotsite.core.replay import RESUME_ID, SUBSCRIBE_ID, Handshake, Stage
from hotsite.errors import InvalidInputError

_PACKET_ID_MAX = 65_535


@dataclass(frozen=True, slots=True)
class _Flight:
    """What one PUBACK will acknowledge; no keys for a question.

    Attributes:
        keys: The messages.
        is_bulk: Whether they went behind live ones.
        sent_at_s: When it was sent, in seconds; None when the time it takes says
            nothing of the broker's health.
    """

    keys: tuple[Key, ...]
    is_bulk: bool
    sent_at_s: float | None = None


class Session:
    """What happens between a device and one broker, on one connection.

    Attributes:
        joined_at_s: When the CONNACK came, in seconds.
        throttle_spread_s: What the site said of its fleet; None before it did.
    """

    __slots__ = (
        "_budget",
        "_bulk_count",
        "_handshake",
        "_heard_at_s",
        "_hold_until_s",
        "_identity",
        "_in_flight",
        "_keep_alive_s",
        "_outbox",
        "_pacer",
        "_packet_id",
        "_ping_at_s",
        "_policy",
        "_sent_at_s",
        "_site",
        "_window",
        "joined_at_s",
        "throttle_spread_s",
    )

    def __init__(
        self, outbox: Outbox, policy: DevicePolicy, identity: Identity, *, site: str
    ) -> None:
        self._outbox = outbox
        self._policy = policy
        self._identity = identity
        self._site = site
        self._in_flight: dict[int, _Flight] = {}
        self._budget = ErrorBudget(policy.budget)
        self._bulk_count = 0
        self._packet_id = RESUME_ID
        self._pacer = Pacer(policy.publishes_per_s_max)
        self._window = policy.in_flight_max
        self._keep_alive_s = policy.keep_alive_s
        self._handshake = Handshake(None, due_s=inf)
        self._hold_until_s = -inf
        self._ping_at_s: float | None = None
        self._heard_at_s = self._sent_at_s = self.joined_at_s = -inf
        self.throttle_spread_s: float | None = None

    def open(
        self, connack: Connack, now_s: float, *, token: int, failed: Mapping[str, int]
    ) -> int:
        """Begin, with the limits that the broker set (v5 3.2.2.3).

        Args:
            connack: The broker's answer.
            now_s: The time, in seconds.
            token: Tells this session's question from all others.
            failed: How often each site did not let the device in before.

        Returns:
            How many messages another site acknowledged and this one may lack.
        """
        self._heard_at_s = self._sent_at_s = self.joined_at_s = now_s
        for item in connack.properties:
            if item.identifier == RECEIVE_MAXIMUM and isinstance(item.value, int):
                self._window = max(1, min(self._window, item.value))
            if item.identifier == SERVER_KEEP_ALIVE and isinstance(item.value, int):
                self._keep_alive_s = min(self._keep_alive_s, item.value or inf)
        replay_count = self._outbox.enter(self._site)
        # Without its commands a device would not hear the answer.
        if self._identity.command_topics and self._policy.resume_s_max:
            due_s = now_s + self._policy.resume_s_max
            self._handshake = Handshake(
                replay.ask(self._outbox, token, failed), due_s=due_s
            )
        return replay_count

    def greet(self, now_s: float) -> list[Output]:
        """Subscribe to the commands, then send what there is."""
        outputs: list[Output] = []
        if topics := self._identity.command_topics:
            wanted = tuple(Subscription(topic) for topic in topics)
            outputs.append(Send(Subscribe(SUBSCRIBE_ID, wanted)))
        return outputs + self.pump(now_s)

    def pump(self, now_s: float) -> list[Output]:
        """Send as much as window, pace and the broker's patience allow."""
        outputs: list[Output] = []
        if dropped := self._outbox.expire(now_s):
            outputs.append(Dropped(dropped))
        if now_s >= self._handshake.due_s:
            reason = f"no answer in {self._policy.resume_s_max:g} s"
            outputs.append(self._end_handshake(reason, now_s))
        while self._has_work() and now_s >= self._ready_s():
            outputs.append(Send(self._next(now_s)))
        return outputs

    def take_puback(self, puback: Puback, now_s: float) -> list[Output]:
        """Note a PUBACK and send what it made room for."""
        self._heard_at_s = now_s
        flight = self._in_flight.pop(puback.packet_id, None)
        if flight is None:
            return []
        self._bulk_count -= flight.is_bulk
        is_refused = puback.reason_code >= FAILURE_MIN
        if flight.sent_at_s is not None:
            self._budget.note(now_s - flight.sent_at_s, is_refused=is_refused)
        outputs: list[Output] = []
        if not is_refused:
            acknowledgement = Acknowledgement(self._site, now_s)
            for key in flight.keys:
                self._outbox.acknowledge(key, acknowledgement)
                outputs.append(Acknowledged(key, acknowledgement))
        elif puback.packet_id == RESUME_ID:
            reason = f"refused with reason code {puback.reason_code:#04x}"
            outputs = self._give_up_asking(reason, now_s)
        else:
            # Not lost: it waits in its queue, and the broker gets time to recover.
            self._hold_until_s = now_s + self._policy.refusal_wait_s
            for key in flight.keys:
                self._outbox.give_back(key)
                outputs.append(Refused(key, puback.reason_code))
        return outputs + self.pump(now_s)

    def take_publish(self, publish: Publish, now_s: float) -> list[Output]:
        """Hand a message on, after its PUBACK; an answer of the site is ours."""
        outputs: list[Output] = []
        if publish.qos:
            self._sent_at_s = now_s
            outputs.append(Send(Puback(publish.packet_id)))
        thing = self._identity.thing
        if publish.topic == telemetry.resume_answer_topic(thing):
            return [
                *outputs,
                *self._take_answer(publish.payload, now_s),
                *self.pump(now_s),
            ]
        # An order to move is the device's, and nothing for its owner's program.
        is_order = publish.topic == telemetry.move_topic(thing)
        return outputs if is_order else [*outputs, Delivered(publish)]

    def take_suback(self, suback: Suback, now_s: float) -> list[Output]:
        """Tell of refused subscriptions; telemetry goes on without commands."""
        codes = [code for code in suback.reason_codes if code >= FAILURE_MIN]
        outputs: list[Output] = [Refused(None, code) for code in codes]
        if codes:
            outputs += self._give_up_asking("the subscription was refused", now_s)
        else:
            self._handshake.listen()
        return outputs + self.pump(now_s)

    def take_pingresp(self) -> None:
        """Note that the broker lives."""
        self._ping_at_s = None

    def keep_alive(self, now_s: float) -> list[Output]:
        """Send a PINGREQ when nothing was sent for long enough (v5 3.1.2.10)."""
        if self._ping_at_s is not None or now_s < self._sent_at_s + self._keep_alive_s:
            return []
        self._ping_at_s = self._sent_at_s = now_s
        return [Send(Pingreq())]

    def death(self, now_s: float) -> str:
        """Return why the connection counts as dead, or "" while it does not.

        The PUBACK rule asks for progress, not for one message's answer: a
        broker that works through a replay slowly is alive.
        """
        if now_s >= self._ack_due_s():
            return f"no PUBACK for {self._policy.ack_s_max:g} s"
        if now_s >= self._pong_due_s():
            return f"no PINGRESP for {self._policy.ping_s_max:g} s"
        return self._budget.verdict()

    def deadline_s(self) -> float:
        """Return when the session must look at the clock again."""
        due_s = min(self._ack_due_s(), self._pong_due_s(), self._handshake.due_s)
        if self._ping_at_s is None:
            due_s = min(due_s, self._sent_at_s + self._keep_alive_s)
        return min(due_s, self._ready_s()) if self._has_work() else due_s

    def _next(self, now_s: float) -> Publish:
        """Take what is sent next, with its packet identifier, into flight."""
        thing, weight = self._identity.thing, 1.0
        if self._handshake.stage is Stage.READY:
            publish = self._handshake.question(thing)
            flight = _Flight((), is_bulk=False)
        elif (message := self._outbox.take()) is not None:
            topic, packet_id = telemetry.telemetry_topic(thing), self._next_packet_id()
            publish = Publish(topic, message.payload, qos=1, packet_id=packet_id)
            # A broker that takes a fleet over, or a replay, is slow and not sick.
            is_settled = now_s >= self.joined_at_s + self._policy.backoff.stable_s
            is_judged = is_settled and not self._bulk_count
            sent_at_s = now_s if is_judged else None
            flight = _Flight((message.key,), is_bulk=False, sent_at_s=sent_at_s)
        else:
            may_replay = self._handshake.is_over
            parcel = replay.pack(self._outbox, thing, is_replay_allowed=may_replay)
            assert parcel is not None, "there is no work"  # noqa: S101 - STYLE.md: assert for our own mistakes
            packet_id, weight = self._next_packet_id(), parcel.weight
            publish = Publish(parcel.topic, parcel.payload, qos=1, packet_id=packet_id)
            flight = _Flight(parcel.keys, is_bulk=True)
        if not self._in_flight:
            self._heard_at_s = now_s
        self._sent_at_s = now_s
        self._in_flight[publish.packet_id] = flight
        self._bulk_count += flight.is_bulk
        self._pacer.note(now_s, weight=weight)
        return publish

    def _has_work(self) -> bool:
        if len(self._in_flight) >= self._window:
            return False
        if self._outbox.has_next or self._handshake.stage is Stage.READY:
            return True
        return self._bulk_count < self._policy.replay_in_flight_max and bool(
            self._outbox.waiting(1, is_replay_allowed=self._handshake.is_over)
        )

    def _ready_s(self) -> float:
        return max(self._pacer.ready_s(), self._hold_until_s)

    def _take_answer(self, payload: bytes, now_s: float) -> list[Output]:
        try:
            answer = resume.decode_answer(payload)
        except InvalidInputError as error:
            return self._give_up_asking(f"no answer: {error}", now_s)
        keys = self._handshake.read(answer, self._outbox)
        if keys is None or (self._handshake.is_over and not keys):
            return []
        self.throttle_spread_s = answer.throttle_spread_s
        self._outbox.vouch(keys, Acknowledgement(self._site, now_s))
        return [self._end_handshake("answered", now_s, vouched=keys)]

    def _give_up_asking(self, reason: str, now_s: float) -> list[Output]:
        if self._handshake.is_over:
            return []
        return [self._end_handshake(reason, now_s)]

    def _end_handshake(
        self, reason: str, now_s: float, *, vouched: Collection[Key] = ()
    ) -> Output:
        self._handshake.end()
        by = Acknowledgement(self._site, now_s)
        missing_count = self._outbox.replay_count
        return Resumed(self._site, tuple(sorted(vouched)), by, missing_count, reason)

    def _ack_due_s(self) -> float:
        return self._heard_at_s + self._policy.ack_s_max if self._in_flight else inf

    def _pong_due_s(self) -> float:
        if self._ping_at_s is None:
            return inf
        return self._ping_at_s + self._policy.ping_s_max

    def _next_packet_id(self) -> int:
        packet_id = self._packet_id
        while True:
            packet_id = packet_id % _PACKET_ID_MAX + 1
            if packet_id > RESUME_ID and packet_id not in self._in_flight:
                self._packet_id = packet_id
                return packet_id
