"""What happens in the disaster of a seed: who does what, where and when."""

import random

from hotsite.disasters import operators, outsiders
from hotsite.disasters.estate import REGIONS
from hotsite.disasters.faults import FAULTS
from hotsite.disasters.outcome import Op, drawn, scattered

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
    names = (*operators.ACTS, *outsiders.ACTS)
    acts = drawn(chance, names, chance.randint(*_ACTS), _RARE)
    faults = drawn(chance, tuple(FAULTS), chance.randint(*_FAULTS), _RARE)
    span_s = (_BEGIN_S, LENGTH_S - _BEGIN_S)
    ops = scattered(chance, (*acts, *faults), REGIONS, span_s)
    return tuple(sorted(ops, key=lambda op: op.at_s))
