"""A fleet and its two Regions, whole."""

import random
from dataclasses import dataclass, field

from hotsite.core.outbox import Key
from hotsite.disasters.telemetry.functions import Functions
from hotsite.disasters.telemetry.plan import Plan
from hotsite.flows.resume import Budget
from hotsite.sim.fleet.around import Around, Unrest
from hotsite.sim.fleet.device import SimDevice
from hotsite.sim.fleet.hot import HotTable
from hotsite.sim.fleet.names import Names
from hotsite.sim.fleet.rules import Lambdas
from hotsite.sim.fleet.site import SimSite, heal_ways, join
from hotsite.sim.scheduler import Scheduler

REGIONS = ("a", "b")


@dataclass(frozen=True, slots=True)
class Death:
    """The loss of a Region.

    Attributes:
        region: Which one.
        at_s: When.
        at_risk: What its broker acknowledged and nobody else has: lost, if a
            PUBACK were trusted.
        connects: CONNECTs until then, at both brokers, by thing.
    """

    region: str
    at_s: float
    at_risk: frozenset[tuple[str, Key]]
    connects: dict[str, int] = field(default_factory=dict)


class Estate:
    """The world of a seed.

    Attributes:
        plan: What it is.
        sites: The Regions by name.
        devices: The fleet by thing.
        death: The loss of a Region, once it happened.
        orders: How often devices were told to move.
        functions: The Lambdas of both Regions.
        lines: What happened, for people.
    """

    def __init__(self, seed: int, plan: Plan) -> None:
        """Make everything; devices have no power yet."""
        self.plan = plan
        self.scheduler = Scheduler()
        self.chance = random.Random(seed)  # noqa: S311 - a simulation, no secret
        self.lines: list[str] = []
        self.death: Death | None = None
        self.orders = 0
        self.functions: list[Functions] = []
        self.unrest = Unrest()
        self.sites = {
            name: SimSite(name, self.scheduler, self.chance, self._lambdas)
            for name in REGIONS
        }
        one, two = self.sites.values()
        join(one, two, self.scheduler, self.chance)
        for site in self.sites.values():
            site.broker.luck.connects_per_s = plan.connects_per_s
            site.broker.luck.burst = plan.burst
            site.broker.refill()
        self.names = Names(self.scheduler, self.chance, plan.names)
        around = Around(self.scheduler, self.names, self.sites, self.unrest, self.tell)
        self.devices = {
            one.identity.thing: SimDevice(one, around, self.chance)
            for one in plan.devices
        }

    def _lambdas(self, table: HotTable) -> Lambdas:
        budget = Budget(self.plan.pages_max)
        spread_s = len(self.plan.devices) / self.plan.connects_per_s
        functions = Functions(table, self.scheduler, self.chance, budget, spread_s)
        self.functions.append(functions)
        return Lambdas(functions.take_batch, functions.answer)

    @property
    def survivors(self) -> tuple[SimSite, ...]:
        """Return the Regions that are not dead."""
        dead = self.death.region if self.death else ""
        return tuple(site for site in self.sites.values() if site.name != dead)

    def tell(self, who: str, text: str) -> None:
        """Note what happened."""
        self.lines.append(f"{self.scheduler.now_s() - 1e6:9.2f} s  {who}: {text}")

    def stop(self, region: str, *, is_silent: bool) -> None:
        """Let a Region go silent, or reset whoever is connected."""
        site = self.sites[region]
        if is_silent:
            site.freeze()
        else:
            site.die()
        self.names.note(region, is_up=False)

    def live(self, region: str) -> None:
        """Let a Region go on."""
        site = self.sites[region]
        site.live()
        heal_ways(*self.sites.values())
        self.names.note(region, is_up=True)

    def lose(self, region: str, *, is_silent: bool) -> None:
        """Lose a Region until the very end."""
        self.stop(region, is_silent=is_silent)
        (survivor,) = (s for s in self.sites.values() if s.name != region)
        there = {
            (row.thing, row.message.key)
            for rows in survivor.table.rows.values()
            for row in rows.values()
        }
        at_risk = frozenset(
            (thing, key)
            for thing, device in self.devices.items()
            for key, by in device.account.acknowledged.items()
            if set(by) == {region} and (thing, key) not in there
        )
        connects = {thing: self.connects(thing) for thing in self.devices}
        self.death = Death(region, self.scheduler.now_s(), at_risk, connects)

    def connects(self, thing: str) -> int:
        """Return how many CONNECTs of a device arrived anywhere."""
        return sum(site.broker.connects[thing] for site in self.sites.values())
