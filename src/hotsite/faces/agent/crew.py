"""All devices of one process: make them, let them publish, count, stop.

Shared by the agent, a crew of one, and by the fleet runner.
"""

import asyncio
import heapq
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from hotsite.adapters.mqtt import Credentials, make_tls_by_port
from hotsite.adapters.outbox import SqliteOutbox
from hotsite.adapters.resolver import DnsResolver, Resolver, SystemResolver
from hotsite.core.device import Device, State
from hotsite.core.device_values import (
    Acknowledged,
    Failed,
    Identity,
    Joined,
    Output,
    Start,
    Stop,
)
from hotsite.core.outbox import Outbox, OutboxFullError, Snapshot
from hotsite.core.pair import Pair, empty_outbox, idle_identity
from hotsite.core.telemetry import command_filter
from hotsite.faces.agent.config import AgentConfig, DeviceConfig
from hotsite.faces.agent.driver import Driver, World
from hotsite.faces.agent.sensor import Sensor

# Messages that are due within this time are made together and share a commit.
_TICK_S = 0.02


def make_clock() -> Callable[[], float]:
    """Return a clock: seconds since the epoch that never run backwards.

    A device may learn the time long after it booted; its timers must not jump.
    """
    offset_s = time.time() - time.monotonic()
    return lambda: time.monotonic() + offset_s


@dataclass(frozen=True, slots=True)
class Sample:
    """The crew at one moment.

    Attributes:
        connected: Connected devices by site.
        offline: Devices that are not connected.
        backlog: Messages that nobody acknowledged yet.
        replaying: Acknowledged messages that wait for another site.
        published: Messages that were made, in this run.
        acknowledged: First and repeated acknowledgements, in this run.
        refused: Messages that a full outbox did not take.
        connects: Connections that were made.
        failures: Attempts that ended without one.
        failure: Why the last of those failed; "" before the first.
    """

    connected: dict[str, int]
    offline: int
    backlog: int
    replaying: int
    published: int
    acknowledged: int
    refused: int
    connects: int
    failures: int
    failure: str


class Crew:
    """The devices of one process.

    Attributes:
        drivers: One for each device, by thing.
        is_paused: Whether no new messages are made.
        broken: Done with an error when the process cannot go on.
    """

    def __init__(
        self, config: AgentConfig, tell: Callable[[str, Output], None]
    ) -> None:
        """Make the devices, offline. Needs a running event loop.

        Args:
            config: Who they are and what they do.
            tell: Hears what happens to each device.

        Raises:
            InvalidInputError: A file cannot be used.
            UnreachableError: The outbox cannot be read or written.
        """
        self.is_paused = False
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.drivers: dict[str, Driver] = {}
        self.clock = make_clock()
        self._config = config
        self._tell = tell
        self._counts: Counter[str] = Counter()
        self._failure = ""
        self._acknowledged = asyncio.Event()
        self._random = random.Random(config.seed)  # noqa: S311 - jitter, no secret
        self._store = SqliteOutbox.open(config.outbox)
        things = [device.thing for device in config.devices]
        snapshots = self._store.start(things, epoch_min=int(time.time()))
        world = World(
            resolver=_resolver(config),
            store=self._store,
            clock=self.clock,
            version=config.policy.version,
            tell=self._hear,
            broke=self._break,
        )
        for item in config.devices:
            self.drivers[item.thing] = self._enlist(item, snapshots[item.thing], world)

    async def run(self, *, message_count: int | None = None) -> None:
        """Start the devices and make messages until the count or for ever.

        Args:
            message_count: Messages that each device makes; None for no end.
        """
        starting = asyncio.create_task(self._start())
        try:
            await self._produce(message_count)
            await self.delivered()
        finally:
            starting.cancel()

    async def delivered(self) -> None:
        """Wait until no message is left that nobody acknowledged."""
        while self.sample().backlog:
            self._acknowledged.clear()
            await self._acknowledged.wait()

    def sample(self) -> Sample:
        """Return where the devices are and what they have sent."""
        connected = Counter(
            driver.device.site
            for driver in self.drivers.values()
            if driver.device.state is State.CONNECTED
        )
        outboxes = [driver.device.outbox for driver in self.drivers.values()]
        return Sample(
            connected=dict(connected),
            offline=len(self.drivers) - connected.total(),
            backlog=sum(outbox.backlog_count for outbox in outboxes),
            replaying=sum(outbox.replay_count for outbox in outboxes),
            published=self._counts["published"],
            acknowledged=self._counts["acknowledged"],
            refused=self._counts["refused"],
            connects=self._counts["connects"],
            failures=self._counts["failures"],
            failure=self._failure,
        )

    async def written(self) -> None:
        """Wait until every message that was made is published: it is durable.

        Raises:
            UnreachableError: The outbox could not be written.
        """
        await self._store.written()

    async def stop(self) -> None:
        """Let every device say goodbye, and keep what they hold.

        Raises:
            UnreachableError: The outbox could not be written.
        """
        for driver in self.drivers.values():
            driver.feed(Stop())
        # What was written leaves with the loop's next turns.
        for _ in range(3):
            await asyncio.sleep(0)
        await self._store.close()

    def _enlist(self, item: DeviceConfig, snapshot: Snapshot, world: World) -> Driver:
        config = self._config
        topics = config.more_topics
        if config.is_listening:
            topics = (command_filter(item.thing), *topics)
        identity = Identity(item.thing, config.endpoints, topics, config.ports)
        active = self._machine(identity, Outbox(snapshot, config.keeping))
        idle = None
        if config.standby_connection:
            idle = self._machine(idle_identity(identity), empty_outbox())
        credentials = Credentials(item.certificate, item.private_key, config.authority)
        tls = make_tls_by_port(credentials, config.ports)
        return Driver(Pair(active, idle), tls, world)

    def _machine(self, identity: Identity, outbox: Outbox) -> Device:
        policy, uniform = self._config.policy, self._random.random
        return Device(identity, outbox, policy, uniform=uniform)

    async def _start(self) -> None:
        """Start the devices one after the other; a storm is the drill's to make."""
        for driver in self.drivers.values():
            driver.feed(Start())
            await asyncio.sleep(1 / self._config.starts_per_s)

    async def _produce(self, message_count: int | None) -> None:
        config = self._config
        start_s = self.clock()
        due = [
            (start_s + self._random.random() * config.interval_s, index)
            for index in range(len(config.devices))
        ]
        if len(due) == 1:
            due = [(start_s, 0)]
        heapq.heapify(due)
        sensors = [Sensor(f"{config.seed} {item.thing}") for item in config.devices]
        drivers = list(self.drivers.values())
        left = [message_count] * len(due)
        while due:
            while due and due[0][0] <= self.clock():
                at_s, index = heapq.heappop(due)
                if not self.is_paused:
                    self._publish(drivers[index], sensors[index])
                    count = left[index]
                    left[index] = None if count is None else count - 1
                if left[index] != 0:
                    heapq.heappush(due, (at_s + config.interval_s, index))
            if due:
                await asyncio.sleep(max(_TICK_S, due[0][0] - self.clock()))

    def _publish(self, driver: Driver, sensor: Sensor) -> None:
        data = json.dumps(sensor.read(), separators=(",", ":"))
        try:
            driver.publish(data)
        except OutboxFullError:
            self._counts["refused"] += 1
        else:
            self._counts["published"] += 1

    def _hear(self, thing: str, output: Output) -> None:
        if isinstance(output, Acknowledged):
            self._counts["acknowledged"] += 1
            self._acknowledged.set()
        elif isinstance(output, Joined):
            self._counts["connects"] += 1
        elif isinstance(output, Failed):
            self._counts["failures"] += 1
            self._failure = output.reason
        self._tell(thing, output)

    def _break(self, error: BaseException) -> None:
        if not self.broken.done():
            self.broken.set_exception(error)


def _resolver(config: AgentConfig) -> Resolver:
    if config.resolver is None:
        return SystemResolver()
    return DnsResolver(config.resolver.address, config.resolver.port)
