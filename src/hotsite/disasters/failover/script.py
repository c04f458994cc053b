"""What happens to the sites of a seed: which faults and operators, where and when."""

import random

from hotsite.core.epoch import SITES
from hotsite.disasters.failover.faults import FAULTS
from hotsite.disasters.failover.operators import ACTS
from hotsite.disasters.failover.plan import sites_of
from hotsite.disasters.outcome import Op, drawn, scattered

LENGTH_S = 1200.0
_BEGIN_S = 60.0
_FAULTS = (1, 7)
_ACTS = (0, 4)
_FREQUENT = {"lose the Region": 3.0, "partition": 2.0, "resume": 0.5}
# What leaves one of several sites alone, and what is decided meanwhile.
_FREQUENT_OF_MANY = {**_FREQUENT, "partition": 6.0, "forced failover": 4.0}


def script(seed: int) -> tuple[Op, ...]:
    """Return what happens to the sites of a seed, in its order."""
    chance = random.Random(f"failover {seed}")  # noqa: S311 - a simulation
    sites = sites_of(seed)
    is_pair = len(sites) == len(SITES)
    often = _FREQUENT if is_pair else _FREQUENT_OF_MANY
    whats = [
        *drawn(chance, tuple(FAULTS), chance.randint(*_FAULTS), often),
        *drawn(chance, tuple(ACTS), chance.randint(*_ACTS), often),
    ]
    places = "aab" if is_pair else ("a", *sites, "b")
    ops = scattered(chance, whats, places, (_BEGIN_S, LENGTH_S - _BEGIN_S))
    return tuple(sorted(ops, key=lambda op: op.at_s))
