"""The stores of telemetry in memory, for the query."""

from dataclasses import dataclass, field

from hotsite.core.series import Row, Window
from hotsite.errors import UnreachableError
from hotsite.ports.series import Reading


@dataclass(slots=True)
class SimSeries:
    """Implements ``ports.SeriesReader``, hot and cold alike.

    Attributes:
        rows: What the store holds, of any device.
        unreadable: How many of each device's are no messages.
        is_reachable: The fault switch.
    """

    rows: list[Row] = field(default_factory=list)
    unreadable: int = 0
    is_reachable: bool = True

    def read(self, thing: str, window: Window) -> Reading:
        """Return what the store holds of a device."""
        if not self.is_reachable:
            raise UnreachableError("the store does not answer")
        rows = (
            row
            for row in self.rows
            if row.thing == thing and window.has(row.published_at_s)
        )
        return Reading(tuple(rows), self.unreadable)
