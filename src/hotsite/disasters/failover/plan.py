"""What the sites and the fleet of a seed are, before anything happens to them."""

import random
from dataclasses import dataclass

from hotsite.core.preflight import Fleet, Limits
from hotsite.core.standing import FencePolicy

_DEVICES = (2, 7)
_DWELLS_S = (60.0, 120.0, 300.0)


@dataclass(frozen=True, slots=True)
class Plan:
    """The world of a seed.

    Attributes:
        things: The fleet.
        limits: What operators may find, and guards believe.
    """

    things: tuple[str, ...]
    limits: Limits


def plan(seed: int) -> Plan:
    """Return the world of a seed."""
    chance = random.Random(f"sites {seed}")  # noqa: S311 - a simulation, no secret
    count = chance.randint(*_DEVICES)
    fence = FencePolicy(dwell_s=chance.choice(_DWELLS_S))
    fleet = Fleet(count, connects_per_s=chance.choice((0.5, 1.0, 100.0)))
    return Plan(tuple(f"d{n}" for n in range(count)), Limits(fence, fleet))
