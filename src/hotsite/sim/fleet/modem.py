"""A device's way to its broker: it asks DNS, dials, and forgets what is closed."""

import random
from collections.abc import Callable

from hotsite.core.device_values import (
    Dial,
    Dialled,
    Input,
    Lost,
    Resolved,
    ResolveFailed,
)
from hotsite.core.mqtt_packets import (
    Connack,
    Disconnect,
    Packet,
    Pingresp,
    Puback,
    Publish,
    Suback,
)
from hotsite.sim.fleet.around import Around
from hotsite.sim.fleet.wire import Line, Wire

_QUERY_S = (0.01, 0.2)


class Modem:
    """What carries out a device's queries, dials and packets.

    Attributes:
        line: The way to the network.
        attempt: Changes with each query and with each connection that is closed.
    """

    def __init__(
        self,
        thing: str,
        around: Around,
        chance: random.Random,
        feed: Callable[[Input], None],
    ) -> None:
        """Be ready.

        Args:
            thing: Whose.
            around: What the fleet shares.
            chance: The seed's.
            feed: Hears what happens; never about what was closed.
        """
        self.line = Line(around.scheduler, chance)
        self.attempt = 0
        self._thing = thing
        self._around = around
        self._chance = chance
        self._feed = feed
        self._wire: Wire | None = None

    def send(self, packet: Packet) -> None:
        """Send a packet, if there is a connection."""
        if self._wire is not None:
            self._wire.send(packet)

    def resolve(self, name: str) -> None:
        """Ask DNS for a name."""
        self.attempt += 1
        attempt, scheduler = self.attempt, self._around.scheduler

        def answer() -> None:
            if attempt != self.attempt:
                return
            found = self._around.names.resolve(self._thing, name)
            if found is None:
                self._feed(ResolveFailed("SERVFAIL"))
            else:
                site, ttl_s = found
                self._feed(Resolved(site, site, ttl_s))

        delay_s = self._chance.uniform(*_QUERY_S)
        until_s = self.line.up_at_s - scheduler.now_s()
        scheduler.at(max(delay_s, until_s), answer)

    def dial(self, where: Dial) -> None:
        """Open a connection."""
        attempt = self.attempt
        held: list[Wire] = []

        def is_mine() -> bool:
            return self._wire is not None and self._wire in held

        def hear(packet: Packet) -> None:
            if is_mine():
                self._hear(packet)

        def lose(reason: str) -> None:
            if is_mine():
                self.close(is_polite=False)
                self._feed(Lost(reason))

        def dialled(wire: Wire | None) -> None:
            if attempt != self.attempt:
                return
            if wire is None:
                self._feed(Lost("connection refused"))
                return
            held.append(wire)
            self._wire = wire
            self._feed(Dialled())

        broker = self._around.sites[where.address].broker
        broker.dial(self._thing, self.line, (hear, lose), dialled)

    def close(self, *, is_polite: bool) -> None:
        """Forget the query, the dial or the connection that there is."""
        self.attempt += 1
        if self._wire is not None:
            self._wire.close(is_polite=is_polite)
            self._wire = None

    def _hear(self, packet: Packet) -> None:
        if isinstance(
            packet, Publish | Puback | Connack | Suback | Pingresp | Disconnect
        ):
            self._feed(packet)
