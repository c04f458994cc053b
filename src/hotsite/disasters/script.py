"""What happens in the disaster of a seed: who does what, where and when."""

import random

from hotsite.disasters import operators, outsiders
from hotsite.disasters.estate import REGIONS
from hotsite.disasters.faults import FAULTS
from hotsite.disasters.outcome import Op

LENGTH_S = 600.0
_BEGIN_S = 60.0
_ACTS = (8, 24)
_FAULTS = (1, 7)
# What is rare, and so is drawn less often.
_RARE = {
    "wipe outside": 0.25,
    "stall for days": 0.25,
    "die": 2.0,
    "enroll": 2.0,
    "shadow": 0.5,
    "shadow outside": 0.5,
}


def script(seed: int) -> tuple[Op, ...]:
    """Return what happens in the disaster of a seed, in its order."""
    chance = random.Random(f"script {seed}")  # noqa: S311 - a simulation, no secret
    acts = _drawn(chance, (*operators.ACTS, *outsiders.ACTS), chance.randint(*_ACTS))
    faults = _drawn(chance, tuple(FAULTS), chance.randint(*_FAULTS))
    ops = (
        Op(
            round(chance.uniform(_BEGIN_S, LENGTH_S - _BEGIN_S), 1),
            what,
            chance.choice(REGIONS),
            chance.randrange(1 << 32),
        )
        for what in (*acts, *faults)
    )
    return tuple(sorted(ops, key=lambda op: op.at_s))


def _drawn(chance: random.Random, names: tuple[str, ...], count: int) -> list[str]:
    weights = [_RARE.get(name, 1.0) for name in names]
    return chance.choices(names, weights, k=count)
