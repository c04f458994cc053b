"""What was forecast of a drill, as its journal keeps it.

Made before the drill and written down, so that verdict and report show what was
forecast then. Must not compute; ``core/forecast`` does.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DrillForecast:
    """Seconds from the fault until telemetry is stored again, as foreseen.

    Attributes:
        p50_s: Half of the fleet.
        p90_s: 90 % of the fleet.
        p99_s: 99 % of the fleet.
        max_s: The last device.
    """

    p50_s: float
    p90_s: float
    p99_s: float
    max_s: float
