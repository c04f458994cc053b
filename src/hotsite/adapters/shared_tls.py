"""One TLS context for all devices of a process; each connection has its own identity.

OpenSSL's settings cost 24 kB, and 2,000 devices need them once: a connection copies
certificate and key when it begins (``SSL_new``), so that the context can be given
those of the next device afterwards. Measured: 67 kB a connected device instead of
82 kB. Must not be used for a device whose files are not on disk any more.
"""

import ssl
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

# DER of id-ecPublicKey (RFC 5480 section 2.1.1). A context keeps one certificate for
# each kind of key, so devices of different kinds must not meet in one: the broker
# could be shown the certificate of another device.
_ELLIPTIC = bytes.fromhex("06072a8648ce3d0201")
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_KINDS_MAX = 16


@dataclass(frozen=True, slots=True)
class _Shared:
    """A context, and who may use it: one at a time."""

    context: ssl.SSLContext
    lock: threading.Lock = field(default_factory=threading.Lock)


@lru_cache(maxsize=_KINDS_MAX)
def _shared(authority: str, alpn: str, *, is_elliptic: bool) -> _Shared:  # noqa: ARG001 - its kind of key is what keeps it apart
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=authority)
    if alpn:
        context.set_alpn_protocols([alpn])
    return _Shared(context)


class DeviceTls:
    """What an event loop asks of a context, for one device."""

    __slots__ = ("_certificate", "_key", "_shared")

    def __init__(
        self, certificate: str, private_key: Path, authority: str, *, alpn: str = ""
    ) -> None:
        """Load everything once, to refuse at once what cannot be used.

        Args:
            certificate: The device's certificate, PEM text.
            private_key: Path of its key, PEM; it is read at each connection.
            authority: The certificates of the servers' authority, PEM text.
            alpn: The protocol to ask for, if any.

        Raises:
            OSError: A file is missing, no PEM, or not the key's pair.
            ValueError: The certificate or the authority is no PEM.
        """
        # Behind the device's own certificate there may be others, of its issuers.
        end = certificate.index(_END) + len(_END)
        der = ssl.PEM_cert_to_DER_cert(certificate[certificate.index(_BEGIN) : end])
        self._certificate = certificate
        self._key = private_key
        self._shared = _shared(authority, alpn, is_elliptic=_ELLIPTIC in der)
        with self._shared.lock:
            self._load()

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        """Begin a connection that has the device's identity."""
        with self._shared.lock:
            self._load()
            return self._shared.context.wrap_bio(*arguments, **named)

    def _load(self) -> None:
        # OpenSSL takes a chain only from a file, through Python.
        with NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(self._certificate)
            file.flush()
            self._shared.context.load_cert_chain(file.name, self._key)
