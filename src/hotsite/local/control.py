"""Ask a process of the local cloud over its Unix socket: one JSON line each way.

A request is ``{"command": ..., ...}``; an answer is ``{"answer": ...}`` or
``{"error": ..., "kind": ...}``. Every question has a time limit.
"""

import asyncio
import contextlib
import json
import socket
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from hotsite.errors import (
    HotsiteError,
    InvalidInputError,
    NotReadyError,
    UnreachableError,
)

# sun_path holds 108 bytes on Linux and 104 on macOS and the BSDs, with a final 0.
PATH_BYTES_MAX = 100
LINE_BYTES_MAX = 1 << 20

Request = Mapping[str, Any]
Answerer = Callable[[Request], Awaitable[object]]

_KINDS: Mapping[str, type[HotsiteError]] = {
    kind.__name__: kind for kind in (InvalidInputError, NotReadyError, UnreachableError)
}


def socket_path(folder: Path, name: str) -> Path:
    """Return where a socket of this name can be bound.

    Args:
        folder: Where it belongs.
        name: Its file name.

    Returns:
        The path in the folder, or in a new private folder under the system's
        temporary one when the first is too long for a socket address.
    """
    path = folder.absolute() / name
    if len(bytes(path)) <= PATH_BYTES_MAX:
        return path
    return Path(tempfile.mkdtemp(prefix="hotsite-")) / name


async def serve(path: Path, answer: Answerer) -> asyncio.Server:
    """Answer requests on a Unix socket that only this user may open.

    Args:
        path: Of the socket; a stale one is replaced.
        answer: Called with each request; its errors of ours are sent back.
    """

    async def converse(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line := await reader.readline():
                writer.write(await _reply(line, answer))
                await writer.drain()
        writer.close()

    return await asyncio.start_unix_server(
        converse, sock=_listener(path), limit=LINE_BYTES_MAX
    )


def call(path: Path, request: Request, *, limit_s: float = 5.0) -> Any:
    """Ask once and wait for the answer.

    Args:
        path: Of the socket.
        request: With its ``command``.
        limit_s: Longest wait for each step, in seconds.

    Returns:
        The parsed answer.

    Raises:
        UnreachableError: Nothing answers there, or not within the limit.
        HotsiteError: What the other side raised.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
            caller.settimeout(limit_s)
            caller.connect(str(path))
            caller.sendall(json.dumps(request).encode() + b"\n")
            line = caller.makefile("rb").readline(LINE_BYTES_MAX)
        reply = json.loads(line)
    except (OSError, ValueError) as error:
        raise UnreachableError(f"{path} does not answer: {error}") from error
    if "error" in reply:
        raise _KINDS.get(str(reply.get("kind")), NotReadyError)(str(reply["error"]))
    return reply.get("answer")


def _listener(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    # Before it listens: nobody else gets in between.
    path.chmod(0o600)
    listener.listen(16)
    return listener


async def _reply(line: bytes, answer: Answerer) -> bytes:
    reply: dict[str, object]
    try:
        request = json.loads(line)
        if not isinstance(request, dict):
            raise InvalidInputError("a request is a JSON object")
        reply = {"answer": await answer(request)}
    except ValueError as error:
        reply = {"error": f"not JSON: {error}", "kind": "InvalidInputError"}
    except HotsiteError as error:
        reply = {"error": str(error), "kind": type(error).__name__}
    return json.dumps(reply).encode() + b"\n"


def number(request: Request, key: str) -> float:
    """Return a number, 0 or more, out of a request.

    Raises:
        InvalidInputError: It is missing or something else.
    """
    value = request.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise InvalidInputError(f"{key} must be a number, 0 or more, not {value!r}")
    return float(value)
