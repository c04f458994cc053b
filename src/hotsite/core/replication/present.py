"""What IoT Core of one Region holds of one key."""

from dataclasses import dataclass, replace

from hotsite.core.registry import (
    Body,
    Certificate,
    Record,
    Shadows,
    Thing,
    ThingGroup,
)


@dataclass(frozen=True, slots=True)
class Present:
    """What IoT Core of one Region holds of one key.

    Attributes:
        body: The thing, type, group, policy, CA certificate or shadows, or
            nothing.
        certificates: Registered certificates of a thing, attached or not.
        attached: Ids of those that are attached to the thing.
        versions: Ids of a policy's versions that are not its default, oldest
            first; nothing when they were not looked at.
        version: Number of the thing's or group's version in this Region, which
            means nothing in any other; nothing when it was not looked at.
        strangers: Attached certificates that hotsite has never put there.
        shared: Those of them that other things have as well.
    """

    body: Body | None = None
    certificates: tuple[Certificate, ...] = ()
    attached: frozenset[str] = frozenset()
    versions: tuple[str, ...] = ()
    version: int | None = None
    strangers: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()

    @property
    def thing(self) -> Thing | None:
        """Return the thing, if it is one and is there."""
        return self.body if isinstance(self.body, Thing) else None

    @classmethod
    def of(cls, applied: Record) -> "Present":
        """Return what is there once a record was applied."""
        if applied.body is None:
            return cls()
        ids = frozenset(item.certificate_id for item in applied.certificates)
        return cls(applied.body, applied.certificates, ids)


NOTHING = Present()


def narrowed(seen: Present, known: tuple[Record, ...]) -> Present:
    """Leave out what none of some records has ever spoken of.

    What somebody else put into IoT Core is not ours to remove: the sweep finds
    it, and either takes it into the record or removes it by decision.

    Args:
        seen: What IoT Core was seen to hold.
        known: The wish, and every record that was applied or tried here.

    Returns:
        What is there of that which hotsite has put there, or is to put there.
    """
    ids = {one for record in known for one in record.certificate_ids}
    return replace(
        seen,
        body=_narrowed_body(seen.body, known),
        certificates=tuple(
            replace(item, policies=_ours(item, known))
            for item in seen.certificates
            if item.certificate_id in ids
        ),
        attached=seen.attached & ids,
    )


def _narrowed_body(body: Body | None, known: tuple[Record, ...]) -> Body | None:
    bodies = [record.body for record in known]
    if isinstance(body, Thing):
        groups = {
            name for item in bodies if isinstance(item, Thing) for name in item.groups
        }
        return replace(body, groups=tuple(g for g in body.groups if g in groups))
    if isinstance(body, ThingGroup):
        policies = {
            name
            for item in bodies
            if isinstance(item, ThingGroup)
            for name in item.policies
        }
        return replace(
            body, policies=tuple(name for name in body.policies if name in policies)
        )
    if isinstance(body, Shadows):
        names = {
            name
            for item in bodies
            if isinstance(item, Shadows)
            for name, _ in item.documents
        }
        return replace(
            body,
            documents=tuple(pair for pair in body.documents if pair[0] in names),
        )
    return body


def _ours(certificate: Certificate, known: tuple[Record, ...]) -> tuple[str, ...]:
    policies = {
        name
        for record in known
        for item in record.certificates
        if item.certificate_id == certificate.certificate_id
        for name in item.policies
    }
    is_gone = any(certificate.certificate_id in record.gone for record in known)
    return tuple(name for name in certificate.policies if is_gone or name in policies)
