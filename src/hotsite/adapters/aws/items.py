"""The shape of hotsite's DynamoDB items: values to items and back.

Every item carries ``v``, the version of its shape; an unknown one is refused,
never guessed. ``written_at_s`` and ``origin`` are our own attributes, because
global tables of version 2019.11.21 have no ``aws:rep:*`` (DynamoDB developer
guide, V2globaltables_upgrade).
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from hotsite.core.onboarding import Entry
from hotsite.core.registry import (
    Certificate,
    CertificateStatus,
    Record,
    Thing,
    strictest,
)
from hotsite.errors import InvalidInputError

VERSION = 1
_TO_WIRE = TypeSerializer()
_FROM_WIRE = TypeDeserializer()

Item = dict[str, Any]


def to_wire(item: Mapping[str, Any]) -> Item:
    """Return the typed attribute map that DynamoDB's API takes."""
    return {
        key: _TO_WIRE.serialize(Decimal(repr(value)) if _is_float(value) else value)
        for key, value in item.items()
        if value is not None
    }


def from_wire(item: Mapping[str, Any]) -> Item:
    """Return plain values from a typed attribute map."""
    return {key: _FROM_WIRE.deserialize(value) for key, value in item.items()}


def _is_float(value: object) -> bool:
    return isinstance(value, float)


def thing_key(name: str) -> str:
    """Return the partition key of everything about one thing."""
    return f"thing#{name}"


def name_in(partition_key: str) -> str | None:
    """Return the thing's name in a partition key, or nothing for other items."""
    kind, _, name = partition_key.partition("#")
    return name if kind == "thing" and name else None


def thing_item(record: Record, *, origin: str, now_s: float) -> Item:
    """Return the item of a record's thing."""
    thing = record.thing
    assert thing is not None  # noqa: S101 - callers enrol a thing that is there
    return {
        "pk": thing_key(record.name),
        "sk": "thing",
        "v": VERSION,
        "type": thing.type_name,
        "attributes": dict(thing.attributes),
        "groups": list(thing.groups),
        "is_deleted": False,
        "origin": origin,
        "written_at_s": now_s,
    }


def certificate_item(
    name: str, certificate: Certificate, *, origin: str, now_s: float
) -> Item:
    """Return the item of one certificate."""
    return {
        "pk": thing_key(name),
        "sk": f"certificate#{certificate.certificate_id}",
        "v": VERSION,
        "pem": certificate.pem,
        "status": certificate.status.value,
        "origin": origin,
        "written_at_s": now_s,
    }


def revocation_item(
    name: str, certificate_id: str, *, origin: str, now_s: float
) -> Item:
    """Return the write-once item that revokes a certificate for ever."""
    return {
        "pk": thing_key(name),
        "sk": f"revoked#{certificate_id}",
        "v": VERSION,
        "origin": origin,
        "written_at_s": now_s,
    }


def claim_item(entry: Entry, *, origin: str, now_s: float) -> Item:
    """Return the item of one line of the claim ledger."""
    certificate = entry.certificate
    return {
        "pk": f"claim#{entry.claim_id}",
        "sk": "claim",
        "v": VERSION,
        "secret_digest": entry.secret_digest,
        "attributes": dict(entry.attributes),
        "csr_digest": entry.csr_digest,
        "certificate_id": certificate.certificate_id if certificate else None,
        "pem": certificate.pem if certificate else None,
        "origin": origin,
        "written_at_s": now_s,
    }


def entry_of(item: Mapping[str, Any]) -> Entry:
    """Return the ledger's line in an item.

    Raises:
        InvalidInputError: The item is of an unknown version or shape.
    """
    with readable(item):
        certificate = (
            Certificate(item["certificate_id"], item["pem"])
            if item.get("certificate_id")
            else None
        )
        return Entry(
            claim_id=item["pk"].partition("#")[2],
            secret_digest=item["secret_digest"],
            attributes=tuple(sorted(item["attributes"].items())),
            csr_digest=item.get("csr_digest"),
            certificate=certificate,
        )


def record_of(name: str, items: Iterable[Mapping[str, Any]]) -> Record:
    """Return the record in all items of one name.

    Args:
        name: The thing's name.
        items: Every item of its partition, in any order; items of a kind that
            this version does not know are skipped, so that a newer hotsite may
            add some.

    Raises:
        InvalidInputError: A known item is of an unknown version or shape.
    """
    thing: Thing | None = None
    is_deleted = False
    certificates: dict[str, Certificate] = {}
    revoked: set[str] = set()
    written_at_s = 0.0
    for item in items:
        with readable(item):
            kind, _, certificate_id = item["sk"].partition("#")
            written_at_s = max(written_at_s, float(item.get("written_at_s", 0)))
            if kind == "thing":
                is_deleted = bool(item.get("is_deleted"))
                thing = None if is_deleted else _thing_of(name, item)
            elif kind == "certificate":
                certificates[certificate_id] = _certificate_of(certificate_id, item)
            elif kind == "revoked":
                revoked.add(certificate_id)
    return Record(
        name,
        thing,
        () if is_deleted else _with_revocations(certificates, revoked),
        is_deleted=is_deleted,
        written_at_s=written_at_s,
    )


def _with_revocations(
    certificates: Mapping[str, Certificate], revoked: set[str]
) -> tuple[Certificate, ...]:
    return tuple(
        Certificate(
            item.certificate_id,
            item.pem,
            strictest(item.status, CertificateStatus.REVOKED)
            if item.certificate_id in revoked
            else item.status,
        )
        for _, item in sorted(certificates.items())
    )


def _thing_of(name: str, item: Mapping[str, Any]) -> Thing:
    return Thing(
        name,
        item.get("type"),
        tuple(sorted(item.get("attributes", {}).items())),
        tuple(sorted(item.get("groups", ()))),
    )


def _certificate_of(certificate_id: str, item: Mapping[str, Any]) -> Certificate:
    return Certificate(certificate_id, item["pem"], CertificateStatus(item["status"]))


@contextmanager
def readable(item: Mapping[str, Any]) -> Iterator[None]:
    """Refuse an item that this hotsite cannot read, instead of guessing.

    Args:
        item: Plain values; its keys name it in the message.

    Yields:
        Nothing; take the item apart inside.

    Raises:
        InvalidInputError: It is of an unknown version or shape.
    """
    keys = (item.get(key) for key in ("pk", "name", "sk"))
    where = " ".join(str(key) for key in keys if key is not None)
    if item.get("v") != VERSION:
        raise InvalidInputError(
            f"{where}: version {item.get('v')!r} of the item is not known to this "
            f"hotsite, which reads version {VERSION}"
        )
    try:
        yield
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidInputError(f"{where}: bad shape: {error!r}") from error
