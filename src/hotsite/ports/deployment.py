"""What deploying needs of an account: stacks, room for Lambda code, and facts."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from hotsite.core.account import Owner, RegionFacts, Taken, ZoneFacts
from hotsite.core.stacks import Event, Order, Proposal, Resource, Seen


class Stacks(Protocol):
    """CloudFormation in one Region."""

    def look(self, name: str) -> Seen | None:
        """Return a stack as it is; None where there is none."""
        ...

    def proposal(self, stack: str, change: str) -> Proposal | None:
        """Return a proposed change; None where nobody proposed it."""
        ...

    def propose(self, order: Order) -> None:
        """Ask for a change to be reviewed; one that is there already is left."""
        ...

    def execute(self, stack: str, change: str) -> None:
        """Begin a change that was reviewed."""
        ...

    def discard(self, stack: str, change: str) -> None:
        """Forget a proposed change; one that is not there is no error."""
        ...

    def remove(self, name: str) -> None:
        """Begin to remove a stack; one that is not there is no error."""
        ...

    def events(self, name: str) -> Sequence[Event]:
        """Return the latest events of a stack, the oldest first."""
        ...


class Packages(Protocol):
    """The bucket in one Region that Lambda code is read from."""

    @property
    def bucket(self) -> str:
        """Return its name."""
        ...

    def prepare(self) -> None:
        """Make the bucket, unless it is there.

        Raises:
            RefusedError: Its name belongs to somebody else.
        """
        ...

    def names(self) -> frozenset[str]:
        """Return which packages are there; none where there is no bucket."""
        ...

    def put(self, name: str, content: bytes) -> None:
        """Put a package there."""
        ...

    def remove(self) -> bool:
        """Remove the bucket with everything in it; say whether it was there."""
        ...


class Account(Protocol):
    """What is to be known of an account before anything is made in it."""

    def owner(self) -> Owner:
        """Return whose credentials these are."""
        ...

    def zone(self, domain: str) -> ZoneFacts:
        """Return what Route 53 and the world say of a domain."""
        ...

    def region(self, region: str) -> RegionFacts:
        """Return what a Region allows; one that cannot be used is not asked."""
        ...

    def taken(self, region: str, wanted: Sequence[Resource]) -> tuple[Taken, ...]:
        """Return which of the wanted names something has already."""
        ...


class Progress(Protocol):
    """Told what happens, one event at a time."""

    def __call__(self, stack: str, events: Iterator[Event]) -> None:
        """Take events of a stack."""
        ...
