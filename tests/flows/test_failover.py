"""Operations: refused, killed anywhere and run again, stopped, and paced."""

import pytest
from tests.flows.failover_world import World

from hotsite.core.epoch import Epoch
from hotsite.core.operations import Claim, Kind
from hotsite.errors import (
    InvalidInputError,
    NotReadyError,
    UnreachableError,
    UnsafePlanError,
)
from hotsite.flows.failover import Request, operate, plan
from hotsite.sim.scheduler import WorkerKilledError

PLANNED, FORCED, FAILBACK = Kind.PLANNED, Kind.FORCED, Kind.FAILBACK


def ready_for(kind):
    """Return a world in which a kind of operation has its reason."""
    world = World()
    if kind is FORCED:
        # Guards would be faster than the operator.
        world.pause()
        world.estate.die("a")
    if kind is FAILBACK:
        assert world.operate(PLANNED, "b") is None
        world.run(60.0)
    return world


TARGETS = {PLANNED: "b", FORCED: "b", FAILBACK: "a"}


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", TARGETS)
def test_operation_that_is_killed_anywhere_and_run_again_ends_in_the_same_state(kind):
    reference = ready_for(kind)
    assert reference.operate(kind, TARGETS[kind]) is None
    expected = reference.state()
    reference.estate.close()
    killed = 0
    while True:
        world = ready_for(kind)
        error = world.operate(kind, TARGETS[kind], calls_left=killed)
        if error is None:
            break
        assert isinstance(error, WorkerKilledError)
        assert world.operate(kind, TARGETS[kind]) is None, killed
        assert world.state() == expected, killed
        world.estate.close()
        killed += 1
    assert killed > {PLANNED: 40, FORCED: 10, FAILBACK: 40}[kind]
    assert "done" in expected[1]


def test_forced_failover_touches_nothing_of_the_site_that_it_leaves():
    world = ready_for(FORCED)
    calm = World()
    for one in (world, calm):
        # Its name alone makes each call to the source a broken invariant.
        assert one.operate(FORCED, "b") is None
        assert one.book("b").newest.is_forced
        assert one.estate.names.leads_to() == "b"


def test_planned_failover_moves_the_whole_fleet():
    world = World()
    assert {one.site for one in world.estate.fleet.devices.values()} == {"a"}
    assert world.operate(PLANNED, "b") is None
    assert {one.site for one in world.estate.fleet.devices.values()} == {"b"}
    steps = [line.what for line in world.book_lines("b") if line.by == "operator"]
    assert steps[0] == "planned to b is begun"
    assert steps[-1] == "planned to b is done"


def test_refusal_says_everything_and_changes_nothing():
    world = World(dwell_s=3000.0)
    world.pause()
    world.estate.weather["b"].is_sick = True
    world.run(120.0)
    before = world.book("b").items.keys()
    error = world.operate(PLANNED, "b", because="I am in a hurry")
    assert isinstance(error, UnsafePlanError)
    assert str(error).startswith("refused: b is not healthy")
    error = world.operate(PLANNED, "b")
    assert "b is not healthy" in str(error)
    assert "paused: a test" in str(error)
    assert world.book("b").items.keys() == before
    assert world.book("b").operation("b") is None


def test_what_was_overridden_is_recorded_with_its_reason():
    world = World()
    world.pause()
    assert world.operate(PLANNED, "b", because="the hall is dark") is None
    operation = world.book("b").operation("b")
    assert operation.overridden == ("paused: a test",)
    assert operation.force_because == "the hall is dark"
    assert world.book("b").newest.reason == "the hall is dark"
    told = [line for line in world.book_lines("b") if "overridden" in line.what]
    assert told[0].reason == "the hall is dark"


def test_switch_that_was_too_recent_is_refused():
    world = World(dwell_s=3000.0)
    assert world.operate(FORCED, "b", because="a drill") is None
    error = world.operate(FAILBACK, "a")
    assert "switched too recently" in str(error)


def test_target_that_is_behind_is_waited_for_and_then_left_alone():
    world = World()
    world.estate.behind_s["b"] = 600.0
    error = world.operate(PLANNED, "b")
    assert isinstance(error, NotReadyError)
    assert "lag gate: b is 600 s behind, 10 s allowed" in str(error)
    assert world.book("b").newest.active == "a"
    world.estate.behind_s["b"] = 5.0
    assert world.operate(PLANNED, "b") is None


def test_who_has_a_reason_does_not_wait_for_a_lag_and_it_is_recorded():
    world = World()
    world.estate.behind_s["b"] = 600.0
    assert world.operate(PLANNED, "b", because="the hall is dark") is None
    operation = world.book("b").operation("b")
    assert operation.overridden == ("b is 600 s behind, 10 s allowed",)


def test_failback_waits_for_the_lag_of_both_directions():
    world = ready_for(FAILBACK)
    world.estate.behind_s["b"] = 600.0
    error = world.operate(FAILBACK, "a")
    assert "lag gate: b is 600 s behind" in str(error)
    assert world.book("a").newest.active == "b"


def test_failback_writes_down_what_happened_meanwhile():
    world = ready_for(FAILBACK)
    assert world.operate(FAILBACK, "a") is None
    told = [line for line in world.book_lines("a") if line.what == "conflict report"]
    assert "6 pending" in told[0].reason


def test_dead_target_and_dead_source_of_a_planned_failover():
    world = World()
    world.estate.die("b")
    assert isinstance(world.operate(PLANNED, "b"), UnreachableError)
    world = World()
    world.pause()
    world.estate.die("a")
    error = world.operate(PLANNED, "b", because="anyway")
    assert "a does not answer: use --forced if it is dead" in str(error)


def test_operation_whose_epoch_is_no_longer_the_newest_stops():
    world = World()
    world.operate(PLANNED, "b", calls_left=20)
    assert world.book("b").operation("b").epoch == 1
    newer = Claim(Epoch(2, "a", world.estate.scheduler.now_s(), "somebody"))
    world.estate.sites["a"].operations.write(newer, previous=None)
    world.run(10.0)
    error = world.operate(PLANNED, "b")
    assert "switched too recently, by epoch 2 (a)" in str(error)


def test_running_operation_stops_when_a_newer_epoch_comes():
    world = World(connects_per_s=0.1)
    request, control = Request(PLANNED, "b"), world.estate.control()
    ends = world.start(lambda: operate(request, control))
    world.run(60.0)
    newer = Claim(Epoch(2, "a", world.estate.scheduler.now_s(), "somebody"))
    world.estate.sites["a"].operations.write(newer, previous=None)
    world.run(400.0)
    assert "epoch 2 (a) came after epoch 1 of this operation" in str(ends[0])


def test_source_that_replication_does_not_reach_is_told_by_the_operator():
    world = World()
    world.estate.network.is_peer_up = False
    for way in world.estate.ways.values():
        way.is_up = False
    assert world.operate(PLANNED, "b") is None
    assert world.book("a").newest.number == 1
    assert world.book("a").claim("b") is None
    # What is told must not stand in the way of what replication brings.
    assert world.estate.names.leads_to() == "b"


def test_drain_keeps_to_its_pace():
    spreads_s = []
    for seed in range(4):
        world = World(connects_per_s=0.5, seed=seed)
        began_s = world.estate.scheduler.now_s()
        assert world.operate(PLANNED, "b") is None
        arrived = [at_s for at_s in world.estate.fleet.connects["b"] if at_s > began_s]
        assert len(arrived) == 6
        spreads_s.append(max(arrived) - min(arrived))
    # 0.8 of 0.5 a second, for 6 devices: 15 s, of which a seed draws a part.
    assert sum(spreads_s) / len(spreads_s) > 8.0


def test_drain_stops_when_the_target_falls_sick_and_goes_on_when_it_is_well():
    world = World(connects_per_s=0.1)
    request, control = Request(PLANNED, "b"), world.estate.control()
    ends = world.start(lambda: operate(request, control))
    world.run(60.0)
    world.estate.weather["b"].is_sick = True
    world.pause()
    world.run(200.0)
    assert "stopped: b is not healthy" in str(ends[0])
    world.estate.weather["b"].is_sick = False
    world.run(60.0)
    assert world.operate(PLANNED, "b", within_s=900.0) is None
    assert {one.site for one in world.estate.fleet.devices.values()} == {"b"}


def test_second_run_of_an_operation_that_is_over_moves_who_is_left():
    world = World()
    assert world.operate(PLANNED, "b") is None
    world.estate.fleet.devices["d0"].site = "a"
    assert world.operate(PLANNED, "b") is None
    assert world.book("b").newest.number == 1
    assert world.estate.fleet.devices["d0"].site == "b"


def test_plan_changes_nothing_and_says_what_it_would_take():
    world = World(connects_per_s=1.0)
    found = []
    request, control = Request(PLANNED, "b"), world.estate.control()
    world.do(lambda: found.append(plan(request, control)))
    (said,) = found
    assert said.refused == said.objections == ()
    assert said.steps[:3] == ("lag gate", "epoch", "fence")
    assert said.drain_s == pytest.approx(7.5)
    assert world.book("b").operation("b") is None


def test_request_for_a_site_that_there_is_not_is_refused():
    with pytest.raises(InvalidInputError):
        Request(PLANNED, "e")


def test_nothing_is_said_to_devices_in_the_name_of_a_fenced_site():
    # One device in twelve seconds, so that the guard can fall silent in between.
    world = World(connects_per_s=0.1)
    control = world.estate.control()
    ends = world.start(lambda: operate(Request(PLANNED, "b"), control))
    while (found := world.book("b").operation("b")) is None or (
        found.step != "move orders"
    ):
        world.run(1.0)
    world.estate.weather["b"].is_guarded = False
    world.run(400.0)
    (error,) = ends
    assert isinstance(error, NotReadyError)
    assert "stopped: b is fenced" in str(error)
    assert "a" in {one.site for one in world.estate.fleet.devices.values()}
