"""``ports.deployment.Stacks`` by CloudFormation's change sets.

A change is a change set of a name that says its content. A new stack's keeps nothing
when its creation fails: what is kept for good is kept from the day on which it works.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from hotsite.adapters.aws.session import translated
from hotsite.core.stacks import Change, Event, Order, Proposal, Review, Seen
from hotsite.errors import ConflictError

_CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM")
# What an empty change says (CloudFormation API, DescribeChangeSet): the first for
# templates, the second where only tags or the like would be compared.
_EMPTY = ("didn't contain changes", "No updates are to be performed")
_EVENTS_MAX = 100


class CloudFormationStacks:
    """Implements ``ports.deployment.Stacks`` for one Region."""

    def __init__(self, formation: Any) -> None:
        """Take a client of CloudFormation in the Region."""
        self._formation = formation

    def look(self, name: str) -> Seen | None:
        """Return a stack as it is; None where there is none."""
        with translated(f"look at stack {name}"):
            try:
                found = self._formation.describe_stacks(StackName=name)["Stacks"][0]
            except ClientError as error:
                if _is_absent(error):
                    return None
                raise
        outputs = found.get("Outputs", ())
        values = found.get("Parameters", ())
        return Seen(
            status=found["StackStatus"],
            reason=found.get("StackStatusReason", ""),
            outputs={one["OutputKey"]: one["OutputValue"] for one in outputs},
            parameters={one["ParameterKey"]: one["ParameterValue"] for one in values},
        )

    def proposal(self, stack: str, change: str) -> Proposal | None:
        """Return a proposed change; None where nobody proposed it."""
        with translated(f"read change {change} of stack {stack}"):
            try:
                pages = list(self._pages(stack, change))
            except ClientError as error:
                if _is_absent(error):
                    return None
                raise
        first = pages[0]
        review, reason = _review(first)
        # An executed one may be listed for a while; there is nothing left to execute.
        if first["ExecutionStatus"].startswith("EXECUTE_"):
            return None
        changes = tuple(
            _change(one["ResourceChange"])
            for page in pages
            for one in page.get("Changes", ())
            if one.get("Type", "Resource") == "Resource"
        )
        return Proposal(review, reason, changes)

    def propose(self, order: Order) -> None:
        """Ask for a change to be reviewed; one that is there already is left."""
        stack = order.stack
        request: dict[str, Any] = {
            "StackName": stack.name,
            "ChangeSetName": order.name,
            "ChangeSetType": "CREATE" if order.is_new else "UPDATE",
            "TemplateBody": stack.body,
            "Capabilities": list(_CAPABILITIES),
            "Parameters": [
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in order.values.items()
            ],
        }
        if order.takes_over:
            request["ImportExistingResources"] = True
        with translated(f"propose a change of stack {stack.name}"):
            try:
                self._formation.create_change_set(**request)
            except ClientError as error:
                if _code(error) != "AlreadyExistsException":
                    raise
                if self.proposal(stack.name, order.name) is not None:
                    return
                if order.is_new:
                    raise ConflictError(
                        f"stack {stack.name}: somebody else has just created it"
                    ) from error
                # The stack was changed to this once: an executed change keeps its
                # name, and what was executed cannot be reviewed again.
                self.discard(stack.name, order.name)
                self._formation.create_change_set(**request)

    def execute(self, stack: str, change: str) -> None:
        """Begin a change that was reviewed."""
        seen = self.look(stack)
        more = {}
        if seen is not None and seen.status == "REVIEW_IN_PROGRESS":
            more["RetainExceptOnCreate"] = True
        with translated(f"execute change {change} of stack {stack}"):
            self._formation.execute_change_set(
                StackName=stack, ChangeSetName=change, **more
            )

    def discard(self, stack: str, change: str) -> None:
        """Forget a proposed change; one that is not there is no error."""
        with translated(f"discard change {change} of stack {stack}"):
            try:
                self._formation.delete_change_set(StackName=stack, ChangeSetName=change)
            except ClientError as error:
                if not _is_absent(error):
                    raise

    def remove(self, name: str) -> None:
        """Begin to remove a stack; one that is not there is no error."""
        with translated(f"remove stack {name}"):
            self._formation.delete_stack(StackName=name)

    def events(self, name: str) -> Sequence[Event]:
        """Return the latest events of a stack, the oldest first."""
        with translated(f"read the events of stack {name}"):
            try:
                found = self._formation.describe_stack_events(StackName=name)
            except ClientError as error:
                if _is_absent(error):
                    return ()
                raise
        return tuple(
            Event(
                id=one["EventId"],
                resource=one["LogicalResourceId"],
                kind=one["ResourceType"],
                status=one["ResourceStatus"],
                reason=one.get("ResourceStatusReason", ""),
            )
            for one in reversed(found["StackEvents"][:_EVENTS_MAX])
        )

    def _pages(self, stack: str, change: str) -> Iterator[Mapping[str, Any]]:
        token: dict[str, str] = {}
        while True:
            page = self._formation.describe_change_set(
                StackName=stack, ChangeSetName=change, **token
            )
            yield page
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}


def _review(page: Mapping[str, Any]) -> tuple[Review, str]:
    status, reason = page["Status"], page.get("StatusReason", "")
    if status == "FAILED":
        is_empty = any(text in reason for text in _EMPTY)
        return (Review.EMPTY, "") if is_empty else (Review.FAILED, reason)
    if status == "CREATE_COMPLETE" and page["ExecutionStatus"] == "AVAILABLE":
        return Review.READY, ""
    if status == "CREATE_COMPLETE":
        return Review.FAILED, reason or "it cannot be executed"
    return Review.PENDING, ""


def _change(found: Mapping[str, Any]) -> Change:
    return Change(
        action=found["Action"],
        name=found["LogicalResourceId"],
        kind=found["ResourceType"],
        # "Conditional": CloudFormation knows when it is there.
        is_replaced=found.get("Replacement") in {"True", "Conditional"},
    )


def _is_absent(error: ClientError) -> bool:
    # DescribeStacks has no code of its own for it: "Stack with id x does not exist".
    is_unknown = "does not exist" in error.response["Error"].get("Message", "")
    is_named = _code(error) in {"ChangeSetNotFound", "ChangeSetNotFoundException"}
    return is_named or (_code(error) == "ValidationError" and is_unknown)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
