"""Operations where there are three sites: from any one to any other."""

from dataclasses import dataclass, replace

import pytest
from tests.flows.failover_world import World

from hotsite.core.epoch import LETTERS, WIDE
from hotsite.core.operations import Kind
from hotsite.disasters.failover.invariants import broken, left_behind
from hotsite.disasters.failover.watch import Watch
from hotsite.errors import InvalidInputError
from hotsite.flows.failover import Request, operate, plan
from hotsite.ports.operations import Lag
from hotsite.sim.scheduler import WorkerKilledError

PLANNED, FORCED, FAILBACK = Kind.PLANNED, Kind.FORCED, Kind.FAILBACK
THREE = LETTERS[:3]


def world_of_three(**more):
    return World(sites=THREE, **more)


def assert_whole(world, active):
    """See that one site is active, DNS leads there, and the whole fleet is there."""
    assert list(broken(world.estate, Watch(world.estate))) == []
    assert world.book("a").newest.active == active
    assert list(left_behind(world.estate, active)) == []


def test_operator_moves_the_fleet_round_all_sites():
    world = world_of_three()
    for kind, target in ((PLANNED, "c"), (PLANNED, "b"), (FAILBACK, "a")):
        assert world.operate(kind, target) is None
        world.run(90.0)
        assert_whole(world, target)
    assert world.book("b").newest.number > WIDE


def test_guards_follow_one_death_after_the_other_to_the_last_site():
    world = world_of_three()
    world.estate.die("a")
    world.run(400.0)
    assert world.book("c").newest.active == world.estate.names.leads_to() == "b"
    world.estate.die("b")
    world.run(400.0)
    assert world.book("c").newest.active == world.estate.names.leads_to() == "c"
    assert {device.site for device in world.estate.fleet.devices.values()} == {"c"}
    for letter in "ab":
        world.estate.live(letter)
    # Nobody moves back alone, and who was away believes nothing but what it hears.
    world.run(400.0)
    assert_whole(world, "c")
    assert world.operate(FAILBACK, "a") is None
    world.run(90.0)
    assert_whole(world, "a")


def test_second_standby_takes_nothing_while_the_first_one_is_well():
    world = world_of_three()
    world.estate.die("a")
    world.run(600.0)
    assert world.book("c").claim("c") is None
    assert world.estate.names.leads_to() == "b"


def test_forced_failover_to_the_last_site_touches_no_other():
    world = world_of_three()
    world.pause()
    for letter in "ab":
        world.estate.die(letter)
    # The name of the operator makes the network refuse all calls but those to c.
    assert world.operate(FORCED, "c") is None
    assert world.book("c").newest.active == world.estate.names.leads_to() == "c"


def test_devices_that_are_at_a_third_site_by_a_detour_are_moved_as_well():
    world = world_of_three()
    world.estate.fleet.disconnect("a", "d0")
    world.estate.fleet.devices["d0"].site = "c"
    assert world.operate(PLANNED, "b") is None
    world.run(60.0)
    assert_whole(world, "b")


@dataclass
class Measured:
    lag_s: float

    def read(self):
        return Lag(self.lag_s, self.lag_s)


def test_lag_behind_the_site_that_is_left_counts_and_of_no_other():
    world = world_of_three()
    control = world.estate.control()
    by_site = {"a": Measured(0.5), "b": Measured(600.0)}
    desk = replace(control.desks["c"], lags_by_site=by_site)
    late = replace(control, desks={**control.desks, "c": desk})
    assert (late.behind_s("c", "a"), late.behind_s("c", "b")) == (0.5, 600.0)
    assert world.do(lambda: operate(Request(PLANNED, "c"), late)) is None
    world.run(90.0)
    assert world.operate(PLANNED, "b") is None
    world.run(90.0)
    error = world.do(lambda: operate(Request(PLANNED, "c"), late))
    assert "c is 600 s behind" in str(error)


def test_site_that_the_settings_do_not_name_is_refused():
    control = World().estate.control()
    with pytest.raises(InvalidInputError, match="no site 'c'; there are a, b"):
        plan(Request(PLANNED, "c"), control)


def test_active_site_that_the_settings_do_not_name_is_told():
    world = world_of_three()
    assert world.operate(PLANNED, "c") is None
    world.run(60.0)
    control = world.estate.control()
    two = replace(control, desks={site: control.desks[site] for site in "ab"})
    error = world.do(lambda: plan(Request(PLANNED, "b"), two))
    assert isinstance(error, InvalidInputError)
    assert "(c) leads to a site that is not in your settings" in str(error)


@pytest.mark.no_cover
@pytest.mark.parametrize("killed", range(0, 60, 7))
def test_operation_that_is_killed_and_run_again_ends_in_the_same_state(killed):
    world = world_of_three()
    error = world.operate(PLANNED, "c", calls_left=killed)
    assert error is None or isinstance(error, WorkerKilledError)
    assert world.operate(PLANNED, "c") is None
    world.run(90.0)
    assert_whole(world, "c")
    world.estate.close()
