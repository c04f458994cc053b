"""Carry MQTT packets over TLS, for one device or thousands in a process.

An ``asyncio.Protocol`` and no task per connection: a connected device costs its
TLS state and little else. It decides nothing; the state machine in
``core/device.py`` does.
"""

import asyncio
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Protocol, cast

from hotsite.adapters.shared_tls import DeviceTls
from hotsite.core.mqtt import Parser, encode
from hotsite.core.mqtt_packets import MalformedPacketError, Packet, Version
from hotsite.errors import InvalidInputError, UnreachableError

# AWS IoT Core: MQTT with a client certificate is on 8883 without ALPN, and on 443,
# which it shares with HTTPS, with this one ("Device communication protocols").
_SHARED_PORT = 443
_ALPN = "x-amzn-mqtt-ca"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a device proves itself with, and whom it believes.

    Attributes:
        certificate: The device's certificate, PEM text.
        private_key: Path of its key, PEM; it is read here and goes nowhere.
        authority: The certificates of the servers' authority, PEM text.
    """

    certificate: str
    private_key: Path
    authority: str


def make_tls_by_port(
    credentials: Credentials, ports: Iterable[int]
) -> dict[int, DeviceTls]:
    """Return the TLS settings of one device of many, for each port.

    Raises:
        InvalidInputError: A file is missing, no PEM, or not the key's pair.
    """
    given = credentials
    try:
        return {
            port: DeviceTls(
                given.certificate,
                given.private_key,
                given.authority,
                alpn=_ALPN if port == _SHARED_PORT else "",
            )
            for port in ports
        }
    except (OSError, ValueError) as error:
        raise InvalidInputError(
            f"certificate for {given.private_key}, or its authority: {error}"
        ) from error


def make_tls(credentials: Credentials) -> ssl.SSLContext:
    """Return the TLS settings of one device.

    AWS IoT Core takes TLS 1.2 and 1.3. ``ssl.create_default_context`` would
    read the machine's whole bundle for each device (24 KiB without, measured).

    Args:
        credentials: The device's files.

    Returns:
        A context that checks the server's certificate and its name.

    Raises:
        InvalidInputError: A file is missing, no PEM, or not the key's pair.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cadata=credentials.authority)
        # OpenSSL takes a chain only from a file, through Python.
        with NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(credentials.certificate)
            file.flush()
            context.load_cert_chain(file.name, credentials.private_key)
    except (OSError, ValueError) as error:
        raise InvalidInputError(
            f"certificate for {credentials.private_key}, or its authority: {error}"
        ) from error
    return context


class Listener(Protocol):
    """Who hears from a connection; never called after ``Connection.close``."""

    def packet_arrived(self, packet: Packet) -> None:
        """Take one packet."""
        ...

    def connection_ended(self, reason: str) -> None:
        """Note that the connection is gone; the last call."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """Where to dial.

    Attributes:
        address: The address that DNS gave.
        port: The TCP port; AWS IoT Core listens on 8883 and 443.
        server_name: The name for SNI and for the server's certificate.
    """

    address: str
    port: int
    server_name: str


class Connection(asyncio.Protocol):
    """One MQTT connection."""

    __slots__ = ("_listener", "_parser", "_transport")

    def __init__(self, listener: Listener, version: Version) -> None:
        self._listener: Listener | None = listener
        self._parser = Parser(version=version)
        self._transport: asyncio.Transport | None = None

    def send(self, packet: Packet) -> None:
        """Send a packet, or nothing when the connection is gone already."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(encode(packet, self._parser.version))

    def close(self, *, is_polite: bool = False) -> None:
        """Forget the peer; the listener hears nothing more.

        Args:
            is_polite: Whether what was sent may still leave first. A silent
                peer would keep a polite connection open for long.
        """
        self._listener = None
        if self._transport is None:
            return
        if is_polite:
            self._transport.close()
        else:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio calls this)."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand on what arrived (asyncio calls this)."""
        try:
            packets = self._parser.feed(data)
        except MalformedPacketError as error:
            self._end(f"the peer does not speak MQTT: {error}")
            return
        for packet in packets:
            if self._listener is not None:
                self._listener.packet_arrived(packet)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the listener (asyncio calls this)."""
        self._end(f"connection lost: {exc}" if exc else "connection closed by the peer")

    def _end(self, reason: str) -> None:
        listener, self._listener = self._listener, None
        if self._transport is not None:
            self._transport.abort()
        if listener is not None:
            listener.connection_ended(reason)


async def dial(
    target: Target,
    tls: ssl.SSLContext | DeviceTls,
    listener: Listener,
    *,
    version: Version = Version.V5,
) -> Connection:
    """Open a TLS connection to a broker.

    Args:
        target: Where; the address is dialled, the name is verified.
        tls: The device's certificate and whom it believes.
        listener: Who hears from the connection.
        version: What will be spoken.

    Returns:
        The connection, on which nothing was sent yet.

    Raises:
        UnreachableError: Nobody answers there, or the TLS handshake failed.
    """
    loop = asyncio.get_running_loop()
    try:
        _transport, connection = await loop.create_connection(
            lambda: Connection(listener, version),
            target.address,
            target.port,
            # Event loops ask a context for nothing but ``wrap_bio``.
            ssl=cast("ssl.SSLContext", tls),
            server_hostname=target.server_name,
        )
    except OSError as error:  # ssl.SSLError is one.
        raise UnreachableError(f"{target.address}:{target.port}: {error}") from error
    return connection
