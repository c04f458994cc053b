"""What each call does to IoT Core of one Region, and what it refuses.

Sources: the botocore 1.44 model of AWS IoT (``docs`` of each call and its list
of errors) and the AWS IoT developer guide where a line says so. Where neither
speaks, the stricter reading is taken.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hotsite.core.registry import (
    Certificate,
    CertificateStatus,
    Thing,
)
from hotsite.core.replication import Step, Verb
from hotsite.core.replication.shadows import canonical
from hotsite.errors import ConflictError, InvalidInputError, NotFoundError
from hotsite.sim import registry_definitions as definitions
from hotsite.sim.registry_state import (
    RegistryState,
    certificate_of,
    check_version,
    known_certificate,
    known_group,
    known_thing,
    target_of,
)

_GROUPS_MAX = 10


def make(state: RegistryState, step: Step) -> None:
    """Make one call."""
    _CALLS[step.verb](state, step)


def _register_certificate(state: RegistryState, step: Step) -> None:
    certificate = certificate_of(step)
    _check_id(certificate)
    if certificate.certificate_id in state.certificates:
        raise ConflictError(f"{certificate.certificate_id} is registered")
    state.certificates[certificate.certificate_id] = replace(certificate, policies=())


def _update_certificate(state: RegistryState, step: Step) -> None:
    there, status = known_certificate(state, step), certificate_of(step).status
    state.certificates[there.certificate_id] = replace(there, status=status)


def _delete_certificate(state: RegistryState, step: Step) -> None:
    if certificate_of(step).certificate_id not in state.certificates:
        return
    there = known_certificate(state, step)
    is_attached = any(there.certificate_id in ids for ids in state.attached.values())
    is_open = there.status is CertificateStatus.ACTIVE
    if is_attached or is_open or there.policies:
        raise ConflictError(f"{there.certificate_id} is ACTIVE, or something has it")
    del state.certificates[there.certificate_id]


def _attach_certificate(state: RegistryState, step: Step) -> None:
    certificate, name = known_certificate(state, step), known_thing(state, step).name
    state.attached.setdefault(name, set()).add(certificate.certificate_id)


def _detach_certificate(state: RegistryState, step: Step) -> None:
    # "This call is asynchronous. It might take several seconds for the
    # detachment to propagate." (DetachThingPrincipal)
    name, certificate_id = step.key.name, certificate_of(step).certificate_id
    state.rules.later(lambda: state.attached.get(name, set()).discard(certificate_id))


def _create_thing(state: RegistryState, step: Step) -> None:
    assert isinstance(step.body, Thing)  # noqa: S101 - the planner's rule
    bare = replace(step.body, groups=())
    _check_type(state, bare.type_name, None)
    there = state.things.get(bare.name)
    if there is not None and replace(there, groups=()) != bare:
        raise ConflictError(f"thing {bare.name} exists and differs")
    if there is None:
        state.things[bare.name] = bare
        state.versions[str(step.key)] = 1


def _update_thing(state: RegistryState, step: Step) -> None:
    assert isinstance(step.body, Thing)  # noqa: S101 - the planner's rule
    there = known_thing(state, step)
    check_version(state, step)
    _check_type(state, step.body.type_name, there.type_name)
    state.things[there.name] = replace(step.body, groups=there.groups)
    state.bump(str(step.key))


def _check_type(state: RegistryState, name: str | None, old: str | None) -> None:
    # A deprecated type "cannot be associated with new things"
    # (DeprecateThingType).
    if name is None or name == old:
        return
    if name not in state.types:
        raise NotFoundError(f"no thing type {name}")
    if state.types[name].is_deprecated:
        raise InvalidInputError(f"thing type {name} is deprecated")


def _delete_thing(state: RegistryState, step: Step) -> None:
    if state.attached.get(step.key.name):
        raise ConflictError(f"{step.key.name} has certificates attached")
    check_version(state, step)
    state.things.pop(step.key.name, None)
    state.versions.pop(str(step.key), None)


def _add_to_group(state: RegistryState, step: Step) -> None:
    there, name = known_thing(state, step), known_group(state, target_of(step)).name
    if name in there.groups:
        return
    # "You can't add a thing to more than one group of a hierarchy", and to ten
    # groups at most (developer guide, "Static thing groups").
    roots = {state.root_of(group) for group in there.groups}
    if state.root_of(name) in roots or len(there.groups) >= _GROUPS_MAX:
        raise InvalidInputError(f"{there.name} cannot be in {name} as well")
    groups = tuple(sorted({*there.groups, name}))
    state.things[there.name] = replace(there, groups=groups)


def _remove_from_group(state: RegistryState, step: Step) -> None:
    there = known_thing(state, step)
    if step.target not in state.groups:
        raise NotFoundError(f"no thing group {step.target}")
    groups = tuple(group for group in there.groups if group != step.target)
    state.things[there.name] = replace(there, groups=groups)


def _update_shadow(state: RegistryState, step: Step) -> None:
    # A shadow needs its thing to be seen in the console, not to exist; hotsite
    # asks for one, so that shadows of deleted things cannot come back.
    documents = state.shadows.setdefault(step.key.name, {})
    state_before = json.loads(documents.get(target_of(step), "{}"))
    merged = _merged(state_before, json.loads(step.document or "{}"))
    documents[target_of(step)] = canonical(merged)


def _delete_shadow(state: RegistryState, step: Step) -> None:
    state.shadows.get(step.key.name, {}).pop(target_of(step), None)


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Merge as a shadow does: null removes (developer guide, Device Shadows)."""
    found = dict(old)
    for name, value in new.items():
        before = found.get(name)
        if value is None:
            found.pop(name, None)
        elif isinstance(value, dict):
            inner = before if isinstance(before, dict) else {}
            found[name] = _merged(inner, value)
        else:
            found[name] = value
    return found


def _check_id(certificate: Certificate) -> None:
    """Refuse a PEM that does not hash to its id, as a Region would name it.

    Tests of flows use short stand-ins that do not claim to be PEM: these pass.
    """
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    if begin not in certificate.pem:
        return
    body = certificate.pem.partition(begin)[2].partition(end)[0]
    try:
        der = base64.b64decode("".join(body.split()), validate=True)
    except ValueError as error:
        raise InvalidInputError("the record's certificate is not PEM") from error
    if hashlib.sha256(der).hexdigest() != certificate.certificate_id:
        raise InvalidInputError("the certificate is not named by its hash")


_CALLS: Mapping[Verb, Callable[[RegistryState, Step], None]] = {
    Verb.REGISTER_CERTIFICATE: _register_certificate,
    Verb.UPDATE_CERTIFICATE: _update_certificate,
    Verb.CREATE_THING_TYPE: definitions.create_type,
    Verb.DEPRECATE_THING_TYPE: definitions.deprecate_type,
    Verb.CREATE_THING_GROUP: definitions.create_group,
    Verb.UPDATE_THING_GROUP: definitions.update_group,
    Verb.CREATE_POLICY: definitions.create_policy,
    Verb.DELETE_POLICY_VERSION: definitions.delete_policy_version,
    Verb.CREATE_POLICY_VERSION: definitions.create_policy_version,
    Verb.REGISTER_CA_CERTIFICATE: definitions.register_ca,
    Verb.UPDATE_CA_CERTIFICATE: definitions.update_ca,
    Verb.ATTACH_POLICY: definitions.attach_policy,
    Verb.CREATE_THING: _create_thing,
    Verb.UPDATE_THING: _update_thing,
    Verb.ATTACH_CERTIFICATE: _attach_certificate,
    Verb.REMOVE_FROM_GROUP: _remove_from_group,
    Verb.ADD_TO_GROUP: _add_to_group,
    Verb.UPDATE_SHADOW: _update_shadow,
    Verb.DETACH_POLICY: definitions.detach_policy,
    Verb.DETACH_CERTIFICATE: _detach_certificate,
    Verb.DELETE_CERTIFICATE: _delete_certificate,
    Verb.DELETE_SHADOW: _delete_shadow,
    Verb.DELETE_THING: _delete_thing,
    Verb.DELETE_CA_CERTIFICATE: definitions.delete_ca,
    Verb.DELETE_THING_GROUP: definitions.delete_group,
    Verb.DELETE_POLICY: definitions.delete_policy,
    Verb.DELETE_THING_TYPE: definitions.delete_type,
}
