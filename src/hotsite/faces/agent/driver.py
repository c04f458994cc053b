"""Join one device's state machine to sockets, DNS and its outbox on disk.

Performs what ``core/device.py`` decides and feeds back what happened; decides
nothing. A connected device has no task of its own, so thousands fit a process.
"""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any

from hotsite.adapters.mqtt import Connection, Target, dial
from hotsite.adapters.outbox import SqliteOutbox
from hotsite.adapters.resolver import Resolver
from hotsite.core.device import Device
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

    __slots__ = ("connection", "driver")

    def __init__(self, driver: "Driver") -> None:
        self.driver: Driver | None = driver
        self.connection: Connection | None = None

    def packet_arrived(self, packet: Packet) -> None:
        if self.driver is None:
            return
        # A broker sends only these; anything else breaks the protocol.
        if isinstance(
            packet, Publish | Puback | Connack | Suback | Pingresp | Disconnect
        ):
            self.driver.feed(packet)
        else:
            self.driver.feed(Disconnect(reason_code=0x82))

    def connection_ended(self, reason: str) -> None:
        if self.driver is not None:
            self.driver.lose(reason)


class Driver:
    """One device on this machine.

    Attributes:
        device: Its state machine.
    """

    __slots__ = (
        "_link",
        "_seq",
        "_task",
        "_timer",
        "_tls",
        "_world",
        "device",
    )

    def __init__(self, device: Device, tls: ssl.SSLContext, world: World) -> None:
        self.device = device
        self._tls = tls
        self._world = world
        self._seq = 0
        self._link: _Link | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def publish(self, data: str) -> asyncio.Future[None]:
        """Make a message durable, then send it as soon as possible.

        Args:
            data: The reading: the text of one JSON object.

        Returns:
            Done when the message survives a crash of this machine.

        Raises:
            OutboxFullError: There is no room; nothing was kept.
        """
        thing, outbox = self.device.identity.thing, self.device.outbox
        evicted = outbox.reserve()
        if evicted is not None:
            keys, store = (evicted.key,), self._world.store
            store.drop(thing, keys, is_given_up=evicted.is_given_up)
        self._seq += 1
        key = Key(outbox.epoch, self._seq)
        told = Telemetry(key, self._world.clock(), data)
        message = Message(key, encode_message(told))
        durable = self._world.store.append(thing, message)
        durable.add_done_callback(partial(self._queue, message))
        return durable

    def feed(self, happened: Input) -> None:
        """Hand an input to the device and do what it says."""
        for output in self.device.handle(happened, now_s=self._world.clock()):
            self._perform(output)
        self._set_timer()

    def lose(self, reason: str) -> None:
        """Note that the connection is gone."""
        self._forget(is_polite=False)
        self.feed(Lost(reason))

    def _perform(self, output: Output) -> None:
        match output:
            case Send(packet):
                if self._link is not None and self._link.connection is not None:
                    self._link.connection.send(packet)
            case Resolve(name):
                self._run(self._resolve(name))
            case Dial():
                self._run(self._dial(output))
            case Close(is_polite):
                self._forget(is_polite=is_polite)
            case _:
                thing, store = self.device.identity.thing, self._world.store
                if isinstance(output, Acknowledged):
                    store.acknowledge(thing, output.key, output.acknowledgement)
                elif isinstance(output, Resumed):
                    for key in output.vouched:
                        store.acknowledge(thing, key, output.acknowledgement)
                elif isinstance(output, Dropped):
                    store.drop(thing, output.keys)
                self._world.tell(thing, output)

    def _queue(self, message: Message, durable: asyncio.Future[None]) -> None:
        error = durable.exception()
        if error is None:
            self.feed(Queued(message))
        else:
            self._world.broke(error)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._look)
        self._task = task

    def _look(self, task: asyncio.Task[None]) -> None:
        """Let no surprise in a task go unseen."""
        if task is self._task:
            self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._world.broke(error)

    async def _resolve(self, name: str) -> None:
        try:
            self.feed(await self._world.resolver.resolve(name))
        except UnreachableError as error:
            self.feed(ResolveFailed(str(error)))

    async def _dial(self, where: Dial) -> None:
        target = Target(where.address, where.port, where.server_name)
        link = self._link = _Link(self)
        try:
            connection = await dial(
                target, self._tls, link, version=self._world.version
            )
        except UnreachableError as error:
            self._link = None
            self.feed(Lost(str(error)))
            return
        if link.driver is None:
            # It ended before it was ours; the device knows already.
            connection.close()
            return
        link.connection = connection
        self.feed(Dialled())

    def _forget(self, *, is_polite: bool) -> None:
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
        link, self._link = self._link, None
        if link is not None:
            link.driver = None
            if link.connection is not None:
                link.connection.close(is_polite=is_polite)

    def _set_timer(self) -> None:
        """Wake up in time; a timer that fires too early is set again then."""
        due_s = self.device.deadline_s()
        if due_s == inf:
            return
        loop = asyncio.get_running_loop()
        delay_s = max(0.0, due_s - self._world.clock()) + _TIMER_SLACK_S
        if self._timer is not None:
            if self._timer.when() <= loop.time() + delay_s:
                return
            self._timer.cancel()
        self._timer = loop.call_later(delay_s, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self.feed(Tick())
