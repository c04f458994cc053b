"""What failover needs: the operations table, and how sites and names are seen.

A forced failover uses the ports of the target's Region alone, and none of these
needs a control plane of Route 53 or AWS IoT.
"""

from dataclasses import dataclass
from typing import Protocol

from hotsite.core.move import Move
from hotsite.core.operations import Book, Entry, Item
from hotsite.core.takeover import SiteSeen


class Operations(Protocol):
    """The operations table, as one Region's replica shows it."""

    def read(self) -> Book:
        """Return all items but the journal, read consistently from this replica.

        Raises:
            UnreachableError: The table did not answer.
            InvalidInputError: An item is of an unknown version or shape.
        """
        ...

    def write(self, item: Item, *, previous: Item | None) -> None:
        """Write an item, if this replica still holds what was read of it.

        The other Region's replica is not asked, and gets it some time later. An
        item that is written in both Regions meanwhile is in the end the one that
        was written last, in both.

        Args:
            item: Replaces the one of the same ``key``.
            previous: What this replica held under that key; None for nothing.

        Raises:
            UnreachableError: The table did not answer; it may be written.
            ConflictError: This replica holds another item by now.
        """
        ...

    def note(self, entry: Entry) -> None:
        """Add a line to the journal; no line ever replaces another.

        Raises:
            UnreachableError: The table did not answer; it may be added.
        """
        ...

    def entries(self, since_s: float = 0.0) -> tuple[Entry, ...]:
        """Return the journal's lines of both Regions that are here, in order.

        Args:
            since_s: Leave out what was written before, seconds since the epoch.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...


class SitesSeen(Protocol):
    """What sites say of themselves, asked over HTTPS by their own names."""

    def see(self, site: str) -> SiteSeen:
        """Ask a site's switch and health endpoints; within two seconds.

        Args:
            site: Its letter.

        Raises:
            UnreachableError: One of them did not answer, or not as it should:
                a site that says nonsense is as good as silent.
        """
        ...


class NamesSeen(Protocol):
    """Where the failover name leads, as the world sees it."""

    def leads_to(self) -> str | None:
        """Return the letter of the site that the name leads to now.

        Asked of the zone's own servers or past every cache, so that an answer is
        not older than the TTL.

        Returns:
            None when it leads to neither site.

        Raises:
            UnreachableError: No server answered.
        """
        ...


class Resumes(Protocol):
    """Devices as observers: who has come to this site."""

    def count(self, within_s: float) -> int:
        """Return how many devices asked for a resume here lately, or less.

        It is there to tell none from some: many may be counted as few.

        Args:
            within_s: How far back to look, in seconds.

        Raises:
            UnreachableError: The store did not answer.
        """
        ...

    def turned_away(self, within_s: float) -> int:
        """Return how many of them had not been let in elsewhere before, or less.

        Args:
            within_s: How far back to look, in seconds.

        Raises:
            UnreachableError: The store did not answer.
        """
        ...


class ResumeNotes(Protocol):
    """Where a site writes down who came, for ``Resumes``."""

    def note(self, thing: str, *, is_turned_away: bool = False) -> None:
        """Write down that a device asked for a resume here.

        Args:
            thing: Its name.
            is_turned_away: Whether another site had not let it in before.

        Raises:
            ThrottledError: The store has no room now.
            UnreachableError: The store did not answer; it may be written.
        """
        ...


class Commands(Protocol):
    """What can be said to devices through the broker of one site."""

    def order(self, thing: str, move: Move) -> None:
        """Tell a device to move; one that is not connected here hears nothing.

        Raises:
            ThrottledError: The quota of the Region is used up.
            UnreachableError: The broker did not answer.
        """
        ...

    def disconnect(self, thing: str) -> bool:
        """End a device's connection here (``DeleteConnection``, a data-plane call).

        Returns:
            False when it was not connected here.

        Raises:
            ThrottledError: The quota of the Region is used up.
            UnreachableError: The broker did not answer.
        """
        ...


class Compute(Protocol):
    """The compute of a pilot light, which is off until the site is needed.

    Its calls go to control planes of the target's own Region, which lives, and
    never to Route 53's or AWS IoT's.
    """

    def off(self) -> tuple[str, ...]:
        """Return what is off, in the order in which it has to be switched on.

        Raises:
            UnreachableError: The Region did not answer.
        """
        ...

    def on(self) -> tuple[str, ...]:
        """Return what is on, in the order in which it is to be switched off.

        Raises:
            UnreachableError: The Region did not answer.
        """
        ...

    def switch_on(self, name: str) -> None:
        """Switch one of them on; what is on already stays so.

        Raises:
            UnreachableError: The Region did not answer.
            RefusedError: The operator may not do that.
        """
        ...

    def switch_off(self, name: str) -> None:
        """Switch one of them off; what is off already stays so.

        Raises:
            UnreachableError: The Region did not answer.
            RefusedError: The operator may not do that.
        """
        ...


@dataclass(frozen=True, slots=True)
class Lag:
    """How far one site is behind the other.

    Attributes:
        registry_s: Age of the oldest record that is here and not applied, in
            seconds, 0 when there is none; None when it was not measured.
        hot_s: Seconds of telemetry that the other site has received and this
            one has not; None when it was not measured.
    """

    registry_s: float | None
    hot_s: float | None


class Lags(Protocol):
    """How far one site is behind, measured in its own Region alone."""

    def read(self) -> Lag:
        """Return how far this site is behind the other.

        Raises:
            UnreachableError: A table of this Region did not answer.
        """
        ...
