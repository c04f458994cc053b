"""What is forecast of a drill, before it is played: this needs NumPy.

The local world has no quotas, and devices there ask the authority themselves, so
nothing keeps an answer. Its health checks are those of the templates, and a stopped
Region still takes TCP connections: a probe fails when its status does not come.
"""

from hotsite.core.forecast.plan import (
    FaultKind,
    HealthCheck,
    Plan,
    Quotas,
    Resolvers,
    device,
)
from hotsite.core.forecast.simulate import play
from hotsite.core.foreseen import DrillForecast
from hotsite.core.hardship import Follow
from hotsite.core.journal import DrillStarted, Fact
from hotsite.core.scenario import FaultKind as ScenarioFault
from hotsite.core.scenario import Scenario
from hotsite.core.strategy import Strategy
from hotsite.local.dns.config import CHECKERS
from hotsite.local.dns.probe import STATUS_S
from hotsite.ports import Journal
from hotsite.settings import DnsSettings

_FAULTS = {
    ScenarioFault.REGION_KILL: FaultKind.RESET,
    ScenarioFault.REGION_FREEZE: FaultKind.BLACK_HOLE,
}
_PERCENTS = (50, 90, 99, 100)


def foresee(scenario: Scenario) -> DrillForecast | None:
    """Return what a drill in the local world should measure.

    Args:
        scenario: The drill.

    Returns:
        The forecast; None for a drill of something else: no recovery, a fault of two
        halves, devices without power, names that are told not to move, or two active
        sites, of which nobody knows how many devices each holds.
    """
    fault = _FAULTS.get(scenario.fault.kind)
    is_other = scenario.churn is not None or scenario.power is not None
    is_stuck = not scenario.dns_failover and scenario.devices_follow is Follow.DNS
    is_shared = scenario.strategy is Strategy.ACTIVE_ACTIVE
    if fault is None or is_other or is_stuck or is_shared:
        return None
    dns = DnsSettings()
    every_s = scenario.publish_interval_s
    plan = Plan(
        devices=scenario.devices,
        fault=fault,
        device=device(scenario.devices_follow, publish_interval_s=every_s),
        check=HealthCheck(
            interval_s=dns.interval_s,
            failure_threshold=dns.failure_threshold,
            silent_s=STATUS_S,
            checkers=CHECKERS,
            publish_s_max=0.0,
        ),
        resolvers=Resolvers(ttl_s=0.0, stretch_share=0.0),
        quotas=Quotas(None, None, None),
    )
    played = play(plan, [0.5])
    found = (played.percentile_s(played.back, percent)[0] for percent in _PERCENTS)
    return DrillForecast(*(round(value_s, 3) for value_s in found))


class Foretold:
    """A journal whose second line is the forecast."""

    def __init__(self, journal: Journal, forecast: DrillForecast) -> None:
        self._journal = journal
        self._forecast = forecast

    def write(self, fact: Fact) -> None:
        """Append one fact, and the forecast after the first one."""
        self._journal.write(fact)
        if isinstance(fact, DrillStarted):
            self._journal.write(self._forecast)
