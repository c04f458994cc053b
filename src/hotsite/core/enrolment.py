"""Whose device is whose, what became of it, and its next certificate.

A user owns what they enrolled. What they do to it leaves a line of audit, which is
written once and never changed. Pure: what the tables say comes in.
"""

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum

from hotsite.core.registry import Certificate, CertificateStatus, Pairs, Record
from hotsite.errors import NotFoundError, UnsafePlanError

# The one in use and its successor: more would be keys that nobody remembers.
OPEN_CERTIFICATES_MAX = 2


class Deed(StrEnum):
    """What somebody did to a device."""

    ENROLLED = "enrolled"
    ROTATED = "rotated"
    REVOKED = "revoked"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One thing that was done to a device: who, what, when, where. No secrets.

    Attributes:
        thing: The device.
        deed: What was done.
        certificate_id: To or with which certificate.
        subject: Which user did it (``sub`` of the token); empty where no user is
            behind it.
        at_s: When, seconds since the epoch; set by who writes it.
        region: The Region that took the request; set by who writes it.
    """

    thing: str
    deed: Deed
    certificate_id: str
    subject: str
    at_s: float = 0.0
    region: str = ""


@dataclass(frozen=True, slots=True)
class Owned:
    """One device of a user.

    Attributes:
        thing: Its name.
        at_s: When it was enrolled, seconds since the epoch.
    """

    thing: str
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Rotation:
    """A certificate that was issued beside another one.

    Attributes:
        thing: For which device.
        csr_digest: For which signing request, to know a retry by.
        subject: Which user asked.
        certificate: What was issued.
    """

    thing: str
    csr_digest: str
    subject: str
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Sighting:
    """The newest message of a device in the hot store of a Region.

    Attributes:
        at_s: When it arrived; when it was published, by the device's clock, where
            nobody wrote that down. Seconds since the epoch.
        region: In whose broker it arrived, or nothing where that is not known.
    """

    at_s: float
    region: str | None


class Standing(StrEnum):
    """Whether a device can connect, in one word."""

    ACTIVE = "active"
    REVOKED = "revoked"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class DeviceView:
    """What a user is shown of a device.

    Attributes:
        thing: Its name.
        standing: Whether it can connect.
        enrolled_at_s: Seconds since the epoch.
        attributes: What the maker says of it.
        certificates: Those it has or had, as (id, status).
        last_seen: Its newest message, or nothing.
    """

    thing: str
    standing: Standing
    enrolled_at_s: float
    attributes: Pairs
    certificates: tuple[tuple[str, CertificateStatus], ...]
    last_seen: Sighting | None


def owner_key(subject: str) -> str:
    """Return what a user's devices are filed under: no name, one length."""
    return hashlib.sha256(subject.encode()).hexdigest()


def view(owned: Owned, record: Record, last_seen: Sighting | None) -> DeviceView:
    """Return what a user is shown of a device.

    Args:
        owned: Whose it is is settled.
        record: What the system of record says of it.
        last_seen: Its newest message, or nothing.
    """
    statuses = {item.certificate_id: item.status for item in record.certificates}
    statuses |= dict.fromkeys(record.revoked, CertificateStatus.REVOKED)
    standing = Standing.REVOKED
    if record.thing is None:
        standing = Standing.DELETED
    elif CertificateStatus.ACTIVE in statuses.values():
        standing = Standing.ACTIVE
    return DeviceView(
        owned.thing,
        standing,
        owned.at_s,
        record.thing.attributes if record.thing else (),
        tuple(sorted(statuses.items())),
        last_seen,
    )


def open_certificates(record: Record) -> tuple[str, ...]:
    """Return the ids of the certificates that the record does not say revoked."""
    return tuple(
        item.certificate_id
        for item in record.certificates
        if item.status is not CertificateStatus.REVOKED
    )


def check_room(record: Record) -> None:
    """Refuse another certificate where there is no room for one.

    Args:
        record: What the system of record says of the device.

    Raises:
        NotFoundError: The device was deleted.
        UnsafePlanError: As many as may be are open already, or none is: who was
            shut out does not come back in this way.
    """
    if record.thing is None:
        raise NotFoundError(f"{record.name} was deleted")
    count = len(open_certificates(record))
    if count >= OPEN_CERTIFICATES_MAX:
        raise UnsafePlanError(
            f"{record.name} has {count} open certificates: revoke the old one first"
        )
    if not count:
        raise UnsafePlanError(f"{record.name} was shut out; it gets no certificate")


def with_certificate(record: Record, certificate: Certificate) -> Record:
    """Return the record with one certificate more."""
    held = (*record.certificates, certificate)
    return replace(
        record, certificates=tuple(sorted(held, key=lambda one: one.certificate_id))
    )
