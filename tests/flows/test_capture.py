from dataclasses import replace

import pytest
from tests.sample_registry import certificate

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
from hotsite.errors import NotReadyError, UnsafePlanError
from hotsite.flows.capture import Intake, capture
from hotsite.flows.replication import Site, apply
from hotsite.ports import Applied
from hotsite.sim.clock import SimClock
from hotsite.sim.deletions import SimDeletionLedger
from hotsite.sim.registry import SimRegistry
from hotsite.sim.tables import SimAppliedRecords, SimCursors, SimTables, replicate

OVEN = thing_key("oven")
FIRST, SECOND = certificate("first"), certificate("second")


def intake_of(region="a", clock=None, **given):
    clock = clock or SimClock()
    tables = SimTables(region, clock)
    site = Site(tables, SimAppliedRecords(), SimRegistry(), clock)
    return Intake(site, SimCursors(), SimDeletionLedger(), **given)


def around(intake, surroundings):
    return replace(intake, site=replace(intake.site, surroundings=surroundings))


def oven(**given):
    body = Thing("oven", None, (("colour", "red"),), ("fleet",))
    return Record(OVEN, replace(body, **given), (FIRST,))


def write(intake, record):
    records = intake.site.records
    records.write(record, previous=records.read(record.key))


def applied_oven(intake=None):
    intake = intake or intake_of()
    write(intake, oven())
    apply(OVEN, intake.site)
    intake.site.clock.sleep(31)
    return intake


def calls(intake):
    return len(intake.site.registry.calls)


def test_thing_made_outside_is_recorded_and_our_own_event_costs_no_call():
    a = intake_of()
    registry = a.site.registry
    registry.things["oven"] = Thing("oven", None, (), ("fleet",))
    registry.certificates[FIRST.certificate_id] = FIRST
    registry.attached["oven"] = {FIRST.certificate_id}
    (found,) = capture(OVEN, a)
    assert found.is_changed
    record = a.site.records.read(OVEN)
    assert record.body == registry.things["oven"]
    assert record.certificates == (FIRST,)
    assert apply(OVEN, a.site).call_count == 0
    assert not registry.calls


def test_captured_thing_becomes_equal_in_the_other_region():
    clock = SimClock()
    a, b = intake_of("a", clock), intake_of("b", clock)
    a.site.registry.things["oven"] = Thing("oven", None, (), ("fleet",))
    a.site.registry.certificates[FIRST.certificate_id] = FIRST
    a.site.registry.attached["oven"] = {FIRST.certificate_id}
    capture(OVEN, a)
    replicate(a.site.records, b.site.records, lag_s=0)
    apply(OVEN, b.site)
    assert b.site.registry.can_connect("oven")


def test_change_made_outside_is_recorded():
    a = applied_oven()
    registry = a.site.registry
    thing = registry.things["oven"]
    registry.things["oven"] = replace(thing, attributes=(("colour", "blue"),))
    (found,) = capture(OVEN, a)
    assert found.reason == "changed outside"
    assert a.site.records.read(OVEN).thing.attributes == (("colour", "blue"),)
    before = calls(a)
    assert apply(OVEN, a.site).call_count == 0
    assert calls(a) == before


def test_unchanged_thing_writes_nothing():
    a = applied_oven()
    outbox, line = len(a.site.records.outbox), a.site.applied.read(OVEN)
    (found,) = capture(OVEN, a)
    assert not found.is_changed
    assert len(a.site.records.outbox) == outbox
    assert a.site.applied.read(OVEN).revision == line.revision


def test_what_was_applied_just_now_must_settle_first():
    a = intake_of()
    write(a, oven())
    apply(OVEN, a.site)
    registry = a.site.registry
    registry.things["oven"] = replace(registry.things["oven"], attributes=())
    with pytest.raises(NotReadyError):
        capture(OVEN, a)
    a.site.clock.sleep(31)
    capture(OVEN, a)
    assert a.site.records.read(OVEN).thing.attributes == ()


def test_own_capture_need_not_settle():
    a = applied_oven()
    registry = a.site.registry
    for colour in ("blue", "green"):
        pairs = (("colour", colour),)
        registry.things["oven"] = replace(registry.things["oven"], attributes=pairs)
        capture(OVEN, a)
        assert a.site.records.read(OVEN).thing.attributes == pairs


def test_revocation_made_outside_is_written_at_once_even_when_unsettled():
    a = intake_of()
    write(a, oven())
    apply(OVEN, a.site)
    closed = replace(FIRST, status=CertificateStatus.REVOKED)
    a.site.registry.certificates[FIRST.certificate_id] = closed
    before = calls(a)
    capture(OVEN, a)
    record = a.site.records.read(OVEN)
    assert record.revoked == (FIRST.certificate_id,)
    assert record.certificates[0].status is CertificateStatus.REVOKED
    assert apply(OVEN, a.site).call_count == 0
    assert calls(a) == before


def test_revocation_made_outside_is_written_while_another_worker_has_the_key():
    a = applied_oven()
    line = a.site.applied.read(OVEN)
    busy = replace(line, leased_until_s=a.site.clock.now_s() + 60)
    a.site.applied.write(busy, previous=line)
    closed = replace(FIRST, status=CertificateStatus.REVOKED)
    a.site.registry.certificates[FIRST.certificate_id] = closed
    with pytest.raises(Exception, match="another"):
        capture(OVEN, a)
    assert a.site.records.read(OVEN).revoked == (FIRST.certificate_id,)


def reopen(intake):
    registry, certificate_id = intake.site.registry, FIRST.certificate_id
    intake.site.records.write_revoked(OVEN, certificate_id)
    apply(OVEN, intake.site)
    intake.site.clock.sleep(31)
    assert registry.certificates[certificate_id].status is CertificateStatus.REVOKED
    registry.certificates[certificate_id] = FIRST


def test_revoked_certificate_that_somebody_activates_is_revoked_again():
    a = applied_oven()
    reopen(a)
    (captured,) = [one for one in capture(OVEN, a, is_applying=True) if one.call_count]
    found = a.site.registry.certificates[FIRST.certificate_id]
    assert found.status is CertificateStatus.REVOKED
    assert captured.reason == "revoked again"
    assert a.site.records.read(OVEN).revoked == (FIRST.certificate_id,)


def test_revoked_certificate_that_somebody_activates_and_takes_away_is_closed():
    a = applied_oven()
    reopen(a)
    a.site.registry.attached["oven"].clear()
    capture(OVEN, a)
    apply(OVEN, a.site)
    assert FIRST.certificate_id not in a.site.registry.certificates


def test_revoked_certificate_of_a_device_that_somebody_deletes_is_closed():
    a = applied_oven()
    reopen(a)
    del a.site.registry.things["oven"], a.site.registry.attached["oven"]
    capture(OVEN, a)
    apply(OVEN, a.site)
    assert FIRST.certificate_id not in a.site.registry.certificates


def test_capture_leaves_it_to_the_replicator_to_revoke_again():
    a = applied_oven()
    reopen(a)
    before = calls(a)
    stamps = a.site.records.read(OVEN).stamps
    capture(OVEN, a, is_applying=False)
    assert calls(a) == before
    assert a.site.records.read(OVEN).stamps != stamps
    apply(OVEN, a.site)
    found = a.site.registry.certificates[FIRST.certificate_id]
    assert found.status is CertificateStatus.REVOKED


def test_certificate_attached_outside_is_recorded_and_a_removed_one_is_gone():
    a = applied_oven()
    registry = a.site.registry
    registry.certificates[SECOND.certificate_id] = SECOND
    registry.attached["oven"] = {SECOND.certificate_id}
    capture(OVEN, a)
    record = a.site.records.read(OVEN)
    assert record.certificates == (SECOND,)
    assert record.gone == (FIRST.certificate_id,)
    assert apply(OVEN, a.site).call_count == 0


def test_deleted_thing_gets_a_tombstone_and_its_shadows_go_along():
    a = applied_oven()
    shadows = Record(Key(Kind.SHADOWS, "oven"), Shadows("oven", (("", "{}"),)))
    write(a, shadows)
    apply(shadows.key, a.site)
    a.site.clock.sleep(31)
    registry = a.site.registry
    del registry.things["oven"], registry.attached["oven"]
    del registry.shadows["oven"]
    first, second = capture(OVEN, a)
    assert first.is_loss
    assert second.is_changed
    assert a.site.records.read(OVEN).is_deleted
    assert a.site.records.read(shadows.key).body.documents == ()


def test_certificate_that_came_before_the_thing_is_brought_here_not_dropped():
    a = intake_of()
    records = a.site.records
    write(a, oven())
    # Replicas keep no order between items: the certificate is first.
    del records.partitions[str(OVEN)]["thing"]
    registry = a.site.registry
    registry.things["oven"] = oven().thing
    registry.certificates[SECOND.certificate_id] = SECOND
    registry.attached["oven"] = {SECOND.certificate_id}
    capture(OVEN, a)
    assert set(records.read(OVEN).certificates) == {FIRST, SECOND}
    apply(OVEN, a.site)
    assert registry.attached["oven"] == {FIRST.certificate_id, SECOND.certificate_id}
    a.site.clock.sleep(31)
    capture(OVEN, a)
    assert set(records.read(OVEN).certificates) == {FIRST, SECOND}


def test_thing_created_again_outside_begins_a_new_life():
    a = applied_oven()
    registry = a.site.registry
    thing = registry.things.pop("oven")
    capture(OVEN, a)
    registry.things["oven"] = thing
    capture(OVEN, a)
    record = a.site.records.read(OVEN)
    assert record.body == thing
    assert record.life == 1


def test_thing_that_never_arrived_here_is_not_deleted_but_applied():
    a = intake_of()
    write(a, oven())
    with pytest.raises(NotReadyError):
        capture(OVEN, a)
    assert "oven" in a.site.registry.things
    assert not a.site.records.read(OVEN).is_deleted


def test_deletions_beyond_the_limit_are_refused_and_delete_nothing():
    a = intake_of()
    names = [f"oven-{number}" for number in range(8)]
    for name in names:
        write(a, Record(thing_key(name), Thing(name, groups=("fleet",))))
        apply(thing_key(name), a.site)
    a.site.clock.sleep(31)
    a.site.registry.things.clear()
    for name in names[:5]:
        capture(thing_key(name), a)
    for name in names[5:]:
        with pytest.raises(UnsafePlanError):
            capture(thing_key(name), a)
        assert not a.site.records.read(thing_key(name)).is_deleted
        assert a.site.applied.read(thing_key(name)).leased_until_s == 0.0


def test_limit_is_a_share_of_the_names_that_were_counted():
    a = intake_of()
    a.cursors.write("names", "thing=70")
    names = [f"oven-{number}" for number in range(8)]
    for name in names:
        write(a, Record(thing_key(name), Thing(name, groups=("fleet",))))
        apply(thing_key(name), a.site)
    a.site.clock.sleep(31)
    a.site.registry.things.clear()
    for name in names[:7]:
        capture(thing_key(name), a)
    with pytest.raises(UnsafePlanError):
        capture(thing_key(names[7]), a)
    a.site.clock.sleep(26 * 3600)
    capture(thing_key(names[7]), a)


def test_half_done_plan_is_finished_before_anything_is_taken():
    a = applied_oven()
    line = a.site.applied.read(OVEN)
    tried = oven(attributes=(("colour", "green"),))
    half = replace(line, attempts=(tried,))
    a.site.applied.write(half, previous=line)
    registry = a.site.registry
    registry.things["oven"] = tried.body
    with pytest.raises(NotReadyError):
        capture(OVEN, a)
    assert registry.things["oven"].attributes == (("colour", "red"),)


def test_names_of_hotsite_itself_are_never_recorded():
    a = intake_of()
    canary = thing_key("hotsite-canary-eu-west-1")
    a.site.registry.things[canary.name] = Thing(canary.name)
    capture(canary, a)
    assert a.site.records.read(canary).is_absent


def test_policy_and_group_made_outside_are_recorded():
    a = intake_of()
    registry = a.site.registry
    registry.policies["tight"] = Policy("tight", '{"Statement":[]}')
    registry.groups["hall"] = ThingGroup("hall", None, "", (), ("tight",))
    for key in (Key(Kind.POLICY, "tight"), Key(Kind.THING_GROUP, "hall")):
        capture(key, a)
        assert a.site.records.read(key).body == registry.peek(key).body


def test_kill_between_record_and_line_loses_nothing_and_settles():
    a = applied_oven()
    registry = a.site.registry
    registry.things["oven"] = replace(registry.things["oven"], attributes=())

    class Killed(BaseException):
        pass

    class KilledOnce(SimAppliedRecords):
        def write(self, applied, *, previous):
            if not applied.leased_until_s:
                raise Killed
            return super().write(applied, previous=previous)

    dying = KilledOnce()
    dying.items = a.site.applied.items
    with pytest.raises(Killed):
        capture(OVEN, replace(a, site=replace(a.site, applied=dying)))
    assert a.site.records.read(OVEN).thing.attributes == ()
    a.site.clock.sleep(80)
    apply(OVEN, a.site)
    line = a.site.applied.read(OVEN)
    assert line.record == a.site.records.read(OVEN)
    assert registry.things["oven"].attributes == ()


def test_failed_record_keeps_its_failure_when_something_else_is_taken():
    a = applied_oven()
    record = a.site.records.read(OVEN)
    bad = replace(record, body=replace(record.body, type_name="bad name"))
    a.site.records.write(bad, previous=record)
    assert apply(OVEN, a.site).failure
    a.site.clock.sleep(31)
    registry = a.site.registry
    registry.things["oven"] = replace(registry.things["oven"], attributes=())
    capture(OVEN, a)
    assert a.site.records.read(OVEN).thing == replace(bad.body, attributes=())
    assert a.site.applied.read(OVEN).record.thing.type_name is None
    assert apply(OVEN, a.site).failure


def test_certificate_that_two_things_share_is_left_out_and_named():
    class Shared:
        def things_of(self, certificate_id):
            return ("oven", "kettle")

        def page(self, what, token=None):
            raise NotImplementedError

    a = around(intake_of(), Shared())
    registry = a.site.registry
    registry.things["oven"] = Thing("oven", None, (), ("fleet",))
    registry.certificates[FIRST.certificate_id] = FIRST
    registry.attached["oven"] = {FIRST.certificate_id}
    (found,) = capture(OVEN, a)
    assert found.left_out == (FIRST.certificate_id,)
    assert a.site.records.read(OVEN).certificates == ()


def test_line_of_a_seed_that_was_killed_is_ended_by_the_next_look():
    a = intake_of()
    registry = a.site.registry
    registry.things["oven"] = Thing("oven", None, (), ("fleet",))
    wanted = Record(OVEN, registry.things["oven"])
    write(a, wanted)
    digest = a.site.records.read(OVEN).digest
    until_s = a.site.clock.now_s() + 75
    a.site.applied.write(
        Applied(OVEN, digest=digest, leased_until_s=until_s), previous=None
    )
    assert apply(OVEN, a.site).call_count == 0
    a.site.clock.sleep(80)
    capture(OVEN, a)
    assert a.site.applied.read(OVEN).record.digest == wanted.digest
