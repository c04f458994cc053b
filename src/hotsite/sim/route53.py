"""Route 53 in memory: checkers, health checks and one failover name.

The primary of DNS is site ``a`` for ever. Its record has a calculated check: its own
deep health, and the *inverted* checks of the switches of all sites after it. So a
standby takes the name over by answering 200 on its switch, and no record is ever
changed (AWS Networking blog, "Creating Disaster Recovery Mechanisms Using Amazon Route
53", standby takes over primary). The secondary is the last site, or where there are
more the same again: a primary with such a check, and a secondary.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hotsite.core.epoch import SITES
from hotsite.core.healthcheck import (
    CheckType,
    HealthCheckConfig,
    Opinion,
    Tally,
    judge,
    observe,
)
from hotsite.sim.scheduler import Scheduler

PRIMARY = SITES[0]
_CHECKERS = 3
_PORT = 443
_THRESHOLD = 2
_INTERVAL_S = 10


def health(site: str) -> str:
    """Return the name of the check of a site's health."""
    return f"health-{site}"


def switch(site: str) -> str:
    """Return the name of the inverted check of a site's switch."""
    return f"switch-{site}"


HEALTH_A, HEALTH_B, SWITCH_B = health("a"), health("b"), switch("b")


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


def _counted(name: str, children: Sequence[str], needed: int) -> HealthCheckConfig:
    return HealthCheckConfig(
        name, CheckType.CALCULATED, children=tuple(children), threshold=needed
    )


def _serves(site: str) -> str:
    return f"serves-{site}"


def _any_from(site: str) -> str:
    return f"any-from-{site}"


def checks(sites: Sequence[str]) -> Mapping[str, HealthCheckConfig]:
    """Return the health checks of a failover name, by their names.

    Args:
        sites: The letters of the sites, in the order in which DNS prefers them.
    """
    found = []
    for place, site in enumerate(sites):
        after = [switch(one) for one in sites[place + 1 :]]
        following = [health(one) for one in sites[place:]]
        found += [
            _probed(health(site)),
            _probed(switch(site), is_inverted=True),
            _counted(_serves(site), [health(site), *after], 1 + len(after)),
            _counted(_any_from(site), following, 1),
        ]
    return {check.id: check for check in found}


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
        sites: Sequence[str] = SITES,
    ) -> None:
        """Start the checkers, each at a moment of its own.

        Args:
            scheduler: The time.
            chance: The seed's.
            probes: Says by the name of a check whether a probe gets a 200 now.
            sites: The letters of the sites, in the order in which DNS prefers them.
        """
        self.history = [Led(scheduler.now_s(), PRIMARY)]
        self.is_frozen = False
        self._scheduler = scheduler
        self._probes = probes
        self._sites = sites
        self._checks = checks(sites)
        # The switch of a site that never took over has always answered 404.
        off = {switch(site): Opinion(is_healthy=False) for site in sites}
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
        verdicts = judge(self._checks, tallies)
        *before, last = self._sites
        for site, following in zip(before, self._sites[1:], strict=True):
            is_any = verdicts[_any_from(following)].is_healthy
            if verdicts[_serves(site)].is_healthy or not is_any:
                return site
        return last
