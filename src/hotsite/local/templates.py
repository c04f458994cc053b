"""What the emulator's CloudFormation lacks, and templates without it.

The templates are the ones that go to AWS, byte for byte; only the types listed
here are taken out before a local Region gets them, each for its reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

HEALTH_CHECK = "AWS::Route53::HealthCheck"
# Logical name of the check that asks a site for its own deep verdict.
SITE_HEALTH = "Health"
GLOBAL_TABLE = "AWS::DynamoDB::GlobalTable"

# ministack 1.5.33 refuses a whole stack for each of these, or works otherwise than
# AWS with it: the first three and the last were tried, the others are absent from
# the list of types that it knows.
MISSING: Mapping[str, str] = MappingProxyType(
    {
        HEALTH_CHECK: "its properties go to hotsite's own DNS server, which checks",
        "AWS::KMS::ReplicaKey": "nothing is encrypted on this machine; no key is used",
        "AWS::IoT::Logging": "a Region's log is a file of its process",
        "AWS::SecretsManager::RotationSchedule": "a cloud lives shorter than a secret",
        "AWS::SecretsManager::ResourcePolicy": "one account has nobody to share with",
        "AWS::CloudWatch::CompositeAlarm": "alarms wake nobody on this machine",
        "AWS::Logs::QueryDefinition": "saved queries are for the console of AWS",
    }
)

# Without the key that it names, an alias means nothing.
_NEEDS_TARGET = frozenset({"AWS::KMS::Alias"})

_OUTPUT = "HotsiteHealthCheck"
_WHOLE_NUMBERS = frozenset(
    {"FailureThreshold", "HealthThreshold", "Port", "RequestInterval"}
)
_SWITCHES = frozenset({"Disabled", "EnableSNI", "Inverted", "MeasureLatency"})


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A Route 53 health check that a template asked for.

    Attributes:
        id: What the record sets refer to.
        properties: CloudFormation's ``HealthCheckConfig``, resolved.
    """

    id: str
    properties: Mapping[str, Any]

    @property
    def region(self) -> str:
        """Return the AWS Region whose stack it is of."""
        return self.id.partition(".")[0]

    @property
    def is_of_site(self) -> bool:
        """Tell whether it asks a site for its own deep verdict."""
        return is_of_site(self.id)


@dataclass(frozen=True, slots=True)
class Reduced:
    """A template that the emulator accepts.

    Attributes:
        template: What remains.
        removed: Logical names and types of what was taken out.
        health_checks: Unresolved properties by logical name.
        region: Region of the stack.
    """

    template: Mapping[str, Any]
    removed: tuple[tuple[str, str], ...]
    health_checks: Mapping[str, Mapping[str, Any]]
    region: str

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is left to create."""
        return not self.template["Resources"]

    def resolve(self, outputs: Mapping[str, str]) -> tuple[HealthCheck, ...]:
        """Return the health checks with the values that CloudFormation gave.

        Args:
            outputs: The stack's outputs.
        """
        return tuple(
            HealthCheck(
                health_check_id(self.region, name),
                {
                    key: _typed(key, outputs.get(_output(name, key), value))
                    for key, value in properties.items()
                },
            )
            for name, properties in self.health_checks.items()
        )


def health_check_id(region: str, name: str) -> str:
    """Return the identifier that stands for a health check of a template.

    Args:
        region: Region of the stack.
        name: Logical name in the template.
    """
    return f"{region}.{name}"


def is_of_site(identifier: str) -> bool:
    """Tell whether a check asks a site for its own deep verdict.

    Args:
        identifier: What :func:`health_check_id` returned.
    """
    return identifier.partition(".")[2] == SITE_HEALTH


def reduce(template: Mapping[str, Any], *, region: str) -> Reduced:
    """Take out what the emulator lacks and everything that pointed there.

    References to a health check become its identifier, those of other checks
    included; other properties that refer to something removed go with it. Values of
    health checks that only CloudFormation can resolve become outputs of the stack.

    Args:
        template: The parsed template.
        region: Region it goes to.
    """
    resources: Mapping[str, Any] = template["Resources"]
    removed = {k: r["Type"] for k, r in resources.items() if r["Type"] in MISSING}
    removed |= {
        name: resource["Type"]
        for name, resource in resources.items()
        if resource["Type"] in _NEEDS_TARGET
        and _targets(resource["Properties"]) & removed.keys()
    }
    names = {name for name, kind in removed.items() if kind == HEALTH_CHECK}
    sweeper = _Sweeper(frozenset(removed), frozenset(names), region)
    checks = {
        name: sweeper.sweep(resources[name]["Properties"]["HealthCheckConfig"])
        for name in sorted(names)
    }
    kept = {k: r for k, r in template.items() if k not in {"Resources", "Outputs"}}
    kept["Resources"] = {
        name: sweeper.sweep_resource(resource)
        for name, resource in resources.items()
        if name not in removed
    }
    outputs = {
        name: sweeper.sweep(output)
        for name, output in template.get("Outputs", {}).items()
        if not sweeper.is_gone(output.get("Value"))
    }
    for name, properties in checks.items():
        for key, value in properties.items():
            if isinstance(value, dict):
                outputs[_output(name, key)] = {"Value": value}
    if outputs:
        kept["Outputs"] = outputs
    return Reduced(kept, tuple(sorted(removed.items())), checks, region)


@dataclass(frozen=True, slots=True)
class _Sweeper:
    removed: frozenset[str]
    checks: frozenset[str]
    region: str

    def sweep_resource(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        swept: dict[str, Any] = self.sweep(dict(resource))
        needs = resource.get("DependsOn", ())
        names = [needs] if isinstance(needs, str) else list(needs)
        left = [name for name in names if name not in self.removed]
        swept.pop("DependsOn", None)
        return {**swept, "DependsOn": left} if left else swept

    def sweep(self, value: Any) -> Any:
        target = _target(value)
        if target in self.checks:
            return health_check_id(self.region, str(target))
        if isinstance(value, dict):
            return {k: self.sweep(v) for k, v in value.items() if not self.is_gone(v)}
        if isinstance(value, list):
            return [self.sweep(each) for each in value if not self.is_gone(each)]
        return value

    def is_gone(self, value: Any) -> bool:
        return _target(value) in self.removed - self.checks


def _targets(properties: Mapping[str, Any]) -> set[str]:
    return {target for value in properties.values() if (target := _target(value))}


def _target(value: Any) -> str | None:
    if not isinstance(value, dict) or len(value) != 1:
        return None
    (function, argument), *_ = value.items()
    if function == "Ref" and isinstance(argument, str):
        return argument
    if function == "Fn::GetAtt":
        first = argument.split(".") if isinstance(argument, str) else argument
        return str(first[0])
    return None


def _output(name: str, key: str) -> str:
    return f"{_OUTPUT}{name}{key}"


def _typed(key: str, value: Any) -> Any:
    if key in _WHOLE_NUMBERS and isinstance(value, str):
        return int(value)
    if key in _SWITCHES and isinstance(value, str):
        return value.lower() == "true"
    return value
