"""Keep a second connection ready, for devices that cannot be away for long.

Two state machines of one thing, over one outbox: the active one has it, the idle
one holds a connection to another site and nothing else. The moment that the active
one is without its connection, the idle one takes the outbox over. The two are
never at one site: a broker takes a second connection with the same client id for
the first one's successor (MQTT 5.0 section 3.1.4; AWS IoT Core per Region). So the
idle one looks for a site only while the active one has one. Without an idle machine
this is one device as ever.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeAlias

from hotsite.core.device import Device, State
from hotsite.core.device_values import (
    Failed,
    Identity,
    Input,
    Joined,
    Left,
    Output,
    Queued,
    Resolved,
    ResolveFailed,
    Standby,
    Start,
    Stop,
)
from hotsite.core.outbox import Outbox, OutboxPolicy, Snapshot

Told: TypeAlias = tuple[int, Output]


def idle_identity(identity: Identity) -> Identity:
    """Return who an idle machine is: the same thing, which hears no commands."""
    return replace(identity, command_topics=())


def empty_outbox() -> Outbox:
    """Return what an idle machine has to send."""
    return Outbox(Snapshot(0), OutboxPolicy())


class Pair:
    """The active machine of a thing and, if there is one, the idle one.

    Attributes:
        lanes: The machines; each keeps its place, whatever its part.
    """

    __slots__ = ("_active", "_identity", "lanes")

    def __init__(self, active: Device, idle: Device | None = None) -> None:
        """Make an offline pair.

        Args:
            active: The machine with the outbox.
            idle: One of ``idle_identity`` and ``empty_outbox``, or None.
        """
        self.lanes = (active,) if idle is None else (active, idle)
        self._active = 0
        self._identity = active.identity

    @property
    def active(self) -> Device:
        """Return the machine that has the outbox."""
        return self.lanes[self._active]

    def tell(self, happened: Input, *, now_s: float) -> list[Told]:
        """Take an input that is no connection's own.

        Args:
            happened: ``Start``, ``Stop``, ``Tick`` or ``Queued``.
            now_s: The time, in seconds.

        Returns:
            The outputs, each with the place of its machine.
        """
        if isinstance(happened, Start | Queued):
            return self.handle(self._active, happened, now_s=now_s)
        told: list[Told] = []
        for place in range(len(self.lanes)):
            told += self._step(place, happened, now_s)
        return told if isinstance(happened, Stop) else told + self._settle(now_s)

    def handle(self, place: int, happened: Input, *, now_s: float) -> list[Told]:
        """Take an input of one machine's query, dial or connection.

        Args:
            place: Which machine's.
            happened: What happened.
            now_s: The time, in seconds.

        Returns:
            The outputs, each with the place of its machine.
        """
        if isinstance(happened, Resolved) and place != self._active:
            taken = self.active.resolved
            if happened.address == taken.address or happened.site == taken.site:
                happened = ResolveFailed("it leads to the active connection's site")
        return self._step(place, happened, now_s) + self._settle(now_s)

    def deadline_s(self) -> float:
        """Return when the next ``Tick`` is due; infinity for never."""
        return min(lane.deadline_s() for lane in self.lanes)

    def _step(self, place: int, happened: Input, now_s: float) -> list[Told]:
        is_active = place == self._active
        outputs = self.lanes[place].handle(happened, now_s=now_s)
        return [(place, o) for o in (outputs if is_active else _idle_words(outputs))]

    def _settle(self, now_s: float) -> list[Told]:
        """Give the machines their parts for where they are now."""
        if len(self.lanes) == 1:
            return []
        other = 1 - self._active
        active, idle = self.lanes[self._active], self.lanes[other]
        if active.state is State.CONNECTED:
            if idle.state is State.OFFLINE:
                return self._step(other, Start(), now_s)
            return []
        if idle.state is not State.CONNECTED:
            return self._step(other, Stop(), now_s)
        outbox, former = active.outbox, self._active
        self._active = other
        # Whatever it was about to do may lead to the site of the other one.
        told = self._step(former, Stop(), now_s)
        active.assume(idle_identity(self._identity), empty_outbox(), now_s)
        taken = idle.assume(self._identity, outbox, now_s)
        told += [(other, output) for output in taken]
        return told + self._step(former, Start(), now_s)


def _idle_words(outputs: Iterable[Output]) -> list[Output]:
    """Return what the machine says while it is idle: it is no device that came."""
    said: list[Output] = []
    for output in outputs:
        match output:
            case Joined(site):
                said.append(Standby(site, "ready"))
            case Left(_site, reason):
                said.append(Standby("", reason))
            case Failed():
                continue
            case _:
                said.append(output)
    return said
