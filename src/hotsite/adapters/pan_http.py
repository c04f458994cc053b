"""Carry the PAN protocol over HTTP: a device's SoftAP.

Small on purpose: it answers POST of one value and the OPTIONS that browsers ask before,
and decides nothing.
"""

import asyncio
import json
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from hotsite.core.pan import VALUE_BYTES_MAX
from hotsite.errors import (
    HotsiteError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    UnreachableError,
)
from hotsite.ports.pan import PanServer

_HEAD_BYTES_MAX = 8192
# A phone that says nothing for so long is gone; its session ended before.
_SILENCE_S_MAX = 60.0
_TOKEN = re.compile(r"(?:session=)?([0-9a-f]{32})(?:;.*)?")
_ALWAYS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "content-type, x-session",
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Expose-Headers": "x-session",
    "Access-Control-Allow-Private-Network": "true",
    "Cache-Control": "no-store",
}
_NOT_STORED = (HTTPStatus.SERVICE_UNAVAILABLE, b'{"error": "not-stored"}')
_REFUSALS: dict[type[HotsiteError], tuple[HTTPStatus, bytes]] = {
    NotFoundError: (HTTPStatus.NOT_FOUND, b'{"error": "no-such-endpoint"}'),
    InvalidInputError: (HTTPStatus.BAD_REQUEST, b'{"error": "malformed"}'),
    RefusedError: (HTTPStatus.UNAUTHORIZED, b'{"error": "no-session"}'),
}


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def session(self) -> str:
        """Return who it is; somebody new without a token."""
        for name in ("x-session", "cookie"):
            if found := _TOKEN.fullmatch(self.headers.get(name, "")):
                return found[1]
        return secrets.token_hex(16)


class HttpDoor:
    """One device's HTTP server.

    Attributes:
        port: Where it listens, once it does.
    """

    def __init__(self, device: PanServer) -> None:
        self._device = device
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.StreamWriter, asyncio.Future[None]] = {}
        self.port = 0

    async def open(self, address: str, port: int) -> None:
        """Listen.

        Args:
            address: Of the SoftAP's interface.
            port: 80 on a device; 0 for any.

        Raises:
            UnreachableError: The port is not free.
        """
        try:
            self._server = await asyncio.start_server(
                self._serve, address, port, limit=_HEAD_BYTES_MAX
            )
        except OSError as error:
            raise UnreachableError(f"{address}:{port}: {error.strerror}") from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Listen no more, and hang up on who is connected."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        ends = list(self._open.values())
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.gather(*ends)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        ended = self._open[writer] = asyncio.get_running_loop().create_future()
        try:
            while await self._answer_one(reader, writer):
                pass
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()
            del self._open[writer]
            ended.set_result(None)

    async def _answer_one(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer one request; return whether the connection may go on."""
        async with asyncio.timeout(_SILENCE_S_MAX):
            try:
                request = await _read(reader.readuntil, reader.readexactly)
            except InvalidInputError:
                await _write(writer, HTTPStatus.BAD_REQUEST, _error("malformed"), "")
                return False
            except _TooLargeError:
                status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                await _write(writer, status, _error("too-large"), "")
                return False
            session = request.session
            status, body = self._respond(request, session)
            await _write(writer, status, body, session)
        return request.headers.get("connection", "").lower() != "close"

    def _respond(self, request: _Request, session: str) -> tuple[HTTPStatus, bytes]:
        if request.method == "OPTIONS":
            return HTTPStatus.NO_CONTENT, b""
        if request.method != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED, _error("post-only")
        endpoint = request.path.partition("?")[0].removeprefix("/")
        try:
            peer = f"http {session}"
            return HTTPStatus.OK, self._device.handle(endpoint, request.body, peer=peer)
        except HotsiteError as error:
            return _REFUSALS.get(type(error), _NOT_STORED)


class _TooLargeError(Exception):
    """The value is larger than any of the protocol."""


async def _read(
    until: Callable[[bytes], Awaitable[bytes]],
    exactly: Callable[[int], Awaitable[bytes]],
) -> _Request:
    head = (await until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    words = head[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 - RFC 9112 3
        raise InvalidInputError("not a request of HTTP/1.1")
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()) or "transfer-encoding" in headers:
        raise InvalidInputError("a length must be a number")
    if len(length) > 9 or int(length) > VALUE_BYTES_MAX:  # noqa: PLR2004 - no long int
        raise _TooLargeError
    body = await exactly(int(length))
    return _Request(words[0], words[1], headers, body)


async def _write(
    writer: asyncio.StreamWriter, status: HTTPStatus, body: bytes, session: str
) -> None:
    kind = "application/octet-stream" if status is HTTPStatus.OK else "application/json"
    headers = {**_ALWAYS, "Content-Type": kind, "Content-Length": str(len(body))}
    if session:
        headers |= {"X-Session": session, "Set-Cookie": f"session={session}"}
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join((f"HTTP/1.1 {status.value} {status.phrase}", *lines, "", ""))
    writer.write(head.encode("ascii") + body)
    await writer.drain()


def _error(word: str) -> bytes:
    return json.dumps({"error": word}).encode()
