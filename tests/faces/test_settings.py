"""What ``hotsite.toml`` may say of telemetry."""

import pytest

from hotsite import settings
from hotsite.errors import InvalidInputError


def parse(**telemetry):
    given = {"domain": "fleet.example.com", "telemetry": telemetry}
    return settings.parse(given, source="hotsite.toml").telemetry


def test_spread_is_the_fleet_over_what_a_region_admits():
    assert parse(fleet_size=100_000, connects_per_s=500.0).throttle_spread_s == 200.0
    assert parse(fleet_size=3000).throttle_spread_s == 1.0


def test_nothing_said_keeps_a_month_and_knows_no_spread():
    found = parse()
    assert (found.hot_days, found.throttle_spread_s) == (30, None)


@pytest.mark.parametrize(
    ("key", "value"), [("hot_days", 0), ("fleet_size", 0), ("connects_per_s", 0.0)]
)
def test_value_that_makes_no_sense_is_named(key, value):
    with pytest.raises(InvalidInputError, match=f"telemetry.{key} must be"):
        parse(**{key: value})
