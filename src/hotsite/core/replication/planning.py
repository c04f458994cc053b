"""Put the steps of one key in order, and name what they depend on."""

from collections.abc import Iterable
from dataclasses import replace

from hotsite.core.registry import (
    CaCertificate,
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
from hotsite.core.replication import definitions, shadows, things
from hotsite.core.replication.present import Present
from hotsite.core.replication.steps import Plan, Step, Verb

_ORDER = {verb: index for index, verb in enumerate(Verb)}


def plan(wanted: Record, have: Present) -> Plan:
    """Plan the calls for one key in one Region.

    Args:
        wanted: The record, read whole and consistently.
        have: What this Region last made equal, or what it was seen to hold.

    Returns:
        Steps in the order of ``Verb``, without those that are not needed.
        Revoking and inactivating come before everything else, because a
        half-done plan must err on the closed side. A record that is absent
        plans nothing: unreadable and missing are never a deletion.
    """
    if wanted.is_absent:
        return Plan((), "not in the record")
    if wanted.body is None:
        return Plan(_in_order(_removals(wanted, have)), "deleted")
    is_new = have.body is None
    return Plan(
        _in_order(_changes(wanted, have)),
        "new to this Region" if is_new else "changed",
    )


def needs(wanted: Record) -> tuple[Key, ...]:
    """Return what must be there before a record can be applied.

    Args:
        wanted: The record.

    Returns:
        Keys in the order of ``Kind``, each once.
    """
    body, found = wanted.body, []
    if isinstance(body, Thing):
        if body.type_name is not None:
            found.append(Key(Kind.THING_TYPE, body.type_name))
        for certificate in wanted.certificates:
            found += [Key(Kind.POLICY, name) for name in certificate.policies]
        found += [Key(Kind.THING_GROUP, name) for name in body.groups]
    elif isinstance(body, ThingGroup):
        found += [Key(Kind.POLICY, name) for name in body.policies]
        if body.parent is not None:
            found.append(Key(Kind.THING_GROUP, body.parent))
    return tuple(dict.fromkeys(found))


def _changes(wanted: Record, have: Present) -> Iterable[Step]:
    body = wanted.body
    if isinstance(body, Thing):
        return things.changes(wanted, body, have)
    if isinstance(body, ThingType):
        return definitions.type_changes(wanted.key, body, have)
    if isinstance(body, ThingGroup):
        return definitions.group_changes(wanted.key, body, have)
    if isinstance(body, Policy):
        return definitions.policy_changes(wanted.key, body, have)
    if isinstance(body, CaCertificate):
        return definitions.ca_changes(wanted.key, body, have)
    assert isinstance(body, Shadows)  # noqa: S101 - the last of the union
    return shadows.changes(wanted.key, body, have)


def _removals(wanted: Record, have: Present) -> Iterable[Step]:
    body = have.body
    if body is None:
        return things.certificate_removals(wanted, have)
    if isinstance(body, Thing):
        return things.removals(wanted, body, have)
    if isinstance(body, Shadows):
        return shadows.changes(wanted.key, replace(body, documents=()), have)
    return definitions.removals(wanted.key, body, have)


def _in_order(steps: Iterable[Step]) -> tuple[Step, ...]:
    return tuple(sorted(steps, key=lambda step: (_is_open(step), _ORDER[step.verb])))


def _is_open(step: Step) -> bool:
    return not (
        step.verb is Verb.UPDATE_CERTIFICATE
        and step.certificate is not None
        and step.certificate.status is not CertificateStatus.ACTIVE
    )
