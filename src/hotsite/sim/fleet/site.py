"""One Region as a fleet sees it: broker, rules and hot table, up or down together."""

import random
from collections.abc import Callable

from hotsite.sim.fleet.broker import SimBroker
from hotsite.sim.fleet.hot import HotTable, Way
from hotsite.sim.fleet.rules import Lambdas, Rules
from hotsite.sim.scheduler import Scheduler


class SimSite:
    """One Region.

    Attributes:
        name: Which one.
        table: Its hot table.
        rules: What runs behind its broker.
        broker: Who devices talk to.
        ways: Replication out of it and into it, once it is joined to another.
    """

    def __init__(
        self,
        name: str,
        scheduler: Scheduler,
        chance: random.Random,
        lambdas: Callable[[HotTable], Lambdas],
    ) -> None:
        """Start empty, and up."""
        self.name = name
        self.table = HotTable(name, scheduler)
        self.rules = Rules(self.table, scheduler, chance, lambdas(self.table))
        self.broker = SimBroker(name, scheduler, chance, self.rules)
        self.ways: tuple[Way, ...] = ()

    @property
    def is_up(self) -> bool:
        """Say whether it serves."""
        return not (self.broker.is_silent or self.broker.is_dead)

    def freeze(self) -> None:
        """Stop everything where it stands; connections stay open and silent."""
        self._stop()
        self.broker.freeze()

    def die(self) -> None:
        """Stop everything; connections are reset."""
        self._stop()
        self.broker.die()

    def live(self) -> None:
        """Go on where everything stopped."""
        if not self.is_up:
            self.broker.live()
            self.rules.resume()

    def _stop(self) -> None:
        self.rules.is_up = False
        for way in self.ways:
            way.is_cut = True


def join(
    one: SimSite, two: SimSite, scheduler: Scheduler, chance: random.Random
) -> None:
    """Make a global table of two Regions' tables."""
    for source, replica in ((one, two), (two, one)):
        source.table.way = Way(replica.table, scheduler, chance)
    assert one.table.way is not None  # noqa: S101 - made above
    assert two.table.way is not None  # noqa: S101 - made above
    one.ways = two.ways = (one.table.way, two.table.way)


def heal_ways(one: SimSite, two: SimSite) -> None:
    """Let replication run where both ends are up."""
    if one.is_up and two.is_up:
        for way in one.ways:
            if way.is_cut:
                way.heal()
