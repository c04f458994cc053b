"""The device registry as values: what the system of record says of one key.

A ``Record`` is self-contained: with it alone, and without a call to any other
Region, IoT Core of a Region can be made equal to it. Nothing here reads a
table; the adapter that does turns items into these values.
"""

import hashlib
from dataclasses import dataclass, field
from enum import Enum

Pairs = tuple[tuple[str, str], ...]
Names = tuple[str, ...]


class Kind(Enum):
    """What a key names; the value is the first part of a partition key.

    The order is that of dependence: what comes later needs what comes earlier.
    """

    THING_TYPE = "type"
    POLICY = "policy"
    THING_GROUP = "group"
    CA_CERTIFICATE = "ca"
    THING = "thing"
    SHADOWS = "shadow"


@dataclass(frozen=True, slots=True)
class Key:
    """One name of one kind: the unit of replication.

    Attributes:
        kind: What it names.
        name: The name in IoT Core; a CA certificate's is its certificate id,
            that of shadows the name of their thing.
    """

    kind: Kind
    name: str

    def __str__(self) -> str:
        """Return the partition key: ``thing#oven-1``."""
        return f"{self.kind.value}#{self.name}"


def thing_key(name: str) -> Key:
    """Return the key of a thing and its certificates."""
    return Key(Kind.THING, name)


def key_in(partition_key: str) -> Key | None:
    """Return the key that a partition key stands for, or nothing for others.

    The inverse of ``str(key)``; claims, cursors and the like are nobody's key.
    """
    kind, _, name = partition_key.partition("#")
    known = {item.value: item for item in Kind}
    return Key(known[kind], name) if name and kind in known else None


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
        policies: Names of the policies attached to it, sorted.
    """

    certificate_id: str
    pem: str
    status: CertificateStatus = CertificateStatus.ACTIVE
    policies: Names = ()


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
    attributes: Pairs = ()
    groups: Names = ()


@dataclass(frozen=True, slots=True)
class ThingType:
    """One thing type.

    Attributes:
        name: As a thing's.
        description: Free text, or empty.
        searchable: Names of its searchable attributes, sorted, at most 3.
        is_deprecated: True when no new thing may have it.
    """

    name: str
    description: str = ""
    searchable: Names = ()
    is_deprecated: bool = False


@dataclass(frozen=True, slots=True)
class ThingGroup:
    """One static thing group.

    Attributes:
        name: As a thing's.
        parent: Name of its parent group, which can never change
            (``UpdateThingGroup`` has no such member), or nothing.
        description: Free text, or empty.
        attributes: Names and values, sorted by name.
        policies: Names of the policies attached to it, sorted.
    """

    name: str
    parent: str | None = None
    description: str = ""
    attributes: Pairs = ()
    policies: Names = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """One IoT policy: what its default version says.

    Attributes:
        name: 1 to 128 of letters, digits and ``_+=,.@-`` (``PolicyName``).
        document: Canonical JSON in the neutral form of ``core/policies.py``:
            no Region and no account in it.
    """

    name: str
    document: str


@dataclass(frozen=True, slots=True)
class CaCertificate:
    """One registered CA certificate.

    It is registered as SNI_ONLY in a Region that gets it from the record: the
    DEFAULT mode needs a proof of its private key for each Region
    (``RegisterCACertificate``), which nobody but the owner can make.

    Attributes:
        name: Its certificate id, 64 hex digits.
        pem: The certificate itself.
        is_active: True when device certificates it signed are accepted.
        registers_devices: True when it registers devices on first connect.
    """

    name: str
    pem: str
    is_active: bool = True
    registers_devices: bool = False


@dataclass(frozen=True, slots=True)
class Shadows:
    """All shadows of one thing.

    Attributes:
        name: The thing's name.
        documents: Name of each shadow, empty for the classic one, and the
            canonical JSON of its ``state``, sorted by name.
    """

    name: str
    documents: Pairs = ()


Body = Thing | ThingType | ThingGroup | Policy | CaCertificate | Shadows


@dataclass(frozen=True, slots=True)
class Record:
    """All that the system of record says of one key.

    Attributes:
        key: What it is about.
        body: What is wished, or nothing when it was never there or is deleted.
        certificates: A thing's certificates, sorted by id, revocations applied.
        gone: Ids of certificates that were taken from the thing, sorted: their
            tombstones, and whatever belonged to a former life of the name.
        revoked: Ids of certificates that were revoked, sorted.
        is_deleted: True when a tombstone stands in the place of the body.
        life: How often the name was created before; each re-creation adds one,
            so that what belonged to a former life cannot come back.
        written_at_s: The youngest write among its items, seconds since the
            epoch; lag is measured from it.
        stamps: Each item's sort key and the mark of its last write, so that a
            write can say what it has seen; not part of what is wished.
    """

    key: Key
    body: Body | None
    certificates: tuple[Certificate, ...] = ()
    gone: Names = ()
    revoked: Names = ()
    is_deleted: bool = False
    life: int = 0
    written_at_s: float = 0.0
    stamps: Pairs = field(default=(), compare=False)

    @property
    def name(self) -> str:
        """Return the name in IoT Core."""
        return self.key.name

    @property
    def thing(self) -> Thing | None:
        """Return the thing, if it is one and is there."""
        return self.body if isinstance(self.body, Thing) else None

    @property
    def certificate_ids(self) -> tuple[str, ...]:
        """Return every certificate that the record has ever spoken of."""
        held = (item.certificate_id for item in self.certificates)
        return tuple(dict.fromkeys((*held, *self.gone, *self.revoked)))

    @property
    def is_absent(self) -> bool:
        """Say whether the record neither wishes the name nor has deleted it.

        An absent record is no reason to delete anything: only a tombstone is.
        """
        return self.body is None and not self.is_deleted

    @property
    def digest(self) -> str:
        """Return a fingerprint that is equal exactly for equal wishes.

        The time of the write is not part of it: a record that was touched but
        not changed needs no call.
        """
        wish = (
            str(self.key),
            self.body,
            self.certificates,
            self.gone,
            self.revoked,
            self.is_deleted,
            self.life,
        )
        return hashlib.sha256(repr(wish).encode()).hexdigest()
