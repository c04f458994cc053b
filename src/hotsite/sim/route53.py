"""Route 53 in memory: checkers, health checks and one failover name.

The primary of DNS is site ``a`` for ever. Its record has a calculated check: its own
deep health, and the *inverted* check of the other site's switch. So site ``b`` takes
the name over by answering 200 on its switch, and no record is ever changed (AWS
Networking blog, "Creating Disaster Recovery Mechanisms Using Amazon Route 53",
standby takes over primary).
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hotsite.core.healthcheck import (
    CheckType,
    HealthCheckConfig,
    Opinion,
    Tally,
    judge,
    observe,
)
from hotsite.sim.scheduler import Scheduler

PRIMARY, SECONDARY = "a", "b"
_CHECKERS = 3
_PORT = 443
_THRESHOLD = 2
_INTERVAL_S = 10
HEALTH_A, HEALTH_B, SWITCH_B = "health-a", "health-b", "switch-b"
_CALCULATED = "primary"


def _probed(name: str, *, is_inverted: bool = False) -> HealthCheckConfig:
    return HealthCheckConfig(
        name,
        CheckType.HTTPS,
        fqdn=f"{name}.example.com",
        port=_PORT,
        interval_s=_INTERVAL_S,
        failure_threshold=_THRESHOLD,
        is_inverted=is_inverted,
    )


CHECKS: Mapping[str, HealthCheckConfig] = {
    HEALTH_A: _probed(HEALTH_A),
    HEALTH_B: _probed(HEALTH_B),
    SWITCH_B: _probed(SWITCH_B, is_inverted=True),
    _CALCULATED: HealthCheckConfig(
        _CALCULATED,
        CheckType.CALCULATED,
        children=(HEALTH_A, SWITCH_B),
        threshold=2,
    ),
}


@dataclass(frozen=True, slots=True)
class Led:
    """Where the name led from a moment on."""

    since_s: float
    site: str


class SimRoute53:
    """One failover name, and the checkers that move it.

    Attributes:
        history: Where it led, in order.
        is_frozen: True while it leads where it led, whatever checkers say.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        chance: random.Random,
        probes: Mapping[str, Callable[[], bool]],
    ) -> None:
        """Start the checkers, each at a moment of its own.

        Args:
            scheduler: The time.
            chance: The seed's.
            probes: Says by the name of a check whether a probe gets a 200 now.
        """
        self.history = [Led(scheduler.now_s(), PRIMARY)]
        self.is_frozen = False
        self._scheduler = scheduler
        self._probes = probes
        # The switch of a site that never took over has always answered 404.
        off = {SWITCH_B: Opinion(is_healthy=False)}
        self._opinions = [
            {name: off.get(name, Opinion()) for name in probes}
            for _ in range(_CHECKERS)
        ]
        for checker in range(_CHECKERS):
            first_s = chance.random() * _INTERVAL_S
            scheduler.at(first_s, self._checking(checker))

    def leads_to(self) -> str:
        """Return the letter of the site that the name leads to now."""
        return self.history[-1].site

    def led_to(self, site: str, *, since_s: float) -> bool:
        """Say whether the name has led to a site at any time since a moment."""
        ends_s = [*(one.since_s for one in self.history[1:]), float("inf")]
        return any(
            one.site == site and end_s >= since_s
            for one, end_s in zip(self.history, ends_s, strict=True)
        )

    def _checking(self, checker: int) -> Callable[[], None]:
        def check() -> None:
            self._scheduler.at(_INTERVAL_S, check)
            opinions = self._opinions[checker]
            for name, probe in self._probes.items():
                opinions[name] = observe(
                    opinions[name], is_ok=probe(), failure_threshold=_THRESHOLD
                )
            site = self._judged()
            if site != self.leads_to() and not self.is_frozen:
                self.history.append(Led(self._scheduler.now_s(), site))

        return check

    def _judged(self) -> str:
        """Apply the failover rules: a sick secondary leaves the name at the primary.

        Source: Route 53 API reference, ``ResourceRecordSet.Failover``.
        """
        tallies = {
            name: Tally(sum(one[name].is_healthy for one in self._opinions), _CHECKERS)
            for name in self._probes
        }
        verdicts = judge(CHECKS, tallies)
        if verdicts[_CALCULATED].is_healthy or not verdicts[HEALTH_B].is_healthy:
            return PRIMARY
        return SECONDARY
