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


@pytest.mark.parametrize("strategy", ["hot-site", "active-active", "pilot-light"])
def test_strategies_are_known_by_their_names(strategy):
    given = {"domain": "fleet.example.com", "strategy": strategy}
    found = settings.parse(given, source="hotsite.toml")
    assert found.strategy == strategy
    assert found.is_shared == (strategy == "active-active")
    assert [found.is_off(site) for site in found.sites] == [
        False,
        strategy == "pilot-light",
    ]


def test_a_strategy_that_does_not_exist_is_refused_with_those_that_do():
    given = {"domain": "fleet.example.com", "strategy": "warm"}
    with pytest.raises(InvalidInputError, match=r"strategy.*active-active"):
        settings.parse(given, source="hotsite.toml")


@pytest.mark.parametrize("weight", [-1, 256])
def test_a_weight_that_route_53_does_not_take_is_refused(weight):
    sites = [
        {"letter": "a", "region": "eu-central-1", "weight": weight},
        {"letter": "b", "region": "eu-west-1"},
    ]
    given = {"domain": "fleet.example.com", "sites": sites}
    with pytest.raises(InvalidInputError, match="weight must be 0 to 255"):
        settings.parse(given, source="hotsite.toml")


REGIONS = ("eu-central-1", "eu-west-1", "us-east-1", "ap-southeast-2", "sa-east-1")


def sites_of(letters, regions=REGIONS, **more):
    rows = [
        {"letter": letter, "region": region}
        for letter, region in zip(letters, regions, strict=False)
    ]
    given = {"domain": "fleet.example.com", "sites": rows, **more}
    return settings.parse(given, source="hotsite.toml")


@pytest.mark.parametrize("letters", ["ab", "abc", "abcd"])
def test_up_to_three_standbys_may_be_named(letters):
    found = sites_of(letters)
    assert [site.letter for site in found.sites] == list(letters)
    assert found.is_pair == (letters == "ab")
    assert not any(map(found.is_off, found.sites))


def test_the_standby_of_a_pilot_light_is_off():
    found = sites_of("ab", strategy="pilot-light")
    assert [found.is_off(site) for site in found.sites] == [False, True]


@pytest.mark.parametrize(
    ("letters", "regions", "strategy", "said"),
    [
        ("a", REGIONS, "hot-site", 'needs letter "a", then letter "b"'),
        ("ba", REGIONS, "hot-site", 'needs letter "a", then letter "b"'),
        ("abd", REGIONS, "hot-site", 'then letter "d".*here are a, b, d'),
        ("abcde", REGIONS, "hot-site", "there may be no more"),
        ("abc", REGIONS[:2] + REGIONS[:1], "hot-site", "two sites are in eu-central-1"),
        ("ab", REGIONS[:1] * 2, "hot-site", "both sites are in eu-central-1"),
        ("abc", REGIONS, "active-active", "takes two sites, here are 3"),
        ("abc", REGIONS, "pilot-light", "takes two sites, here are 3"),
    ],
)
def test_sites_that_cannot_work_are_refused(letters, regions, strategy, said):
    with pytest.raises(InvalidInputError, match=said):
        sites_of(letters, regions, strategy=strategy)
