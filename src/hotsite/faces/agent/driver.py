"""Join one device's state machine to sockets, DNS and its outbox on disk.

Performs what ``core/device.py`` decides and feeds back what happened; decides
nothing. A connected device has no task of its own, so thousands fit a process.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any

from hotsite.adapters.mqtt import Connection, Target, dial
from hotsite.adapters.outbox import SqliteOutbox
from hotsite.adapters.resolver import Resolver
from hotsite.adapters.shared_tls import DeviceTls
from hotsite.core.device import Device, State
from hotsite.core.device_values import (
    Acknowledged,
    Close,
    Dial,
    Dialled,
    Dropped,
    Input,
    Lost,
    Output,
    Queued,
    Resolve,
    ResolveFailed,
    Resumed,
    Send,
    Tick,
)
from hotsite.core.mqtt_packets import (
    Connack,
    Disconnect,
    Packet,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Version,
)
from hotsite.core.outbox import Key, Message
from hotsite.core.pair import Pair
from hotsite.core.telemetry import Telemetry, encode_message
from hotsite.errors import UnreachableError

# A timer that fires a hair early finds nothing due and has to be set again.
_TIMER_SLACK_S = 0.001


@dataclass(frozen=True, slots=True)
class World:
    """What the devices of one process share.

    Attributes:
        resolver: Who knows where a name leads.
        store: Where messages are durable.
        clock: Seconds since the epoch that never run backwards.
        version: What is spoken.
        tell: Hears each output that somebody may want to know, with the thing.
        broke: Hears that a file or the program broke; the process should end.
    """

    resolver: Resolver
    store: SqliteOutbox
    clock: Callable[[], float]
    version: Version
    tell: Callable[[str, Output], None]
    broke: Callable[[BaseException], None]


class _Link:
    """The listener of one attempt; forgotten links hear and do nothing."""

    __slots__ = ("connection", "lane")

    def __init__(self, lane: "_Lane") -> None:
        self.lane: _Lane | None = lane
        self.connection: Connection | None = None

    def packet_arrived(self, packet: Packet) -> None:
        if self.lane is None:
            return
        # A broker sends only these; anything else breaks the protocol.
        if isinstance(
            packet, Publish | Puback | Connack | Suback | Pingresp | Disconnect
        ):
            self.lane.feed(packet)
        else:
            self.lane.feed(Disconnect(reason_code=0x82))

    def connection_ended(self, reason: str) -> None:
        if self.lane is not None:
            self.lane.lose(reason)


class _Lane:
    """The query, the dial and the connection of one state machine."""

    __slots__ = ("_driver", "_link", "_place", "_task")

    def __init__(self, driver: "Driver", place: int) -> None:
        self._driver = driver
        self._place = place
        self._link: _Link | None = None
        self._task: asyncio.Task[None] | None = None

    def feed(self, happened: Input) -> None:
        """Hand an input to this lane's state machine."""
        self._driver.feed(happened, place=self._place)

    def lose(self, reason: str) -> None:
        """Note that the connection is gone."""
        self.forget(is_polite=False)
        self.feed(Lost(reason))

    def perform(self, output: Resolve | Dial | Send | Close) -> None:
        """Do what the state machine says."""
        match output:
            case Send(packet):
                if self._link is not None and self._link.connection is not None:
                    self._link.connection.send(packet)
            case Resolve(name):
                self._run(self._resolve(name))
            case Dial():
                self._run(self._dial(output))
            case Close(is_polite):
                self.forget(is_polite=is_polite)

    def forget(self, *, is_polite: bool) -> None:
        """End what runs; nothing is heard of it any more."""
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
        link, self._link = self._link, None
        if link is not None:
            link.lane = None
            if link.connection is not None:
                link.connection.close(is_polite=is_polite)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._look)
        self._task = task

    def _look(self, task: asyncio.Task[None]) -> None:
        """Let no surprise in a task go unseen."""
        if task is self._task:
            self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._driver.world.broke(error)

    async def _resolve(self, name: str) -> None:
        try:
            resolved = await self._driver.world.resolver.resolve(name)
        except UnreachableError as error:
            self.feed(ResolveFailed(str(error)))
        else:
            self.feed(resolved)

    async def _dial(self, where: Dial) -> None:
        target = Target(where.address, where.port, where.server_name)
        version = self._driver.world.version
        link = self._link = _Link(self)
        try:
            tls = self._driver.tls[where.port]
            connection = await dial(target, tls, link, version=version)
        except UnreachableError as error:
            self._link = None
            self.feed(Lost(str(error)))
            return
        if link.lane is None:
            # It ended before it was ours; the device knows already.
            connection.close()
            return
        link.connection = connection
        self.feed(Dialled())


class Driver:
    """One device on this machine.

    Attributes:
        tls: Its TLS settings, by port.
        world: What it shares with others.
    """

    __slots__ = ("_lanes", "_pair", "_seq", "_timer", "tls", "world")

    def __init__(self, pair: Pair, tls: Mapping[int, DeviceTls], world: World) -> None:
        self.tls = tls
        self.world = world
        self._pair = pair
        self._lanes = tuple(_Lane(self, place) for place in range(len(pair.lanes)))
        self._seq = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def device(self) -> Device:
        """Return the state machine that has the outbox."""
        return self._pair.active

    def publish(self, data: str) -> tuple[Key, asyncio.Future[None]]:
        """Make a message durable, then send it as soon as possible.

        Args:
            data: The reading: the text of one JSON object.

        Returns:
            The message's key; and what is done when the message survives a crash
            of this machine, shared by all messages of the moment.

        Raises:
            OutboxFullError: There is no room; nothing was kept.
        """
        thing, outbox = self.device.identity.thing, self.device.outbox
        evicted = outbox.reserve()
        if evicted is not None:
            keys, store = (evicted.key,), self.world.store
            store.drop(thing, keys, is_given_up=evicted.is_given_up)
        self._seq += 1
        key = Key(outbox.epoch, self._seq)
        told = Telemetry(key, self.world.clock(), data)
        message = Message(key, encode_message(told))
        durable = self.world.store.append(thing, message)
        durable.add_done_callback(partial(self._queue, message))
        return key, durable

    def say(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 0, now or never; nothing of it is kept.

        Args:
            topic: Where; the device's policy must allow it.
            payload: What.
        """
        if self.device.state is State.CONNECTED:
            place = self._pair.lanes.index(self.device)
            self._lanes[place].perform(Send(Publish(topic, payload)))

    def feed(self, happened: Input, *, place: int | None = None) -> None:
        """Hand an input to the device and do what it says.

        Args:
            happened: What happened.
            place: On which connection; None for what is no connection's own.
        """
        now_s, pair = self.world.clock(), self._pair
        if place is None:
            told = pair.tell(happened, now_s=now_s)
        else:
            told = pair.handle(place, happened, now_s=now_s)
        for lane, output in told:
            if isinstance(output, Resolve | Dial | Send | Close):
                self._lanes[lane].perform(output)
            else:
                self._note(output)
        self._set_timer()

    def _note(self, output: Output) -> None:
        thing, store = self.device.identity.thing, self.world.store
        match output:
            case Acknowledged(key, by):
                store.acknowledge(thing, key, by)
            case Resumed(_site, vouched, by):
                for key in vouched:
                    store.acknowledge(thing, key, by)
            case Dropped(keys):
                store.drop(thing, keys)
        self.world.tell(thing, output)

    def _queue(self, message: Message, durable: asyncio.Future[None]) -> None:
        error = durable.exception()
        if error is None:
            self.feed(Queued(message))
        else:
            self.world.broke(error)

    def _set_timer(self) -> None:
        """Wake up in time; a timer that fires too early is set again then."""
        due_s = self._pair.deadline_s()
        if due_s == inf:
            return
        loop = asyncio.get_running_loop()
        delay_s = max(0.0, due_s - self.world.clock()) + _TIMER_SLACK_S
        if self._timer is not None:
            if self._timer.when() <= loop.time() + delay_s:
                return
            self._timer.cancel()
        self._timer = loop.call_later(delay_s, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self.feed(Tick())
