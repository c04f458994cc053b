"""The forecast against the same fleet, played device by device."""

from dataclasses import replace

import numpy as np
import pytest
from tests.forecast.forecast_reference import Reference

from hotsite.core.forecast.detection import checked_s
from hotsite.core.forecast.plan import (
    FaultKind,
    Plan,
    Quotas,
    Resolvers,
    default_quotas,
    device,
)
from hotsite.core.forecast.simulate import play
from hotsite.core.hardship import Follow

DEVICES = 100_000
KS_MAX = 0.005
SEED = 7
OBEYED = Resolvers(stretch_share=0.0)
UNLIMITED = Quotas(None, None, None)


def spreading(plan, spread_s):
    backoff = replace(plan.device.policy.backoff, throttle_spread_s=spread_s)
    policy = replace(plan.device.policy, backoff=backoff)
    return replace(plan, device=replace(plan.device, policy=policy))


SCENARIOS = {
    "silent, DNS, no quota": Plan(DEVICES, resolvers=OBEYED, quotas=UNLIMITED),
    "silent, DNS, some stretch the TTL": Plan(DEVICES),
    "reset, DNS, fleet at the door with the TTL": Plan(
        DEVICES, FaultKind.RESET, resolvers=OBEYED
    ),
    "silent, own names, refused devices spread over 30 s": Plan(
        DEVICES, device=device(Follow.OWN_NAMES)
    ),
    "reset, own names, the whole fleet at once": spreading(
        Plan(DEVICES, FaultKind.RESET, device(Follow.OWN_NAMES)), DEVICES / 3000
    ),
    "silent, second connection, pings before messages": Plan(
        DEVICES, device=device(Follow.PRE_WARMED)
    ),
    "reset, own names, a Region with small quotas": spreading(
        Plan(
            DEVICES,
            FaultKind.RESET,
            device(Follow.OWN_NAMES),
            quotas=default_quotas("eu-west-3"),
        ),
        DEVICES / 100,
    ),
}


def distance(row, step_s, times_s):
    """Return the Kolmogorov-Smirnov distance of a distribution and a sample."""
    ordered = np.sort(times_s)
    share = np.interp(ordered, np.arange(len(row)) * step_s, row)
    steps = np.arange(len(ordered) + 1) / len(ordered)
    return max(np.abs(share - steps[1:]).max(), np.abs(share - steps[:-1]).max())


@pytest.mark.parametrize("name", SCENARIOS)
def test_forecast_is_the_distribution_of_the_fleet_played_device_by_device(name):
    plan = SCENARIOS[name]
    found = play(plan, [0.5])
    switched_s = checked_s(plan.check, plan.fault, 0.5)
    real = Reference(plan, switched_s, SEED).run()
    step_s = found.admission.step_s
    assert distance(found.connected[0], step_s, real.connected_s) <= KS_MAX
    if plan.device.follow is not Follow.PRE_WARMED:
        assert distance(found.back[0], step_s, real.back_s) <= KS_MAX
        connects = real.connects / DEVICES
        assert found.admission.connects_per_device == pytest.approx(connects, rel=0.01)
