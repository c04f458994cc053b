"""Take commands over a Unix socket: one JSON object a line, one line back.

``events`` turns a connection into a stream: after the answer, the health of every
check as it is, then each event as it happens.
"""

import asyncio
import json
import socket
from collections.abc import Mapping
from pathlib import Path

from hotsite.errors import ConflictError, HotsiteError, UnreachableError
from hotsite.local.dns.authority import Authority
from hotsite.local.dns.events import Events, encode

_SOCKET_MODE = 0o600


class Control:
    """The control socket of one DNS process."""

    def __init__(self, path: Path, authority: Authority, events: Events) -> None:
        self._path = path
        self._authority = authority
        self._events = events
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to take commands.

        Raises:
            ConflictError: Another process answers on the socket.
            UnreachableError: The socket cannot be made.
        """
        _remove_stale(self._path)
        try:
            self._server = await asyncio.start_unix_server(self._serve, self._path)
        except OSError as error:
            raise UnreachableError(f"{self._path}: {error}") from error
        self._path.chmod(_SOCKET_MODE)

    async def close(self) -> None:
        """Stop taking commands and remove the socket."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._connections.add(task)
        try:
            while line := await reader.readline():
                request = _request(line)
                if request.get("command") == "events":
                    await self._stream(reader, writer)
                    return
                writer.write(encode(self._obey(request)))
                await writer.drain()
        except (OSError, ValueError):
            # The other side went away in the middle, or never spoke in lines.
            return
        finally:
            self._connections.discard(task)
            writer.close()

    def _obey(self, request: Mapping[str, object]) -> dict[str, object]:
        match command := request.get("command"):
            case "status":
                return {"is_ok": True, **self._authority.status()}
            case "reload":
                try:
                    self._authority.load()
                except HotsiteError as error:
                    return {"is_ok": False, "reason": str(error)}
            case "disable-failover":
                self._authority.set_failover(is_enabled=False)
            case "enable-failover":
                self._authority.set_failover(is_enabled=True)
            case "freeze":
                self._authority.set_frozen(is_frozen=True)
            case "thaw":
                self._authority.set_frozen(is_frozen=False)
            case "unseen":
                given = request.get("addresses")
                addresses = given if isinstance(given, list) else ()
                self._authority.set_unseen(map(str, addresses))
            case _:
                return {"is_ok": False, "reason": f"unknown command {command!r}"}
        return {"is_ok": True}

    async def _stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        queue = self._events.join()
        # A listener that hangs up is noticed at once, not at the next event.
        gone = asyncio.create_task(reader.read())
        gone.add_done_callback(lambda _: self._events.leave(queue))
        try:
            writer.write(encode({"is_ok": True}))
            for event in self._authority.health_events():
                writer.write(encode(event))
            await writer.drain()
            while (line := await queue.get()) is not None:
                writer.write(line)
                await writer.drain()
        finally:
            gone.cancel()


def _request(line: bytes) -> Mapping[str, object]:
    try:
        document = json.loads(line)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _remove_stale(path: Path) -> None:
    """Remove a socket that a killed process left, never one that answers."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise ConflictError(f"{path} is taken by another process")
