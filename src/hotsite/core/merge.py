"""Take into the record what somebody changed in IoT Core behind hotsite's back.

A merge of three: what this Region was last made equal to (the base), what it is
seen to hold now, and the record. Where the sight differs from the base and the
record does not, somebody changed it here, and the record takes it over. Where
both differ, the record wins. A revocation is taken always; nothing ever takes
one back.

Everything is compared by its smallest part (one attribute, one membership, one
certificate's status, one shadow), so that two changes meet only where they are
really of the same thing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from hotsite.core.registry import (
    Body,
    CaCertificate,
    Certificate,
    CertificateStatus,
    Kind,
    Names,
    Pairs,
    Policy,
    Record,
    Shadows,
    Thing,
    ThingGroup,
    ThingType,
    strictest,
)
from hotsite.core.replication import Present

_Part = TypeVar("_Part")
_Body = TypeVar("_Body", bound=Body)
_REVOKED = CertificateStatus.REVOKED


def merge(base: Record | None, seen: Present, wanted: Record) -> Record:
    """Return the record with the changes that were made outside.

    Args:
        base: What IoT Core here was last made equal to; nothing when that is
            not known, and then all that the record does not speak of is taken.
        seen: What IoT Core here holds of the key, whole.
        wanted: The record.

    Returns:
        The record to write; equal to ``wanted`` when there is nothing to take.
        Its lists are as the record will be read again, so that its digest is
        that of the next read.
    """
    wanted = with_revocations(seen, wanted)
    if base is not None and base.life != wanted.life:
        # What is here belonged to a former life, and is to go.
        return wanted
    if wanted.body is None:
        return _reborn(base, seen, wanted)
    if is_gone(base, seen, wanted):
        return _buried(wanted)
    if seen.body is None and wanted.key.kind is not Kind.SHADOWS:
        return wanted
    body = _merged_body(base.body if base else None, seen.body, wanted.body)
    return _with_certificates(
        replace(wanted, body=body), _certificates(base, seen, wanted)
    )


def is_gone(base: Record | None, seen: Present, wanted: Record) -> bool:
    """Tell whether somebody deleted the name here, and the record may follow.

    Only what was applied here and has not changed since can be deleted by its
    absence: anything else may never have arrived, or is wished anew.

    Args:
        base: As for ``merge``.
        seen: As for ``merge``.
        wanted: As for ``merge``.
    """
    return (
        wanted.key.kind is not Kind.SHADOWS
        and seen.body is None
        and wanted.body is not None
        and base is not None
        and base.body is not None
        and base.digest == wanted.digest
    )


def held(seen: Present, merged: Record) -> Record:
    """Return what of a merged record is here, so that only that can be missed.

    Certificates may come from the other Region before their thing does: one that
    is not here yet was not taken away here.

    Args:
        seen: As for ``merge``.
        merged: What ``merge`` returned.
    """
    attached = (c for c in merged.certificates if c.certificate_id in seen.attached)
    return replace(merged, certificates=tuple(attached))


def with_revocations(seen: Present, wanted: Record) -> Record:
    """Return the record with every revocation that was seen, and nothing else.

    Args:
        seen: What IoT Core holds, certificates that were asked for included.
        wanted: The record.
    """
    closed = {
        item.certificate_id for item in seen.certificates if item.status is _REVOKED
    }
    return with_revoked(closed, wanted)


def with_revoked(certificate_ids: Iterable[str], wanted: Record) -> Record:
    """Return the record with more certificates revoked, and nothing else.

    Args:
        certificate_ids: Which ones.
        wanted: The record.
    """
    revoked = {*certificate_ids, *wanted.revoked}
    return replace(
        wanted,
        revoked=tuple(sorted(revoked)),
        certificates=tuple(
            replace(item, status=_REVOKED) if item.certificate_id in revoked else item
            for item in wanted.certificates
        ),
    )


def _reborn(base: Record | None, seen: Present, wanted: Record) -> Record:
    """Take a name that the record has not, or has deleted."""
    if seen.body is None:
        return wanted
    if wanted.is_deleted:
        # Until the deletion was made here, the sight is what is to be deleted.
        if base is None or not base.is_deleted:
            return wanted
        attached = [c for c in seen.certificates if c.certificate_id in seen.attached]
        risen = replace(wanted, body=seen.body, is_deleted=False, life=wanted.life + 1)
        return _with_certificates(risen, attached)
    if base is not None and base.body is not None:
        # It was in the record once, and its tombstone is purged: whether it may
        # live is for a person to say.
        return wanted
    # Certificates may have come before the body, from the other Region.
    return _with_certificates(
        replace(wanted, body=seen.body), _certificates(None, seen, wanted)
    )


def _buried(wanted: Record) -> Record:
    deleted = replace(wanted, body=None, is_deleted=True)
    return _with_certificates(deleted, ())


def _with_certificates(record: Record, found: Iterable[Certificate]) -> Record:
    """Put certificates into a record; those that leave it are gone."""
    certificates = {
        item.certificate_id: replace(item, status=_REVOKED)
        if item.certificate_id in record.revoked
        else item
        for item in found
    }
    before = (item.certificate_id for item in record.certificates)
    gone = {*record.gone, *before} - set(certificates)
    return replace(
        record,
        certificates=tuple(certificates[name] for name in sorted(certificates)),
        gone=tuple(sorted(gone)),
    )


def _certificates(
    base: Record | None, seen: Present, wanted: Record
) -> list[Certificate]:
    old = _by_id(base.certificates if base else ())
    there = _by_id(c for c in seen.certificates if c.certificate_id in seen.attached)
    mine = _by_id(wanted.certificates)
    found = []
    for name in sorted({*mine, *there}):
        before, now, wish = old.get(name), there.get(name), mine.get(name)
        if wish is None:
            assert now is not None  # noqa: S101 - from one of the two
            if before is None and _may_return(name, base, wanted):
                found.append(now)
        elif now is not None:
            found.append(_merged_certificate(before, now, wish))
        elif before is None or before != wish:
            # Not attached yet, or changed in the record since: it wins.
            found.append(wish)
    return found


def _may_return(name: str, base: Record | None, wanted: Record) -> bool:
    """Tell whether an attached certificate is new, not one that is to go."""
    return name not in wanted.gone or (base is not None and name in base.gone)


def _merged_certificate(
    before: Certificate | None, now: Certificate, wish: Certificate
) -> Certificate:
    policies = _names(before.policies if before else (), now.policies, wish.policies)
    if before is None or before.status not in {now.status, wish.status}:
        status = strictest(now.status, wish.status)
    else:
        status = _part(before.status, now.status, wish.status)
    return replace(wish, status=status, policies=policies)


def _merged_body(base: Body | None, seen: Body | None, wanted: Body) -> Body:
    if isinstance(wanted, Thing):
        return _thing(_as(wanted, base), _as(wanted, seen), wanted)
    if isinstance(wanted, ThingGroup):
        return _group(_as(wanted, base), _as(wanted, seen), wanted)
    if isinstance(wanted, ThingType):
        return _type(_as(wanted, base), _as(wanted, seen), wanted)
    if isinstance(wanted, Policy):
        return _policy(_as(wanted, base), _as(wanted, seen), wanted)
    if isinstance(wanted, CaCertificate):
        return _ca(_as(wanted, base), _as(wanted, seen), wanted)
    return _shadows(_as(wanted, base), _as(wanted, seen), wanted)


def _as(wanted: _Body, body: Body | None) -> _Body | None:
    return body if isinstance(body, type(wanted)) else None


def _thing(base: Thing | None, seen: Thing | None, wanted: Thing) -> Thing:
    base, seen = base or Thing(wanted.name), seen or wanted
    return replace(
        wanted,
        type_name=_part(base.type_name, seen.type_name, wanted.type_name),
        attributes=_pairs(base.attributes, seen.attributes, wanted.attributes),
        groups=_names(base.groups, seen.groups, wanted.groups),
    )


def _group(
    base: ThingGroup | None, seen: ThingGroup | None, wanted: ThingGroup
) -> ThingGroup:
    base, seen = base or ThingGroup(wanted.name), seen or wanted
    return replace(
        wanted,
        parent=_part(base.parent, seen.parent, wanted.parent),
        description=_part(base.description, seen.description, wanted.description),
        attributes=_pairs(base.attributes, seen.attributes, wanted.attributes),
        policies=_names(base.policies, seen.policies, wanted.policies),
    )


def _type(
    base: ThingType | None, seen: ThingType | None, wanted: ThingType
) -> ThingType:
    base, seen = base or ThingType(wanted.name), seen or wanted
    return replace(
        wanted,
        description=_part(base.description, seen.description, wanted.description),
        searchable=_part(base.searchable, seen.searchable, wanted.searchable),
        is_deprecated=_part(
            base.is_deprecated, seen.is_deprecated, wanted.is_deprecated
        ),
    )


def _policy(base: Policy | None, seen: Policy | None, wanted: Policy) -> Policy:
    if base is None or seen is None:
        return wanted
    document = _part(base.document, seen.document, wanted.document)
    return replace(wanted, document=document)


def _ca(
    base: CaCertificate | None, seen: CaCertificate | None, wanted: CaCertificate
) -> CaCertificate:
    if base is None or seen is None:
        return wanted
    return replace(
        wanted,
        is_active=_part(base.is_active, seen.is_active, wanted.is_active),
        registers_devices=_part(
            base.registers_devices, seen.registers_devices, wanted.registers_devices
        ),
    )


def _shadows(base: Shadows | None, seen: Shadows | None, wanted: Shadows) -> Shadows:
    base, seen = base or Shadows(wanted.name), seen or Shadows(wanted.name)
    return replace(
        wanted, documents=_pairs(base.documents, seen.documents, wanted.documents)
    )


def _part(base: _Part, seen: _Part, wanted: _Part) -> _Part:
    return seen if wanted == base else wanted


def _names(base: Names, seen: Names, wanted: Names) -> Names:
    added, removed = set(seen) - set(base), set(base) - set(seen)
    return tuple(sorted((set(wanted) | added) - removed))


def _pairs(base: Pairs, seen: Pairs, wanted: Pairs) -> Pairs:
    old, there, mine = dict(base), dict(seen), dict(wanted)
    found: Mapping[str, str | None] = {
        name: _part(old.get(name), there.get(name), mine.get(name))
        for name in {*there, *mine}
    }
    return tuple(
        sorted((name, value) for name, value in found.items() if value is not None)
    )


def _by_id(certificates: Iterable[Certificate]) -> dict[str, Certificate]:
    return {item.certificate_id: item for item in certificates}
