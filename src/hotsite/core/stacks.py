"""Stacks: what a template makes, what CloudFormation shows, what is asked of it.

Values and how they are read from a synthesis; what to do with them is decided in
``core/deployment``. Pure: texts in, values out.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from hotsite.errors import InvalidInputError

# An operator's own value, which a new deployment must not set back to the default.
KEPT_PARAMETERS = frozenset({"RaisedQuotas"})
_DIGEST_LENGTH = 16
REVIEWED = "REVIEW_IN_PROGRESS"
GONE = "DELETE_COMPLETE"


class Review(StrEnum):
    """How far CloudFormation is with a proposed change."""

    PENDING = "pending"
    READY = "ready"
    EMPTY = "empty"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Need:
    """A parameter whose value is an output of an earlier stack.

    Attributes:
        parameter: Its name.
        stack: The stack that has the value.
        output: The name there.
    """

    parameter: str
    stack: str
    output: str


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a template.

    Attributes:
        name: Its logical name.
        kind: For example ``AWS::DynamoDB::GlobalTable``.
        is_kept: Whether it outlives its stack.
        title: What it is called in the account, where the template says so.
    """

    name: str
    kind: str
    is_kept: bool
    title: str = ""


@dataclass(frozen=True, slots=True)
class Stack:
    """One template and where it goes.

    Attributes:
        name: Of the stack.
        region: AWS Region.
        body: The template.
        resources: What is in it.
        parameters: Names of its parameters, and whether each has a default.
        needs: Values that come from earlier stacks.
    """

    name: str
    region: str
    body: str
    resources: tuple[Resource, ...]
    parameters: Mapping[str, bool]
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """A stack as it is.

    Attributes:
        status: CloudFormation's word for it.
        reason: What CloudFormation says about it.
        outputs: By name.
        parameters: By name, those that it was deployed with.
    """

    status: str
    reason: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What a proposed change does to one resource.

    Attributes:
        action: ``Add``, ``Modify``, ``Remove`` or ``Import``.
        name: Logical name of the resource.
        kind: For example ``AWS::Lambda::Function``.
        is_replaced: Whether it is made anew, and the old one goes.
    """

    action: str
    name: str
    kind: str
    is_replaced: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that CloudFormation was asked to review.

    Attributes:
        review: How far it is.
        reason: Why it failed.
        changes: What it would do.
    """

    review: Review
    reason: str = ""
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a stack's history.

    Attributes:
        id: Of the event.
        resource: Logical name.
        kind: CloudFormation's type of it.
        status: CloudFormation's word.
        reason: Why, where something failed.
    """

    id: str
    resource: str
    kind: str
    status: str
    reason: str = ""

    @property
    def is_failure(self) -> bool:
        """Tell whether something went wrong, and was not merely stopped for it."""
        return self.status.endswith("_FAILED") and "cancelled" not in self.reason


@dataclass(frozen=True, slots=True)
class Order:
    """A change to propose.

    Attributes:
        name: Of the change, from its content.
        stack: What to deploy.
        values: Its parameters.
        is_new: Whether the stack is to be created.
        takes_over: Whether what is there by the wanted names becomes the stack's.
    """

    name: str
    stack: Stack
    values: Mapping[str, str]
    is_new: bool
    takes_over: bool = False


def is_absent(seen: Seen | None) -> bool:
    """Tell whether a stack has nothing: it is not there, or was never created."""
    return seen is None or seen.status in {GONE, REVIEWED}


def read_stacks(
    entries: Sequence[Mapping[str, object]], bodies: Mapping[str, str]
) -> tuple[Stack, ...]:
    """Return the stacks of a synthesis, in the order in which they deploy.

    Args:
        entries: What ``stacks.json`` lists.
        bodies: The templates by file name.

    Raises:
        InvalidInputError: A template is missing, or is not one.
    """
    try:
        return tuple(
            _stack(
                str(entry["name"]),
                str(entry["region"]),
                bodies[str(entry["template"])],
                entry.get("parameters", {}),
            )
            for entry in entries
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        why = f"{type(error).__name__} {error}"
        raise InvalidInputError(f"stacks.json: no plan of stacks: {why}") from error


def _stack(name: str, region: str, body: str, needs: object) -> Stack:
    template = json.loads(body)
    assert isinstance(needs, Mapping)  # noqa: S101 - what synth writes
    return Stack(
        name=name,
        region=region,
        body=body,
        resources=tuple(_resources(template["Resources"])),
        parameters={
            key: "Default" in one for key, one in template.get("Parameters", {}).items()
        },
        needs=tuple(
            Need(parameter, source["stack"], source["output"])
            for parameter, source in needs.items()
        ),
    )


# Properties that name a resource in the account for good.
_TITLES = {
    "AWS::DynamoDB::GlobalTable": "TableName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::IoT::DomainConfiguration": "DomainConfigurationName",
    "AWS::IoT::Policy": "PolicyName",
    "AWS::IoT::ThingGroup": "ThingGroupName",
    "AWS::IoT::ThingType": "ThingTypeName",
    "AWS::IoT::TopicRule": "RuleName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::KinesisFirehose::DeliveryStream": "DeliveryStreamName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Route53::RecordSet": "Name",
    "AWS::S3::Bucket": "BucketName",
}


def _resources(resources: Mapping[str, Mapping[str, object]]) -> Iterator[Resource]:
    for name, resource in resources.items():
        kind = str(resource["Type"])
        properties = resource.get("Properties", {})
        title = (
            properties.get(_TITLES.get(kind, ""))
            if isinstance(properties, Mapping)
            else None
        )
        yield Resource(
            name=name,
            kind=kind,
            is_kept=resource.get("DeletionPolicy") == "Retain",
            title=_flat(title),
        )


def _flat(value: object) -> str:
    """Return a name with its account as ``{AccountId}``; empty for what is computed."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and list(value) == ["Fn::Join"]:
        glue, parts = value["Fn::Join"]
        account = {"Ref": "AWS::AccountId"}
        texts = ["{AccountId}" if part == account else part for part in parts]
        if all(isinstance(text, str) for text in texts):
            return str(glue).join(texts)
    return ""


def reserved_runs(stack: Stack) -> int:
    """Return how many runs at once a stack's functions reserve for themselves."""
    wanted = [
        one.get("Properties", {}).get("ReservedConcurrentExecutions", 0)
        for one in json.loads(stack.body)["Resources"].values()
        if one["Type"] == "AWS::Lambda::Function"
    ]
    return sum(one for one in wanted if isinstance(one, int))


def with_names(stack: Stack, account_id: str) -> Stack:
    """Return a stack whose kept resources are named by literals.

    What is there is found by its name only where the template has that as a text, and
    no function (CloudFormation User Guide, "Import AWS resources into a stack
    automatically").

    Args:
        stack: As it was synthesised.
        account_id: 12 digits.
    """
    wanted = {
        one.name: one
        for one in stack.resources
        if one.is_kept and "{AccountId}" in one.title
    }
    if not wanted:
        return stack
    template = json.loads(stack.body)
    for name, one in wanted.items():
        title = one.title.replace("{AccountId}", account_id)
        template["Resources"][name]["Properties"][_TITLES[one.kind]] = title
    named = tuple(
        replace(one, title=one.title.replace("{AccountId}", account_id))
        for one in stack.resources
    )
    body = json.dumps(template, separators=(",", ":"))
    return replace(stack, body=body, resources=named)


def order_for(
    stack: Stack,
    seen: Seen | None,
    given: Mapping[str, str],
    outputs: Mapping[str, Mapping[str, str]],
    *,
    takes_over: bool = False,
) -> Order:
    """Return the change that makes a stack what its template says.

    Args:
        stack: What is wanted.
        seen: What is there.
        given: Values of parameters, of whatever stack has them; ``{Region}`` in one
            is the stack's.
        outputs: Of the stacks before, by stack.
        takes_over: Whether a new stack takes what is there by the wanted names.

    Raises:
        InvalidInputError: Nobody gives a value that the template needs.
    """
    values = {
        name: given[name].replace("{Region}", stack.region)
        for name in stack.parameters
        if name in given
    }
    for need in stack.needs:
        try:
            values[need.parameter] = outputs[need.stack][need.output]
        except KeyError as error:
            raise InvalidInputError(
                f"{stack.name}: {need.stack} has no output {need.output}"
            ) from error
    before: Mapping[str, str] = {} if seen is None else seen.parameters
    for name in KEPT_PARAMETERS & stack.parameters.keys() & before.keys():
        values.setdefault(name, before[name])
    lacking = [k for k, has in stack.parameters.items() if not has and k not in values]
    if lacking:
        raise InvalidInputError(f"{stack.name}: no value for {', '.join(lacking)}")
    is_new = is_absent(seen)
    # Only data is taken over: what else is there by a wanted name is somebody's.
    has_data = any(one.is_kept and one.title for one in stack.resources)
    takes_over = takes_over and is_new and has_data
    said = [stack.body, sorted(values.items()), is_new, takes_over]
    digest = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:_DIGEST_LENGTH]
    return Order(f"hotsite-{digest}", stack, values, is_new, takes_over)


def tiers(stacks: Sequence[Stack]) -> tuple[tuple[Stack, ...], ...]:
    """Return the stacks in groups: those of one group may be deployed side by side.

    Twins, the same noun in two Regions, go together unless one needs the other.
    """
    found: list[list[Stack]] = []
    for stack in stacks:
        last = found[-1] if found else []
        needed = {need.stack for need in stack.needs}
        is_twin = bool(last) and all(
            _noun(one) == _noun(stack) and one.name not in needed for one in last
        )
        if is_twin:
            last.append(stack)
        else:
            found.append([stack])
    return tuple(map(tuple, found))


def _noun(stack: Stack) -> str:
    return stack.name.removesuffix(f"-{stack.region}")
