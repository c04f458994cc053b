"""The way between a device and a broker: slow, cut for a while, or reset."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from hotsite.core.mqtt_packets import Packet
from hotsite.sim.scheduler import Scheduler


@dataclass(slots=True)
class Line:
    """A device's access to the network.

    Attributes:
        scheduler: The time.
        chance: The device's luck.
        latency_s: Of a packet, at most, in seconds.
        up_at_s: Until when nothing gets through; it arrives then.
    """

    scheduler: Scheduler
    chance: random.Random
    latency_s: float = 0.1
    up_at_s: float = 0.0

    def arrival_s(self) -> float:
        """Return when what is sent now arrives."""
        at_s = max(self.scheduler.now_s(), self.up_at_s)
        return at_s + self.chance.random() * self.latency_s


class Wire:
    """One connection: what one end sends arrives in order, if it does.

    Attributes:
        thing: Whose.
        take: The broker's end.
        hear: The device's end; nothing once the device has closed it.
        lose: Told with the reason when the broker's end dies.
        is_reset: True once the broker's end is gone.
    """

    __slots__ = (
        "_down_s",
        "_is_heard",
        "_line",
        "_up_s",
        "hear",
        "is_reset",
        "lose",
        "take",
        "thing",
    )

    def __init__(
        self,
        thing: str,
        line: Line,
        take: "Callable[[Wire, Packet], None]",
        hear: Callable[[Packet], None],
        lose: Callable[[str], None],
    ) -> None:
        """Join two ends."""
        self.thing = thing
        self.take = take
        self.hear: Callable[[Packet], None] | None = hear
        self.lose = lose
        self.is_reset = False
        self._line = line
        self._is_heard = True
        self._up_s = self._down_s = 0.0

    def send(self, packet: Packet) -> None:
        """Send a packet from the device to the broker."""
        self._up_s = max(self._up_s, self._line.arrival_s())
        self._at(self._up_s, lambda: self._rise(packet))

    def reply(self, packet: Packet) -> None:
        """Send a packet from the broker to the device."""
        self._down_s = max(self._down_s, self._line.arrival_s())
        self._at(self._down_s, lambda: self._fall(packet))

    def close(self, *, is_polite: bool) -> None:
        """Close the device's end; what it sent may still arrive or not."""
        self.hear = None
        self._is_heard = is_polite or self._line.chance.random() < 0.5  # noqa: PLR2004 - either

    def reset(self, reason: str) -> None:
        """Close the broker's end; the device hears of it at once."""
        if not self.is_reset:
            self.is_reset = True
            self._at(self._line.arrival_s(), lambda: self._end(reason))

    def _at(self, at_s: float, action: Callable[[], None]) -> None:
        scheduler = self._line.scheduler
        scheduler.at(at_s - scheduler.now_s(), action)

    def _rise(self, packet: Packet) -> None:
        if not self.is_reset and (self.hear is not None or self._is_heard):
            self.take(self, packet)

    def _fall(self, packet: Packet) -> None:
        if not self.is_reset and self.hear is not None:
            self.hear(packet)

    def _end(self, reason: str) -> None:
        if self.hear is not None:
            self.lose(reason)
