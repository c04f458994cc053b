"""What the flows need from the outside world, in the core's own words.

An adapter or a simulation implements a port; nothing else does I/O. Every
method raises only ``hotsite.errors``, never a vendor's exception. A failed read
raises: unreadable is never empty.
"""

from hotsite.ports.clock import Clock
from hotsite.ports.health import Canary, HealthVerdicts
from hotsite.ports.metering import ColdWatermarks, MeterReadings
from hotsite.ports.quota import Quota
from hotsite.ports.registry import (
    Applied,
    AppliedPage,
    AppliedRecords,
    ClaimPage,
    Claims,
    Cursors,
    KeyPage,
    Records,
    Registry,
)
from hotsite.ports.world import (
    DeviceAccount,
    FleetPlan,
    Held,
    Journal,
    Stored,
    World,
    WorldFacts,
)

__all__ = [
    "Applied",
    "AppliedPage",
    "AppliedRecords",
    "Canary",
    "ClaimPage",
    "Claims",
    "Clock",
    "ColdWatermarks",
    "Cursors",
    "DeviceAccount",
    "FleetPlan",
    "HealthVerdicts",
    "Held",
    "Journal",
    "KeyPage",
    "MeterReadings",
    "Quota",
    "Records",
    "Registry",
    "Stored",
    "World",
    "WorldFacts",
]
