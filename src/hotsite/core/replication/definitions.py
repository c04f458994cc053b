"""Steps for what things share: types, groups, policies, CA certificates."""

from collections.abc import Iterator
from dataclasses import replace

from hotsite.core.registry import (
    Body,
    CaCertificate,
    Key,
    Policy,
    ThingGroup,
    ThingType,
)
from hotsite.core.replication.present import Present
from hotsite.core.replication.steps import Step, Verb
from hotsite.errors import InvalidInputError

# AWS IoT Core quota "Maximum number of named policy versions": 5, the default
# one included.
_OTHER_VERSIONS_MAX = 4


def type_changes(key: Key, wanted: ThingType, have: Present) -> Iterator[Step]:
    """Yield what makes a thing type as wished.

    Raises:
        InvalidInputError: What it searches or says has changed; only its MQTT 5
            configuration can be updated in place (``UpdateThingType``), which
            hotsite does not manage.
    """
    there = have.body if isinstance(have.body, ThingType) else None
    if there is None:
        yield Step(Verb.CREATE_THING_TYPE, key, wanted)
    elif replace(there, is_deprecated=wanted.is_deprecated) != wanted:
        raise InvalidInputError(
            f"{key}: description and searchable attributes of a thing type cannot "
            f"change; delete the type and create it again"
        )
    if wanted.is_deprecated != (there is not None and there.is_deprecated):
        yield Step(Verb.DEPRECATE_THING_TYPE, key, wanted)


def group_changes(key: Key, wanted: ThingGroup, have: Present) -> Iterator[Step]:
    """Yield what makes a thing group as wished.

    Raises:
        InvalidInputError: Its parent has changed, which AWS IoT cannot do.
    """
    there = have.body if isinstance(have.body, ThingGroup) else None
    if there is None:
        yield Step(Verb.CREATE_THING_GROUP, key, wanted)
    elif there.parent != wanted.parent:
        raise InvalidInputError(
            f"{key}: its parent is {there.parent or 'none'} here and "
            f"{wanted.parent or 'none'} in the record; a group cannot be moved, "
            f"delete it and create it again"
        )
    elif replace(there, policies=wanted.policies) != wanted:
        yield Step(Verb.UPDATE_THING_GROUP, key, wanted, expected_version=have.version)
    old = set(there.policies) if there else set()
    for name in sorted(set(wanted.policies) - old):
        yield Step(Verb.ATTACH_POLICY, key, wanted, target=name)
    for name in sorted(old - set(wanted.policies)):
        yield Step(Verb.DETACH_POLICY, key, wanted, target=name)


def policy_changes(key: Key, wanted: Policy, have: Present) -> Iterator[Step]:
    """Yield what makes a policy's default version say what is wished."""
    there = have.body if isinstance(have.body, Policy) else None
    if there is None:
        yield Step(Verb.CREATE_POLICY, key, wanted)
    elif there.document != wanted.document:
        for version in have.versions[: len(have.versions) - _OTHER_VERSIONS_MAX + 1]:
            yield Step(Verb.DELETE_POLICY_VERSION, key, wanted, target=version)
        yield Step(Verb.CREATE_POLICY_VERSION, key, wanted)


def ca_changes(key: Key, wanted: CaCertificate, have: Present) -> Iterator[Step]:
    """Yield what makes a CA certificate as wished."""
    there = have.body if isinstance(have.body, CaCertificate) else None
    if there is None:
        yield Step(Verb.REGISTER_CA_CERTIFICATE, key, wanted)
    elif there != wanted:
        yield Step(Verb.UPDATE_CA_CERTIFICATE, key, wanted)


def removals(key: Key, there: Body, have: Present) -> Iterator[Step]:
    """Yield what takes a type, a group, a policy or a CA certificate away."""
    if isinstance(there, ThingType):
        if not there.is_deprecated:
            body = replace(there, is_deprecated=True)
            yield Step(Verb.DEPRECATE_THING_TYPE, key, body)
        yield Step(Verb.DELETE_THING_TYPE, key, there)
    elif isinstance(there, ThingGroup):
        for name in there.policies:
            yield Step(Verb.DETACH_POLICY, key, there, target=name)
        yield Step(Verb.DELETE_THING_GROUP, key, there, expected_version=have.version)
    elif isinstance(there, Policy):
        for version in have.versions:
            yield Step(Verb.DELETE_POLICY_VERSION, key, there, target=version)
        yield Step(Verb.DELETE_POLICY, key, there)
    elif isinstance(there, CaCertificate):
        if there.is_active:
            closed = replace(there, is_active=False)
            yield Step(Verb.UPDATE_CA_CERTIFICATE, key, closed)
        yield Step(Verb.DELETE_CA_CERTIFICATE, key, there)
