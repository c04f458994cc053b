import pytest
from tests.flows.conformance_world import NAME, A, SimConformance

from hotsite.core.conformance import Judgement, Phase, Subject, judge
from hotsite.core.conformance_checks import CHECKS
from hotsite.core.sightings import Mark
from hotsite.flows.conformance import Plan, play
from hotsite.sim.clock import SimClock

ALL = frozenset(Phase)
SUBJECT = Subject("oven-1", (NAME,), "cmd/oven-1/#", 10.0, 150.0)
PASS, FAIL, UNSEEN = Judgement.PASS, Judgement.FAIL, Judgement.NOT_OBSERVED


def played(phases=ALL, **device):
    clock = SimClock()
    world = SimConformance(clock, **device)
    done = play(world, clock, Plan(phases), lambda _line: None)
    assert not world.is_running
    findings = judge(CHECKS, SUBJECT, done.seen, done.kept, done.phases)
    return done, {one.check: one for one in findings}


def marks(done):
    return [one.name for one in done.seen if isinstance(one, Mark)]


def test_good_device_passes_every_check_of_the_whole_play():
    done, found = played()
    assert {
        name: one.evidence for name, one in found.items() if one.judgement is not PASS
    } == {}
    assert done.notes == ()
    refusal = ["deactivated", "reactivated"]
    assert marks(done) == [
        "started",
        *refusal,
        "freeze",
        "thaw",
        *refusal,
        "kill",
        "stopped",
    ]


def test_region_that_dies_is_the_one_that_the_failover_name_leads_to():
    done, _ = played()
    (kill,) = (one for one in done.seen if isinstance(one, Mark) and one.name == "kill")
    assert kill.site == A


def test_device_that_trusts_a_puback_loses_what_was_not_replicated():
    _, found = played(has_outbox=False)
    assert found["no-loss"].judgement is FAIL
    assert found["no-loss"].measured > 0
    assert {name for name, one in found.items() if one.judgement is FAIL} <= {
        "no-loss",
        "gapless",
    }


def test_device_that_never_leaves_a_silent_region_is_told_so_and_tried_on():
    done, found = played(notice_s=None)
    assert found["notices"].judgement is FAIL
    assert found["recovery-freeze"].judgement is FAIL
    assert found["recovery-kill"].judgement is PASS
    assert done.notes == (f"it did not leave {A}, which was silent",)


def test_mute_device_ends_the_play_early_and_passes_nothing():
    done, found = played(is_mute=True)
    assert done.phases == {Phase.START}
    assert "it was not heard of" in done.notes[0]
    assert PASS not in {one.judgement for one in found.values()}


def test_program_that_ends_by_itself_is_told_in_the_notes():
    done, _ = played(dies_at_s=3.0)
    assert any("exit code 1" in note for note in done.notes)


@pytest.mark.parametrize("phase", [Phase.REFUSAL, Phase.FREEZE, Phase.KILL])
def test_only_what_is_asked_for_is_played(phase):
    done, found = played(frozenset({Phase.START, phase}))
    assert done.phases == {Phase.START, phase}
    for check in CHECKS:
        if check.phase not in done.phases:
            assert found[check.name].judgement is UNSEEN
