"""The standby's compute is what it shall be, whatever it was."""

from itertools import product

import pytest

from hotsite.flows.lighting import settle
from hotsite.sim.compute import SimCompute

KNOWN = ("canary", "meter")


@pytest.mark.parametrize(
    ("is_on", "lit"), list(product((True, False), ((), *((one,) for one in KNOWN))))
)
def test_it_settles_once_from_wherever_it_is(is_on, lit):
    compute = SimCompute(KNOWN)
    for name in lit:
        compute.switch_on(name)
    told = list(settle(compute, is_on=is_on))
    assert compute.off() == (() if is_on else KNOWN)
    assert len(told) == (len(KNOWN) - len(lit) if is_on else len(lit))
    assert list(settle(compute, is_on=is_on)) == []


def test_the_canary_proves_health_first_and_stops_last():
    compute = SimCompute(KNOWN)
    assert list(settle(compute, is_on=True)) == ["canary is on", "meter is on"]
    assert list(settle(compute, is_on=False)) == ["meter is off", "canary is off"]
