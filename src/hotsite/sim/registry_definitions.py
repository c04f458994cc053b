"""What calls do to what things share: types, groups, policies, CA certificates.

Sources as in ``registry_calls``.
"""

from collections.abc import Callable
from dataclasses import replace

from hotsite.core.registry import (
    CaCertificate,
    Policy,
    ThingGroup,
    ThingType,
)
from hotsite.core.replication import Step
from hotsite.errors import ConflictError, NotFoundError
from hotsite.sim.registry_state import (
    RegistryState,
    check_version,
    known_certificate,
    known_group,
    target_of,
)

# AWS IoT Core quota "Maximum number of named policy versions".
_VERSIONS_MAX = 5


def create_group(state: RegistryState, step: Step) -> None:
    """Create a thing group; the same again is fine."""
    assert isinstance(step.body, ThingGroup)  # noqa: S101 - the planner's rule
    bare = replace(step.body, policies=())
    if bare.parent is not None:
        known_group(state, bare.parent)
    there = state.groups.get(bare.name)
    if there is not None and replace(there, policies=()) != bare:
        raise ConflictError(f"thing group {bare.name} exists and differs")
    if there is None:
        state.groups[bare.name] = bare
        state.versions[str(step.key)] = 1


def update_group(state: RegistryState, step: Step) -> None:
    """Update a thing group, whose parent cannot change."""
    assert isinstance(step.body, ThingGroup)  # noqa: S101 - the planner's rule
    there = known_group(state, step.key.name)
    check_version(state, step)
    state.groups[there.name] = replace(
        step.body, parent=there.parent, policies=there.policies
    )
    state.bump(str(step.key))


def delete_group(state: RegistryState, step: Step) -> None:
    """Delete a thing group without children."""
    # "You must remove any child groups first" (DeleteThingGroup); things leave a
    # group that is deleted (developer guide, "Static thing groups").
    name = step.key.name
    if any(group.parent == name for group in state.groups.values()):
        raise ConflictError(f"thing group {name} has children")
    check_version(state, step)
    if state.groups.pop(name, None) is None:
        return
    state.versions.pop(str(step.key), None)
    for thing in state.things.values():
        if name in thing.groups:
            groups = tuple(group for group in thing.groups if group != name)
            state.things[thing.name] = replace(thing, groups=groups)


def create_type(state: RegistryState, step: Step) -> None:
    """Create a thing type; the same again is fine."""
    assert isinstance(step.body, ThingType)  # noqa: S101 - the planner's rule
    fresh = replace(step.body, is_deprecated=False)
    there = state.types.setdefault(fresh.name, fresh)
    if replace(there, is_deprecated=False) != fresh:
        raise ConflictError(f"thing type {fresh.name} exists and differs")


def deprecate_type(state: RegistryState, step: Step) -> None:
    """Deprecate a thing type, or undo that."""
    assert isinstance(step.body, ThingType)  # noqa: S101 - the planner's rule
    name = step.key.name
    if name not in state.types:
        raise NotFoundError(f"no thing type {name}")
    is_deprecated = step.body.is_deprecated
    state.types[name] = replace(state.types[name], is_deprecated=is_deprecated)
    state.deprecated_at_s[name] = state.rules.now_s()


def delete_type(state: RegistryState, step: Step) -> None:
    """Delete a thing type that was deprecated for long enough."""
    # "You cannot delete a thing type which has things associated with it",
    # and 5 minutes after its deprecation at the soonest (DeleteThingType).
    name = step.key.name
    there = state.types.get(name)
    if there is None:
        return
    age_s = state.rules.now_s() - state.deprecated_at_s.get(name, 0.0)
    is_early = not there.is_deprecated or age_s < state.rules.type_deletion_wait_s
    if is_early or any(item.type_name == name for item in state.things.values()):
        raise ConflictError(f"thing type {name} is in use, or deprecated just now")
    del state.types[name]


def create_policy(state: RegistryState, step: Step) -> None:
    """Create a policy with its first version."""
    assert isinstance(step.body, Policy)  # noqa: S101 - the planner's rule
    if step.key.name in state.policies:
        raise ConflictError(f"policy {step.key.name} exists")
    state.policy_versions[step.key.name] = {}
    state.made_versions[step.key.name] = 0
    _new_default(state, step.body)


def create_policy_version(state: RegistryState, step: Step) -> None:
    """Create a version and make it the default."""
    assert isinstance(step.body, Policy)  # noqa: S101 - the planner's rule
    versions = state.policy_versions.get(step.key.name)
    if versions is None:
        raise NotFoundError(f"no policy {step.key.name}")
    if len(versions) >= _VERSIONS_MAX:
        raise ConflictError(f"policy {step.key.name} has {_VERSIONS_MAX} versions")
    _new_default(state, step.body)


def _new_default(state: RegistryState, policy: Policy) -> None:
    state.made_versions[policy.name] += 1
    version = str(state.made_versions[policy.name])
    state.policy_versions[policy.name][version] = policy.document
    state.default_versions[policy.name] = version
    state.policies[policy.name] = policy


def delete_policy_version(state: RegistryState, step: Step) -> None:
    """Delete a version that is not the default; one that is gone is gone."""
    versions = state.policy_versions.get(step.key.name, {})
    if target_of(step) not in versions:
        return
    if step.target == state.default_versions[step.key.name]:
        raise ConflictError(f"version {step.target} is the default one")
    del versions[target_of(step)]


def delete_policy(state: RegistryState, step: Step) -> None:
    """Delete a policy that nothing has; one that is gone is gone."""
    # "A policy cannot be deleted if it has non-default versions or it is
    # attached to any certificate" (DeletePolicy), or group.
    name = step.key.name
    if name not in state.policies:
        return
    held = [*(item.policies for item in state.certificates.values())]
    held += [item.policies for item in state.groups.values()]
    if len(state.policy_versions[name]) > 1 or any(name in names for names in held):
        raise ConflictError(f"policy {name} has versions, or something has it")
    del state.policies[name], state.policy_versions[name]
    del state.default_versions[name]


def attach_policy(state: RegistryState, step: Step) -> None:
    """Attach a policy to a certificate or a group."""
    name = target_of(step)
    if name not in state.policies:
        raise NotFoundError(f"no policy {name}")
    _hold(state, step, lambda names: tuple(sorted({*names, name})))


def detach_policy(state: RegistryState, step: Step) -> None:
    """Detach a policy from a certificate or a group."""
    if step.target not in state.policies:
        raise NotFoundError(f"no policy {step.target}")
    _hold(state, step, lambda names: tuple(n for n in names if n != step.target))


def _hold(
    state: RegistryState,
    step: Step,
    change: Callable[[tuple[str, ...]], tuple[str, ...]],
) -> None:
    if step.certificate is None:
        group = known_group(state, step.key.name)
        state.groups[group.name] = replace(group, policies=change(group.policies))
    else:
        there = known_certificate(state, step)
        held = replace(there, policies=change(there.policies))
        state.certificates[there.certificate_id] = held


def register_ca(state: RegistryState, step: Step) -> None:
    """Register a CA certificate."""
    assert isinstance(step.body, CaCertificate)  # noqa: S101 - the planner's rule
    if step.key.name in state.cas:
        raise ConflictError(f"CA certificate {step.key.name} is registered")
    state.cas[step.key.name] = step.body


def update_ca(state: RegistryState, step: Step) -> None:
    """Change what a CA certificate may do."""
    assert isinstance(step.body, CaCertificate)  # noqa: S101 - the planner's rule
    if step.key.name not in state.cas:
        raise NotFoundError(f"no CA certificate {step.key.name}")
    state.cas[step.key.name] = replace(
        state.cas[step.key.name],
        is_active=step.body.is_active,
        registers_devices=step.body.registers_devices,
    )


def delete_ca(state: RegistryState, step: Step) -> None:
    """Delete an inactive CA certificate; one that is gone is gone."""
    there = state.cas.get(step.key.name)
    if there is None:
        return
    if there.is_active:
        raise ConflictError(f"CA certificate {step.key.name} is ACTIVE")
    del state.cas[step.key.name]
