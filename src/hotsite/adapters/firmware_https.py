"""Fetch firmware from the owner's names, in parts, from whichever site lives.

A download that a Region's death cuts off goes on at the other Region: versions and
digests are in the names, so both have the same bytes or none.
"""

import asyncio
import http.client
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

from hotsite.adapters import https
from hotsite.adapters.resolver import Resolver
from hotsite.adapters.trusted_firmware import BASE
from hotsite.core.device_values import check_endpoint
from hotsite.errors import InvalidInputError, UnreachableError

PATH = "/v1/firmware/"
_PART_BYTES = 1024 * 1024
_SPAN = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_OK, _PARTIAL, _TOO_MANY, _SERVER = 200, 206, 429, 500


@dataclass(frozen=True, slots=True)
class Doors:
    """Where firmware is, and what it takes to get it.

    Attributes:
        names: Of the owner's API, in the order in which they are tried: ``api.``,
            then the sites' own.
        port: TCP port of HTTPS.
        resolver: Who is asked where a name leads, at each attempt.
        context: What is trusted.
        patience_s: How long one attempt waits, above 0.
        rounds_max: How often all names are tried without a byte in between.
    """

    names: tuple[str, ...]
    port: int
    resolver: Resolver
    context: ssl.SSLContext
    patience_s: float = 8.0
    rounds_max: int = 3

    def __post_init__(self) -> None:
        """Refuse what would tie a device to one Region for good."""
        if not self.names:
            raise InvalidInputError("firmware needs a name of the owner's API")
        for name in self.names:
            check_endpoint(name)


class HttpsFetcher(FetcherInterface):
    """Brings files over HTTPS."""

    def __init__(self, doors: Doors) -> None:
        """Take where to."""
        self._doors = doors

    def _fetch(self, url: str) -> Iterator[bytes]:
        return self._parts(url.removeprefix(f"{BASE}/"))

    def _parts(self, name: str) -> Iterator[bytes]:
        offset, length = 0, None
        while length is None or offset < length:
            content, length = self._part(name, offset)
            offset += len(content)
            yield content

    def _part(self, name: str, offset: int) -> tuple[bytes, int]:
        """Return the next bytes and the length of all; the first that answers."""
        said: dict[str, None] = {}
        doors = self._doors
        for host in doors.names * doors.rounds_max:
            try:
                return self._ask(host, name, offset)
            except UnreachableError as error:
                said[str(error)] = None
        raise DownloadError("; ".join(said))

    def _ask(self, host: str, name: str, offset: int) -> tuple[bytes, int]:
        found = asyncio.run(self._doors.resolver.resolve(host))
        doors = self._doors
        place = https.Place(
            host, found.address, doors.port, doors.context, doors.patience_s
        )
        wanted = f"bytes={offset}-{offset + _PART_BYTES - 1}"
        reply, content = https.ask(place, "GET", PATH + name, {"range": wanted})
        return _read(host, reply, content, offset)


def _read(
    host: str, reply: http.client.HTTPResponse, content: bytes, offset: int
) -> tuple[bytes, int]:
    status = reply.status
    if status == _OK and offset == 0:
        return content, len(content)
    span = _SPAN.fullmatch(reply.getheader("content-range", ""))
    if status == _PARTIAL and span is not None and content:
        first, _, length = (int(one) for one in span.groups())
        if first == offset:
            return content, length
    if status >= _SERVER or status in {_TOO_MANY, _OK, _PARTIAL}:
        raise UnreachableError(f"{host} answered {status}")
    raise DownloadHTTPError(f"{host} answered {status}", status)
