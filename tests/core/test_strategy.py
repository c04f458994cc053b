"""Which name tells who is active, and where devices may be."""

import pytest

from hotsite.core.strategy import Strategy, is_spread, witness_name


@pytest.mark.parametrize(
    ("strategy", "name"),
    [
        (Strategy.HOT_SITE, "iot.fleet.example.com"),
        (Strategy.PILOT_LIGHT, "iot.fleet.example.com"),
        (Strategy.ACTIVE_ACTIVE, "active.fleet.example.com"),
    ],
)
def test_a_name_that_both_sites_answer_tells_nobody_who_is_active(strategy, name):
    assert witness_name(strategy, "fleet.example.com") == name


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("active", ["a", "b"])
def test_devices_are_on_both_sites_while_two_are_active_and_a_commands(
    strategy, active
):
    is_both = strategy is Strategy.ACTIVE_ACTIVE and active == "a"
    assert is_spread(strategy, active) == is_both
