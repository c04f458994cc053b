"""What IoT Core of one Region holds, and how long it takes to forget."""

from collections.abc import Callable
from dataclasses import dataclass, field

from hotsite.core.registry import (
    CaCertificate,
    Certificate,
    Policy,
    Thing,
    ThingGroup,
    ThingType,
)
from hotsite.core.replication import Step
from hotsite.errors import ConflictError, NotFoundError


@dataclass(frozen=True, slots=True)
class Rules:
    """What takes time in IoT Core.

    Attributes:
        now_s: The time in seconds since the epoch.
        type_deletion_wait_s: From the deprecation of a thing type until it can be
            deleted: 5 minutes (botocore model of AWS IoT, DeleteThingType).
        later: Does something after "several seconds", as DetachThingPrincipal
            does (botocore model); by default at once.
    """

    now_s: Callable[[], float] = lambda: 0.0
    type_deletion_wait_s: float = 0.0
    later: Callable[[Callable[[], None]], None] = lambda action: action()


@dataclass
class RegistryState:
    """Everything by name; a thing's groups and a group's policies are in it."""

    rules: Rules = field(default_factory=Rules)
    things: dict[str, Thing] = field(default_factory=dict)
    groups: dict[str, ThingGroup] = field(default_factory=dict)
    types: dict[str, ThingType] = field(default_factory=dict)
    deprecated_at_s: dict[str, float] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    policy_versions: dict[str, dict[str, str]] = field(default_factory=dict)
    default_versions: dict[str, str] = field(default_factory=dict)
    made_versions: dict[str, int] = field(default_factory=dict)
    certificates: dict[str, Certificate] = field(default_factory=dict)
    attached: dict[str, set[str]] = field(default_factory=dict)
    cas: dict[str, CaCertificate] = field(default_factory=dict)
    shadows: dict[str, dict[str, str]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    def bump(self, key: str) -> None:
        """Count a change of a thing or group; numbers are this Region's own."""
        self.versions[key] = self.versions.get(key, 1) + 1

    def root_of(self, group: str) -> str:
        """Return the top of a group's hierarchy."""
        parent = self.groups[group].parent if group in self.groups else None
        return group if parent is None else self.root_of(parent)


def certificate_of(step: Step) -> Certificate:
    """Return the certificate that a step is about."""
    assert step.certificate is not None  # noqa: S101 - the planner's rule
    return step.certificate


def target_of(step: Step) -> str:
    """Return the name that a step is aimed at."""
    assert step.target is not None  # noqa: S101 - the planner's rule
    return step.target


def known_certificate(state: RegistryState, step: Step) -> Certificate:
    """Return the registered certificate that a step is about."""
    certificate_id = certificate_of(step).certificate_id
    if certificate_id not in state.certificates:
        raise NotFoundError(f"no certificate {certificate_id}")
    return state.certificates[certificate_id]


def known_thing(state: RegistryState, step: Step) -> Thing:
    """Return the thing that a step is about."""
    if step.key.name not in state.things:
        raise NotFoundError(f"no thing {step.key.name}")
    return state.things[step.key.name]


def known_group(state: RegistryState, name: str) -> ThingGroup:
    """Return a thing group that is there."""
    if name not in state.groups:
        raise NotFoundError(f"no thing group {name}")
    return state.groups[name]


def check_version(state: RegistryState, step: Step) -> None:
    """Refuse a step that was planned for another version."""
    # VersionConflictException: "the version of an entity specified with the
    # expectedVersion parameter does not match".
    expected, there = step.expected_version, state.versions.get(str(step.key), 1)
    if expected is not None and expected != there:
        raise ConflictError(f"{step.key} is at version {there}, not {expected}")
