"""What a drill of the registry needs: two registries, and a Region to lose."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from hotsite.core.churn import (
    CertificateTried,
    Change,
    DeviceFound,
    RegionSwept,
)
from hotsite.core.scenario import FaultKind
from hotsite.ports.world import LiveRegions


class ChurnWorld(LiveRegions, Protocol):
    """Two live Regions whose registries are changed."""

    def change(self, change: Change) -> None:
        """Make one change; it is done once this returns.

        Raises:
            HotsiteError: It could not be made.
        """
        ...

    def inject(self, fault: FaultKind, *, region: str) -> float:
        """Hurt a Region; return when it took effect, seconds since the epoch."""
        ...

    def restore(self, region: str) -> None:
        """Let a killed Region return; it answers once this returns."""
        ...

    def sweep(self, region: str, *, is_repair: bool) -> RegionSwept:
        """Compare all of the record with all of a Region.

        Args:
            region: Which.
            is_repair: Take outside changes into the record as well.
        """
        ...

    def look_for(self, things: Sequence[str], *, region: str) -> Iterator[DeviceFound]:
        """Ask a Region's registry for each device."""
        ...

    def try_certificates(
        self, certificates: Sequence[tuple[str, int]], *, region: str
    ) -> Iterator[CertificateTried]:
        """Connect to a Region with each certificate: a thing and a number."""
        ...
