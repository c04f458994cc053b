"""The local certification authority, which stands in for ACM.

It signs the server certificates of one local cloud and nothing else. Keys are
P-256, as AWS IoT custom domains allow (RSA-2048 or P-256); at most four names go
on one certificate, so that AWS would take the same sets. Devices' certificates
are not signed here: the onboarding API does that.
"""

import contextlib
import datetime as dt
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hotsite.errors import InvalidInputError

# hotsite's own rule (ARCHITECTURE, decision 9).
NAMES_MAX = 4
AUTHORITY_DAYS = 3_650
# Apple's and Google's clients refuse server certificates over 398 days.
SERVER_DAYS = 90
RENEW_DAYS = 7
_HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, as PEM files.

    Attributes:
        certificate: Path of the chain, leaf first.
        private_key: Path of the unencrypted key, readable by its owner only.
    """

    certificate: Path
    private_key: Path


@dataclass(frozen=True, slots=True)
class Authority:
    """A certification authority in a folder.

    Attributes:
        folder: Where it and what it signs are kept.
        now: The time to judge validity by.
    """

    folder: Path
    now: dt.datetime

    @property
    def pair(self) -> Pair:
        """Return the files of the authority itself."""
        return Pair(self.folder / "ca.pem", self.folder / "ca.key")

    def server(self, name: str, subjects: Sequence[str]) -> Pair:
        """Return a certificate for these names, a new one only when needed.

        Args:
            name: First part of the file names.
            subjects: 1 to 4 DNS names or IP addresses.

        Raises:
            InvalidInputError: There are none or too many names.
        """
        if not 1 <= len(subjects) <= NAMES_MAX:
            raise InvalidInputError(
                f"{name}: a certificate has 1 to {NAMES_MAX} names, not {len(subjects)}"
            )
        pair = Pair(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        authority, key = self._open()
        if self._is_fine(pair, authority, subjects):
            return pair
        leaf_key = ec.generate_private_key(ec.SECP256R1())
        leaf = (
            self._draft(subjects[0][:64], authority.subject, SERVER_DAYS)
            .public_key(leaf_key.public_key())
            .add_extension(
                x509.SubjectAlternativeName([_general(each) for each in subjects]),
                critical=False,
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)  # noqa: FBT003 (positional in cryptography's own examples)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()),
                critical=False,
            )
            .sign(key, hashes.SHA256())
        )
        _save(pair, leaf, leaf_key)
        return pair

    def _open(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        found = _load(self.pair)
        if found is not None and self._is_valid(found[0]):
            return found
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("hotsite local authority")
        certificate = (
            self._draft("hotsite local authority", name, AUTHORITY_DAYS)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_SIGNING, critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
                critical=False,
            )
            .sign(key, hashes.SHA256())
        )
        _save(self.pair, certificate, key)
        return certificate, key

    def _draft(
        self, subject: str, issuer: x509.Name, days: int
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(issuer)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now - _HOUR)
            .not_valid_after(self.now + dt.timedelta(days=days))
        )

    def _is_valid(self, certificate: x509.Certificate) -> bool:
        left = certificate.not_valid_after_utc - self.now
        is_begun = certificate.not_valid_before_utc <= self.now
        return is_begun and left > dt.timedelta(days=RENEW_DAYS)

    def _is_fine(
        self, pair: Pair, authority: x509.Certificate, subjects: Sequence[str]
    ) -> bool:
        found = _load(pair)
        if found is None or not self._is_valid(found[0]):
            return False
        try:
            found[0].verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature):
            return False
        names = found[0].extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return list(names.value) == [_general(each) for each in subjects]


_SIGNING = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _general(subject: str) -> x509.GeneralName:
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(subject))
    return x509.DNSName(subject)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _load(pair: Pair) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None:
    # What cannot be read is made anew: nothing but this cloud relies on it.
    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        key = serialization.load_pem_private_key(pair.private_key.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    return (certificate, key) if key.public_key() == certificate.public_key() else None


def _save(
    pair: Pair, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> None:
    pair.certificate.parent.mkdir(parents=True, exist_ok=True)
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pair.private_key.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(pair.private_key, flags, 0o600), "wb") as file:
        file.write(text)
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
