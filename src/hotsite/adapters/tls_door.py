"""``ports.readiness.Doors``: a TLS handshake with a name, at the site's own address.

Device certificates are not shown: AWS IoT asks for one only after its own certificate
was sent (TLS 1.3, RFC 8446 section 4.4), so the handshake tells what is served.
"""

import hashlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from hotsite.core.doors import Door, Knock
from hotsite.errors import UnreachableError

_LIMIT_S = 4.0


def dial_by_name(name: str, port: int) -> socket.socket:
    """Dial a name by the machine's own resolver.

    Raises:
        UnreachableError: It has no address, or nobody answers there.
    """
    try:
        return socket.create_connection((name, port), _LIMIT_S)
    except OSError as error:
        raise UnreachableError(f"{name}:{port} does not answer: {error}") from error


@dataclass(frozen=True, slots=True)
class TlsDoors:
    """Implements ``ports.readiness.Doors``.

    Attributes:
        mqtt_port: Of MQTT over TLS.
        https_port: Of the API.
        authority: PEM of whom to believe besides the machine's own roots; empty for
            nobody.
        dial: Connects to a name and port.
    """

    mqtt_port: int
    https_port: int
    authority: str = ""
    dial: Callable[[str, int], socket.socket] = dial_by_name

    def look(self, knock: Knock) -> Door:
        """Ask for one name; what is wrong with it is in the answer."""
        try:
            return self._served(knock, self._context())
        except UnreachableError as error:
            return Door(knock.name, str(error), is_silent=True)
        except ssl.SSLCertVerificationError as error:
            why = error.verify_message or str(error)
            return Door(knock.name, f"its certificate is not believed: {why}")
        except (OSError, ValueError) as error:
            return Door(knock.name, f"no TLS at {knock.at}: {error}")

    def _served(self, knock: Knock, context: ssl.SSLContext) -> Door:
        port = self.mqtt_port if knock.is_mqtt else self.https_port
        with (
            self.dial(knock.at, port) as plain,
            context.wrap_socket(plain, server_hostname=knock.name) as tls,
        ):
            told = tls.getpeercert() or {}
            served = tls.getpeercert(binary_form=True) or b""
        expires_s = float(ssl.cert_time_to_seconds(str(told["notAfter"])))
        fingerprint = hashlib.sha256(served).hexdigest()
        return Door(knock.name, "", expires_s, fingerprint)

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self.authority:
            context.load_verify_locations(cadata=self.authority)
        return context
