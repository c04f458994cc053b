"""Make a device's key pair and its signing request; the key stays here."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hotsite.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """A private key and the request that was signed with it.

    Attributes:
        key_pem: The private key, PKCS #8; never leaves the device.
        csr_pem: The certificate signing request.
    """

    key_pem: str = field(repr=False)
    csr_pem: str

    def save(self, path: Path) -> None:
        """Write the key where only this user can read it, from the first byte."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(self.key_pem)


def make(thing_name: str) -> DeviceKey:
    """Make a P-256 key pair and a request for a thing's name.

    Args:
        thing_name: Becomes the common name of the subject.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, thing_name)])
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return DeviceKey(
        key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        request.public_bytes(pem).decode(),
    )


def is_pair(certificate_pem: str, key_pem: str) -> bool:
    """Say whether a certificate is for a private key.

    Args:
        certificate_pem: The certificate.
        key_pem: The private key, without a password.

    Raises:
        InvalidInputError: One of them is not what it should be.
    """
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
        key = serialization.load_pem_private_key(key_pem.encode(), password=None)
        return certificate.public_key() == key.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidInputError("certificate or key is not PEM of X.509") from error
