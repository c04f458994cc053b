"""`python -m hotsite.local.front CONFIG.json`: one endpoint for both Regions.

A client of AWS finds a Region's endpoint by the Region's name. Here one address takes
every request, and hands it on to the Region that it is signed for ("Signature Version
4", credential scope). What is signed for us-east-1, because the service has one
endpoint for the world, goes to the first Region that answers.
"""

import asyncio
import contextlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from hotsite.errors import HotsiteError
from hotsite.local import records
from hotsite.local.pumps import Gateway

_HEAD_BYTES_MAX = 1 << 16
_PIECE_BYTES = 1 << 16
_CONNECT_S_MAX = 1.0
_CREDENTIAL = re.compile(rb"Credential=[^/]+/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/")
_KEPT_ALIVE = re.compile(rb"\r\nConnection:[^\r\n]*", re.IGNORECASE)
_UNAVAILABLE = b"\r\n".join(
    (
        b"HTTP/1.1 503 Service Unavailable",
        b"Content-Length: 0",
        b"Connection: close",
        b"\r\n",
    )
)


@dataclass(frozen=True, slots=True)
class FrontConfig:
    """What the front is told when it starts.

    Attributes:
        address: To listen on.
        port: To listen on.
        gateways: The Regions.
    """

    address: str
    port: int
    gateways: tuple[Gateway, ...]


def chosen(head: bytes, gateways: tuple[Gateway, ...]) -> tuple[Gateway, ...]:
    """Return where a request may go, the first choice first.

    Args:
        head: Its first line and headers.
        gateways: The Regions.
    """
    match = _CREDENTIAL.search(head)
    region = match[1].decode() if match else ""
    named = tuple(one for one in gateways if one.region == region)
    return named or gateways


def closing(head: bytes) -> bytes:
    """Return the head of a request that ends its connection."""
    line, _, rest = _KEPT_ALIVE.sub(b"", head).partition(b"\r\n")
    return line + b"\r\nConnection: close\r\n" + rest


class Front:
    """Takes connections, and hands each one's request on."""

    def __init__(self, gateways: tuple[Gateway, ...]) -> None:
        """Take the Regions."""
        self._gateways = gateways

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Hand one request on; a connection carries one."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
            head = await reader.readuntil(b"\r\n\r\n")
            upstream = await self._open(head)
            if upstream is None:
                writer.write(_UNAVAILABLE)
                await writer.drain()
            else:
                await _join(reader, writer, closing(head), upstream)
        writer.close()

    async def _open(
        self, head: bytes
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for gateway in chosen(head, self._gateways):
            with contextlib.suppress(OSError):
                return await asyncio.wait_for(
                    asyncio.open_connection(gateway.address, gateway.port),
                    _CONNECT_S_MAX,
                )
        return None


async def _join(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    head: bytes,
    upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    up_reader, up_writer = upstream
    up_writer.write(head)
    there = asyncio.create_task(_copy(reader, up_writer))
    try:
        # The Region ends the connection behind its answer.
        await _copy(up_reader, writer)
    finally:
        there.cancel()
        up_writer.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await source.read(_PIECE_BYTES):
            target.write(piece)
            await target.drain()


async def _serve(config: FrontConfig) -> None:
    server = await asyncio.start_server(
        Front(config.gateways).serve,
        config.address,
        config.port,
        limit=_HEAD_BYTES_MAX,
    )
    sys.stdout.write('{"kind": "ready"}\n')
    sys.stdout.flush()
    await server.serve_forever()


def main(arguments: list[str]) -> int:
    """Serve until killed.

    Args:
        arguments: The path of the configuration.

    Returns:
        The exit code: 2 wrong configuration, 3 the port is taken.
    """
    try:
        config = records.read(FrontConfig, Path(arguments[0]))
        asyncio.run(_serve(config))
    except HotsiteError as error:
        sys.stderr.write(f"front: {error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"front: {error}\n")
        return 3
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
