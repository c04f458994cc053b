"""``ports.deployment.Stacks`` in memory: one account's CloudFormation, in all Regions.

A stack takes some looks to get anywhere. What a template keeps outlives its stack, and
its name is taken then. Whoever calls can be killed before or after any call.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hotsite.core.stacks import (
    GONE,
    REVIEWED,
    Change,
    Event,
    Order,
    Proposal,
    Resource,
    Review,
    Seen,
    Stack,
)
from hotsite.errors import InvalidInputError, PermanentError

_LOOKS = 2


@dataclass(slots=True)
class _Made:
    """One stack that is there."""

    status: str = REVIEWED
    order: Order | None = None
    before: Order | None = None
    looks: int = 0
    events: list[Event] = field(default_factory=list)
    changes: dict[str, Order] = field(default_factory=dict)
    reviews: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class SimAccount:
    """What an account has, in all Regions.

    Attributes:
        stacks: By Region and name.
        kept: Titles that outlived their stack, by Region.
        broken: Logical names of resources that cannot be made.
        on_call: Called before and after the effect of each call; may raise.
    """

    stacks: dict[tuple[str, str], _Made] = field(default_factory=dict)
    kept: dict[str, set[str]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    on_call: Callable[[str], None] = lambda _what: None

    def there(
        self,
    ) -> dict[tuple[str, str], tuple[str, str, tuple[tuple[str, str], ...]]]:
        """Return what somebody who looks would find: status, template, values."""
        return {
            key: (
                made.status,
                made.order.stack.body if made.order else "",
                tuple(sorted(made.order.values.items())) if made.order else (),
            )
            for key, made in self.stacks.items()
        }

    def changes(self) -> int:
        """Return how many proposed changes wait in all stacks."""
        return sum(len(made.changes) for made in self.stacks.values())


class SimStacks:
    """Implements ``ports.deployment.Stacks`` for one Region of an account."""

    def __init__(self, account: SimAccount, region: str) -> None:
        """Take the account and the Region."""
        self._account = account
        self._region = region

    def look(self, name: str) -> Seen | None:
        """Return a stack; the looks move it on."""
        self._account.on_call("look")
        made = self._made(name)
        if made is None:
            return None
        if made.status.endswith("_IN_PROGRESS") and made.status != REVIEWED:
            made.looks += 1
            if made.looks >= _LOOKS:
                self._finish(name, made)
        if made.status == GONE:
            return None
        order = made.order
        outputs = json.loads(order.stack.body).get("Outputs", {}) if order else {}
        values = dict(order.values) if order else {}
        shown = {key: f"{name}.{key}" for key in outputs}
        return Seen(made.status, "", shown, values)

    def proposal(self, stack: str, change: str) -> Proposal | None:
        """Return a proposed change, reviewed at the second look."""
        self._account.on_call("proposal")
        made = self._made(stack)
        if made is None or change not in made.changes:
            return None
        made.reviews[change] += 1
        if made.reviews[change] < _LOOKS:
            return Proposal(Review.PENDING)
        order = made.changes[change]
        changes = tuple(_compared(made.order, order))
        if not changes:
            return Proposal(Review.EMPTY)
        return Proposal(Review.READY, changes=changes)

    def propose(self, order: Order) -> None:
        """Ask for a review."""
        self._account.on_call("propose")
        key = (self._region, order.stack.name)
        made = self._account.stacks.get(key)
        if order.is_new and (made is None or made.status == GONE):
            made = self._account.stacks[key] = _Made()
        if made is None or made.status.endswith("ROLLBACK_IN_PROGRESS"):
            raise InvalidInputError(f"{order.stack.name}: there is no such stack")
        made.changes.setdefault(order.name, order)
        made.reviews.setdefault(order.name, 0)
        self._account.on_call("proposed")

    def execute(self, stack: str, change: str) -> None:
        """Begin a change."""
        self._account.on_call("execute")
        made = self._made(stack)
        if made is None or change not in made.changes:
            raise PermanentError(f"{stack}: there is no change {change}")
        order = made.changes[change]
        made.before, made.order = made.order, order
        made.status = "CREATE_IN_PROGRESS" if order.is_new else "UPDATE_IN_PROGRESS"
        made.looks = 0
        # Executing one removes the stack's others.
        made.changes.clear()
        self._event(made, stack, "AWS::CloudFormation::Stack", made.status)
        self._account.on_call("executed")

    def discard(self, stack: str, change: str) -> None:
        """Forget a change."""
        self._account.on_call("discard")
        made = self._made(stack)
        if made is not None:
            made.changes.pop(change, None)
        self._account.on_call("discarded")

    def remove(self, name: str) -> None:
        """Begin to remove a stack."""
        self._account.on_call("remove")
        made = self._made(name)
        if made is not None and made.status != GONE:
            made.status, made.looks = "DELETE_IN_PROGRESS", 0
            made.changes.clear()
        self._account.on_call("removed")

    def events(self, name: str) -> Sequence[Event]:
        """Return the history of a stack."""
        self._account.on_call("events")
        made = self._made(name)
        return tuple(made.events) if made else ()

    def _made(self, name: str) -> _Made | None:
        return self._account.stacks.get((self._region, name))

    def _finish(self, name: str, made: _Made) -> None:
        if made.status == "DELETE_IN_PROGRESS":
            del self._account.stacks[(self._region, name)]
            made.status = GONE
            self._keep(made.order)
            return
        order = made.order
        assert order is not None  # noqa: S101 - only an executed change is on its way
        wrong = self._wrong(order, made.before)
        if wrong is None:
            for one in order.stack.resources:
                self._event(made, one.name, one.kind, "CREATE_COMPLETE")
            made.status = made.status.replace("IN_PROGRESS", "COMPLETE")
            return
        one, reason = wrong
        self._event(made, one.name, one.kind, "CREATE_FAILED", reason)
        is_new = made.status == "CREATE_IN_PROGRESS"
        made.status = "ROLLBACK_COMPLETE" if is_new else "UPDATE_ROLLBACK_COMPLETE"
        made.order = made.before

    def _wrong(self, order: Order, before: Order | None) -> tuple[Resource, str] | None:
        had = {one.title for one in before.stack.resources} if before else set()
        kept = self._account.kept.setdefault(self._region, set())
        for one in order.stack.resources:
            if one.name in self._account.broken:
                return one, "it cannot be made"
            if one.title in kept - had and one.title:
                if not (order.takes_over and one.is_kept):
                    return one, f"{one.title} already exists"
                kept.discard(one.title)
        return None

    def _keep(self, order: Order | None) -> None:
        kept = self._account.kept.setdefault(self._region, set())
        for one in order.stack.resources if order else ():
            if one.is_kept and one.title:
                kept.add(one.title)

    def _event(
        self, made: _Made, name: str, kind: str, status: str, reason: str = ""
    ) -> None:
        identifier = f"{self._region}-{len(made.events)}"
        made.events.append(Event(identifier, name, kind, status, reason))


def _compared(before: Order | None, after: Order) -> list[Change]:
    """Return what differs between two templates with their values."""
    old = _properties(before.stack) if before else {}
    new = _properties(after.stack)
    found = [
        Change("Remove", name, kind)
        for name, (kind, _) in old.items()
        if name not in new
    ]
    is_revalued = before is not None and before.values != after.values
    for name, (kind, text) in new.items():
        if name not in old:
            found.append(Change("Add", name, kind))
        elif old[name][1] != text or is_revalued:
            found.append(Change("Modify", name, kind))
    return found


def _properties(stack: Stack) -> dict[str, tuple[str, str]]:
    template = json.loads(stack.body)
    return {
        name: (resource["Type"], json.dumps(resource, sort_keys=True))
        for name, resource in template["Resources"].items()
    }


class SimPackages:
    """Implements ``ports.deployment.Packages`` for one Region."""

    def __init__(self, account: SimAccount, bucket: str) -> None:
        """Take the account, and the bucket's name."""
        self._account = account
        self._bucket = bucket
        self._content: dict[str, bytes] | None = None

    @property
    def bucket(self) -> str:
        """Return its name."""
        return self._bucket

    def prepare(self) -> None:
        """Make the bucket."""
        self._account.on_call("prepare")
        if self._content is None:
            self._content = {}
        self._account.on_call("prepared")

    def names(self) -> frozenset[str]:
        """Return what is there."""
        self._account.on_call("names")
        return frozenset(self._content or ())

    def put(self, name: str, content: bytes) -> None:
        """Put a package there."""
        self._account.on_call("put")
        assert self._content is not None  # noqa: S101 - nobody puts before it is made
        self._content[name] = content
        self._account.on_call("was put")

    def remove(self) -> bool:
        """Remove everything."""
        self._account.on_call("remove packages")
        was_there, self._content = self._content is not None, None
        return was_there
