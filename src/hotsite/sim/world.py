"""Two Regions and a fleet in virtual time: ``ports.World`` without a socket.

Deliberately coarse: it exists so that scenarios and the drill's own logic can
be played in milliseconds. Figures that come out of it are arithmetic, not
measurement; the journal says ``sim`` and the report repeats it.
"""

import platform
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hotsite.core.hardship import Follow
from hotsite.core.intervals import Intervals
from hotsite.core.journal import (
    DeviceConnectable,
    DeviceConnected,
    DeviceDisconnected,
    DeviceOnboarded,
    DeviceUnconnectable,
    DnsAnswered,
    Fact,
    FleetSampled,
    Machine,
    SiteHealth,
)
from hotsite.core.outbox import Key
from hotsite.core.scenario import FaultKind
from hotsite.core.strategy import Strategy, witness_name
from hotsite.errors import NotReadyError, UnreachableError
from hotsite.ports import (
    DeviceAccount,
    FleetPlan,
    Held,
    Stored,
    WorldFacts,
)
from hotsite.sim.clock import SimClock
from hotsite.sim.thing import SimDevice

_STEP_S = 0.25
_API_S = 0.05
_HANDSHAKE_S = 0.2
_ACK_LIMIT_S = 5.0
_BACKOFF_S_MAX = 8.0
_CHECKERS = 16
_NAME = witness_name(Strategy.HOT_SITE, "hotsite.test")
_SHARED_NAME = witness_name(Strategy.ACTIVE_ACTIVE, "hotsite.test")


@dataclass(frozen=True, slots=True)
class Dns:
    """How the failover name moves.

    Attributes:
        interval_s: Time between two health checks of one checker.
        threshold: Failed checks in a row that turn its opinion.
        time_out_s: How much longer a check takes against a black hole.
    """

    interval_s: float = 10.0
    threshold: int = 2
    time_out_s: float = 4.0


class SimWorld:
    """Implements ``ports.World``."""

    def __init__(
        self,
        clock: SimClock,
        *,
        seed: int,
        dns: Dns | None = None,
        is_shared: bool = False,
    ) -> None:
        """Take the virtual clock, the seed of every random choice, and the names.

        Args:
            clock: The virtual clock.
            seed: Of every random choice.
            dns: How fast the names move.
            is_shared: Whether both sites answer them, by equal weights.
        """
        self._clock = clock
        self._random = random.Random(seed)  # noqa: S311 - a simulation, no secret
        self._dns = dns or Dns()
        self._regions = ("eu-central-1", "eu-west-1")
        self._lag_s = 0.02
        self._registered: dict[str, dict[str, float]] = {r: {} for r in self._regions}
        self._stores: dict[str, dict[str, dict[Key, float]]] = {
            region: {} for region in self._regions
        }
        self._fresh: dict[str, list[Stored]] = {region: [] for region in self._regions}
        self._devices: dict[str, SimDevice] = {}
        self._plan = FleetPlan(2.0, seed)
        self._is_publishing = False
        self._dead: str | None = None
        self._dead_since_s = 0.0
        self._switch_at_s: float | None = None
        self._is_failover_on = True
        self._is_shared = is_shared
        self._name = _SHARED_NAME if is_shared else _NAME
        self._stepped_s = clock.now_s()
        self._pending: list[Fact] = [DnsAnswered(self._name, self._regions[0])]
        self.died: str | None = None

    @property
    def clock(self) -> SimClock:
        """Return the virtual clock."""
        return self._clock

    def facts(self) -> WorldFacts:
        """Return what the world says of itself."""
        return WorldFacts(
            name="sim",
            versions={"python": platform.python_version()},
            machine=Machine(1, 0, "virtual time"),
            active=self._regions[0],
            standby=self._regions[1],
        )

    def onboard(
        self, things: Sequence[str], *, region: str | None
    ) -> Iterator[DeviceOnboarded]:
        """Onboard devices one after the other."""
        site = region or self._answer()
        if site == self._dead:
            raise UnreachableError(f"the API of {site} does not answer")
        for thing in things:
            self._clock.sleep(_API_S)
            self._registered[site][thing] = 0.0
            for other in self._regions:
                if other not in (site, self._dead):
                    self._registered[other][thing] = self._lag_s
            yield DeviceOnboarded(thing, site, _API_S)

    def lags(self, region: str) -> Mapping[str, float]:
        """Return how late each device was applied in a Region."""
        return dict(self._registered[region])

    def prove(
        self, things: Sequence[str], *, region: str
    ) -> Iterator[DeviceConnectable | DeviceUnconnectable]:
        """Say of each device whether a Region would let it in."""
        for thing in things:
            if thing in self._registered[region]:
                yield DeviceConnectable(thing, region, _HANDSHAKE_S)
            else:
                yield DeviceUnconnectable(thing, region, "not registered")

    def start_fleet(self, things: Sequence[str], plan: FleetPlan) -> None:
        """Let the devices connect and publish."""
        now_s = self._clock.now_s()
        self._plan, self._is_publishing = plan, True
        for number, thing in enumerate(things):
            at_s = now_s + self._random.uniform(0, plan.publish_interval_s)
            process = number % plan.processes
            self._devices[thing] = SimDevice(thing, process, at_s, at_s)

    def quiesce_fleet(self) -> None:
        """Stop making new messages; deliver those that wait."""
        self._is_publishing = False

    def set_replication_lag(self, lag_s: float) -> None:
        """Delay the replication of the global tables."""
        self._lag_s = max(lag_s, 0.02)

    def disable_dns_failover(self) -> None:
        """Let DNS answer as if every site were healthy."""
        self._is_failover_on = False

    def inject(self, fault: FaultKind, *, region: str) -> float:
        """Silence a Region; health checks notice in their own time."""
        dns = self._dns
        if self._dead is not None:
            # It was frozen, and nothing changes for those who wait for it.
            return self._clock.now_s()
        self._dead, self._dead_since_s = region, self._clock.now_s()
        for survivor in self._regions:
            self._forget_stranded(survivor)
        each_s = dns.time_out_s if fault is FaultKind.REGION_FREEZE else 0.0
        # The 14th of 16 evenly spread checkers decides (rto-rpo: 0.82 of an
        # interval), then each further failure in a row takes a whole round.
        phase_s = self._random.uniform(0.7, 0.9) * dns.interval_s
        rounds_s = (dns.threshold - 1) * dns.interval_s
        self._switch_at_s = (
            self._dead_since_s + phase_s + rounds_s + dns.threshold * each_s
        )
        return self._dead_since_s

    def restore(self, region: str) -> None:
        """Let a killed Region return; it and the others exchange what they lack."""
        self._dead = self._switch_at_s = None
        arrives_s = self._clock.now_s() + self._lag_s
        for source in self._regions:
            for thing, rows in self._stores[source].items():
                for other in self._regions:
                    there = self._stores[other].setdefault(thing, {})
                    for key in rows.keys() - there.keys():
                        there[key] = arrives_s
        self._pending.append(DnsAnswered(self._name, region))

    def cut_power(self, process: int) -> int:
        """Let a part of the fleet lose its power; return how many devices did."""
        now_s, hit = self._clock.now_s(), self._part(process)
        for device in hit:
            if device.site is not None:
                gone = DeviceDisconnected(device.thing, "power cut")
                self._pending.append(gone)
            device.lose_power(now_s)
        return len(hit)

    def restore_power(self, process: int) -> int:
        """Give a part of the fleet its power back; return how many devices got it."""
        back = self._part(process)
        for device in back:
            device.start(self._clock.now_s())
        return len(back)

    def observe(self) -> Sequence[Fact]:
        """Move the world on to now and return what happened."""
        if self.died:
            raise NotReadyError(self.died)
        while self._stepped_s + _STEP_S <= self._clock.now_s():
            self._stepped_s += _STEP_S
            self._step(self._stepped_s)
        facts, self._pending = self._pending, []
        if self._devices:
            facts.append(self._sample())
        return facts

    def stored(self, region: str) -> Sequence[Stored]:
        """Return what arrived in a site's hot store since the last look."""
        fresh, self._fresh[region] = self._fresh[region], []
        return fresh

    def held(self, region: str) -> Sequence[Held]:
        """Return all that a site's hot store holds."""
        due_s = self._clock.now_s()
        found = []
        for thing, rows in sorted(self._stores[region].items()):
            here = [key for key, arrives_s in rows.items() if arrives_s <= due_s]
            for epoch in sorted({key.epoch for key in here}):
                numbers = (key.seq for key in here if key.epoch == epoch)
                held = Intervals.from_numbers(numbers)
                # A simulated message has no content that could change.
                found.append(Held(thing, epoch, held, held.size, "sim"))
        return found

    def accounts(self) -> Sequence[DeviceAccount]:
        """Return what the devices that have power say of their own messages."""
        return [
            account
            for device in self._devices.values()
            if device.is_on
            for account in device.accounts()
        ]

    def trouble(self) -> str | None:
        """Return why the world died, if it did."""
        return self.died

    def _part(self, process: int) -> list[SimDevice]:
        return [d for d in self._devices.values() if d.process == process]

    def _answer(self) -> str:
        is_switched = self._switch_at_s is not None and (
            self._clock.now_s() >= self._switch_at_s
        )
        if is_switched and self._is_failover_on:
            return self._regions[1]
        if self._is_shared:
            return self._random.choice(self._regions)
        return self._regions[0]

    def _step(self, now_s: float) -> None:
        if (
            self._switch_at_s is not None
            and now_s >= self._switch_at_s > now_s - _STEP_S
        ):
            assert self._dead is not None  # noqa: S101 - inject sets both
            self._pending.append(
                SiteHealth(
                    self._dead,
                    is_healthy=False,
                    checkers_healthy=2,
                    checkers=_CHECKERS,
                )
            )
            if self._is_failover_on:
                self._pending.append(DnsAnswered(self._name, self._regions[1]))
        for device in self._devices.values():
            if not device.is_on:
                continue
            self._publish(device, now_s)
            if device.site is None:
                self._connect(device, now_s)
            elif device.site == self._dead:
                self._notice(device, now_s)
            else:
                self._deliver(device, device.site, now_s)

    def _publish(self, device: SimDevice, now_s: float) -> None:
        if self._is_publishing and now_s >= device.publish_at_s:
            device.publish(now_s)
            device.publish_at_s += self._plan.publish_interval_s

    def _connect(self, device: SimDevice, now_s: float) -> None:
        if now_s < device.try_at_s:
            return
        site = self._answer()
        if site == self._dead and self._plan.follow is not Follow.DNS:
            site = next(name for name in self._regions if name != self._dead)
        if site == self._dead or device.thing not in self._registered[site]:
            device.try_at_s = now_s + self._random.uniform(1.0, _BACKOFF_S_MAX)
            return
        device.site = site
        self._pending.append(DeviceConnected(device.thing, site))
        # PUBACK is not replication: what another site acknowledged goes again.
        for key in sorted(device.acknowledged_at_s):
            self._store(device, key, site, now_s)

    def _notice(self, device: SimDevice, now_s: float) -> None:
        if now_s - self._dead_since_s >= _ACK_LIMIT_S:
            self._pending.append(DeviceDisconnected(device.thing, "no PUBACK in 5 s"))
            device.site = None
            device.try_at_s = now_s + self._random.uniform(0, 1.0)

    def _deliver(self, device: SimDevice, site: str, now_s: float) -> None:
        for key in list(device.waiting()):
            device.acknowledged_at_s[key] = now_s
            self._store(device, key, site, now_s)

    def _store(self, device: SimDevice, key: Key, site: str, now_s: float) -> None:
        published_at_s = device.published_at_s[key]
        for region in self._regions:
            if region == self._dead:
                continue
            rows = self._stores[region].setdefault(device.thing, {})
            arrives_s = now_s if region == site else now_s + self._lag_s
            if key not in rows or arrives_s < rows[key]:
                rows[key] = arrives_s
                self._fresh[region].append(
                    Stored(device.thing, published_at_s, arrives_s)
                )

    def _forget_stranded(self, region: str) -> None:
        """Take back what had not arrived: its source sends it after its return."""
        for rows in self._stores[region].values():
            for seq in [n for n, at_s in rows.items() if at_s > self._dead_since_s]:
                del rows[seq]

    def _sample(self) -> FleetSampled:
        connected = dict.fromkeys(self._regions, 0)
        for device in self._devices.values():
            if device.site is not None:
                connected[device.site] += 1
        published = sum(len(d.published_at_s) for d in self._devices.values())
        acknowledged = sum(len(d.acknowledged_at_s) for d in self._devices.values())
        return FleetSampled(
            connected=connected,
            offline=len(self._devices) - sum(connected.values()),
            backlog=published - acknowledged,
            published=published,
            acknowledged=acknowledged,
            replication_lag_s=self._lag_s,
        )
