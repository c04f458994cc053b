"""The TLS front of the Region's MQTT broker, as an AWS IoT custom domain has it.

A client must send a server name that the Region serves and a certificate whose
private key it holds; the registry, not a certification authority, decides who the
certificate is (AWS IoT registers certificates without a CA too). Python's ssl
module cannot accept unknown certificates and still check possession of the key,
and costs 234 kB a connection here, so this uses OpenSSL's memory BIOs directly.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    load_pem_private_key,
)
from OpenSSL import SSL

from hotsite.local.region.config import CertificateFiles, RegionConfig
from hotsite.local.region.faults import Fate, Faults
from hotsite.local.region.observing import Log

_logger = logging.getLogger(__name__)

HANDSHAKE_S_MAX = 10.0
# One TLS record carries at most 2^14 bytes (RFC 8446, section 5.1).
RECORD_BYTES_MAX = 1 << 14
BACKLOG = 4096
# Alert record: fatal (2) unrecognized_name (112), RFC 6066, section 3.
UNRECOGNIZED_NAME = bytes((21, 3, 3, 0, 2, 2, 112))
# SSL_MODE_RELEASE_BUFFERS of <openssl/ssl.h>: an idle connection frees 34 kB.
MODE_RELEASE_BUFFERS = 0x10


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Peer:
    """What ministack asks of the `ssl_object` of a connection."""

    certificate_der: bytes

    def getpeercert(self, *, binary_form: bool) -> bytes | None:
        """Return the client certificate as DER; the dictionary form is not offered."""
        return self.certificate_der if binary_form else None


@dataclass(slots=True)
class Listener:
    """The broker's side of every connection.

    Attributes:
        server_names: names a client may send, in lower case.
        contexts: one OpenSSL context for each server name.
        serve: ministack's handler of one connection.
        names_seen: ministack's table of the server name each peer sent.
        faults: which connections fail or hang on purpose.
        made: every connection.
        live: every connection past its handshake.
        log: where sightings of clients go; None for nowhere.
    """

    server_names: tuple[str, ...]
    contexts: dict[str, SSL.Context]
    serve: Callable[[asyncio.StreamReader, "Connection"], Coroutine[Any, Any, None]]
    names_seen: dict[Peer, str]
    faults: Faults = field(default_factory=Faults)
    made: "set[Connection]" = field(default_factory=set)
    live: "set[Connection]" = field(default_factory=set)
    log: Log | None = None

    @classmethod
    def from_config(
        cls,
        config: RegionConfig,
        serve: Callable[
            [asyncio.StreamReader, "Connection"], Coroutine[Any, Any, None]
        ],
        names_seen: dict[Peer, str],
        faults: Faults,
    ) -> "Listener":
        """Load the certificates and choose one for each server name."""
        loaded = [
            (covered_names(files), _tls_context(files))
            for files in config.mqtt_certificates
        ]
        contexts = {
            name: next(
                (context for names, context in loaded if covers(names, name)),
                loaded[0][1],
            )
            for name in config.mqtt_server_names
        }
        log = None
        if config.sightings is not None:
            log = Log(config.sightings, config.region)
        names = config.mqtt_server_names
        return cls(names, contexts, serve, names_seen, faults, log=log)

    async def start(self, address: str, port: int) -> asyncio.Server:
        """Bind the listener.

        Raises:
            OSError: the address or port is taken.
        """
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            lambda: Connection(self), address, port, backlog=BACKLOG
        )

    def drop(self, is_allowed: Callable[[str], bool]) -> int:
        """Abort every session whose certificate is no longer allowed.

        Args:
            is_allowed: takes a certificate identifier.

        Returns:
            How many sessions were dropped.
        """
        doomed = [one for one in self.live if not is_allowed(one.certificate_id)]
        for connection in doomed:
            connection.transport.abort()
        return len(doomed)

    def suffer(self) -> None:
        """End what the faults of now do not allow, and what hung by earlier ones."""
        faults = self.faults.now
        for connection in tuple(self.made):
            is_left_over = connection.is_held and not faults.share
            is_doomed = not connection.is_held
            if is_doomed if faults.is_broker_silent else is_left_over:
                connection.transport.abort()


class Connection(asyncio.Protocol):
    """One TLS connection: an asyncio protocol below, a stream writer above."""

    __slots__ = (
        "_deadline",
        "_drained",
        "_listener",
        "_observer",
        "_peer",
        "_reader",
        "_task",
        "_tls",
        "certificate_id",
        "is_held",
        "server_name",
        "transport",
    )

    transport: asyncio.Transport
    _reader: asyncio.StreamReader
    _deadline: asyncio.TimerHandle

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        first = next(iter(listener.contexts.values()))
        self._tls = SSL.Connection(first, None)
        self._tls.set_accept_state()
        self._tls.set_app_data(self)
        log = listener.log
        self._observer = None if log is None else log.connection()
        self._peer: Peer | None = None
        self._drained: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self.certificate_id = ""
        # Nothing that it sends is answered, on purpose.
        self.is_held = False
        # None until the ClientHello was read; then "" for a missing name.
        self.server_name: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the client a bounded time for its handshake."""
        # uvloop's transports are not subclasses of asyncio's.
        self.transport = cast("asyncio.Transport", transport)
        loop = asyncio.get_running_loop()
        self._reader = asyncio.StreamReader(loop=loop)
        self._deadline = loop.call_later(HANDSHAKE_S_MAX, self.transport.abort)
        self._listener.made.add(self)
        fate = self._listener.faults.of_connection()
        if fate is Fate.FAIL:
            self.transport.abort()
        elif fate is Fate.HANG:
            self._deadline.cancel()
            self.is_held = True

    def data_received(self, data: bytes) -> None:
        """Decrypt what arrived and hand it to the broker."""
        if self.is_held:
            return
        try:
            self._tls.bio_write(data)
            if self._peer is None and not self._shake_hands():
                return
            self._decrypt()
        except SSL.ZeroReturnError:
            self._end(self.transport.close)
        except SSL.Error as error:
            self._flush()
            _logger.debug("tls_refused", extra={"reason": str(error)})
            self._end(self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the signature of asyncio.Protocol
        """Tell the broker that nothing more will come."""
        self._deadline.cancel()
        self._listener.made.discard(self)
        self._listener.live.discard(self)
        if self._observer is not None and self.server_name is not None:
            self._observer.closed()
        if not self._reader.at_eof():
            self._reader.feed_eof()
        self.resume_writing()

    def pause_writing(self) -> None:
        """Make the broker wait: the client reads too slowly."""
        self._drained = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """Let the broker go on."""
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    def write(self, data: bytes) -> None:
        """Encrypt and send.

        Raises:
            ConnectionResetError: the connection is closed.
        """
        if self.transport.is_closing():
            raise ConnectionResetError
        if self._observer is not None:
            self._observer.sent(bytes(data))
        for start in range(0, len(data), RECORD_BYTES_MAX):
            self._tls.send(bytes(data[start : start + RECORD_BYTES_MAX]))
        self._flush()

    async def drain(self) -> None:
        """Wait until the client has read enough."""
        if self._drained is not None:
            await self._drained

    def close(self) -> None:
        """Send close_notify and close."""
        if self.transport.is_closing():
            return
        try:
            self._tls.shutdown()
            self._flush()
        except SSL.Error as error:
            _logger.debug("tls_shutdown", extra={"reason": str(error)})
        self.transport.close()

    async def wait_closed(self) -> None:
        """Return at once: closing waits for nothing here."""

    def get_extra_info(self, name: str) -> object:
        """Answer as a stream writer does; `ssl_object` is the Peer."""
        if name == "ssl_object":
            return self._peer
        return self.transport.get_extra_info(name)

    def hello(self) -> None:
        """Choose the certificate: OpenSSL has read the ClientHello."""
        name = (self._tls.get_servername() or b"").decode("ascii", "replace").lower()
        self.server_name = name
        context = self._listener.contexts.get(name)
        if self._observer is not None:
            self._observer.hello(name, is_served=context is not None)
        if context is not None:
            self._tls.set_context(context)

    def _shake_hands(self) -> bool:
        is_done = True
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            is_done = False
        if (
            self.server_name is not None
            and self.server_name not in self._listener.contexts
        ):
            # AWS IoT serves a custom domain only to clients that name it.
            _logger.info("server_name_refused", extra={"server": self.server_name})
            self.transport.write(UNRECOGNIZED_NAME)
            self._end(self.transport.close)
            return False
        self._flush()
        if is_done:
            self._accept()
        return is_done

    def _accept(self) -> None:
        self._deadline.cancel()
        certificate = self._tls.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            raise SSL.Error("no client certificate")
        der = certificate.public_bytes(Encoding.DER)
        self._peer = Peer(der)
        self.certificate_id = hashlib.sha256(der).hexdigest()
        if self._observer is not None:
            self._observer.shown(self.certificate_id)
        self._listener.names_seen[self._peer] = self.server_name or ""
        self._listener.live.add(self)
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._listener.serve(self._reader, self))

    def _decrypt(self) -> None:
        while True:
            try:
                data = self._tls.recv(1 << 16)
            except SSL.WantReadError:
                # A key update or session ticket may want an answer.
                self._flush()
                return
            if self._observer is not None:
                self._observer.received(data)
            self._reader.feed_data(data)

    def _flush(self) -> None:
        while not self.transport.is_closing():
            try:
                self.transport.write(self._tls.bio_read(1 << 16))
            except SSL.WantReadError:
                return

    def _end(self, close: Callable[[], None]) -> None:
        if not self._reader.at_eof():
            self._reader.feed_eof()
        close()


def covers(certificate_names: tuple[str, ...], name: str) -> bool:
    """Say whether one of a certificate's names matches (RFC 6125, section 6.4.3)."""
    parent = name.partition(".")[2]
    return name in certificate_names or f"*.{parent}" in certificate_names


def certificate_names(pem: bytes) -> tuple[str, ...]:
    """Return the DNS names of a PEM certificate, in lower case."""
    certificate = x509.load_pem_x509_certificate(pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return tuple(name.lower() for name in names.value.get_values_for_type(x509.DNSName))


def covered_names(files: CertificateFiles) -> tuple[str, ...]:
    """Return the DNS names of a certificate's file, in lower case."""
    return certificate_names(files.certificate.read_bytes())


def _tls_context(files: CertificateFiles) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    # AWS IoT Core needs TLS 1.2 or 1.3 (Developer Guide, "Transport security").
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    chain = x509.load_pem_x509_certificates(files.certificate.read_bytes())
    key = load_pem_private_key(files.private_key.read_bytes(), None)
    context.use_certificate(chain[0])
    for issuer in chain[1:]:
        context.add_extra_chain_cert(issuer)
    context.use_privatekey(key)  # type: ignore[arg-type]
    context.set_verify(
        SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _is_acceptable
    )
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_mode(MODE_RELEASE_BUFFERS)
    context.set_tlsext_servername_callback(_on_hello)
    return context


def _on_hello(tls: SSL.Connection) -> None:
    connection: Connection = tls.get_app_data()
    connection.hello()


def _is_acceptable(*details: Any) -> bool:
    # OpenSSL still proves possession of the key; who signed the certificate does
    # not matter, the registry look-up that follows does. Its dates do matter.
    certificate, depth = details[1].to_cryptography(), details[3]
    now = datetime.now(tz=UTC)
    is_valid = (
        certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
    )
    return bool(depth > 0 or is_valid)
