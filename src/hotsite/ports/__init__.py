"""What the flows need from the outside world, in the core's own words.

An adapter or a simulation implements a port; nothing else does I/O. Every
method raises only ``hotsite.errors``, never a vendor's exception. A failed read
raises: unreadable is never empty.
"""

import importlib
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
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

# What a drill needs and no Lambda does: loading it costs a cold start 40 ms.
_WORLD = frozenset(
    {
        "DeviceAccount",
        "FleetPlan",
        "Held",
        "Journal",
        "Stored",
        "World",
        "WorldFacts",
    }
)


def __getattr__(name: str) -> Any:
    """Load a port of the world when it is first asked for (PEP 562)."""
    if name in _WORLD:
        return getattr(importlib.import_module("hotsite.ports.world"), name)
    raise AttributeError(name)
