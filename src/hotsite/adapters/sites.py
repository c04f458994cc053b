"""``ports.operations.SitesSeen`` over HTTPS, by the sites' own names.

One connection for both questions, TLS verified, no redirects. What a newer hotsite
says besides is passed over; what is missing, or is nonsense, is as good as silence.
"""

import http.client
import json
import math
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

from hotsite.core.epoch import Epoch
from hotsite.core.takeover import SiteSeen
from hotsite.errors import InvalidInputError, UnreachableError

_LIMIT_S = 2.0
_BODY_BYTES_MAX = 4096
_ON, _OFF, _SICK = 200, 404, 503


class HttpsSites:
    """Implements ``ports.operations.SitesSeen``."""

    def __init__(
        self,
        domain: str,
        *,
        port: int = 443,
        context: ssl.SSLContext | None = None,
        address_of: Callable[[str], str] = str,
    ) -> None:
        """Take where the sites are.

        Args:
            domain: The owner's domain.
            port: Of the sites' own API names.
            context: Whom to trust; the system's authorities by default.
            address_of: Where a name leads, if the machine's resolver shall not say.
        """
        self._domain = domain
        self._port = port
        self._context = context or ssl.create_default_context()
        self._address_of = address_of

    def see(self, site: str) -> SiteSeen:
        """Ask a site's switch and health endpoints; within two seconds."""
        name, until_s = f"api-{site}.{self._domain}", time.monotonic() + _LIMIT_S
        try:
            connection = self._connect(name)
            try:
                switch = _ask(connection, "/switch", {_ON, _OFF}, until_s)
                health = _ask(connection, "/healthz", {_ON, _SICK}, until_s)
            finally:
                connection.close()
            return _seen(switch, health)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise UnreachableError(
                f"{name}: {error or type(error).__name__}"
            ) from error
        except (KeyError, TypeError, InvalidInputError) as error:
            raise UnreachableError(f"{name} says nonsense: {error}") from error

    def _connect(self, name: str) -> http.client.HTTPConnection:
        where = (self._address_of(name), self._port)
        plain = socket.create_connection(where, _LIMIT_S)
        connection = http.client.HTTPConnection(name, self._port)
        try:
            # A connection that has a socket does not open one itself.
            connection.sock = self._context.wrap_socket(plain, server_hostname=name)
        except BaseException:
            plain.close()
            raise
        return connection


def _ask(
    connection: http.client.HTTPConnection,
    path: str,
    statuses: set[int],
    until_s: float,
) -> Mapping[str, Any]:
    left_s = until_s - time.monotonic()
    if left_s <= 0 or connection.sock is None:
        raise TimeoutError(f"no time, or no connection, is left for {path}")
    connection.sock.settimeout(left_s)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read(_BODY_BYTES_MAX)
    if response.status not in statuses:
        raise http.client.HTTPException(f"{path} answers {response.status}")
    said = json.loads(body)
    if not isinstance(said, dict):
        raise TypeError(f"{path} answers no JSON object")
    return {**said, "status": response.status}


def _seen(switch: Mapping[str, Any], health: Mapping[str, Any]) -> SiteSeen:
    is_on, is_healthy = switch["status"] == _ON, health["status"] == _ON
    if switch["is_on"] is not is_on or health["healthy"] is not is_healthy:
        raise TypeError("the status says something else than the document")
    number, active, is_forced = switch["epoch"], switch["active"], switch["is_forced"]
    is_whole = isinstance(number, int) and not isinstance(number, bool)
    if not (is_whole and isinstance(active, str) and isinstance(is_forced, bool)):
        raise TypeError("the epoch is none")
    epoch = Epoch(number, active, _time(switch["since_s"]), is_forced=is_forced)
    reason = str(health["reason"])
    return SiteSeen(epoch, is_on, is_healthy, reason, _time(switch["now_s"]))


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no time")
    if not math.isfinite(value):
        raise TypeError(f"{value!r} is no time")
    return float(value)
