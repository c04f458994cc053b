"""Deploying: what is to be done next with a stack, and what that means, in words.

Level, not edge: a stack is looked at, and so is the change that was proposed for it;
what to do next follows from these two alone. A change is named by its content, so that
whoever starts again after a kill finds what was proposed before, and goes on. Pure: it
knows the states of CloudFormation, and calls nothing.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hotsite.core.stacks import (
    GONE,
    REVIEWED,
    Change,
    Proposal,
    Resource,
    Review,
    Seen,
    Stack,
    is_absent,
)


class Act(StrEnum):
    """What is to be done next with a stack."""

    PROPOSE = "propose"
    WAIT = "wait"
    EXECUTE = "execute"
    CLEAR = "clear"
    DONE = "done"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do next with a stack, and why."""

    act: Act
    reason: str = ""


# Nothing of these serves anybody: their creation never ended, or their deletion.
_UNBORN = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"})
_STUCK = "UPDATE_ROLLBACK_FAILED"


def decide(seen: Seen | None, proposal: Proposal | None, *, is_begun: bool) -> Decision:
    """Return what to do next with a stack that is to be deployed.

    Args:
        seen: The stack; None where there is none.
        proposal: The change that it needs, as it was proposed; None where it is not.
        is_begun: Whether this run has executed the change already.
    """
    if seen is None or is_absent(seen):
        return _reviewed(proposal)
    if seen.status.endswith("_IN_PROGRESS"):
        return Decision(Act.WAIT)
    if is_begun:
        return _ended(seen)
    if seen.status in _UNBORN or seen.status == "DELETE_FAILED":
        return Decision(Act.CLEAR, "its creation never ended")
    if seen.status == _STUCK:
        return Decision(Act.FAIL, _explained(seen))
    return _reviewed(proposal)


def _reviewed(proposal: Proposal | None) -> Decision:
    if proposal is None:
        return Decision(Act.PROPOSE)
    match proposal.review:
        case Review.PENDING:
            return Decision(Act.WAIT)
        case Review.FAILED:
            return Decision(Act.FAIL, proposal.reason)
        case Review.EMPTY:
            return Decision(Act.DONE, "nothing to change")
        case Review.READY:
            return Decision(Act.EXECUTE)


def _ended(seen: Seen) -> Decision:
    if seen.status in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}:
        return Decision(Act.DONE)
    return Decision(Act.FAIL, _explained(seen))


def _explained(seen: Seen) -> str:
    """Say what a failure leaves behind, and what to do about it."""
    if seen.status == "UPDATE_ROLLBACK_COMPLETE":
        return "CloudFormation rolled it back: it serves as it did before"
    if seen.status == _STUCK:
        return (
            "the way back failed as well: mend what the events name, then "
            "aws cloudformation continue-update-rollback"
        )
    if seen.status in _UNBORN:
        return (
            "it was not created, and what was made of it is gone again (data that is "
            "kept stays); a new run clears it and begins again"
        )
    return f"it is {seen.status} {seen.reason}".strip()


def decide_removal(seen: Seen | None, *, is_begun: bool) -> Decision:
    """Return what to do next with a stack that is to be removed.

    Args:
        seen: The stack; None where there is none.
        is_begun: Whether this run has asked for its removal already.
    """
    if seen is None or seen.status == GONE:
        return Decision(Act.DONE)
    if seen.status.endswith("_IN_PROGRESS") and seen.status != REVIEWED:
        return Decision(Act.WAIT)
    if is_begun and seen.status == "DELETE_FAILED":
        return Decision(Act.FAIL, f"it cannot be removed: {seen.reason}".strip(": "))
    # A stack that was asked to go and is not on its way yet answers as before.
    return Decision(Act.WAIT) if is_begun else Decision(Act.CLEAR)


class Fate(StrEnum):
    """What becomes of a stack."""

    CREATED = "created"
    CHANGED = "changed"
    SAME = "unchanged"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Part:
    """What a plan does to one stack.

    Attributes:
        stack: Its name.
        region: Where it is.
        fate: What becomes of it.
        changes: To its resources.
        kept: Resources that outlive the stack when it is removed.
        reason: What has to be said of it.
    """

    stack: str
    region: str
    fate: Fate
    changes: tuple[Change, ...] = ()
    kept: tuple[Resource, ...] = ()
    reason: str = ""

    @property
    def counts(self) -> Mapping[str, int]:
        """Return how many resources are created, changed, replaced and removed."""
        counted = Counter(_verb(change) for change in self.changes)
        return {verb: counted[verb] for verb in _VERBS if counted[verb]}


_VERBS = ("created", "taken over", "changed", "replaced", "removed")


def _verb(change: Change) -> str:
    if change.is_replaced:
        return "replaced"
    actions = {"Add": "created", "Import": "taken over", "Modify": "changed"}
    return actions.get(change.action, "removed")


def part_of(stack: Stack, seen: Seen | None, proposal: Proposal | None) -> Part:
    """Return what deploying a stack does to it.

    Args:
        stack: What is wanted.
        seen: What is there.
        proposal: What CloudFormation says of the change; None where there was nothing
            to review, because there is no stack yet.
    """
    if proposal is not None and not is_absent(seen):
        fate = Fate.SAME if proposal.review is Review.EMPTY else Fate.CHANGED
        return Part(
            stack.name,
            stack.region,
            fate,
            proposal.changes,
            reason=proposal.reason if proposal.review is Review.FAILED else "",
        )
    changes = tuple(Change("Add", one.name, one.kind) for one in stack.resources)
    return Part(stack.name, stack.region, Fate.CREATED, changes)


def part_later(stack: Stack, absent: Sequence[str]) -> Part:
    """Return what becomes of a stack that is to take something from one to come.

    Args:
        stack: What is wanted; it is there.
        absent: Names of the stacks that are not there yet.
    """
    reason = f"reviewed when {', '.join(absent)} is there"
    return Part(stack.name, stack.region, Fate.CHANGED, reason=reason)


def removal_of(stack: Stack, seen: Seen | None) -> Part:
    """Return what removing a stack does: to its resources, and what stays."""
    if is_absent(seen):
        return Part(stack.name, stack.region, Fate.SAME, reason="it is not there")
    kept = tuple(one for one in stack.resources if one.is_kept)
    gone = tuple(
        Change("Remove", one.name, one.kind)
        for one in stack.resources
        if not one.is_kept
    )
    return Part(stack.name, stack.region, Fate.REMOVED, gone, kept)


# What cannot be taken back, and why; each is said once, with the stacks it is in.
_LASTING: Mapping[tuple[str, str], str] = {
    ("created", "AWS::KMS::Key"): (
        "a KMS key is kept when its stack goes, and can only be scheduled for deletion "
        "(7 to 30 days)"
    ),
    ("created", "AWS::DynamoDB::GlobalTable"): (
        "global tables are kept when their stack goes, with deletion protection on"
    ),
    ("created", "AWS::S3::Bucket"): (
        "buckets are kept when their stack goes; their names are taken then"
    ),
    ("replaced", "AWS::IoT::DomainConfiguration"): (
        "a domain configuration is made anew: its name answers no device meanwhile "
        "(up to 60 minutes until AWS serves a new one)"
    ),
    ("replaced", "AWS::DynamoDB::GlobalTable"): (
        "a table is made anew and empty; the old one is kept, and nothing reads it"
    ),
    ("replaced", "AWS::ApiGatewayV2::Api"): (
        "the API is made anew; requests fail until its names lead there"
    ),
    ("removed", "AWS::IoT::Policy"): (
        "the fleet's policy goes: no device is let in here any more"
    ),
    ("removed", "AWS::IoT::ThingGroup"): (
        "the fleet's group goes, and with it what its members may do here; the things "
        "and certificates themselves stay"
    ),
    ("removed", "AWS::Route53::RecordSet"): "names go: they lead here no more",
    ("removed", "AWS::SecretsManager::Secret"): "the canary's key goes for good",
}


def lasting(parts: Sequence[Part]) -> Iterator[str]:
    """Yield what of a plan cannot be undone, each once."""
    for (verb, kind), text in _LASTING.items():
        found = dict.fromkeys(
            part.region
            for part in parts
            for change in part.changes
            if change.kind == kind and _verb(change) == verb
        )
        if found:
            yield f"{text} ({', '.join(found)})"
