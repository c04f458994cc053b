"""``ports.pan.Reach`` over HTTP: devices on their own Wi-Fi, or on this network."""

import asyncio
import http.client

from hotsite.core.label import Label
from hotsite.core.pan import Endpoint
from hotsite.errors import InvalidInputError, UnreachableError

# Where ESP-IDF's SoftAP puts a device (esp_netif, IP_EVENT_AP default address).
SOFTAP = "192.168.4.1:80"
_PATIENCE_S = 10.0


class HttpReach:
    """Implements ``ports.pan.Reach``."""

    def __init__(self, address: str = "") -> None:
        """Remember where devices are.

        Args:
            address: ``HOST[:PORT]`` for labels that do not say it.
        """
        self._address = address or SOFTAP

    async def connect(self, label: Label) -> "HttpLink":
        """Return a link to the device of a label; nothing is sent yet.

        Raises:
            InvalidInputError: The address is none.
        """
        return HttpLink(label.address or self._address)

    async def close(self) -> None:
        """Do nothing: links are closed one by one."""


class HttpLink:
    """Implements ``ports.pan.Link``."""

    def __init__(self, address: str) -> None:
        host, _, port = address.partition(":")
        if port and not port.isdigit():
            raise InvalidInputError(f"{address}: write HOST[:PORT]")
        self._address = address
        self._connection = http.client.HTTPConnection(
            host, int(port or 80), timeout=_PATIENCE_S
        )
        self._session = ""

    async def exchange(self, endpoint: Endpoint, value: bytes) -> bytes:
        """Return the device's answer."""
        return await asyncio.to_thread(self._exchange, endpoint, value)

    async def close(self) -> None:
        """Let the connection go; the session ends by itself."""
        self._connection.close()

    def _exchange(self, endpoint: Endpoint, value: bytes) -> bytes:
        headers = {"Content-Type": "application/octet-stream"}
        if self._session:
            headers["X-Session"] = self._session
        try:
            self._connection.request("POST", f"/{endpoint.word}", value, headers)
            reply = self._connection.getresponse()
            body = reply.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise UnreachableError(
                f"the device at {self._address} does not answer: {error}"
            ) from error
        self._session = reply.headers.get("X-Session", self._session)
        if reply.status != http.client.OK:
            raise UnreachableError(
                f"the device at {self._address} answered {reply.status} "
                f"to {endpoint.word}"
            )
        return body
