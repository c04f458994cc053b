"""DNS in virtual time: a name that moves, names that do not, and caches."""

import random
from dataclasses import dataclass

from hotsite.sim.scheduler import Scheduler

MOVING = "iot.hotsite.test"
OWN = {"a": "iot-a.hotsite.test", "b": "iot-b.hotsite.test"}


@dataclass(frozen=True, slots=True)
class NamesPlan:
    """How the moving name moves.

    Attributes:
        notice_s: Until health checks agree that a Region is gone or back.
        ttl_s: How long an answer may be kept, in seconds.
    """

    notice_s: tuple[float, float] = (20.0, 31.0)
    ttl_s: float = 10.0


class Names:
    """The zone, its health checks and the resolvers in front of it.

    Attributes:
        failure_share: Of queries that get no answer, 0 to 1.
    """

    def __init__(
        self, scheduler: Scheduler, chance: random.Random, plan: NamesPlan
    ) -> None:
        """Start with both Regions healthy."""
        self.failure_share = 0.0
        self._scheduler = scheduler
        self._chance = chance
        self._plan = plan
        self._is_up = dict.fromkeys(OWN, True)
        self._is_healthy = dict.fromkeys(OWN, True)
        self._kept: dict[tuple[str, str], tuple[float, str]] = {}

    def note(self, region: str, *, is_up: bool) -> None:
        """Note that a Region is gone or back; its health follows in its time."""
        if self._is_up[region] == is_up:
            return
        self._is_up[region] = is_up

        def decide() -> None:
            self._is_healthy[region] = self._is_up[region]

        self._scheduler.at(self._chance.uniform(*self._plan.notice_s), decide)

    def resolve(self, who: str, name: str) -> tuple[str, float] | None:
        """Return the Region that a name leads to, and for how long it may be kept.

        Args:
            who: Whose resolver is asked; each has a cache of its own.
            name: The name.

        Returns:
            Nothing when the query failed.
        """
        now_s = self._scheduler.now_s()
        until_s, site = self._kept.get((who, name), (0.0, ""))
        if now_s < until_s:
            return site, until_s - now_s
        if self._chance.random() < self.failure_share:
            return None
        site = self._answer(name)
        self._kept[who, name] = (now_s + self._plan.ttl_s, site)
        return site, self._plan.ttl_s

    def forget(self, who: str) -> None:
        """Empty the cache of a device that lost its power."""
        for key in [key for key in self._kept if key[0] == who]:
            del self._kept[key]

    def _answer(self, name: str) -> str:
        for region, own in OWN.items():
            if name == own:
                return region
        # With no healthy Region the first answers, as in Route 53.
        healthy = [region for region, fine in self._is_healthy.items() if fine]
        return healthy[0] if healthy else "a"
