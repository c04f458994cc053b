from dataclasses import replace

import pytest

from hotsite.core.churn import (
    Action,
    CertificateTried,
    Churn,
    DeviceFound,
    Outcome,
    RegionSwept,
    RegistryChanged,
    SiteReturned,
    Way,
)
from hotsite.core.fates import fates_of
from hotsite.core.journal import DrillEnded, Event, FaultInjected, Note, PhaseStarted
from hotsite.core.scenario import Fault, FaultKind, Scenario
from hotsite.core.verdict import judge
from hotsite.errors import NotReadyError, UnreachableError
from hotsite.flows.churn import play_churn
from hotsite.sim.churn import SimChurnWorld
from hotsite.sim.clock import SimClock

SCENARIO = Scenario(
    name="registry-churn",
    title="Names change while a Region dies and returns.",
    fault=Fault(FaultKind.REGION_KILL),
    devices=30,
    churn=Churn(),
)
ACTIVE, STANDBY = "eu-central-1", "eu-west-1"


class Journal:
    def __init__(self, clock):
        self.clock, self.events = clock, []

    def write(self, fact):
        now_s = self.clock.now_s()
        self.events.append(Event(now_s - 1_000_000.0, now_s, fact))

    def of(self, kind):
        return [event.fact for event in self.events if isinstance(event.fact, kind)]


def drill(scenario=SCENARIO, *, world=SimChurnWorld):
    clock = SimClock()
    journal = Journal(clock)
    there = world(clock, seed=scenario.seed)
    play_churn(scenario, "the file", there, journal, clock)
    return journal


@pytest.mark.parametrize("seed", range(1, 41))
def test_two_registries_agree_after_a_kill_and_a_return(seed):
    journal = drill(replace(SCENARIO, seed=seed))
    verdict = judge(journal.events)
    assert verdict.is_pass, verdict.reasons
    assert verdict.churn.while_one_lived == 20
    assert sum(verdict.churn.changes.values()) == 80
    assert journal.of(DrillEnded) == [DrillEnded("done")]


def test_the_verdict_says_what_it_counted():
    document = judge(drill().events).to_json()
    assert document["objectives"] == {
        "rto_s": None,
        "rpo_messages": None,
        "lag_p99_s": 5.0,
        "drift": 0,
        "devices_lost": 0,
        "shut_out_let_in": 0,
    }
    assert document["churn"]["drift"] == 0
    assert all(document["churn"]["changes"].values())
    assert set(document["rto"].values()) == {None}


def test_changes_of_every_kind_are_made_while_one_region_is_dead():
    journal = drill()
    facts = [event.fact for event in journal.events]
    lost = next(i for i, fact in enumerate(facts) if isinstance(fact, FaultInjected))
    back = next(i for i, fact in enumerate(facts) if isinstance(fact, SiteReturned))
    alone = [f for f in facts[lost:back] if isinstance(f, RegistryChanged)]
    assert {fact.region for fact in alone} == {STANDBY}
    assert {fact.action for fact in alone} >= {Action.REVOKE, Action.DELETE}
    assert {fact.way for fact in alone} >= {Way.RECORD, Way.OUTSIDE}


def test_no_more_is_deleted_outside_than_hotsite_takes_over():
    for seed in range(20):
        scenario = replace(SCENARIO, seed=seed, churn=Churn(outside_share=1.0))
        facts = drill(scenario).of(RegistryChanged)
        outside = [
            fact
            for fact in facts
            if (fact.action, fact.way) == (Action.DELETE, Way.OUTSIDE)
        ]
        assert len(outside) <= 4


def test_same_seed_gives_the_same_journal():
    assert drill().events == drill().events
    assert drill().events != drill(replace(SCENARIO, seed=2)).events


def test_phases_are_written_down():
    names = [fact.phase.value for fact in drill().of(PhaseStarted)]
    assert names == [
        "onboard",
        "churn",
        "prove",
        "fault",
        "meanwhile",
        "return",
        "afterwards",
        "quiet",
        "verify",
    ]


class Lenient(SimChurnWorld):
    """The standby's broker lets everybody in."""

    def try_certificates(self, certificates, *, region):
        for tried in super().try_certificates(certificates, region=region):
            is_lenient = region == STANDBY
            yield replace(tried, outcome=Outcome.ACCEPTED) if is_lenient else tried


class Silent(SimChurnWorld):
    """The standby's broker does not answer: nobody was refused."""

    def try_certificates(self, certificates, *, region):
        for tried in super().try_certificates(certificates, region=region):
            yield replace(tried, outcome=Outcome.UNREACHABLE)


class Forgetful(SimChurnWorld):
    """The active Region loses a device when it returns."""

    def restore(self, region):
        super().restore(region)
        devices = self.regions[region].devices
        del devices[max(name for name, it in devices.items() if it.certificates)]


class Resurrecting(SimChurnWorld):
    """The standby deletes nothing."""

    def look_for(self, things, *, region):
        for found in super().look_for(things, region=region):
            yield replace(found, is_there=True) if region == STANDBY else found


class Stale(SimChurnWorld):
    """The standby shows the first update for ever."""

    def look_for(self, things, *, region):
        for found in super().look_for(things, region=region):
            yield replace(found, update=min(found.update, 1))


class Drifting(SimChurnWorld):
    """One difference stays whatever is done."""

    def sweep(self, region, *, is_repair):
        found = super().sweep(region, is_repair=is_repair)
        return replace(found, drift=1, findings=("thing x is missing",))


class Slow(SimChurnWorld):
    """Replication takes its time."""

    def lags(self, region):
        return {thing: 20 * lag_s for thing, lag_s in super().lags(region).items()}


@pytest.mark.parametrize(
    ("world", "reason"),
    [
        (Lenient, "shut out, and yet let in"),
        (Silent, "not measured to the end"),
        (Forgetful, "missing, or not let in"),
        (Resurrecting, "deleted, and still in a Region"),
        (Stale, "an older change in a Region"),
        (Drifting, "2 differences between the record"),
        (Slow, "lag p99 was 10.0 s"),
    ],
)
def test_a_world_with_a_fault_of_its_own_fails_and_is_told_why(world, reason):
    verdict = judge(drill(world=world).events)
    assert not verdict.is_pass
    assert any(reason in text for text in verdict.reasons), verdict.reasons


def test_drift_that_stays_is_waited_for_then_swept_then_told():
    journal = drill(world=Drifting)
    assert any(fact.is_repair for fact in journal.of(RegionSwept))
    notes = [note.text for note in journal.of(Note)]
    assert notes[0] == "the sweep is called to help"
    assert notes[-1].startswith("not equal after 24")


@pytest.mark.parametrize("kind", [DeviceFound, CertificateTried, RegionSwept])
def test_what_was_not_looked_at_is_no_success(kind):
    events = [e for e in drill().events if not isinstance(e.fact, kind)]
    verdict = judge(events)
    assert not verdict.is_pass
    figures = verdict.churn
    unknown = figures.drift if kind is RegionSwept else figures.lost
    assert unknown is None


def test_a_device_that_came_and_went_unheard_of_does_not_spoil_the_lag():
    class Unheard(SimChurnWorld):
        def lags(self, region):
            here = self.regions[region].devices
            return {k: v for k, v in super().lags(region).items() if k in here}

    journal = drill(world=Unheard)
    assert judge(journal.events).churn.lag_p99_s == 0.5
    assert not any("lacks" in note.text for note in journal.of(Note))


def test_fates_are_those_of_the_changes():
    journal = drill()
    fates = fates_of(journal.events)
    for fact in journal.of(RegistryChanged):
        fate = fates[fact.thing]
        if fact.action is Action.DELETE:
            assert fate.is_deleted
        if fact.action in {Action.REVOKE, Action.RETIRE}:
            assert not set(fact.certificates) & set(fate.open_ones)


def test_a_region_that_does_not_answer_ends_the_journal():
    class Dying(SimChurnWorld):
        def restore(self, region):
            raise UnreachableError(f"{region} does not answer")

        def trouble(self):
            return "region-a died"

    with pytest.raises(NotReadyError, match="region-a died"):
        drill(world=Dying)
