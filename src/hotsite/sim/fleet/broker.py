"""The broker of a Region in virtual time: it admits, acknowledges, goes silent."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from hotsite.core.mqtt_packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
)
from hotsite.sim.fleet.rules import Rules
from hotsite.sim.fleet.wire import Line, Wire
from hotsite.sim.scheduler import Scheduler

# v5 3.2.2.2, 3.4.2.1 and 3.14.2.1.
QUOTA_EXCEEDED = 0x97
TAKEN_OVER = 0x8E
_DIAL_S = (0.05, 0.3)
_GREET_S = (0.01, 0.2)
_ACK_S = (0.005, 0.1)


@dataclass(slots=True)
class BrokerLuck:
    """How a broker serves.

    Attributes:
        connects_per_s: How many CONNECTs it admits, per second.
        burst: How many at once.
        ack_s: Until a PUBACK leaves, at least and at most, in seconds.
        refused_share: Of publishes that it refuses, 0 to 1.
    """

    connects_per_s: float = 100.0
    burst: float = 100.0
    ack_s: tuple[float, float] = _ACK_S
    refused_share: float = 0.0

    def calm(self) -> None:
        """Serve all that the quota allows."""
        self.ack_s, self.refused_share = _ACK_S, 0.0


class SimBroker:
    """One Region's broker.

    Attributes:
        region: Whose.
        luck: How it serves.
        is_silent: True while it answers nobody: a black hole.
        is_dead: True while its machine resets each connection.
        connects: CONNECTs that arrived, by thing.
        asks: Questions about what the Region holds, by thing.
    """

    def __init__(
        self, region: str, scheduler: Scheduler, chance: random.Random, rules: Rules
    ) -> None:
        """Serve at once."""
        self.region = region
        self.luck = BrokerLuck()
        self.is_silent = self.is_dead = False
        self.connects: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self._scheduler = scheduler
        self._chance = chance
        self._rules = rules
        self._wires: dict[str, Wire] = {}
        self._listening: set[Wire] = set()
        self._deferred: list[tuple[Wire, Packet]] = []
        self._tokens = (scheduler.now_s(), self.luck.burst)

    def dial(
        self,
        thing: str,
        line: Line,
        ends: tuple[Callable[[Packet], None], Callable[[str], None]],
        dialled: Callable[[Wire | None], None],
    ) -> None:
        """Open a connection; nobody is called back by a black hole.

        Args:
            thing: Who dials.
            line: Its way to the network.
            ends: Hears what arrives at the device; hears that the wire was reset.
            dialled: Told the wire, or that there is none.
        """
        delay_s = line.arrival_s() - self._scheduler.now_s()
        delay_s += self._chance.uniform(*_DIAL_S)

        def arrive() -> None:
            if self.is_silent:
                return
            wire = None if self.is_dead else Wire(thing, line, self.take, *ends)
            dialled(wire)

        self._scheduler.at(delay_s, arrive)

    def take(self, wire: Wire, packet: Packet) -> None:
        """Take what arrives."""
        if self.is_dead:
            wire.reset("reset by peer")
        elif self.is_silent:
            # It is in the kernel's buffers, and is read if the broker wakes up.
            self._deferred.append((wire, packet))
        else:
            self._serve(wire, packet)

    def refill(self) -> None:
        """Let as many CONNECTs in at once as the quota allows."""
        self._tokens = (self._scheduler.now_s(), self.luck.burst)

    def freeze(self) -> None:
        """Go silent."""
        self.is_silent = True

    def die(self) -> None:
        """Reset every connection."""
        self.is_dead = True
        for wire in self._wires.values():
            wire.reset("reset by peer")
        self._wires.clear()
        self._listening.clear()
        self._deferred.clear()

    def live(self) -> None:
        """Serve again, first what waited."""
        self.is_dead = self.is_silent = False
        deferred, self._deferred = self._deferred, []
        for wire, packet in deferred:
            self.take(wire, packet)

    def drop_all(self) -> None:
        """Close every connection, as a broker does that is replaced."""
        for wire in list(self._wires.values()):
            wire.reset("closed by the broker")
        self._wires.clear()
        self._listening.clear()

    def say(self, thing: str, topic: str, payload: bytes) -> None:
        """Publish something to a thing, over whatever connection it has now."""
        wire = self._wires.get(thing)
        if wire is not None and wire in self._listening:
            wire.reply(Publish(topic, payload, qos=1, packet_id=1))

    def _serve(self, wire: Wire, packet: Packet) -> None:
        if isinstance(packet, Connect):
            self._admit(wire)
        elif self._wires.get(wire.thing) is not wire:
            # What an old connection still delivers counts; nobody hears more.
            if isinstance(packet, Publish):
                self._publish(wire, packet)
        elif isinstance(packet, Publish):
            self._publish(wire, packet)
        elif isinstance(packet, Subscribe):
            self._listening.add(wire)
            codes = tuple(1 for _ in packet.subscriptions)
            wire.reply(Suback(packet.packet_id, codes))
        elif isinstance(packet, Pingreq):
            wire.reply(Pingresp())
        elif isinstance(packet, Disconnect):
            del self._wires[wire.thing]
            self._listening.discard(wire)

    def _admit(self, wire: Wire) -> None:
        self.connects[wire.thing] += 1
        now_s, luck = self._scheduler.now_s(), self.luck
        at_s, tokens = self._tokens
        tokens = min(luck.burst, tokens + (now_s - at_s) * luck.connects_per_s)
        if tokens < 1.0:
            self._tokens = (now_s, tokens)
            self.refusals[wire.thing] += 1
            wire.reply(Connack(QUOTA_EXCEEDED))
            return
        self._tokens = (now_s, tokens - 1.0)
        former = self._wires.get(wire.thing)
        if former is not None:
            self._listening.discard(former)
            former.reply(Disconnect(TAKEN_OVER))
        self._wires[wire.thing] = wire
        self._soon(_GREET_S, lambda: wire.reply(Connack()))

    def _publish(self, wire: Wire, publish: Publish) -> None:
        if self._chance.random() < self.luck.refused_share:
            packet = Puback(publish.packet_id, QUOTA_EXCEEDED)
            self._soon(self.luck.ack_s, lambda: wire.reply(packet))
            return
        thing = wire.thing
        self._rules.take(
            thing,
            publish.topic,
            publish.payload,
            lambda topic, payload: self.say(thing, topic, payload),
        )
        if publish.qos:
            puback = Puback(publish.packet_id)
            self._soon(self.luck.ack_s, lambda: wire.reply(puback))

    def _soon(self, span_s: tuple[float, float], action: Callable[[], None]) -> None:
        def act() -> None:
            if not (self.is_silent or self.is_dead):
                action()

        self._scheduler.at(self._chance.uniform(*span_s), act)
