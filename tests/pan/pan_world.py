"""A device and a phone in one process, with nothing between them but bytes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hotsite.adapters.pan_security import DeviceSecurity, make_verifier
from hotsite.adapters.pan_vault import DirectoryVault
from hotsite.core.label import Label
from hotsite.core.onboarding import Claim
from hotsite.core.pan import Endpoint
from hotsite.core.provisioning import Custody, DeviceIdentity
from hotsite.errors import HotsiteError, UnreachableError
from hotsite.flows.pan import PanDevice
from hotsite.flows.pan_endpoints import Desk

POP = "7F3K-9QWD-XM4T"
DOMAIN = "fleet.example.com"
SALT, VERIFIER = make_verifier("hotsite", POP, bytes(range(1, 17)))
LABEL = Label("oven-1", "HS-oven-1", POP)
NOW = datetime.now(UTC)


def identity(serial="oven-1", custody=Custody.DEVICE):
    claim = Claim(serial, "s3cret-of-" + serial)
    return DeviceIdentity(
        serial, "reference", DOMAIN, claim, SALT, VERIFIER, custody=custody
    )


class SetClock:
    """A monotonic clock that tests move."""

    def __init__(self):
        self.at_s = 1000.0

    def now_s(self):
        return self.at_s

    def sleep(self, duration_s):
        self.at_s += duration_s


class Authority:
    """Issues what the onboarding API would."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        own = self._sign(self.name, self.key.public_key(), is_authority=True)
        self.ca_pem = _pem(own)

    def answer(self, request, *, names=None, api=f"api.{DOMAIN}", number=0):
        csr = x509.load_pem_x509_csr(request["csr"].encode())
        assert csr.is_signature_valid
        certificate = self._sign(csr.subject, csr.public_key())
        names = names or [f"iot{site}.{DOMAIN}" for site in ("", "-a", "-b")]
        return {
            "thing": request["claim"]["id"],
            "certificate_id": certificate.fingerprint(hashes.SHA256()).hex(),
            "certificate": _pem(certificate),
            "ca": self.ca_pem,
            "iot": {"names": names, "port": 8883 + number},
            "api": api,
        }

    def _sign(self, subject, public_key, *, is_authority=False):
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(minutes=1))
            .not_valid_after(NOW + timedelta(days=1))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .sign(self.key, hashes.SHA256())
        )


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def make_device(folder: Path, clock=None, who=None, **parts):
    """Start a device on a directory; starting it again is a restart."""
    who = who or identity()
    vault = DirectoryVault(folder, {})
    return PanDevice(
        Desk(who, vault, DeviceSecurity(), **parts), clock=clock or SetClock()
    )


class DirectLink:
    """``ports.pan.Link`` to a device in this process; it can be cut."""

    def __init__(self, device, peer="phone"):
        self.device, self.peer = device, peer
        self.cut_after = None
        self.count = 0

    async def exchange(self, endpoint: Endpoint, value: bytes) -> bytes:
        self.count += 1
        if self.cut_after is not None and self.count > self.cut_after:
            raise UnreachableError("the link is lost")
        try:
            answer = self.device.handle(endpoint.word, value, peer=self.peer)
        except HotsiteError as error:
            raise UnreachableError(f"the device does not answer: {error}") from error
        assert len(answer) <= 480
        return answer

    async def close(self):
        self.device.leave(self.peer)
