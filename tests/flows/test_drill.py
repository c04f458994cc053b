from dataclasses import replace
from functools import partial

import pytest

from hotsite.core.books import DeviceReported, StoreHeld
from hotsite.core.churn import SiteReturned
from hotsite.core.hardship import (
    Follow,
    Power,
    PowerCut,
    PowerRestored,
    Sick,
    SiteSick,
)
from hotsite.core.journal import (
    DeviceConnected,
    DeviceDisconnected,
    DeviceOnboarded,
    DnsAnswered,
    DrillEnded,
    DrillStarted,
    Event,
    FaultInjected,
    FleetSampled,
    Note,
    Phase,
    PhaseStarted,
)
from hotsite.core.scenario import Fault, FaultKind, Objectives, Scenario
from hotsite.core.strategy import Strategy
from hotsite.core.verdict import judge
from hotsite.errors import NotReadyError, UnreachableError
from hotsite.flows.drill import play
from hotsite.sim.clock import SimClock
from hotsite.sim.world import SimWorld

KILL = Scenario(
    name="region-loss",
    title="The active Region dies.",
    fault=Fault(FaultKind.REGION_KILL),
    devices=8,
)


class Journal:
    def __init__(self, clock):
        self.clock, self.events, self.on_fact = clock, [], lambda fact: None

    def write(self, fact):
        now_s = self.clock.now_s()
        self.events.append(Event(now_s - 1_000_000.0, now_s, fact))
        self.on_fact(fact)

    def of(self, kind):
        return [event.fact for event in self.events if isinstance(event.fact, kind)]


def drill(scenario=KILL, *, world=SimWorld, on_fact=None):
    clock = SimClock()
    there = world(clock, seed=scenario.seed)
    journal = Journal(clock)
    if on_fact:
        journal.on_fact = lambda fact: on_fact(there, fact)
    play(scenario, "the file", there, journal, clock)
    return journal


def test_fleet_comes_back_in_the_other_region_and_nothing_is_lost():
    journal = drill()
    verdict = judge(journal.events)
    assert verdict.is_pass, verdict.reasons
    assert verdict.rto.recovered == 8
    assert (verdict.rpo.lost, verdict.rpo.duplicates) == (0, 0)
    assert verdict.registry.connectable_in_standby == 8
    assert journal.of(DrillEnded) == [DrillEnded("done")]


def test_phases_come_in_their_order():
    phases = [fact.phase for fact in drill().of(PhaseStarted)]
    assert phases == [
        Phase.ONBOARD,
        Phase.PROVE,
        Phase.STEADY,
        Phase.FAULT,
        Phase.RECOVER,
        Phase.ONBOARD_AFTER,
        Phase.STAY_HEALTHY,
        Phase.COLLECT,
    ]


def test_half_of_the_fleet_is_onboarded_in_each_region():
    facts = drill().of(DeviceOnboarded)
    regions = [fact.region for fact in facts if "-after-" not in fact.thing]
    assert regions.count("eu-central-1") == regions.count("eu-west-1") == 4
    assert facts[-1].region == "eu-west-1"


@pytest.mark.parametrize("seed", range(1, 21))
def test_frozen_region_is_survived_with_every_seed(seed):
    scenario = replace(KILL, fault=Fault(FaultKind.REGION_FREEZE), seed=seed)
    verdict = judge(drill(scenario).events)
    assert verdict.is_pass, verdict.reasons


def test_sick_replication_is_repaired_by_the_devices_and_shown():
    verdict = judge(drill(replace(KILL, replication_lag_s=30.0)).events)
    assert verdict.rpo.lost == 0
    assert verdict.rpo.lost_if_puback_trusted > 0


def test_without_a_fault_there_is_no_recovery_time_and_a_reason():
    journal = drill(replace(KILL, fault=Fault(FaultKind.NONE)))
    verdict = judge(journal.events)
    assert verdict.rto.p99_s is None
    assert not journal.of(FaultInjected)
    assert any("no fault" in reason for reason in verdict.reasons)
    assert verdict.rpo.lost == 0


def test_with_dns_failover_disabled_the_drill_fails_and_says_so():
    scenario = replace(KILL, dns_failover=False, recovery_limit_s=60.0)
    journal = drill(scenario)
    verdict = judge(journal.events)
    assert not verdict.is_pass
    assert verdict.rto.recovered == 0
    assert any("was not onboarded" in note.text for note in journal.of(Note))
    assert all(fact.region == "eu-central-1" for fact in journal.of(DnsAnswered))


class Forgetful(SimWorld):
    """The standby never hears of one device."""

    def lags(self, region):
        found = dict(super().lags(region))
        if region == "eu-west-1":
            found.pop("oven-1-00000", None)
        self._registered["eu-west-1"].pop("oven-1-00000", None)
        return found


def test_device_that_the_standby_lacks_is_named_and_fails_the_drill():
    journal = drill(world=Forgetful)
    verdict = judge(journal.events)
    assert not verdict.is_pass
    assert verdict.registry.connectable_in_standby == 7
    notes = [note.text for note in journal.of(Note)]
    assert "eu-west-1 lacks 1 devices, oven-1-00000 for one" in notes


class Offline(SimWorld):
    """One device never gets through at all, and one store keeps nothing."""

    def start_fleet(self, things, plan):
        super().start_fleet(things, plan)
        self._devices["oven-1-00000"].try_at_s = float("inf")


def test_device_that_never_connects_does_not_hold_the_drill_up():
    journal = drill(world=Offline)
    assert Note("1 devices never connected before the fault") in journal.of(Note)
    assert len({fact.thing for fact in journal.of(DeviceConnected)}) == 7
    assert not judge(journal.events).is_pass


class Leaky(SimWorld):
    """The surviving store loses what it was given."""

    def held(self, region):
        return [
            replace(item, held=item.held.difference(item.held), row_count=0)
            for item in super().held(region)
        ]


def test_lost_messages_are_counted_after_a_fair_wait():
    verdict = judge(drill(world=Leaky).events)
    assert verdict.rpo.lost > 0
    assert not verdict.is_pass


@pytest.mark.parametrize("phase", [Phase.STEADY, Phase.RECOVER, Phase.ONBOARD_AFTER])
def test_death_of_the_world_ends_the_journal_with_its_reason(phase):
    def kill(world, fact):
        if fact == PhaseStarted(phase):
            world.died = "process dns died"

    clock = SimClock()
    world, journal = SimWorld(clock, seed=1), Journal(clock)
    journal.on_fact = lambda fact: kill(world, fact)
    scenario = replace(KILL, dns_failover=phase is not Phase.ONBOARD_AFTER)
    with pytest.raises(NotReadyError, match="process dns died"):
        play(scenario, "", world, journal, clock)
    assert journal.of(DrillEnded) == [DrillEnded("world died: process dns died")]


def test_victim_of_a_death_does_not_hide_its_cause():
    class Dying(SimWorld):
        def onboard(self, things, *, region):
            self.died = "dns (pid 7) died"
            raise UnreachableError("no endpoint")

    with pytest.raises(NotReadyError, match=r"dns .* died"):
        drill(world=Dying)


def test_error_of_a_world_that_lives_is_told_as_it_is():
    class Refusing(SimWorld):
        def onboard(self, things, *, region):
            raise UnreachableError("no endpoint")

    with pytest.raises(UnreachableError, match="no endpoint"):
        drill(world=Refusing)


def test_of_two_active_sites_one_half_of_the_fleet_feels_nothing():
    world = partial(SimWorld, is_shared=True)
    journal = drill(replace(KILL, strategy=Strategy.ACTIVE_ACTIVE), world=world)
    assert judge(journal.events).is_pass
    began_s = next(e.at_s for e in journal.events if isinstance(e.fact, FaultInjected))
    before = [
        event.fact.connected
        for event in journal.events
        if isinstance(event.fact, FleetSampled) and event.at_s < began_s
    ]
    assert all(count > 0 for count in before[-1].values())
    stayed = sum(1 for silent in journal.of(DeviceDisconnected))
    assert 0 < stayed < KILL.devices


def test_first_line_says_what_was_played():
    started = drill().of(DrillStarted)[0]
    assert (started.scenario, started.world, started.devices) == (
        "region-loss",
        "sim",
        8,
    )
    assert started.scenario_text == "the file"


def test_samples_show_the_fleet_leaving_and_coming_back():
    samples = drill().of(FleetSampled)
    assert any(sample.offline == 8 for sample in samples)
    assert samples[-1].connected == {"eu-central-1": 0, "eu-west-1": 8}
    assert samples[-1].backlog == 0


def test_same_seed_gives_the_same_journal():
    assert drill().events == drill().events


WORST = replace(
    KILL,
    name="power-and-region",
    fault=Fault(FaultKind.REGION_FREEZE_THEN_KILL, kill_after_s=10.0),
    devices_follow=Follow.OWN_NAMES,
    power=Power(cuts_per_min=30.0, processes=3),
    sick=Sick(for_s=10.0, lag_s_min=5.0),
    region_returns=True,
    objectives=Objectives(puback_loss_min=1, power_cuts_min=1),
)


@pytest.mark.parametrize("seed", range(1, 41))
def test_power_cuts_and_a_sick_region_that_dies_lose_nothing(seed):
    verdict = judge(drill(replace(WORST, seed=seed)).events)
    assert verdict.is_pass, verdict.reasons
    assert (verdict.rpo.lost, verdict.rpo.duplicates) == (0, 0)
    assert verdict.rpo.lost_if_puback_trusted > 0
    assert verdict.returned.wrong == 0


def test_a_region_freezes_while_it_is_sick_dies_and_returns():
    journal = drill(WORST)
    faults = [fact.fault for fact in journal.of(FaultInjected)]
    assert faults == [FaultKind.REGION_FREEZE, FaultKind.REGION_KILL]
    (frozen_s, killed_s) = [
        event.world_s
        for event in journal.events
        if isinstance(event.fact, FaultInjected)
    ]
    assert 10 <= killed_s - frozen_s < 11
    assert [fact.region for fact in journal.of(SiteSick)] == ["eu-central-1"]
    assert [fact.region for fact in journal.of(SiteReturned)] == ["eu-central-1"]
    assert {f.region for f in journal.of(StoreHeld)} == {"eu-central-1", "eu-west-1"}


def test_every_part_that_loses_its_power_gets_it_back_and_begins_a_new_epoch():
    journal = drill(WORST)
    cuts = [fact.process for fact in journal.of(PowerCut)]
    back = [fact.process for fact in journal.of(PowerRestored)]
    assert sorted(cuts) == sorted(back)
    epochs = {fact.epoch for fact in journal.of(DeviceReported)}
    assert len(epochs) > 1
    gone = [f.reason for f in journal.of(DeviceDisconnected)]
    assert "power cut" in gone


def test_a_region_that_forgets_on_its_return_is_found_out():
    class Careless(SimWorld):
        def restore(self, region):
            super().restore(region)
            for rows in self._stores.values():
                next(iter(rows.values())).popitem()

    verdict = judge(drill(WORST, world=Careless).events)
    assert verdict.returned.vanished == 1
    assert not verdict.is_pass
