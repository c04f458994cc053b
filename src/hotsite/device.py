"""Run a device that outlives the loss of an AWS Region, inside your own program.

The public face of the agent: a file or values in, an ``async with``, messages out,
commands in. All decisions are in ``core``, all sockets in ``adapters``; here is
nothing but their names for others. What stands in ``__all__`` stays as it is
within a major version.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from hotsite.core.device import State
from hotsite.core.device_values import (
    Delivered,
    DevicePolicy,
    Output,
    Start,
    check_endpoint,
)
from hotsite.core.outbox import Key, OutboxFullError, OutboxPolicy, Overflow
from hotsite.core.telemetry import MESSAGE_BYTES_MAX
from hotsite.errors import HotsiteError, InvalidInputError, UnreachableError
from hotsite.faces.agent import lines
from hotsite.faces.agent.config import AgentConfig, DeviceConfig, NameServer, read_agent
from hotsite.faces.agent.crew import Crew

__all__ = [
    "Agent",
    "AgentConfig",
    "Command",
    "DeviceConfig",
    "DevicePolicy",
    "Event",
    "HotsiteError",
    "InvalidInputError",
    "Key",
    "NameServer",
    "OutboxFullError",
    "OutboxPolicy",
    "Overflow",
    "UnreachableError",
    "check_endpoint",
]

Event = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Command:
    """A message for the device, from a topic below ``cmd/<thing>/``."""

    topic: str
    payload: bytes


class Agent:
    """One device: connect with ``async with``, then publish.

    It connects in the background and keeps trying; a message is taken whether it
    is connected or not.
    """

    def __init__(
        self,
        config: AgentConfig | Path,
        *,
        on_command: Callable[[Command], None] | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        """Make a device, offline.

        Args:
            config: ``device.json``, the directory that holds it, or its values.
            on_command: Hears each command, after its PUBACK. Called in the event
                loop: it must not block. A command that is sent twice comes twice.
            on_event: Hears what happens to the connection, as the lines of
                ``hotsite agent run --json`` say it.

        Raises:
            InvalidInputError: The configuration or one of its files is wrong.
        """
        given = read_agent(config) if isinstance(config, Path) else config
        if len(given.devices) != 1:
            raise InvalidInputError("an agent is one device")
        self._config = given
        self._on_command = on_command
        self._on_event = on_event
        self._crew: Crew | None = None

    @property
    def thing(self) -> str:
        """Return the name of the device."""
        return self._config.devices[0].thing

    @property
    def site(self) -> str:
        """Return where the device is connected; "" while it is not."""
        device = self._running().drivers[self.thing].device
        return device.site if device.state is State.CONNECTED else ""

    @property
    def backlog_count(self) -> int:
        """Return how many messages no site acknowledged yet."""
        return self._running().sample().backlog

    async def publish(self, data: Mapping[str, object]) -> Key:
        """Take a reading, and return when it survives a crash or a power loss.

        Args:
            data: What JSON can hold; at most 16 KiB of it.

        Returns:
            The message's key, under which every store has it once.

        Raises:
            InvalidInputError: It is no JSON, or too large.
            OutboxFullError: There is no room, and the policy drops nothing.
            UnreachableError: The outbox could not be written.
        """
        try:
            text = json.dumps(dict(data), separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInputError(f"a reading must be JSON: {error}") from error
        if len(text.encode()) > MESSAGE_BYTES_MAX:
            raise InvalidInputError(
                f"a reading holds at most {MESSAGE_BYTES_MAX} bytes"
            )
        key, durable = self._running().drivers[self.thing].publish(text)
        # Others wait for the same commit; a caller who gives up must not end it.
        await asyncio.shield(durable)
        return key

    async def delivered(self) -> None:
        """Wait until a site acknowledged every message.

        Raises:
            UnreachableError: The outbox could not be read or written.
        """
        crew = self._running()
        waiting = asyncio.ensure_future(crew.delivered())
        try:
            ends = {waiting, crew.broken}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if crew.broken.done():
                crew.broken.result()
        finally:
            waiting.cancel()

    async def __aenter__(self) -> Self:
        self._crew = Crew(self._config, self._hear)
        self._crew.drivers[self.thing].feed(Start())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        crew, self._crew = self._running(), None
        await crew.stop()

    def _hear(self, thing: str, output: Output) -> None:
        if isinstance(output, Delivered) and self._on_command is not None:
            self._on_command(Command(output.publish.topic, output.publish.payload))
        event = lines.device_event(thing, output)
        if event is not None and self._on_event is not None:
            self._on_event(event)

    def _running(self) -> Crew:
        if self._crew is None:
            raise InvalidInputError("the agent does not run: use it in `async with`")
        return self._crew
