"""The simulated sites do what they say: they break, and what is wrong is seen."""

from collections import Counter

import pytest

from hotsite.core.epoch import FIRST, Epoch
from hotsite.core.operations import Action, Claim, Kind, Look
from hotsite.disasters.failover.disaster import play
from hotsite.disasters.failover.estate import Estate
from hotsite.disasters.failover.faults import FAULTS
from hotsite.disasters.failover.invariants import broken, left_behind
from hotsite.disasters.failover.network import OUTSIDE
from hotsite.disasters.failover.operators import ACTS
from hotsite.disasters.failover.plan import plan, sites_of
from hotsite.disasters.failover.script import script
from hotsite.disasters.failover.watch import Watch
from hotsite.disasters.outcome import Op
from hotsite.flows.failover import Request, operate
from hotsite.sim.gates import BrokenInvariantError
from hotsite.sim.scheduler import Worker


@pytest.mark.parametrize("seed", [1, 25])
def test_seed_always_gives_the_same_disaster(seed):
    assert play(seed) == play(seed)


def test_calm_day_switches_nothing_until_an_operator_does():
    outcome = play(0, ())
    assert outcome.problems == ()
    assert outcome.counts["epochs"] == outcome.counts["operations done"] == 1
    assert outcome.counts["guards: take over"] == 0
    assert outcome.counts["seconds of two active sites"] <= 10


def test_disasters_are_what_they_are_told_to_be():
    """Those who doubt that 5,000 seeds say anything look here first."""
    counts = Counter()
    for seed in range(30):
        outcome = play(seed)
        assert outcome.problems == ()
        counts += outcome.counts
    for what in (
        "guards: take over",
        "guards: stand down",
        "guards: wait",
        "looks that failed",
        "operations done",
        "operators' WorkerKilledError",
        "operators' UnsafePlanError",
        "operators' UnreachableError",
        "seconds of two active sites",
        "workers killed",
    ):
        assert counts[what] > 0, what


def test_every_fault_and_every_operator_comes():
    happened = Counter(op.what for seed in range(300) for op in script(seed))
    assert set(happened) == {*FAULTS, *ACTS}
    assert min(happened.values()) > 10


@pytest.mark.parametrize("seed", [5, 6])
def test_disasters_of_more_than_two_sites_are_what_they_are_told_to_be(seed):
    seeds = range(seed, seed + 35, 7)
    outcomes = [play(one) for one in seeds]
    assert [one.problems for one in outcomes] == [()] * len(outcomes)
    assert {len(sites_of(one)) for one in seeds} == {seed - 2}
    assert sum(one.counts["guards: take over"] for one in outcomes) > 0
    lines = [line for one in outcomes for line in one.lines]
    assert any("epoch 2000000" in line for line in lines)
    assert {op.region for one in seeds for op in script(one)} == set(sites_of(seed))


def test_seeds_of_two_sites_have_two_sites():
    assert {len(sites_of(seed)) for seed in (0, 1, 3, 9, 25, 46, 73, 84, 99)} == {2}


@pytest.mark.parametrize("fault", sorted(FAULTS))
@pytest.mark.parametrize("seed", [5])
def test_every_fault_of_three_sites_ends_by_itself_or_is_healed(fault, seed):
    for number, region in enumerate(sites_of(seed)):
        outcome = play(seed, (Op(130.0, fault, region, number),))
        assert outcome.problems == ()


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_every_fault_ends_by_itself_or_is_healed(fault):
    outcome = play(3, (Op(130.0, fault, "a", 5),))
    assert outcome.problems == ()


def calm():
    estate = Estate(0, plan(0))
    watch = Watch(estate)
    watch.begin()
    estate.scheduler.run(60.0)
    assert list(broken(estate, watch)) == []
    return estate, watch


def claim(letter, number):
    return Claim(Epoch(number, letter, 1_000_060.0, f"guard of {letter}"))


def test_dead_active_site_is_left_by_dns_and_by_its_guard_alone():
    estate, watch = calm()
    estate.die("a")
    estate.scheduler.run(20.0)
    assert estate.names.leads_to() == "b"
    estate.scheduler.run(20.0)
    assert watch.is_active("b")
    assert not watch.is_active("a")


def test_standby_that_dies_moves_nothing():
    estate, _ = calm()
    estate.die("b")
    estate.scheduler.run(300.0)
    assert [led.site for led in estate.names.history] == ["a"]
    assert estate.counts["epochs"] == 0


def test_sites_that_are_only_cut_off_from_each_other_stay_as_they_are():
    estate, watch = calm()
    estate.network.is_peer_up = False
    for way in estate.ways.values():
        way.is_up = False
    estate.scheduler.run(600.0)
    assert estate.counts["epochs"] == 0
    assert watch.is_active("a")
    assert watch.both_s_max == 0


def test_returning_site_leads_nobody_to_itself():
    estate, watch = calm()
    estate.die("a")
    estate.scheduler.run(100.0)
    for way in estate.ways.values():
        way.is_up = False
    estate.live("a")
    assert not watch.is_active("a")
    estate.scheduler.run(60.0)
    assert estate.sites["a"].operations.peek().newest.active == "b"
    assert [led.site for led in estate.names.history] == ["a", "b"]


def test_devices_drop_what_an_older_epoch_says():
    estate, _ = calm()
    estate.fleet.command("a", 2)
    estate.fleet.command("a", 1)
    assert {one.dropped for one in estate.fleet.devices.values()} == {1}


def test_take_over_from_a_healthy_site_is_seen():
    estate, _ = calm()
    estate.scheduler.run(300.0)
    with pytest.raises(BrokenInvariantError, match="though DNS leads away"):
        estate.sites["b"].operations.write(claim("b", 1), previous=None)


def test_epoch_that_goes_back_is_seen():
    estate, _ = calm()
    site = estate.sites["a"].operations
    before = site.peek().look("a")
    newer = Look("a", Epoch(2, "a", 0.0), 0.0, 0.0, 0.0, Action.SERVE, "")
    site.write(newer, previous=before)
    estate.scheduler.run(3.0)
    site.items.clear()
    with pytest.raises(BrokenInvariantError, match="from epoch 2 back to 0"):
        estate.scheduler.run(3.0)


def test_forced_failover_that_calls_the_source_is_seen():
    estate, _ = calm()
    control = estate.control()
    job = lambda: operate(Request(Kind.PLANNED, "b"), control)  # noqa: E731
    estate.scheduler.start(Worker("forced away from a", OUTSIDE, job))
    with pytest.raises(BrokenInvariantError, match="has called a"):
        estate.scheduler.run(30.0)


def test_two_active_sites_are_seen():
    estate, _ = calm()
    estate.network.is_peer_up = False
    for way in estate.ways.values():
        way.is_up = False

    def believe():
        estate.scheduler.at(5.0, believe)
        now_s = estate.scheduler.now_s()
        for letter, epoch in (("a", FIRST), ("b", Epoch(1, "b", now_s))):
            site = estate.sites[letter].operations
            look = Look(letter, epoch, now_s, now_s, now_s, Action.SERVE, "")
            site.write(look, previous=site.peek().look(letter))

    believe()
    with pytest.raises(BrokenInvariantError, match="both sites believe"):
        estate.scheduler.run(300.0)


def test_device_that_is_left_behind_is_seen():
    estate, watch = calm()
    estate.fleet.devices["d0"].site = "b"
    assert list(left_behind(estate, "a")) == ["d0 is at b"]
    estate.fleet.devices["d0"].site = ""
    assert "d0 is nowhere" in list(broken(estate, watch))
