"""What a drill of deciding needs: two sites that break and mend, and operators."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from hotsite.core.course import Ending, Outage
from hotsite.core.operations import Kind
from hotsite.ports.world import LiveFleet


@dataclass(frozen=True, slots=True)
class Ended:
    """How an operation ended, and what it said."""

    ending: Ending
    text: str


class CourseWorld(LiveFleet, Protocol):
    """Two live Regions with their guards and a fleet, and the ways to hurt them."""

    def hurt(self, outage: Outage, site: str, *, share: float) -> None:
        """Break something, until it is mended.

        Args:
            outage: What.
            site: The letter of the site.
            share: Of what fails, where the outage has one.
        """
        ...

    def mend(self, outage: Outage, site: str) -> None:
        """Let something be whole again."""
        ...

    def operate(self, kind: Kind, site: str, because: str) -> None:
        """Let an operator begin an operation; what it says is observed.

        Args:
            kind: What.
            site: The letter of the site that is to be active.
            because: Why objections do not count; "" where they do.
        """
        ...

    def operated(self) -> Ended | None:
        """Return how the operation ended; nothing while it goes on."""
        ...

    def heard(self) -> Mapping[str, tuple[float, float]]:
        """Return what arrived in any store since the last look, by device.

        Returns:
            When the newest message was published, and when it was seen, seconds
            since the epoch. A store that does not answer holds no news.
        """
        ...
