"""Carry DNS messages over UDP and TCP.

Binds sockets itself, so that a taken port is known by its name before anything
else has started.
"""

import asyncio
import errno
import logging
import socket
import struct
from dataclasses import dataclass

from hotsite.errors import ConflictError, RefusedError, UnreachableError
from hotsite.local.dns.querylog import QueryLog
from hotsite.local.dns.responder import Responder

_LOGGER = logging.getLogger(__name__)
_LENGTH = struct.Struct("!H")
# RFC 7766 section 6.2.2 lets a server bound connections; ours are few.
_STREAMS_MAX = 256
_BACKLOG = 128
# A fleet that comes back asks at once; the queue holds about 10,000 questions.
_RECEIVE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class BoundPort:
    """One port, bound for both transports and not yet answering."""

    port: int
    datagrams: socket.socket
    streams: socket.socket


def bind(address: str, port: int) -> BoundPort:
    """Bind one port for UDP and TCP.

    Args:
        address: The address to bind.
        port: The port, 1 to 65535.

    Returns:
        Both sockets.

    Raises:
        ConflictError: Somebody else has the port.
        RefusedError: The system does not permit it (below 1024).
        UnreachableError: The address is not one of this machine's.
    """
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    streams = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Only for TCP, where it just skips TIME_WAIT: over UDP two would share.
    streams.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
    try:
        for each in (datagrams, streams):
            each.bind((address, port))
            each.settimeout(0)
        streams.listen(_BACKLOG)
    except OSError as error:
        datagrams.close()
        streams.close()
        where = f"{address}:{port}"
        if error.errno == errno.EADDRINUSE:
            raise ConflictError(f"{where} is taken by another process") from error
        if error.errno in {errno.EACCES, errno.EPERM}:
            raise RefusedError(f"{where} is not permitted to this user") from error
        raise UnreachableError(f"{where}: {error.strerror}") from error
    return BoundPort(port, datagrams, streams)


class Listener:
    """Answers on one bound port until it is closed."""

    def __init__(
        self,
        bound: BoundPort,
        responder: Responder,
        *,
        tcp_idle_s: float,
        log: QueryLog | None = None,
    ) -> None:
        self._bound = bound
        self._responder = responder
        self._tcp_idle_s = tcp_idle_s
        self._log = log
        self._transport: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._streams: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to answer."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._responder, self._log), sock=self._bound.datagrams
        )
        self._server = await asyncio.start_server(
            self._serve_stream, sock=self._bound.streams
        )

    async def close(self) -> None:
        """Stop answering and let go of the port."""
        if self._transport is not None:
            self._transport.close()
        if self._server is not None:
            self._server.close()
        for task in self._streams:
            task.cancel()
        await asyncio.gather(*self._streams, return_exceptions=True)

    async def _serve_stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        if task is None or len(self._streams) >= _STREAMS_MAX:
            writer.close()
            return
        self._streams.add(task)
        try:
            await self._converse(reader, writer)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            _LOGGER.debug("stream ended", extra={"reason": repr(error)})
        finally:
            self._streams.discard(task)
            writer.close()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer message after message (RFC 7766 section 6.2.1)."""
        while True:
            async with asyncio.timeout(self._tcp_idle_s):
                (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
                packet = await reader.readexactly(length)
                if self._log is not None:
                    self._log.see(packet)
                response = self._responder.respond(packet, is_stream=True)
                if response is None:
                    return
                writer.write(_LENGTH.pack(len(response)) + response)
                await writer.drain()


class _Datagrams(asyncio.DatagramProtocol):
    """One datagram in, at most one out."""

    _transport: asyncio.DatagramTransport

    def __init__(self, responder: Responder, log: QueryLog | None) -> None:
        self._respond = responder.respond
        self._log = log

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._log is not None:
            self._log.see(data)
        response = self._respond(data)
        if response is not None:
            self._transport.sendto(response, addr)
