"""How a record is laid out in items: several items of one partition, and back.

A record is read from all items of its partition, and written as those items
alone that differ, so that two Regions that change different items at once lose
nothing to "the last writer wins" (DynamoDB developer guide,
V2globaltables_HowItWorks: the conflict is decided for each item).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from hotsite.core.registry import (
    Body,
    Certificate,
    CertificateStatus,
    Key,
    Kind,
    Record,
    Shadows,
)
from hotsite.errors import InvalidInputError

Content = Body | Certificate | str | None
_REVOKED = CertificateStatus.REVOKED


@dataclass(frozen=True, slots=True)
class Stored:
    """One item as it was last written.

    Attributes:
        sort_key: ``thing``, ``certificate#<id>``, ``revoked#<id>``…
        value: The body, the certificate, or one shadow's document; nothing in
            tombstones and revocations.
        written_at_s: When, by the writer's clock, seconds since the epoch.
        stamp: Unique for each write.
        is_deleted: True for a tombstone.
        life: Of the name when it was written.
    """

    sort_key: str
    value: Content
    written_at_s: float = 0.0
    stamp: str = ""
    is_deleted: bool = False
    life: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """One item that a write of a record would put."""

    sort_key: str
    value: Content
    is_deleted: bool = False
    life: int = 0


def record_of(key: Key, items: Iterable[Stored]) -> Record:
    """Return what the items of one partition say of its key."""
    found = {item.sort_key: item for item in items}
    body = found.get(key.kind.value)
    life = body.life if body else 0
    is_deleted = body is not None and body.is_deleted
    revoked = sorted(_ids(found, "revoked#"))
    certificates, gone = [], []
    for certificate_id in sorted(_ids(found, "certificate#")):
        item = found[f"certificate#{certificate_id}"]
        if is_deleted or item.is_deleted or item.life < life:
            gone.append(certificate_id)
        else:
            assert isinstance(item.value, Certificate)  # noqa: S101 - by its key
            is_revoked = certificate_id in revoked
            certificates.append(
                replace(item.value, status=_REVOKED) if is_revoked else item.value
            )
    return Record(
        key,
        _body_of(key, found),
        tuple(certificates),
        tuple(gone),
        tuple(revoked),
        is_deleted=is_deleted,
        life=life,
        written_at_s=max((item.written_at_s for item in found.values()), default=0.0),
        stamps=tuple(sorted((name, item.stamp) for name, item in found.items())),
    )


def drafts(record: Record, previous: Record) -> Iterator[Draft]:
    """Yield the items in which a record differs from the one it replaces.

    Raises:
        InvalidInputError: A body would leave without a tombstone.
    """
    if record.key.kind is Kind.SHADOWS:
        yield from _shadow_drafts(record, previous)
        return
    if previous.body is not None and record.body is None and not record.is_deleted:
        raise InvalidInputError(f"{record.key} would leave without a tombstone")
    now = (record.body, record.is_deleted, record.life)
    if now != (previous.body, previous.is_deleted, previous.life):
        yield Draft(record.key.kind.value, *now)
    yield from _certificate_drafts(record, previous)


def _certificate_drafts(record: Record, previous: Record) -> Iterator[Draft]:
    before = {item.certificate_id: item for item in previous.certificates}
    is_same_life = record.life == previous.life
    revoked = set(record.revoked)
    for certificate in record.certificates:
        certificate_id = certificate.certificate_id
        old = before.pop(certificate_id, None)
        if certificate.status is _REVOKED:
            revoked.add(certificate_id)
        if not is_same_life or old is None or _differ(old, certificate):
            yield Draft(f"certificate#{certificate_id}", certificate, life=record.life)
    if not record.is_deleted:
        for certificate_id in before:
            name = f"certificate#{certificate_id}"
            yield Draft(name, None, is_deleted=True, life=record.life)
    for certificate_id in sorted(revoked - set(previous.revoked)):
        yield Draft(f"revoked#{certificate_id}", None)


def tombstones(record: Record) -> set[str]:
    """Return the sort keys of items that a purge may remove."""
    found = {f"certificate#{certificate_id}" for certificate_id in record.gone}
    if record.is_deleted:
        found.add(record.key.kind.value)
    if isinstance(record.body, Shadows):
        there = {f"shadow#{name}" for name, _ in record.body.documents}
        found |= {name for name, _ in record.stamps if name not in there}
    return found


def _differ(old: Certificate, new: Certificate) -> bool:
    # That it is REVOKED is no field of the item: the write-once item says so.
    if new.status is _REVOKED:
        new = replace(new, status=old.status)
    return old != new


def _shadow_drafts(record: Record, previous: Record) -> Iterator[Draft]:
    before = _documents(previous)
    for name, document in _documents(record).items():
        if before.pop(name, None) != document:
            yield Draft(f"shadow#{name}", document)
    for name in before:
        yield Draft(f"shadow#{name}", None, is_deleted=True)


def _documents(record: Record) -> dict[str, str]:
    return dict(record.body.documents) if isinstance(record.body, Shadows) else {}


def _ids(found: Mapping[str, Stored], prefix: str) -> Iterator[str]:
    return (name.removeprefix(prefix) for name in found if name.startswith(prefix))


def _body_of(key: Key, found: Mapping[str, Stored]) -> Body | None:
    if key.kind is Kind.SHADOWS:
        documents = tuple(
            (name.removeprefix("shadow#"), item.value)
            for name, item in sorted(found.items())
            if isinstance(item.value, str) and not item.is_deleted
        )
        return Shadows(key.name, documents) if found else None
    item = found.get(key.kind.value)
    if item is None or item.is_deleted:
        return None
    assert not isinstance(item.value, Certificate | str)  # noqa: S101 - by its key
    return item.value
