"""What happens to the fleet of a seed: which faults, where and when."""

import random

from hotsite.disasters.outcome import Op, drawn, scattered
from hotsite.disasters.telemetry.estate import REGIONS
from hotsite.disasters.telemetry.faults import FAULTS, LAG, LOSS

LENGTH_S = 330.0
_BEGIN_S = 20.0
_LOSS_S = (100.0, 200.0)
_SICK_S = (5.0, 90.0)
_COUNT = (1, 9)
_FREQUENT = {"cut power": 3.0, "cut all power": 0.5}


def script(seed: int) -> tuple[Op, ...]:
    """Return what happens to the fleet of a seed, in its order."""
    chance = random.Random(f"telemetry {seed}")  # noqa: S311 - a simulation
    names = [name for name in FAULTS if name not in {LOSS, LAG}]
    whats = drawn(chance, names, chance.randint(*_COUNT), _FREQUENT)
    lost = chance.choice((*REGIONS, REGIONS[0], REGIONS[0]))
    at_s = round(chance.uniform(*_LOSS_S), 1)
    sick_at_s = round(at_s - chance.uniform(*_SICK_S), 1)
    ops = [
        Op(at_s, LOSS, lost, chance.randrange(1 << 32)),
        Op(sick_at_s, LAG, lost, chance.randrange(1 << 32)),
    ]
    ops += scattered(chance, whats, REGIONS, (_BEGIN_S, LENGTH_S - _BEGIN_S))
    return tuple(sorted(ops, key=lambda op: op.at_s))
