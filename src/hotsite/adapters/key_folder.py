"""``ports.readiness.Keys``: device certificates and keys that lie in a folder.

A device has a folder of its own, as ``hotsite agent new`` and ``hotsite onboard`` make
it (``oven-1/certificate.pem`` and ``oven-1/device.key``), or two files beside those of
others (``oven-1.pem`` and ``oven-1.key``). Keys are read for one handshake, and are
neither copied nor told of.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hotsite.adapters import mqtt_probe
from hotsite.adapters.mqtt import Credentials, Target
from hotsite.errors import InvalidInputError

_CERTIFICATE, _KEY = "certificate.pem", "device.key"


@dataclass(frozen=True, slots=True)
class KeyFolder:
    """Implements ``ports.readiness.Keys``.

    Attributes:
        folder: Where the devices' files are.
        authority: PEM of whom devices believe.
        port: Of MQTT over TLS.
        address_of: Tells where a name leads.
    """

    folder: Path
    authority: str
    port: int
    address_of: Callable[[str], str]

    def names(self) -> tuple[str, ...]:
        """Return the things' names, sorted.

        Raises:
            InvalidInputError: There is no such folder, or no key in it.
        """
        found = sorted(set(self._found()))
        if not found:
            raise InvalidInputError(
                f"{self.folder}: no keys there; a device is NAME/{_CERTIFICATE} with "
                f"NAME/{_KEY}, or NAME.pem with NAME.key"
            )
        return tuple(found)

    def connect(self, thing: str, at: str) -> float:
        """Connect once as a device, and disconnect again."""
        certificate, key = self._files(thing)
        try:
            given = Credentials(certificate.read_text("ascii"), key, self.authority)
        except (OSError, ValueError) as error:
            raise InvalidInputError(f"{certificate}: {error}") from error
        target = Target(self.address_of(at), self.port, at)
        return mqtt_probe.connect_once(target, given, thing)

    def _found(self) -> Iterator[str]:
        try:
            entries = list(self.folder.iterdir())
        except OSError as error:
            raise InvalidInputError(f"{self.folder}: {error.strerror}") from error
        for entry in entries:
            if (entry / _KEY).is_file() and (entry / _CERTIFICATE).is_file():
                yield entry.name
            elif entry.suffix == ".key" and entry.with_suffix(".pem").is_file():
                yield entry.stem

    def _files(self, thing: str) -> tuple[Path, Path]:
        own = self.folder / thing
        if (own / _KEY).is_file():
            return own / _CERTIFICATE, own / _KEY
        return self.folder / f"{thing}.pem", self.folder / f"{thing}.key"
