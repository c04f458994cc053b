"""What becomes of the standby's compute when templates are deployed: a table."""

import pytest

from hotsite.core.epoch import FIRST, Epoch
from hotsite.core.lighting import OFF, ON, Light, choose
from hotsite.errors import InvalidInputError, UnsafePlanError

BOTH = ("meter", "canary")
TAKEN = Epoch(3, "b", 1.0)
BACK = Epoch(4, "a", 2.0)


@pytest.mark.parametrize(
    ("is_pilot", "light", "puts_out", "value", "said"),
    [
        (False, None, False, ON, ""),
        (False, Light(FIRST, ()), False, ON, ""),
        (False, Light(TAKEN, BOTH), False, ON, ""),
        (True, None, False, OFF, ""),
        (True, Light(FIRST, ()), False, OFF, ""),
        (True, Light(FIRST, BOTH), False, ON, "b is lit (meter, canary), and stays so"),
        (True, Light(BACK, ("canary",)), False, ON, "b is lit (canary)"),
        (True, Light(TAKEN, BOTH), False, ON, "b is active (epoch 3 (b)), so it stays"),
        # A change that failed has put it out, and nobody came to light it again.
        (True, Light(TAKEN, ()), False, ON, "b is active (epoch 3 (b)), so it stays"),
        (True, Light(BACK, BOTH), True, OFF, "b is put out: meter, canary"),
        (True, Light(FIRST, ()), True, OFF, "b is put out: nothing is on"),
    ],
)
def test_what_is_on_stays_on_until_somebody_puts_it_out(
    is_pilot, light, puts_out, value, said
):
    found = choose(light, standby="b", is_pilot=is_pilot, puts_out=puts_out)
    assert (found.value, found.is_on) == (value, value == ON)
    assert found.reason.startswith(said)
    assert bool(found.reason) == bool(said)


def test_the_site_that_serves_is_not_put_out():
    with pytest.raises(UnsafePlanError, match=r"b is active by epoch 3 \(b\)"):
        choose(Light(TAKEN, BOTH), standby="b", is_pilot=True, puts_out=True)


@pytest.mark.parametrize(
    ("light", "is_pilot"), [(Light(FIRST, BOTH), False), (None, True)]
)
def test_what_is_no_pilot_light_cannot_be_put_out(light, is_pilot):
    with pytest.raises(InvalidInputError, match="there is no pilot light here"):
        choose(light, standby="b", is_pilot=is_pilot, puts_out=True)
