"""Steer and watch a DNS process from another one, without asyncio."""

import json
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from hotsite.errors import HotsiteError, InvalidInputError, UnreachableError

_ANSWER_S = 5.0


@dataclass(frozen=True, slots=True)
class HealthStatus:
    """One health check as the DNS process sees it.

    Attributes:
        id: The health check.
        is_healthy: What DNS goes by, inversion and children included.
        checkers_healthy: Checkers that say healthy.
        checkers: Checkers there are; 0 if calculated or disabled.
        since_s: When ``is_healthy`` last changed, in seconds since the epoch.
    """

    id: str
    is_healthy: bool
    checkers_healthy: int
    checkers: int
    since_s: float


@dataclass(frozen=True, slots=True)
class DnsStatus:
    """The state of the DNS process.

    Attributes:
        zones: The zones it answers.
        health: Every health check, in the order of the zone file.
        query_count: Messages that arrived since its start.
        is_failover_enabled: Whether health decides answers.
        is_frozen: Whether it answers as it did when it was told to freeze.
    """

    zones: tuple[str, ...]
    health: tuple[HealthStatus, ...]
    query_count: int
    is_failover_enabled: bool
    is_frozen: bool


@dataclass(frozen=True, slots=True)
class DnsEvent:
    """Something that happened in the DNS process.

    Attributes:
        kind: ``site_health``, ``checkers_turned``, ``dns_switched``,
            ``failover_set``, ``answers_frozen``, ``zones_loaded`` or
            ``zones_refused``.
        world_s: When, in seconds since the epoch.
        facts: The whole event, as it goes into a journal.
    """

    kind: str
    world_s: float
    facts: dict[str, str | int | float | bool | None]


class EventStream:
    """Events as they happen; iterate it, close it from any thread."""

    def __init__(self, connection: socket.socket, lines: BinaryIO) -> None:
        self._connection = connection
        self._lines = lines
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[DnsEvent]:
        """Yield each event once, however often the stream is iterated.

        Yields:
            First the health of every check, then whatever happens.

        Raises:
            UnreachableError: The process ended, or stayed silent for too long.
        """
        try:
            while line := self._lines.readline():
                facts = json.loads(line)
                yield DnsEvent(facts["kind"], facts["world_s"], facts)
        except (OSError, ValueError) as error:
            # A ValueError is a line cut by the end, or a read after close().
            if not self._is_closed:
                raise UnreachableError(f"the DNS process: {error}") from error
        if not self._is_closed:
            raise UnreachableError("the DNS process ended")

    def close(self) -> None:
        """End the stream; an iteration that waits ends as well."""
        self._is_closed = True
        try:
            self._connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            # Already ended by the other side.
            pass
        finally:
            self._lines.close()
            self._connection.close()


class DnsControl:
    """The commands of one DNS process.

    Args:
        path: Its control socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def status(self) -> DnsStatus:
        """Ask for the state.

        Raises:
            UnreachableError: The process does not answer within 5 s.
        """
        found = self._ask("status")
        return DnsStatus(
            zones=tuple(found["zones"]),
            health=tuple(
                HealthStatus(
                    id=each["id"],
                    is_healthy=each["healthy"],
                    checkers_healthy=each["checkers_healthy"],
                    checkers=each["checkers"],
                    since_s=each["since_s"],
                )
                for each in found["health"]
            ),
            query_count=found["queries"],
            is_failover_enabled=found["is_failover_enabled"],
            is_frozen=found["is_frozen"],
        )

    def reload(self) -> None:
        """Read the zone file again, now.

        Raises:
            UnreachableError: The process does not answer within 5 s.
            InvalidInputError: The zone file is wrong; the old one stays served.
        """
        self._ask("reload")

    def disable_failover(self) -> None:
        """Answer as if every health check were healthy (a drill that must fail).

        Raises:
            UnreachableError: The process does not answer within 5 s.
        """
        self._ask("disable-failover")

    def enable_failover(self) -> None:
        """Let health decide answers again.

        Raises:
            UnreachableError: The process does not answer within 5 s.
        """
        self._ask("enable-failover")

    def set_frozen(self, *, is_frozen: bool) -> None:
        """Answer from now on as now, whatever zones and health say; or by them.

        Raises:
            UnreachableError: The process does not answer within 5 s.
        """
        self._ask("freeze" if is_frozen else "thaw")

    def set_unseen(self, addresses: Sequence[str]) -> None:
        """Let no health checker reach these addresses; others are reached again.

        Raises:
            UnreachableError: The process does not answer within 5 s.
        """
        self._ask("unseen", addresses=list(addresses))

    def events(self, *, silence_s_max: float | None = None) -> EventStream:
        """Watch what happens.

        Args:
            silence_s_max: Longest wait for an event, in seconds; None is forever.

        Returns:
            The stream, from now on without a gap; close it after use.

        Raises:
            UnreachableError: The process does not answer within 5 s.
        """
        connection = self._send("events")
        lines = connection.makefile("rb")
        try:
            self._read_answer(lines)
            connection.settimeout(silence_s_max)
        except HotsiteError:
            lines.close()
            connection.close()
            raise
        return EventStream(connection, lines)

    def _ask(self, command: str, **details: object) -> dict[str, Any]:
        with (
            self._send(command, **details) as connection,
            connection.makefile("rb") as lines,
        ):
            return self._read_answer(lines)

    def _read_answer(self, lines: BinaryIO) -> dict[str, Any]:
        try:
            line = lines.readline()
        except OSError as error:
            raise UnreachableError(f"{self._path}: {error}") from error
        if not line.endswith(b"\n"):
            raise UnreachableError(f"{self._path}: the DNS process ended")
        found: dict[str, Any] = json.loads(line)
        if not found["is_ok"]:
            raise InvalidInputError(str(found["reason"]))
        return found

    def _send(self, command: str, **details: object) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_ANSWER_S)
        try:
            connection.connect(str(self._path))
            request = json.dumps({"command": command, **details})
            connection.sendall(request.encode() + b"\n")
        except OSError as error:
            connection.close()
            raise UnreachableError(f"{self._path}: {error}") from error
        return connection
