"""What the devices of a fleet share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hotsite.sim.fleet.names import Names
from hotsite.sim.fleet.site import SimSite
from hotsite.sim.scheduler import Scheduler

# The slowest PUBACK of a brown-out may still be under way when it is over.
_EFFECT_S = 10.0


@dataclass(slots=True)
class Unrest:
    """When something disturbs the fleet, so that no time is measured then.

    Attributes:
        count: How often something began or ceased.
        until_s: When its effects are over.
    """

    count: int = 0
    until_s: float = 0.0

    def note(self, until_s: float) -> None:
        """Note that something begins or ceases, and how long it may last."""
        self.count += 1
        self.until_s = max(self.until_s, until_s + _EFFECT_S)


@dataclass(frozen=True, slots=True)
class Around:
    """What the devices of a fleet share.

    Attributes:
        scheduler: The time.
        names: DNS.
        sites: The Regions by name.
        unrest: Tells whether a time was undisturbed.
        tell: Hears what happens, with the thing.
    """

    scheduler: Scheduler
    names: Names
    sites: Mapping[str, SimSite]
    unrest: Unrest
    tell: Callable[[str, str], None]
