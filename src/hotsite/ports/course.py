"""What a drill of deciding needs: two sites that break and mend, and operators."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hotsite.core.course import Ending, Outage
from hotsite.core.journal import (
    DeviceConnectable,
    DeviceUnconnectable,
)
from hotsite.core.operations import Kind
from hotsite.ports.world import DeviceAccount, FleetPlan, Held, LiveRegions


@dataclass(frozen=True, slots=True)
class Ended:
    """How an operation ended, and what it said."""

    ending: Ending
    text: str


class CourseWorld(LiveRegions, Protocol):
    """Two live Regions with their guards and a fleet, and the ways to hurt them.

    Every method raises ``UnreachableError`` when a Region that should answer
    does not, and ``NotReadyError`` when the world itself has died.
    """

    def prove(
        self, things: Sequence[str], *, region: str
    ) -> Iterator[DeviceConnectable | DeviceUnconnectable]:
        """Connect to a Region's own name with each device's certificate."""
        ...

    def start_fleet(self, things: Sequence[str], plan: FleetPlan) -> None:
        """Let the devices connect and publish."""
        ...

    def quiesce_fleet(self) -> None:
        """Stop making new messages; deliver those that wait."""
        ...

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

    def held(self, region: str) -> Sequence[Held]:
        """Return all that a site's hot store holds of the fleet."""
        ...

    def accounts(self) -> Sequence[DeviceAccount]:
        """Return what the devices say of their own messages."""
        ...
