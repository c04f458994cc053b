"""The shape of hotsite's DynamoDB items: values to items and back.

Every item carries ``v``, the version of its shape; an unknown one is refused,
never guessed. ``written_at_s`` and ``origin`` are our own attributes, because
global tables of version 2019.11.21 have no ``aws:rep:*`` (DynamoDB developer
guide, V2globaltables_upgrade). ``stamp`` is unique for each write, so that the
next one can say what it has seen; items of hotsite 0.1 have none, and no
``life``: both read as the first.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from hotsite.core import layout
from hotsite.core.layout import Content, Draft, Stored
from hotsite.core.onboarding import Entry
from hotsite.core.registry import (
    Body,
    CaCertificate,
    Certificate,
    CertificateStatus,
    Key,
    Kind,
    Policy,
    Record,
    Shadows,
    Thing,
    ThingGroup,
    ThingType,
)
from hotsite.errors import InvalidInputError

VERSION = 1
_TO_WIRE = TypeSerializer()
_FROM_WIRE = TypeDeserializer()

Item = dict[str, Any]


def to_wire(item: Mapping[str, Any]) -> Item:
    """Return the typed attribute map that DynamoDB's API takes."""
    return {
        key: _TO_WIRE.serialize(_decimal(value))
        for key, value in item.items()
        if value is not None
    }


def from_wire(item: Mapping[str, Any]) -> Item:
    """Return plain values from a typed attribute map."""
    return {key: _FROM_WIRE.deserialize(value) for key, value in item.items()}


def _decimal(value: Any) -> Any:
    # DynamoDB numbers are decimal, and the serializer refuses binary fractions.
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {key: _decimal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_decimal(item) for item in value]
    return value


def number(value: Decimal) -> int | float:
    """Return a whole number or a fraction for DynamoDB's decimal."""
    return int(value) if value == value.to_integral_value() else float(value)


def draft_item(
    key: Key, draft: Draft, *, origin: str, now_s: float, stamp: str
) -> Item:
    """Return the item that a draft writes.

    Args:
        key: Whose record it is of.
        draft: What to write.
        origin: The Region that writes.
        now_s: When, seconds since the epoch.
        stamp: Unique for this write.
    """
    return {
        "pk": str(key),
        "sk": draft.sort_key,
        "v": VERSION,
        **_content(draft.value),
        "is_deleted": draft.is_deleted,
        "life": draft.life,
        "origin": origin,
        "written_at_s": now_s,
        "stamp": stamp,
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
        "owner": entry.owner,
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
            owner=item.get("owner"),
        )


def record_of(key: Key, items: Iterable[Mapping[str, Any]]) -> Record:
    """Return the whole record in the items of one partition.

    Args:
        key: What the partition is about.
        items: Every item of it, in any order; items of a kind that this version
            does not know are skipped, so that a newer hotsite may add some.

    Raises:
        InvalidInputError: A known item is of an unknown version or shape.
    """
    found = []
    for item in items:
        with readable(item):
            if item["sk"].partition("#")[0] in _KNOWN:
                found.append(_stored(key, item))
    return layout.record_of(key, found)


def record_map(record: Record) -> Item:
    """Return a record as one map, for tables that keep records of their own."""
    return {
        "body": None if record.body is None else _content(record.body),
        "certificates": [
            {"id": item.certificate_id, **_content(item)}
            for item in record.certificates
        ],
        "gone": list(record.gone),
        "revoked": list(record.revoked),
        "is_deleted": record.is_deleted,
        "life": record.life,
        "written_at_s": record.written_at_s,
    }


def record_in(key: Key, value: Mapping[str, Any]) -> Record:
    """Return the record in such a map; call it inside ``readable``."""
    body = value.get("body")
    return Record(
        key,
        None if body is None else _body_of(key.kind, key.name, body),
        tuple(_certificate_of(item["id"], item) for item in value["certificates"]),
        tuple(value["gone"]),
        tuple(value["revoked"]),
        is_deleted=bool(value["is_deleted"]),
        life=int(value["life"]),
        written_at_s=float(value["written_at_s"]),
    )


_KNOWN = {*(kind.value for kind in Kind), "certificate", "revoked"}


def _stored(key: Key, item: Mapping[str, Any]) -> Stored:
    found = Stored(
        item["sk"],
        None,
        float(item.get("written_at_s", 0)),
        item.get("stamp", ""),
        is_deleted=bool(item.get("is_deleted")),
        life=int(item.get("life", 0)),
    )
    return found if found.is_deleted else replace(found, value=_value(key, item))


def _value(key: Key, item: Mapping[str, Any]) -> Content:
    kind, _, name = item["sk"].partition("#")
    if kind == "certificate":
        return _certificate_of(name, item)
    if kind == "revoked":
        return None
    if key.kind is Kind.SHADOWS:
        return str(item["document"])
    return _body_of(Kind(kind), key.name, item)


def _content(value: Content) -> Item:
    if isinstance(value, Thing):
        return {
            "type": value.type_name,
            "attributes": dict(value.attributes),
            "groups": list(value.groups),
        }
    if isinstance(value, Certificate):
        return {
            "pem": value.pem,
            "status": value.status.value,
            "policies": list(value.policies),
        }
    if isinstance(value, str):
        return {"document": value}
    return {} if value is None else _definition(value)


def _definition(value: Body) -> Item:
    if isinstance(value, ThingType):
        return {
            "description": value.description,
            "searchable": list(value.searchable),
            "is_deprecated": value.is_deprecated,
        }
    if isinstance(value, ThingGroup):
        return {
            "parent": value.parent,
            "description": value.description,
            "attributes": dict(value.attributes),
            "policies": list(value.policies),
        }
    if isinstance(value, Policy):
        return {"document": value.document}
    if isinstance(value, CaCertificate):
        return {
            "pem": value.pem,
            "is_active": value.is_active,
            "registers_devices": value.registers_devices,
        }
    assert isinstance(value, Shadows)  # noqa: S101 - the last of the union
    return {"documents": dict(value.documents)}


def _body_of(kind: Kind, name: str, item: Mapping[str, Any]) -> Body:
    if kind is Kind.THING:
        return Thing(
            name,
            item.get("type"),
            _pairs(item.get("attributes", {})),
            _names(item.get("groups", ())),
        )
    if kind is Kind.THING_TYPE:
        return ThingType(
            name,
            item["description"],
            _names(item["searchable"]),
            is_deprecated=bool(item["is_deprecated"]),
        )
    if kind is Kind.THING_GROUP:
        return ThingGroup(
            name,
            item.get("parent"),
            item["description"],
            _pairs(item["attributes"]),
            _names(item["policies"]),
        )
    if kind is Kind.POLICY:
        return Policy(name, str(item["document"]))
    if kind is Kind.CA_CERTIFICATE:
        return CaCertificate(
            name,
            item["pem"],
            is_active=bool(item["is_active"]),
            registers_devices=bool(item["registers_devices"]),
        )
    return Shadows(name, _pairs(item["documents"]))


def _pairs(value: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(value.items()))


def _names(value: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(value))


def _certificate_of(certificate_id: str, item: Mapping[str, Any]) -> Certificate:
    status = CertificateStatus(item["status"])
    policies = _names(item.get("policies", ()))
    return Certificate(certificate_id, item["pem"], status, policies)


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
            f"{where}: version {item.get('v')} of the item is not known to this "
            f"hotsite, which reads version {VERSION}"
        )
    try:
        yield
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidInputError(f"{where}: bad shape: {error!r}") from error
