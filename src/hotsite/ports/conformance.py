"""What a conformance run needs: two live Regions, one device, and eyes outside it."""

from collections.abc import Sequence
from typing import Protocol

from hotsite.core.conformance import Kept
from hotsite.core.sightings import Sighting


class ConformanceWorld(Protocol):
    """A device that somebody else made, and the cloud that it is tried in.

    Every method raises ``RetryableError`` when the world does not answer.
    """

    def start(self) -> None:
        """Start the device, or begin to wait for it."""
        ...

    def stop(self) -> None:
        """End the device, as a user would; what it queued may be lost."""
        ...

    def device_trouble(self) -> str | None:
        """Return how the device ended by itself, or nothing."""
        ...

    def fault(self, kind: str, site: str) -> None:
        """Hurt a site: ``freeze``, ``thaw``, ``kill`` or ``return``."""
        ...

    def set_certificate(self, *, is_active: bool) -> None:
        """Make the device's certificate ACTIVE or INACTIVE in both sites.

        Returns when both sites say so.
        """
        ...

    def set_replication_lag(self, lag_s: float) -> None:
        """Delay the replication of the global tables."""
        ...

    def is_whole(self) -> bool:
        """Return whether both sites are healthy, and DNS answers the first."""
        ...

    def seen(self) -> Sequence[Sighting]:
        """Return all that was seen of the device so far, in any order."""
        ...

    def kept(self, site: str) -> tuple[Kept, ...]:
        """Return what a site's hot store holds of the device."""
        ...
