"""How late the other Region is while devices are onboarded, in the local cloud.

Real processes on this machine: the figure is of the machine as well. Devices come
at the rate that AWS allows by default (10 a second, RegisterCertificateWithoutCA),
half of them through each Region's API, because both are live. The lag is measured
twice: as the table of the Region that did not onboard the device tells it, and from
outside, by connecting there until it lets the device in.
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmark import Result

from hotsite.core.history import percentile
from hotsite.errors import HotsiteError
from hotsite.faces.cli.clouds import private_cloud
from hotsite.local.world import LocalWorld

PER_S, FOR_S = 10, 30
# One in so many proves it by connecting: each try costs both ends a TLS handshake.
TRIED_EVERY = 3
TRY_EVERY_S = 0.1
TRIES_S_MAX = 60.0
LAG_P99_S_MAX = 5.0
# More at a time only start more processes of the function on a small machine.
WORKERS = 12
WARM = 48


@dataclass(frozen=True)
class Onboarded:
    """One device: when it had its certificate, and when it was let in elsewhere."""

    answered_s: float
    let_in_s: float | None


def registry_lag() -> Iterator[Result]:
    """Onboard at the default quota, and see how late the other Region is."""
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        with private_cloud(there, lambda _: None) as cloud:
            world = LocalWorld(cloud, there / "world")
            try:
                yield measured(world)
            finally:
                world.close()


def measured(world: LocalWorld) -> Result:
    """Return what one run gave."""
    # The functions' first starts are no matter of replication.
    warm = [f"warm-{number}" for number in range(WARM)]
    for number, region in enumerate(regions_of(world)):
        list(world.onboard(warm[number::2], region=region))
    settle(world, warm)
    things = [f"device-{number:04d}" for number in range(PER_S * FOR_S)]
    found = onboard(world, things)
    settle(world, things)
    by_region = [world.lags(region) for region in regions_of(world)]
    late = [by_region[(number + 1) % 2].get(n) for number, n in enumerate(things)]
    applied = [lag_s for lag_s in late if lag_s is not None]
    proved = [
        one.let_in_s - one.answered_s for one in found if one.let_in_s is not None
    ]
    tried = len(things[::TRIED_EVERY])
    times = sorted(one.answered_s for one in found)

    def rank(values: Sequence[float], percent: int, total: int) -> float:
        # Who never got there took longer than anybody waited.
        value = percentile(values, percent, total=total)
        return TRIES_S_MAX if value is None else round(value, 3)

    return Result(
        "registry_lag",
        rank(applied, 99, len(things)),
        "seconds",
        LAG_P99_S_MAX,
        is_upper_bound=True,
        details={
            "lag_p50_s": rank(applied, 50, len(things)),
            "lag_p99_s": rank(applied, 99, len(things)),
            "lag_max_s": rank(applied, 100, len(things)),
            "connectable_p50_s": rank(proved, 50, tried),
            "connectable_p99_s": rank(proved, 99, tried),
            "devices": float(len(things)),
            "devices_per_s": (len(times) - 1) / (times[-1] - times[0]),
            "tried_to_connect": float(tried),
        },
    )


def onboard(world: LocalWorld, things: Sequence[str]) -> list[Onboarded]:
    """Onboard devices at an even rate, whatever each of them takes."""
    began_s = time.monotonic() + 0.5
    regions = regions_of(world)

    def one(number: int) -> Onboarded:
        time.sleep(max(0.0, began_s + number / PER_S - time.monotonic()))
        list(world.onboard((things[number],), region=regions[number % 2]))
        answered_s = time.monotonic()
        if number % TRIED_EVERY:
            return Onboarded(answered_s, None)
        other = regions[(number + 1) % 2]
        return Onboarded(answered_s, let_in(world, things[number], other))

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(one, range(len(things))))


def let_in(world: LocalWorld, thing: str, region: str) -> float | None:
    """Connect until the broker lets the device in; return when it did."""
    until_s = time.monotonic() + TRIES_S_MAX
    while time.monotonic() < until_s:
        try:
            world.connect(region, world.member(thing))
        except HotsiteError:
            time.sleep(TRY_EVERY_S)
        else:
            return time.monotonic()
    return None


def settle(world: LocalWorld, things: Sequence[str]) -> None:
    """Wait until both Regions have applied all devices, for a while."""
    until_s = time.monotonic() + TRIES_S_MAX
    for region in regions_of(world):
        while set(things) - world.lags(region).keys() and time.monotonic() < until_s:
            time.sleep(TRY_EVERY_S)


def regions_of(world: LocalWorld) -> tuple[str, str]:
    """Return both Regions."""
    facts = world.facts()
    return facts.active, facts.standby


if __name__ == "__main__":
    for result in registry_lag():
        print(result)
    sys.exit(0)
