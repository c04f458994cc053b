from dataclasses import replace
from itertools import islice

import pytest
from tests.sample_registry import certificate

from hotsite.core.drift import Cause, Drift
from hotsite.core.registry import (
    CertificateStatus,
    Key,
    Kind,
    Policy,
    Record,
    Shadows,
    Thing,
    ThingGroup,
    thing_key,
)
from hotsite.core.sampling import Sample
from hotsite.core.sweeping import DELETIONS_MAX, Look, Mode, Report, Stage, State
from hotsite.errors import InvalidInputError, UnreachableError
from hotsite.flows import notes
from hotsite.flows.replication import Site, apply
from hotsite.flows.sight import Intake
from hotsite.flows.sweep import SweepOptions, sweep, sweep_sample
from hotsite.sim.clock import SimClock
from hotsite.sim.deletions import SimDeletionLedger
from hotsite.sim.registry import SimRegistry
from hotsite.sim.tables import SimAppliedRecords, SimCursors, SimTables

DAY_S = 24 * 3600.0


def intake_of(region="a", clock=None):
    clock = clock or SimClock()
    registry = SimRegistry((), ())
    site = Site(SimTables(region, clock), SimAppliedRecords(), registry, clock)
    return Intake(site, SimCursors(), SimDeletionLedger())


def write(intake, record):
    records = intake.site.records
    records.write(record, previous=records.read(record.key))


def fleet(count=12, intake=None):
    """A Region in which everything is applied and settled."""
    intake = intake or intake_of()
    write(intake, Record(Key(Kind.POLICY, "tight"), Policy("tight", "{}")))
    hall = ThingGroup("hall", None, "", (), ("tight",))
    write(intake, Record(Key(Kind.THING_GROUP, "hall"), hall))
    for number in range(count):
        name = f"oven-{number:02d}"
        thing = Thing(name, None, (("n", str(number)),), ("hall",))
        write(intake, Record(thing_key(name), thing, (certificate(name),)))
        shadows = Shadows(name, (("", '{"desired":{}}'),))
        write(intake, Record(Key(Kind.SHADOWS, name), shadows))
    for partition in list(intake.site.records.partitions):
        kind, _, name = partition.partition("#")
        apply(Key(Kind(kind), name), intake.site)
    intake.site.clock.sleep(31)
    return intake


def run(intake, mode=Mode.REPORT, **given):
    *_, last = sweep(intake, SweepOptions(mode, **given))
    assert last.is_complete
    return last.report


def forget(registry, name):
    registry.things.pop(name)
    registry.shadows.pop(name, None)
    for item in registry.attached.pop(name, ()):
        del registry.certificates[item]


def texts(report):
    return [finding.text for finding in report.findings]


def test_equal_region_has_no_finding_and_costs_no_change():
    a = fleet()
    before = len(a.site.registry.calls)
    for mode in Mode:
        assert run(a, mode).is_equal
    assert len(a.site.registry.calls) == before


def test_report_finds_what_was_changed_behind_our_back_and_changes_nothing():
    a = fleet()
    registry, outbox = a.site.registry, len(a.site.records.outbox)
    forget(registry, "oven-00")
    changed = replace(registry.things["oven-01"], attributes=(("n", "x"),))
    registry.things["oven-01"] = changed
    stray = certificate("oven-02")
    closed = replace(stray, status=CertificateStatus.INACTIVE)
    registry.certificates[stray.certificate_id] = closed
    registry.things["new"] = Thing("new")
    registry.policies["tight"] = Policy("tight", '{"a":1}')
    registry.shadows["oven-03"]["named"] = "{}"
    report = run(a)
    found = "\n".join(texts(report))
    assert "thing oven-00 is missing" in found
    assert "thing oven-01: type or attributes differ" in found
    short = stray.certificate_id[:8]
    assert f"certificate {short}… is INACTIVE here, ACTIVE in the record" in found
    assert "thing new is here, and not in the record" in found
    assert "policy tight: document differs" in found
    assert "shadows of oven-03: named shadow named is here" in found
    assert report.drift_counts[Cause.OUTSIDE.value] == report.drift_count
    assert len(a.site.records.outbox) == outbox


def test_adopting_takes_all_of_it_into_the_record():
    a = fleet()
    registry = a.site.registry
    forget(registry, "oven-00")
    changed = replace(registry.things["oven-01"], attributes=(("n", "x"),))
    registry.things["oven-01"] = changed
    registry.things["new"] = Thing("new", None, (), ("hall",))
    registry.shadows["oven-03"] = {"named": "{}"}
    report = run(a, Mode.ADOPT)
    records = a.site.records
    assert records.read(thing_key("oven-00")).is_deleted
    assert records.read(thing_key("oven-01")).body == changed
    assert records.read(thing_key("new")).body == registry.things["new"]
    shadows = records.read(Key(Kind.SHADOWS, "oven-03")).body
    assert shadows.documents == (("named", "{}"),)
    assert report.adopted == 5
    assert not report.refused
    assert run(a).is_equal


def test_restoring_makes_the_region_equal_to_the_record():
    a = fleet()
    registry, outbox = a.site.registry, len(a.site.records.outbox)
    before = dict(registry.things)
    forget(registry, "oven-00")
    registry.things["oven-01"] = replace(before["oven-01"], attributes=())
    stray = certificate("stray")
    registry.certificates[stray.certificate_id] = stray
    registry.attached["oven-02"].add(stray.certificate_id)
    report = run(a, Mode.RESTORE)
    assert report.applied == 4
    assert registry.things == before
    assert stray.certificate_id not in registry.certificates
    assert len(a.site.records.outbox) == outbox
    a.site.clock.sleep(31)
    assert run(a).is_equal


def test_what_was_never_applied_is_applied_by_either_repair():
    for mode in (Mode.ADOPT, Mode.RESTORE):
        a = fleet()
        write(a, Record(thing_key("late"), Thing("late", None, (), ("hall",))))
        assert run(a).findings[0].cause is Cause.NOT_APPLIED
        assert run(a, mode).applied == 1
        assert "late" in a.site.registry.things


def test_mass_deletion_is_refused_with_the_list_and_nothing_is_deleted():
    a = fleet(12)
    for number in range(6):
        forget(a.site.registry, f"oven-{number:02d}")
    for mode in (Mode.REPORT, Mode.ADOPT):
        report = run(a, mode)
        assert "oven-03" in report.refused[0]
        assert "6 deletions of kind thing" in report.refused[0]
        assert not any(
            a.site.records.read(thing_key(f"oven-{n:02d}")).is_deleted
            for n in range(12)
        )
    run(a, Mode.RESTORE)
    a.site.clock.sleep(31)
    assert run(a).is_equal


def test_deletions_within_the_limit_are_taken_and_count_for_a_day():
    a = fleet(12)
    for number in range(4):
        forget(a.site.registry, f"oven-{number:02d}")
    assert run(a, Mode.ADOPT, cursor="sweep").adopted == 8
    for number in range(4, 6):
        forget(a.site.registry, f"oven-{number:02d}")
    assert run(a, Mode.ADOPT, cursor="sweep").refused
    a.site.clock.sleep(1.1 * DAY_S)
    assert run(a, Mode.ADOPT, cursor="sweep").adopted == 4


def emptied(count=8, of=12):
    """A Region in which somebody deleted more than is taken over by itself."""
    a = fleet(of)
    for number in range(count):
        forget(a.site.registry, f"oven-{number:02d}")
    return a


def alive(a):
    keys = [thing_key(f"oven-{number:02d}") for number in range(12)]
    return sum(not a.site.records.read(key).is_deleted for key in keys)


def test_list_that_a_person_lets_through_is_taken_over_and_counted():
    a = emptied()
    # Eight things with their shadows.
    report = run(a, Mode.ADOPT, cursor="verify", deletion_count_max=16)
    assert not report.refused
    assert (report.adopted, alive(a)) == (16, 4)
    assert a.ledger.read(Kind.THING).count(a.site.clock.now_s()) == 8
    assert a.ledger.read(Kind.SHADOWS).count(a.site.clock.now_s()) == 8
    swept = run(a, Mode.ADOPT, cursor="sweep")
    assert swept.is_equal
    assert swept.adopted == 0


def test_after_what_a_person_let_through_nothing_goes_by_itself_for_a_day():
    a = emptied()
    run(a, Mode.ADOPT, deletion_count_max=16)
    forget(a.site.registry, "oven-08")
    assert len(run(a, Mode.ADOPT, cursor="sweep").refused) == 2
    assert alive(a) == 4
    assert not run(a, Mode.ADOPT, deletion_count_max=2).refused
    a.site.clock.sleep(1.1 * DAY_S)
    forget(a.site.registry, "oven-09")
    assert not run(a, Mode.ADOPT, cursor="sweep").refused
    assert alive(a) == 2


@pytest.mark.parametrize("mode", [Mode.REPORT, Mode.ADOPT])
@pytest.mark.parametrize("count_max", [0, 8, 15])
def test_list_longer_than_the_given_limit_is_refused_as_a_whole(mode, count_max):
    a = emptied()
    report = run(a, mode, deletion_count_max=count_max)
    (reason,) = report.refused
    assert f"16 deletions, and the limit given for this run is {count_max}" in reason
    assert "thing#oven-07" in reason
    assert len(report.deletions) == 16
    assert alive(a) == 12
    assert a.ledger.read(Kind.THING).buckets == ()


def test_given_limit_is_no_more_than_a_limit_and_holds_for_few_deletions_too():
    a = emptied(count=2)
    assert run(a, Mode.ADOPT, deletion_count_max=3).refused
    assert run(a, Mode.ADOPT, deletion_count_max=100).adopted == 4


def test_dry_run_with_a_limit_that_is_enough_refuses_and_changes_nothing():
    a = emptied()
    outbox = len(a.site.records.outbox)
    report = run(a, deletion_count_max=16)
    assert not report.refused
    assert len(report.deletions) == 16
    assert len(a.site.records.outbox) == outbox
    assert alive(a) == 12


def test_name_that_came_back_meanwhile_is_not_deleted():
    a = emptied()
    registry = a.site.registry
    options = SweepOptions(Mode.ADOPT, cursor="verify", deletion_count_max=16)
    thing = Thing("oven-03", None, (("n", "3"),), ("hall",))
    for step in sweep(a, options):
        if step.progress.stage == "deletions" and not step.report.adopted:
            registry.things["oven-03"] = thing
    assert not a.site.records.read(thing_key("oven-03")).is_deleted
    assert alive(a) == 5
    assert step.report.pending == 0


@pytest.mark.parametrize("steps", range(1, 12))
def test_deletion_of_a_long_list_that_is_killed_goes_on_where_it_was(steps):
    a = emptied(count=40, of=45)
    given = {"cursor": "verify", "deletion_count_max": 80}
    for _ in islice(sweep(a, SweepOptions(Mode.ADOPT, **given)), steps):
        pass
    report = run(a, Mode.ADOPT, **given)
    assert not report.refused
    now_s = a.site.clock.now_s()
    assert a.ledger.read(Kind.THING).count(now_s) == 40
    a.site.clock.sleep(31)
    assert run(a, Mode.ADOPT, cursor="verify", deletion_count_max=0).is_equal


def test_more_deletions_than_a_list_holds_are_pending_for_the_next_pass():
    report = Report(Mode.ADOPT, 0.0)
    for number in range(DELETIONS_MAX + 7):
        key = thing_key(f"oven-{number}")
        report = report.after(key, Look(is_deletion=True))
    a = intake_of()
    state = State(report, Stage.DELETIONS)
    notes.write(a.cursors, "verify", state)
    given = {"cursor": "verify", "deletion_count_max": DELETIONS_MAX + 7}
    assert run(a, Mode.ADOPT, **given).pending == 7


def test_empty_or_failing_list_makes_nothing_look_absent():
    a = fleet()
    registry = a.site.registry

    class Cut(SimRegistry):
        def page(self, kind, token=None):
            if token is not None:
                raise UnreachableError("cut short")
            return super().page(kind, token)

    cut = Cut((), ())
    cut.__dict__.update(registry.__dict__)
    broken = replace(a, site=replace(a.site, registry=cut))
    with pytest.raises(UnreachableError):
        run(broken, Mode.ADOPT)
    assert run(a).is_equal


def test_region_that_does_not_answer_stops_the_pass_and_deletes_nothing():
    a = fleet()
    a.site.registry.is_reachable = False
    with pytest.raises(UnreachableError):
        run(a, Mode.ADOPT, cursor="sweep")
    a.site.registry.is_reachable = True
    assert run(a, Mode.ADOPT, cursor="sweep").is_equal


@pytest.mark.parametrize("page_size", [1, 2, 40])
def test_pass_that_stops_after_every_step_sees_every_key_once(page_size):
    a = fleet()
    a.site.records.page_size = a.site.registry.page_size = page_size
    a.site.registry.things["new"] = Thing("new")
    options = SweepOptions(Mode.REPORT, budget_s=0.0, cursor="sweep")
    for _ in range(200):
        *_, last = sweep(a, options)
        if last.is_complete:
            break
    assert last.is_complete
    # 12 things and shadows, a policy, a group, and the new thing with its shadows.
    assert last.report.looked_at == 28
    assert texts(last.report) == ["thing new is here, and not in the record"]
    assert a.cursors.read("sweep") is None


def test_stale_token_begins_the_list_again():
    a = fleet()

    class Stale(SimRegistry):
        is_stale = True

        def page(self, kind, token=None):
            if token is not None and self.is_stale:
                self.is_stale = False
                raise InvalidInputError("the token is not valid any more")
            return super().page(kind, token)

    stale = Stale((), ())
    stale.__dict__.update(a.site.registry.__dict__)
    assert run(replace(a, site=replace(a.site, registry=stale))).is_equal


def test_failed_record_is_told_with_its_reason_and_stops_nobody():
    a = fleet()
    write(a, Record(thing_key("bad name"), Thing("bad name")))
    report = run(a, Mode.ADOPT)
    assert "can never be applied" in texts(report)[0]
    assert report.findings[0].cause is Cause.FAILED
    assert report.looked_at == 28


def test_leftover_attempt_is_finished_by_the_sweep():
    a = fleet()
    key = thing_key("oven-00")
    line = a.site.applied.read(key)
    tried = replace(line.record, body=replace(line.record.body, attributes=()))
    a.site.applied.write(replace(line, attempts=(tried,)), previous=line)
    a.site.registry.things["oven-00"] = tried.body
    assert run(a, Mode.ADOPT).applied == 1
    assert a.site.registry.things["oven-00"].attributes == (("n", "0"),)


def test_old_tombstones_are_purged_and_young_ones_stay():
    a = fleet()
    forget(a.site.registry, "oven-00")
    run(a, Mode.ADOPT)
    a.site.clock.sleep(29 * DAY_S)
    assert run(a, Mode.ADOPT).purged == 0
    a.site.clock.sleep(2 * DAY_S)
    assert run(a, Mode.ADOPT).purged == 2
    assert a.site.records.read(thing_key("oven-00")).is_absent


def test_thing_made_again_after_its_deletion_is_refused_or_removed_by_restore():
    a = fleet()
    registry = a.site.registry
    thing = registry.things["oven-00"]
    forget(registry, "oven-00")
    run(a, Mode.ADOPT)
    registry.things["oven-00"] = thing
    report = run(a)
    assert report.findings[0].drift is Drift.EXTRA
    run(a, Mode.RESTORE)
    assert "oven-00" not in registry.things
    assert a.ledger.read(Kind.THING).count(a.site.clock.now_s()) == 2


def test_key_that_others_work_on_is_pending_not_wrong():
    a = fleet()
    line = a.site.applied.read(thing_key("oven-00"))
    busy = replace(line, leased_until_s=a.site.clock.now_s() + 60)
    a.site.applied.write(busy, previous=line)
    report = run(a)
    assert (report.pending, report.drift_count) == (1, 0)
    assert not report.is_equal


def test_sample_looks_at_as_many_keys_as_asked():
    a = fleet(30)
    report = sweep_sample(a, Sample(10, seed=4), SweepOptions())
    assert report.looked_at == 10
    assert report == sweep_sample(a, Sample(10, seed=4), SweepOptions())
    assert sweep_sample(a, Sample(500), SweepOptions()).looked_at == 62


def test_record_that_failed_half_way_is_reported_with_its_reason():
    a = fleet(2)
    key = thing_key("oven-00")
    line = a.site.applied.read(key)
    failed = replace(line, attempts=(line.record,), failure="refused by AWS IoT")
    a.site.applied.write(failed, previous=line)
    report = run(a)
    assert report.drift_counts == {Cause.FAILED.value: 1}
    assert "refused by AWS IoT" in texts(report)[0]


def test_certificate_that_several_things_share_is_told_once():
    shared = certificate("shared").certificate_id
    report = Report(Mode.REPORT, 0.0)
    for name in ("oven-1", "oven-2"):
        report = report.after(thing_key(name), Look(left_out=(shared,)))
    assert (report.left_out_count, report.left_out) == (1, (shared,))
