"""The connected part of a device: window, pace, acknowledgements, keep-alive.

One session lasts from a CONNACK to the loss of its connection. It decides
what is sent and whether the connection is dead; ``core/device.py`` decides
what happens then.
"""

from math import inf

from hotsite.core.backoff import Pacer
from hotsite.core.device_values import (
    Acknowledged,
    Delivered,
    DevicePolicy,
    Dropped,
    Output,
    Refused,
    Send,
)
from hotsite.core.mqtt_packets import (
    FAILURE_MIN,
    RECEIVE_MAXIMUM,
    SERVER_KEEP_ALIVE,
    Connack,
    Pingreq,
    Puback,
    Publish,
    Suback,
)
from hotsite.core.outbox import Acknowledgement, Key, Outbox

# The one SUBSCRIBE of a session uses this; publishes use those above it.
SUBSCRIBE_ID = 1
_PACKET_ID_MAX = 65_535


class Session:
    """What happens between a device and one broker, on one connection.

    Attributes:
        joined_at_s: When the CONNACK came, in seconds.
    """

    __slots__ = (
        "_heard_at_s",
        "_hold_until_s",
        "_in_flight",
        "_keep_alive_s",
        "_outbox",
        "_pacer",
        "_packet_id",
        "_ping_at_s",
        "_policy",
        "_sent_at_s",
        "_site",
        "_topic",
        "_window",
        "joined_at_s",
    )

    def __init__(
        self, outbox: Outbox, policy: DevicePolicy, *, site: str, topic: str
    ) -> None:
        self._outbox = outbox
        self._policy = policy
        self._site = site
        self._topic = topic
        self._in_flight: dict[int, Key] = {}
        self._packet_id = SUBSCRIBE_ID
        self._pacer = Pacer(policy.publishes_per_s_max)
        self._window = policy.in_flight_max
        self._keep_alive_s = policy.keep_alive_s
        self._hold_until_s = -inf
        self._ping_at_s: float | None = None
        self._heard_at_s = self._sent_at_s = self.joined_at_s = -inf

    def open(self, connack: Connack, now_s: float) -> int:
        """Begin, with the limits that the broker set (v5 3.2.2.3).

        Args:
            connack: The broker's answer.
            now_s: The time, in seconds.

        Returns:
            How many messages another site acknowledged and this one gets again.
        """
        self._heard_at_s = self._sent_at_s = self.joined_at_s = now_s
        for item in connack.properties:
            if item.identifier == RECEIVE_MAXIMUM and isinstance(item.value, int):
                self._window = max(1, min(self._window, item.value))
            if item.identifier == SERVER_KEEP_ALIVE and isinstance(item.value, int):
                self._keep_alive_s = min(self._keep_alive_s, item.value or inf)
        return self._outbox.enter(self._site)

    def pump(self, now_s: float) -> list[Output]:
        """Send as much as window, pace and the broker's patience allow."""
        outputs: list[Output] = []
        dropped = self._outbox.expire(now_s)
        if dropped:
            outputs.append(Dropped(dropped))
        while (
            len(self._in_flight) < self._window
            and now_s >= max(self._pacer.ready_s(), self._hold_until_s)
            and (message := self._outbox.take(is_replay_allowed=self._may_replay()))
        ):
            if not self._in_flight:
                self._heard_at_s = now_s
            self._packet_id = self._next_packet_id()
            self._in_flight[self._packet_id] = message.key
            self._pacer.note(now_s)
            self._sent_at_s = now_s
            publish = Publish(
                self._topic, message.payload, qos=1, packet_id=self._packet_id
            )
            outputs.append(Send(publish))
        return outputs

    def take_puback(self, puback: Puback, now_s: float) -> list[Output]:
        """Note a PUBACK and send what it made room for."""
        self._heard_at_s = now_s
        key = self._in_flight.pop(puback.packet_id, None)
        if key is None:
            return []
        output: Output
        if puback.reason_code >= FAILURE_MIN:
            # Not lost: it waits in its queue, and the broker gets time to recover.
            self._outbox.give_back(key)
            self._hold_until_s = now_s + self._policy.refusal_wait_s
            output = Refused(key, puback.reason_code)
        else:
            acknowledgement = Acknowledgement(self._site, now_s)
            self._outbox.acknowledge(key, acknowledgement)
            output = Acknowledged(key, acknowledgement)
        return [output, *self.pump(now_s)]

    def take_publish(self, publish: Publish, now_s: float) -> list[Output]:
        """Hand a message on, after its PUBACK."""
        delivered: list[Output] = [Delivered(publish)]
        if not publish.qos:
            return delivered
        self._sent_at_s = now_s
        return [Send(Puback(publish.packet_id)), *delivered]

    def take_suback(self, suback: Suback) -> list[Output]:
        """Tell of refused subscriptions; telemetry goes on without commands."""
        codes = (code for code in suback.reason_codes if code >= FAILURE_MIN)
        return [Refused(None, code) for code in codes]

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
        return ""

    def deadline_s(self) -> float:
        """Return when the session must look at the clock again."""
        due_s = min(self._ack_due_s(), self._pong_due_s())
        if self._ping_at_s is None:
            due_s = min(due_s, self._sent_at_s + self._keep_alive_s)
        if len(self._in_flight) < self._window and self._outbox.has_next(
            is_replay_allowed=self._may_replay()
        ):
            due_s = min(due_s, max(self._pacer.ready_s(), self._hold_until_s))
        return due_s

    def _ack_due_s(self) -> float:
        return self._heard_at_s + self._policy.ack_s_max if self._in_flight else inf

    def _pong_due_s(self) -> float:
        if self._ping_at_s is None:
            return inf
        return self._ping_at_s + self._policy.ping_s_max

    def _may_replay(self) -> bool:
        limit = self._policy.replay_in_flight_max
        return self._outbox.replay_in_flight_count < limit

    def _next_packet_id(self) -> int:
        packet_id = self._packet_id
        while True:
            packet_id = packet_id % _PACKET_ID_MAX + 1
            if packet_id != SUBSCRIBE_ID and packet_id not in self._in_flight:
                return packet_id
