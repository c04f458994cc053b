"""Two live Regions and an onboarded fleet, for benchmarks of a failover."""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hotsite.adapters.aws.hot_store import HotStore
from hotsite.adapters.clock import SystemClock
from hotsite.core.journal import DeviceConnected, DeviceDisconnected, Fact
from hotsite.errors import NotReadyError, RetryableError
from hotsite.faces.cli.clouds import private_cloud
from hotsite.local.client import LocalCloud
from hotsite.local.world import LocalWorld
from hotsite.ports import FleetPlan, Stored

LOOK_EVERY_S = 0.02
APPLY_S_MAX = 120.0
CONNECT_S_MAX = 120.0
BACK_S_MAX = 120.0
SETTLE_S = 25.0


@dataclass(frozen=True)
class Ground:
    """What a benchmark plays on.

    Attributes:
        cloud: Two live Regions.
        world: How to use them.
        things: Devices that both Regions let in.
        active: Region that the names answer.
        standby: The other one.
        arrivals: Follows the other one's hot table.
        folder: For files.
    """

    cloud: LocalCloud
    world: LocalWorld
    things: Sequence[str]
    active: str
    standby: str
    arrivals: HotStore
    folder: Path

    def until(self, is_done: Callable[[list[Fact]], bool], limit_s: float) -> bool:
        """Look again and again until something has happened; return whether it did."""
        until_s = time.monotonic() + limit_s
        while time.monotonic() < until_s:
            if is_done(list(self.world.observe())):
                return True
            time.sleep(LOOK_EVERY_S)
        return False

    def start(self, plan: FleetPlan, things: Sequence[str] | None = None) -> None:
        """Let the fleet connect, all of it, to the active Region."""
        things = things or self.things
        self.world.start_fleet(things, plan)
        here: set[str] = set()

        def is_whole(facts: list[Fact]) -> bool:
            for fact in facts:
                if isinstance(fact, DeviceConnected):
                    here.add(fact.thing)
                elif isinstance(fact, DeviceDisconnected):
                    here.discard(fact.thing)
            return len(here) == len(things)

        if not self.until(is_whole, CONNECT_S_MAX):
            raise NotReadyError(f"{len(here)} of {len(things)} devices connected")

    def watch(self, duration_s: float) -> None:
        """Let time pass."""
        self.until(lambda _: False, duration_s)

    def thaw(self) -> None:
        """Let the frozen Region go on, and wait until the names answer it again."""
        self.cloud.fault("thaw", self.active)
        # Checks that were under way may still count against it, so it may yet be
        # given up: a short freeze ends before DNS has moved.
        self.watch(SETTLE_S)

        def is_well(_: list[Fact]) -> bool:
            return all(site.is_healthy for site in self.cloud.health())

        if not self.until(is_well, BACK_S_MAX):
            raise NotReadyError(f"{self.active} was never healthy again")

    def fresh(self) -> Sequence[Stored]:
        """Return what arrived in the other Region's store since the last call."""
        return self.arrivals.stored()


@contextlib.contextmanager
def ground(devices: int) -> Iterator[Ground]:
    """Bring both Regions up and onboard a fleet, half through each Region."""
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        with private_cloud(there, lambda _: None) as cloud:
            world = LocalWorld(cloud, there / "world")
            try:
                yield prepared(cloud, world, devices, there)
            finally:
                world.close()


def prepared(cloud: LocalCloud, world: LocalWorld, devices: int, there: Path) -> Ground:
    """Onboard the fleet and wait until both Regions hold it."""
    facts = world.facts()
    things = [f"device-{number:04d}" for number in range(devices)]
    for number, region in enumerate((facts.active, facts.standby)):
        onboard(world, things[number::2], region)
    until_s = time.monotonic() + APPLY_S_MAX
    for region in (facts.active, facts.standby):
        while set(things) - world.lags(region).keys():
            if time.monotonic() > until_s:
                raise NotReadyError(f"{region} never had the whole fleet")
            time.sleep(0.25)
    store = HotStore(
        cloud.client("dynamodb", facts.standby),
        cloud.client("dynamodbstreams", facts.standby),
        cloud.state.tables.telemetry,
        SystemClock(),
    )
    return Ground(cloud, world, things, facts.active, facts.standby, store, there)


def onboard(world: LocalWorld, things: Sequence[str], region: str) -> None:
    """Onboard devices; the functions' first starts may outlast several tries."""
    until_s = time.monotonic() + APPLY_S_MAX
    waiting = list(things)
    while waiting:
        try:
            for fact in world.onboard(tuple(waiting), region=region):
                waiting.remove(fact.thing)
        except RetryableError:
            if time.monotonic() > until_s:
                raise
