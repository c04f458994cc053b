"""What quotas leave of room, and what one Region has less of than the other."""

from dataclasses import replace

import pytest

from hotsite.core.forecast import plan
from hotsite.core.headroom import Fleet, Limit, Lower, Need, defaults, lower, rooms


@pytest.mark.parametrize("region", ["eu-central-1", "eu-west-3"])
def test_defaults_are_those_of_the_forecast(region):
    found = {one.need: one.value for one in defaults(region)}
    assumed = plan.default_quotas(region)
    assert found[Need.CONNECTS] == assumed.connects_per_s
    assert found[Need.SUBSCRIBES] == assumed.subscribes_per_s
    assert found[Need.CONNECTIONS] == assumed.connections
    assert not any(one.is_read for one in defaults(region))


@pytest.mark.parametrize(
    ("need", "value", "takes_s", "wanted"),
    [
        (Need.CONNECTS, 3000, 20.0, None),
        (Need.CONNECTS, 1000, 60.0, None),
        (Need.CONNECTS, 999, 60000 / 999, 1000),
        (Need.SUBSCRIBES, 1000, 120.0, 2000),
        (Need.CONNECTIONS, 60_000, None, None),
        (Need.CONNECTIONS, 59_999, None, 60_000),
        # Devices that are registered already need none of it.
        (Need.REGISTRATIONS, 10, 6000.0, None),
    ],
)
def test_room_of_a_fleet_of_sixty_thousand(need, value, takes_s, wanted):
    (room,) = rooms([Limit(need, value)], Fleet(60_000, subscriptions=2, rto_s=60.0))
    assert (room.takes_s, room.wanted) == (takes_s, wanted)
    assert room.is_enough == (wanted is None)


def test_fleet_of_unknown_size_fits_as_far_as_anybody_knows():
    for room in rooms(defaults("eu-west-1"), Fleet(None)):
        assert (room.takes_s, room.is_enough, room.wanted) == (None, True, None)


def test_lower_names_what_this_region_has_less_of():
    here = defaults("eu-west-3")
    there = [replace(one, code="L-1") for one in defaults("eu-central-1")]
    assert [one.limit.need for one in lower(here, there)] == [
        Need.CONNECTS,
        Need.SUBSCRIBES,
        Need.CONNECTIONS,
    ]
    assert list(lower(there, here)) == []
    assert list(lower(here, ())) == []
    assert next(lower(here, there)) == Lower(Limit(Need.CONNECTS, 100.0), 3000.0)
