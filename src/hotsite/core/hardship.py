"""What a drill does to devices and to a Region before it dies.

A Region rarely dies healthy, and devices lose their power whenever they like.
All choices are drawn from the drill's seed by hashing, so that a seed repeats
them in every world. Must not judge; ``verdict`` does.
"""

import hashlib
import math
from dataclasses import dataclass
from enum import StrEnum

_SECONDS_PER_MIN = 60.0
# How long a device takes, at worst, to notice the death of a Region and to have
# acknowledged elsewhere what it sends again: 15 s p99, and a reserve.
NOTICE_S = 120.0


class Follow(StrEnum):
    """Which names the devices of a drill follow.

    ``DNS`` is ``iot.<domain>`` alone, as a stock client; ``OWN_NAMES`` adds both
    sites' own names; ``PRE_WARMED`` also keeps a second connection open.
    """

    DNS = "dns"
    OWN_NAMES = "own-names"
    PRE_WARMED = "pre-warmed"


@dataclass(frozen=True, slots=True)
class Power:
    """How devices lose their power: at random, from steady state to recovery.

    Attributes:
        cuts_per_min: Power cuts a minute on average, above 0.
        processes: Parts of the fleet; one part loses its power at a time, 1 to 10.
        off_s_max: Longest time without power, in seconds, 0 or more.
    """

    cuts_per_min: float = 20.0
    processes: int = 5
    off_s_max: float = 2.0


@dataclass(frozen=True, slots=True)
class Sick:
    """How the active Region is sick before the fault: its replication is late.

    Attributes:
        for_s: How long before the fault, in seconds, above 0.
        lag_s_min: Least replication lag that the seed may draw, in seconds.
        lag_s_max: Largest one, at most 300 seconds.
    """

    for_s: float = 12.0
    lag_s_min: float = 0.0
    lag_s_max: float = 300.0

    def lag_s(self, seed: int) -> float:
        """Return the lag that a seed draws, in seconds."""
        width_s = self.lag_s_max - self.lag_s_min
        return round(self.lag_s_min + width_s * uniform(seed, "sick", 0), 3)


@dataclass(frozen=True, slots=True)
class Cut:
    """One power cut.

    Attributes:
        gap_s: Seconds since the one before.
        process: Which part of the fleet.
        off_s: Seconds without power.
    """

    gap_s: float
    process: int
    off_s: float


def cut(power: Power, *, seed: int, number: int) -> Cut:
    """Return the power cut of a number, 0 or more; a seed repeats it."""
    waited = -math.log1p(-uniform(seed, "gap", number))
    return Cut(
        gap_s=waited * _SECONDS_PER_MIN / power.cuts_per_min,
        process=int(uniform(seed, "process", number) * power.processes),
        off_s=uniform(seed, "off", number) * power.off_s_max,
    )


def uniform(seed: int, what: str, number: int) -> float:
    """Return a number from 0 up to but not including 1 that hashing draws."""
    digest = hashlib.sha256(f"{seed}/{what}/{number}".encode()).digest()
    # 53 bits are what a float holds exactly.
    return (int.from_bytes(digest[:8]) >> 11) / (1 << 53)


@dataclass(frozen=True, slots=True)
class PowerCut:
    """A part of the fleet lost its power; what was not on disk is gone."""

    process: int
    devices: int


@dataclass(frozen=True, slots=True)
class PowerRestored:
    """A part of the fleet has power again; its devices begin a new epoch."""

    process: int
    devices: int


@dataclass(frozen=True, slots=True)
class SiteSick:
    """From now on ``region`` replicates ``lag_s`` late."""

    region: str
    lag_s: float
