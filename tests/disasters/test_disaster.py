"""The simulation does what it says: it breaks things, and it sees what is broken."""

from collections import Counter
from dataclasses import replace

import pytest
from tests.sample_registry import certificate

from hotsite.core.registry import CertificateStatus, Thing, thing_key
from hotsite.disasters import operators, outsiders
from hotsite.disasters.disaster import play
from hotsite.disasters.estate import REGIONS, Estate
from hotsite.disasters.faults import FAULTS
from hotsite.disasters.invariants import CALLS_PER_ROUND_MAX, broken
from hotsite.disasters.outcome import Op, Outcome, shrunk
from hotsite.disasters.script import script
from hotsite.disasters.wishes import Wishes
from hotsite.sim.gates import BrokenInvariantError

CALM = tuple(
    Op(100.0 + 40 * n, what, REGIONS[n % 2], n)
    for n, what in enumerate(("enroll", "alter", "rotate", "revoke", "delete"))
)
FIRST = certificate("first")
OVEN = thing_key("oven")


@pytest.mark.parametrize("seed", [1, 25, 115])
def test_seed_always_gives_the_same_disaster(seed):
    assert play(seed) == play(seed)


def test_what_is_left_out_changes_nothing_in_what_stays():
    ops = script(11)
    assert all(op in ops for op in script(11)[::2])
    assert play(11, ops[::2]).ops == ops[::2]


def test_calm_day_breaks_nothing_and_costs_few_calls():
    outcome = play(0, CALM)
    assert outcome.problems == ()
    assert outcome.counts["calls failed"] == 0
    assert outcome.counts["workers killed"] == 0
    assert any("create-thing" in line for line in outcome.lines)


def test_disasters_are_what_they_are_told_to_be():
    """Those who doubt that 10,000 seeds say anything look here first."""
    counts = Counter()
    for seed in range(60):
        outcome = play(seed)
        assert outcome.problems == ()
        counts += outcome.counts
    for what in (
        "workers killed",
        "changes doubled",
        "changes expired",
        "writes merged",
        "batches tried again",
        "batches given up",
        "calls failed",
        "events lost",
        "events doubled",
    ):
        assert counts[what] > 0, what


def test_every_act_and_every_fault_happens():
    happened = Counter(op.what for seed in range(300) for op in script(seed))
    assert set(happened) == {*operators.ACTS, *outsiders.ACTS, *FAULTS}
    assert min(happened.values()) > 10


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_every_fault_ends_by_itself_or_is_healed(fault):
    outcome = play(3, (*CALM, Op(150.0, fault, "a", 5)))
    assert outcome.problems == ()


def estate_with_oven(*, in_regions=REGIONS):
    estate, wishes = Estate(0), Wishes()
    for name in in_regions:
        registry = estate.regions[name].registry
        registry.things["oven"] = Thing("oven", None, (), ("hotsite-fleet",))
        registry.certificates[FIRST.certificate_id] = FIRST
        registry.attached["oven"] = {FIRST.certificate_id}
    wishes.alive.add("oven")
    wishes.certificates[FIRST.certificate_id] = "oven"
    return estate, wishes


def told(estate, wishes):
    return " | ".join(broken(estate, wishes))


def test_equal_regions_break_nothing():
    assert told(*estate_with_oven()) == ""


def test_device_that_is_lost_in_a_region_is_seen():
    assert "oven is lost in b" in told(*estate_with_oven(in_regions="a"))


def test_device_that_is_back_is_seen():
    estate, wishes = estate_with_oven()
    wishes.alive.clear()
    wishes.buried.add("oven")
    assert "oven was deleted and is back in a" in told(estate, wishes)


def test_certificate_that_lets_nobody_in_is_seen():
    estate, wishes = estate_with_oven()
    for region in estate.regions.values():
        region.registry.attached["oven"].clear()
    assert "oven cannot connect to b" in told(estate, wishes)


def test_revocation_that_is_lost_is_seen():
    estate, wishes = estate_with_oven()
    wishes.revoked.add(FIRST.certificate_id)
    assert f"revoked {FIRST.certificate_id[:8]} is ACTIVE in a" in told(estate, wishes)


def test_regions_that_differ_in_a_status_are_seen():
    estate, wishes = estate_with_oven()
    off = replace(FIRST, status=CertificateStatus.INACTIVE)
    estate.regions["b"].registry.certificates[FIRST.certificate_id] = off
    assert "the certificates of oven" in told(estate, wishes)


def test_records_that_differ_are_seen():
    estate, wishes = estate_with_oven()
    estate.regions["a"].tables.put((str(OVEN), "thing"), Thing("oven"))
    assert "the records of thing#oven differ" in told(estate, wishes)


def test_too_many_calls_are_seen():
    estate, wishes = estate_with_oven()
    estate.regions["a"].gate.calls[OVEN] = CALLS_PER_ROUND_MAX + 1
    assert f"{CALLS_PER_ROUND_MAX + 1} calls for thing#oven" in told(estate, wishes)


def test_call_to_another_region_is_seen():
    estate = Estate(0)
    a, b = estate.regions.values()
    worker = a.work("replicator", lambda: b.site.registry.observe(OVEN))
    estate.scheduler.start(worker)
    with pytest.raises(BrokenInvariantError, match="replicator has called b"):
        estate.scheduler.run(10.0)
    estate.close()


def test_failing_disaster_is_made_as_short_as_it_can_be():
    ops = tuple(Op(float(n), f"act {n}", "a", n) for n in range(20))
    needed = {ops[3], ops[17]}

    def again(seed, some):
        problems = ("lost",) if needed <= set(some) else ()
        return Outcome(seed, some, problems, (), Counter())

    assert set(shrunk(again(1, ops), again).ops) == needed
