"""Ask by name at an address that is resolved already: by a resolver of the caller."""

import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from hotsite.errors import UnreachableError


@dataclass(frozen=True, slots=True)
class Place:
    """Where to ask, and how long.

    Attributes:
        name: In SNI and Host.
        address: What is dialled.
        port: TCP port of HTTPS.
        context: What is trusted.
        patience_s: How long connecting, and each wait for bytes, may take.
    """

    name: str
    address: str
    port: int
    context: ssl.SSLContext
    patience_s: float


def ask(
    place: Place,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: str | bytes | None = None,
) -> tuple[http.client.HTTPResponse, bytes]:
    """Send one request on a connection of its own, and read all of the answer.

    Args:
        place: Where to.
        method: Of HTTP.
        path: Of the URL.
        headers: Beside those that HTTP needs.
        body: What to send, if anything.

    Returns:
        The response, and its body.

    Raises:
        UnreachableError: Nobody answered, or not in time.
    """
    connection = _Connection(place)
    try:
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        return reply, reply.read()
    except (OSError, http.client.HTTPException) as error:
        raise UnreachableError(
            f"{place.name} ({place.address}) does not answer: {error}"
        ) from error
    finally:
        connection.close()


class _Connection(http.client.HTTPSConnection):
    """HTTPS that dials the address instead of resolving the name once more."""

    def __init__(self, place: Place) -> None:
        super().__init__(
            place.name, place.port, timeout=place.patience_s, context=place.context
        )
        self._place = place

    def connect(self) -> None:
        """Dial, and say the name."""
        place = self._place
        dialled = socket.create_connection(
            (place.address, place.port), place.patience_s
        )
        self.sock = place.context.wrap_socket(dialled, server_hostname=place.name)
