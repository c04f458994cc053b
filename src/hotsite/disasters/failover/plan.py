"""What the sites and the fleet of a seed are, before anything happens to them."""

import random
from dataclasses import dataclass

from hotsite.core.epoch import LETTERS, SITES
from hotsite.core.preflight import Fleet, Limits
from hotsite.core.standing import FencePolicy

_DEVICES = (2, 7)
_DWELLS_S = (60.0, 120.0, 300.0)
# Seeds with more than two sites, by the rest of a division: so all others play what
# they have always played.
_DIVISOR = 7
_SITES = {5: 3, 6: 4}


@dataclass(frozen=True, slots=True)
class Plan:
    """The world of a seed.

    Attributes:
        things: The fleet.
        limits: What operators may find, and guards believe.
        sites: The letters of the sites.
    """

    things: tuple[str, ...]
    limits: Limits
    sites: tuple[str, ...] = SITES


def plan(seed: int) -> Plan:
    """Return the world of a seed."""
    chance = random.Random(f"sites {seed}")  # noqa: S311 - a simulation, no secret
    count = chance.randint(*_DEVICES)
    fence = FencePolicy(dwell_s=chance.choice(_DWELLS_S))
    fleet = Fleet(count, connects_per_s=chance.choice((0.5, 1.0, 100.0)))
    things = tuple(f"d{n}" for n in range(count))
    return Plan(things, Limits(fence, fleet), sites_of(seed))


def sites_of(seed: int) -> tuple[str, ...]:
    """Return the letters of the sites of a seed."""
    return LETTERS[: _SITES.get(seed % _DIVISOR, len(SITES))]
