"""The device registry as values: what the system of record says of one name.

A ``Record`` is self-contained: with it alone, and without a call to any other
Region, IoT Core of a Region can be made equal to it. Nothing here reads a
table; the adapter that does turns items into these values.
"""

import hashlib
from dataclasses import dataclass, replace
from enum import Enum


class CertificateStatus(Enum):
    """How much a certificate may do; a later member wins over an earlier one.

    Source: ``UpdateCertificate`` in the botocore 1.44 model of AWS IoT lists
    the statuses; that REVOKED is terminal here is our rule (a write-once item),
    because last-writer-wins could otherwise bring a revoked certificate back.
    """

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    REVOKED = "REVOKED"


_STRICTNESS = {
    CertificateStatus.ACTIVE: 0,
    CertificateStatus.INACTIVE: 1,
    CertificateStatus.REVOKED: 2,
}


def strictest(*statuses: CertificateStatus) -> CertificateStatus:
    """Join statuses in the lattice ACTIVE < INACTIVE < REVOKED.

    Args:
        statuses: One or more statuses, in any order.

    Returns:
        The one that allows least, so the order of arrival does not matter.
    """
    return max(statuses, key=_STRICTNESS.__getitem__)


@dataclass(frozen=True, slots=True)
class Certificate:
    """One device certificate as the record knows it.

    Attributes:
        certificate_id: 64 hex digits, the SHA-256 of the DER form.
        pem: The certificate itself, so that no Region must be asked for it.
        status: What the record wants it to be.
    """

    certificate_id: str
    pem: str
    status: CertificateStatus = CertificateStatus.ACTIVE


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing as the record knows it.

    Attributes:
        name: 1 to 128 of ``a-zA-Z0-9:_-`` (botocore model, ``ThingName``).
        type_name: Its thing type, or nothing.
        attributes: Names and values, sorted by name.
        groups: Names of its thing groups, sorted.
    """

    name: str
    type_name: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """All that the system of record says of one name.

    Attributes:
        name: The thing's name.
        thing: The thing, or nothing when it was never there or is deleted.
        certificates: Its certificates, sorted by id, revocations applied.
        is_deleted: True when a tombstone stands in its place.
        written_at_s: The youngest write among its items, seconds since the
            epoch; lag is measured from it.
    """

    name: str
    thing: Thing | None
    certificates: tuple[Certificate, ...] = ()
    is_deleted: bool = False
    written_at_s: float = 0.0

    @property
    def digest(self) -> str:
        """Return a fingerprint that is equal exactly for equal wishes.

        The time of the write is not part of it: a record that was touched but
        not changed needs no call.
        """
        wish = replace(self, written_at_s=0.0)
        return hashlib.sha256(repr(wish).encode()).hexdigest()
