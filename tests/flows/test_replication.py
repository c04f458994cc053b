from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sample_registry import certificate

from hotsite.core.registry import (
    CertificateStatus,
    Key,
    Kind,
    Policy,
    Record,
    Thing,
    ThingGroup,
    thing_key,
)
from hotsite.core.replication import Verb
from hotsite.errors import (
    ConflictError,
    InvalidInputError,
    NotReadyError,
    ThrottledError,
    UnreachableError,
)
from hotsite.flows.replication import (
    LEASE_S,
    NEEDS_S_MAX,
    Look,
    Site,
    apply,
    apply_all,
    leased,
)
from hotsite.sim.clock import SimClock
from hotsite.sim.registry import SimRegistry
from hotsite.sim.surroundings import SimSurroundings
from hotsite.sim.tables import SimAppliedRecords, SimTables, replicate

KEY = thing_key("oven")
FIRST = certificate("c1")
SECOND = certificate("c2")
OVEN = Record(KEY, Thing("oven", None, (), ("fleet",)), (FIRST,))
LAMP = Record(thing_key("lamp"), Thing("lamp", None, (), ("fleet",)), (SECOND,))


def site(region="b", clock=None):
    clock = clock or SimClock()
    tables = SimTables(region, clock)
    return Site(tables, SimAppliedRecords(), SimRegistry(), clock)


def write(records, wanted):
    records.write(wanted, previous=records.read(wanted.key))


def written(*records):
    b = site()
    for record in records:
        write(b.records, record)
    return b


def test_new_device_is_applied_in_four_calls_and_lag_is_kept():
    b = written(OVEN)
    b.clock.sleep(2.5)
    outcome = apply(KEY, b)
    assert (outcome.call_count, outcome.reason, outcome.lag_s) == (4, "applied", 2.5)
    assert b.registry.can_connect("oven")
    assert b.applied.read(KEY).lag_s == 2.5


def test_attribute_change_costs_one_call_and_duplicate_none():
    b = written(OVEN)
    apply(KEY, b)
    write(b.records, replace(OVEN, body=replace(OVEN.thing, attributes=(("a", "1"),))))
    assert apply(KEY, b).call_count == 1
    before = len(b.registry.calls)
    assert apply(KEY, b).call_count == 0
    assert len(b.registry.calls) == before


def test_name_that_nobody_wrote_changes_nothing():
    b = site()
    outcome = apply(thing_key("ghost"), b)
    assert (outcome.call_count, outcome.reason) == (0, "not in the record")
    assert not b.registry.things
    assert b.applied.read(thing_key("ghost")) is None


def test_record_that_vanished_without_a_tombstone_removes_nothing():
    b = written(OVEN)
    apply(KEY, b)
    lost = replace(b, records=SimTables("b", b.clock))
    assert apply(KEY, lost).reason == "not in the record"
    assert b.registry.can_connect("oven")


def test_tombstone_removes_the_device_and_a_late_duplicate_does_not_return_it():
    b = written(OVEN)
    apply(KEY, b)
    write(b.records, Record(KEY, None, is_deleted=True))
    assert apply(KEY, b).reason == "applied"
    assert not b.registry.things
    assert not b.registry.certificates
    assert apply(KEY, b).call_count == 0


def test_device_created_again_has_none_of_its_former_certificates():
    b = written(OVEN)
    apply(KEY, b)
    write(b.records, Record(KEY, None, is_deleted=True))
    write(b.records, replace(OVEN, certificates=(SECOND,), life=1))
    apply(KEY, b)
    assert b.registry.attached["oven"] == {SECOND.certificate_id}
    assert FIRST.certificate_id not in b.registry.certificates


def test_revocation_written_in_the_other_region_closes_the_device_here():
    clock = SimClock()
    a, b = SimTables("a", clock), site("b", clock)
    write(a, OVEN)
    replicate(a, b.records, lag_s=0)
    apply(KEY, b)
    a.write_revoked(KEY, FIRST.certificate_id)
    replicate(a, b.records, lag_s=0)
    apply(KEY, b)
    found = b.registry.certificates[FIRST.certificate_id]
    assert found.status is CertificateStatus.REVOKED
    assert not b.registry.can_connect("oven")


def test_deactivation_undoes_no_revocation_that_nobody_has_heard_of():
    b = written(OVEN)
    apply(KEY, b)
    closed = replace(FIRST, status=CertificateStatus.REVOKED)
    b.registry.certificates[FIRST.certificate_id] = closed
    off = replace(FIRST, status=CertificateStatus.INACTIVE)
    write(b.records, replace(b.records.read(KEY), certificates=(off,)))
    apply(KEY, b)
    assert b.registry.certificates[FIRST.certificate_id] == closed
    assert b.records.read(KEY).revoked == (FIRST.certificate_id,)


def test_certificate_that_was_taken_away_outside_is_closed_when_it_is_revoked():
    b = written(OVEN)
    apply(KEY, b)
    off = replace(FIRST, status=CertificateStatus.INACTIVE)
    b.registry.attached["oven"].clear()
    b.registry.certificates[FIRST.certificate_id] = off
    write(b.records, replace(b.records.read(KEY), certificates=()))
    line = b.applied.read(KEY)
    taken = b.records.read(KEY)
    b.applied.write(replace(line, record=taken, digest=taken.digest), previous=line)
    b.records.write_revoked(KEY, FIRST.certificate_id)
    apply(KEY, b)
    assert FIRST.certificate_id not in b.registry.certificates
    last_two = [Verb.UPDATE_CERTIFICATE, Verb.DELETE_CERTIFICATE]
    assert b.registry.calls[-2:] == last_two


def stranger_at(b, *things):
    other = certificate("stranger")
    b.registry.certificates[other.certificate_id] = other
    for name in things:
        b.registry.attached.setdefault(name, set()).add(other.certificate_id)
    return other


def delete_oven(b):
    buried = replace(b.records.read(KEY), body=None, certificates=(), is_deleted=True)
    write(b.records, buried)
    return apply(KEY, b)


def test_deletion_closes_and_keeps_a_certificate_that_somebody_else_attached():
    b = written(OVEN)
    apply(KEY, b)
    other = stranger_at(b, "oven")
    assert delete_oven(b).failure is None
    assert "oven" not in b.registry.things
    off = replace(other, status=CertificateStatus.INACTIVE)
    assert b.registry.certificates == {other.certificate_id: off}


def test_deletion_leaves_a_certificate_that_lets_other_devices_in():
    b = written(OVEN)
    b = replace(b, surroundings=SimSurroundings(b.registry))
    apply(KEY, b)
    other = stranger_at(b, "oven", "lamp")
    assert delete_oven(b).failure is None
    assert "oven" not in b.registry.things
    assert b.registry.certificates == {other.certificate_id: other}
    assert b.registry.attached["lamp"] == {other.certificate_id}


def test_restoring_a_device_leaves_a_certificate_that_lets_other_devices_in():
    b = written(OVEN)
    b = replace(b, surroundings=SimSurroundings(b.registry))
    apply(KEY, b)
    other = stranger_at(b, "oven", "lamp")
    apply(KEY, b, look=Look.ALL)
    assert b.registry.certificates[other.certificate_id] == other
    assert b.registry.attached["lamp"] == {other.certificate_id}
    assert b.registry.attached["oven"] == {FIRST.certificate_id}


def test_revocation_that_arrives_before_the_device_never_opens_it():
    b = site()
    b.records.write_revoked(KEY, FIRST.certificate_id)
    apply(KEY, b)
    write(b.records, OVEN)
    apply(KEY, b)
    found = b.registry.certificates[FIRST.certificate_id]
    assert found.status is CertificateStatus.REVOKED


def test_what_is_there_already_is_compared_not_skipped():
    b = written(OVEN)
    b.registry.things["oven"] = Thing("oven", None, (("old", "1"),), ())
    b.registry.certificates[FIRST.certificate_id] = replace(
        FIRST, status=CertificateStatus.INACTIVE
    )
    assert apply(KEY, b).reason == "applied"
    assert b.registry.things["oven"] == OVEN.thing
    assert b.registry.can_connect("oven")


def test_what_somebody_else_attached_meanwhile_is_left_alone():
    b = written(OVEN)
    apply(KEY, b)
    b.registry.certificates[SECOND.certificate_id] = SECOND
    b.registry.attached["oven"].add(SECOND.certificate_id)
    del b.registry.certificates[FIRST.certificate_id]
    apply(KEY, b, look=Look.OURS)
    assert b.registry.attached["oven"] >= {SECOND.certificate_id}
    assert FIRST.certificate_id in b.registry.certificates
    apply(KEY, b, look=Look.ALL)
    assert SECOND.certificate_id not in b.registry.certificates


def test_conflict_that_stays_is_left_to_the_next_delivery():
    b = written(OVEN)
    b.registry.fail_at = {number: ConflictError("busy") for number in (1, 2, 3)}
    with pytest.raises(ConflictError):
        apply(KEY, b)
    assert apply(KEY, b).reason == "applied"


@given(
    st.integers(1, 4),
    st.booleans(),
    st.sampled_from([ThrottledError, UnreachableError]),
)
def test_stopped_between_any_two_calls_it_ends_right_when_run_again(
    number, is_lost_answer, kind
):
    b = written(OVEN)
    faults = {number: kind("now")}
    if is_lost_answer:
        b.registry.fail_after = faults
    else:
        b.registry.fail_at = faults
    with pytest.raises(kind):
        apply(KEY, b)
    assert apply(KEY, b).reason == "applied"
    assert b.registry.can_connect("oven")


class KilledError(BaseException):
    """The end of a process: no flow can catch it."""


@given(st.integers(1, 4), st.booleans())
def test_killed_worker_leaves_its_key_to_the_next_one_after_its_lease(
    number, is_lost_answer
):
    b = written(OVEN)
    if is_lost_answer:
        b.registry.fail_after = {number: KilledError()}
    else:
        b.registry.fail_at = {number: KilledError()}
    with pytest.raises(KilledError):
        apply(KEY, b)
    write(b.records, replace(OVEN, certificates=(SECOND,)))
    with pytest.raises(ConflictError, match="another"):
        apply(KEY, b)
    b.clock.sleep(LEASE_S + 1)
    assert apply(KEY, b).reason == "applied"
    assert b.registry.attached["oven"] == {SECOND.certificate_id}
    assert FIRST.certificate_id not in b.registry.certificates


def test_worker_that_slept_past_its_lease_makes_no_more_calls():
    class Sleepy(SimRegistry):
        def perform(self, step):
            super().perform(step)
            b.clock.sleep(LEASE_S)

    b = replace(site(), registry=Sleepy())
    write(b.records, OVEN)
    with pytest.raises(NotReadyError, match="too long"):
        apply(KEY, b)
    assert len(b.registry.calls) == 1


def test_permanent_failure_is_recorded_and_retried_only_when_the_record_changes():
    b = written(OVEN)
    b.registry.fail_at = {1: InvalidInputError("not taken")}
    outcome = apply(KEY, b)
    assert (outcome.failure, outcome.lag_s) == ("not taken", None)
    assert b.applied.read(KEY).failure == "not taken"
    assert apply(KEY, b).call_count == 0
    write(b.records, replace(OVEN, body=replace(OVEN.thing, attributes=(("a", "1"),))))
    assert apply(KEY, b).reason == "applied"
    assert b.applied.read(KEY).failure is None
    assert b.registry.can_connect("oven")


def test_record_that_no_region_takes_costs_no_call():
    b = written(replace(OVEN, certificates=(replace(FIRST, pem="hello"),)))
    assert "not PEM" in apply(KEY, b).failure
    assert b.registry.calls == []


def test_one_bad_key_does_not_stop_the_others():
    b = written(OVEN, LAMP)
    b.registry.fail_at = {number: ThrottledError("slow down") for number in (1, 6)}
    outcomes = apply_all([KEY, LAMP.key, KEY], b)
    assert [(o.key, o.is_retryable) for o in outcomes] == [
        (KEY, True),
        (LAMP.key, False),
    ]
    assert b.registry.can_connect("lamp")


def test_what_a_moment_mends_is_tried_again_within_the_batch():
    b = written(OVEN)
    b.registry.fail_at = {1: ThrottledError("slow down")}
    assert [o.reason for o in apply_all([KEY], b)] == ["applied"]


class Garbled(SimTables):
    """A table with a record of another hotsite in it."""

    def read(self, key):
        if key == KEY:
            raise InvalidInputError("version 9 of the record is not known")
        return super().read(key)


def test_record_that_nobody_can_read_is_recorded_and_passed_over():
    b = replace(site(), records=Garbled("b", SimClock()))
    write(b.records, LAMP)
    for _ in range(2):
        outcomes = apply_all([KEY, LAMP.key], b)
        assert outcomes[0].failure == "version 9 of the record is not known"
        assert outcomes[1].failure is None
    assert b.applied.read(KEY).failure == "version 9 of the record is not known"
    assert b.registry.can_connect("lamp")


def test_record_that_can_be_read_again_is_applied():
    b = replace(site(), records=Garbled("b", SimClock()))
    apply(KEY, b)
    mended = replace(b, records=SimTables("b", b.clock))
    write(mended.records, OVEN)
    assert apply(KEY, mended).reason == "applied"


GROUP = Record(Key(Kind.THING_GROUP, "hall"), ThingGroup("hall", "site"))
PARENT = Record(Key(Kind.THING_GROUP, "site"), ThingGroup("site", policies=("fleet",)))
RULES = Record(Key(Kind.POLICY, "fleet"), Policy("fleet", "{}"))
IN_HALL = replace(OVEN, body=replace(OVEN.thing, groups=("hall",)))


def test_what_a_record_needs_is_applied_first_parents_before_children():
    b = written(IN_HALL, GROUP, PARENT, RULES)
    assert apply(KEY, b).reason == "applied"
    assert b.registry.things["oven"].groups == ("hall",)
    assert {"hall", "site"} <= set(b.registry.groups)
    assert all(b.applied.read(key) for key in (GROUP.key, PARENT.key, RULES.key))


def test_what_is_needed_and_still_under_way_is_waited_for_then_given_up():
    b = written(IN_HALL)
    with pytest.raises(NotReadyError, match="waits for"):
        apply(KEY, b)
    b.clock.sleep(NEEDS_S_MAX)
    assert "hall" in apply(KEY, b).failure


def test_groups_that_form_a_cycle_are_refused_with_the_circle():
    b = written(
        replace(PARENT, body=ThingGroup("site", "hall")),
        replace(GROUP, body=ThingGroup("hall", "site")),
    )
    failure = apply(GROUP.key, b).failure
    assert "group#hall → group#site → group#hall" in failure


def test_two_workers_never_have_one_key():
    b = written(OVEN)
    line = leased(None, KEY, b)
    with pytest.raises(ConflictError):
        apply(KEY, b)
    with pytest.raises(ConflictError):
        leased(line, KEY, b)
    with pytest.raises(ConflictError):
        leased(None, KEY, b)
    b.applied.write(replace(line, leased_until_s=0.0), previous=line)
    assert apply(KEY, b).reason == "applied"


def test_unreadable_table_is_an_error_not_an_empty_one():
    b = written(OVEN)
    apply(KEY, b)
    b.records.is_reachable = False
    with pytest.raises(UnreachableError):
        apply(KEY, b)
    assert b.registry.can_connect("oven")


def test_look_at_what_is_applied_already_keeps_its_lag():
    b = written(OVEN)
    apply(KEY, b)
    before = b.applied.read(KEY)
    b.clock.sleep(100)
    assert apply(KEY, b, look=Look.OURS).reason == "already applied"
    assert b.applied.read(KEY) == before


def test_registry_that_lost_something_is_mended_by_a_look():
    b = written(OVEN)
    apply(KEY, b)
    b.registry.things["oven"] = replace(OVEN.thing, groups=())
    assert apply(KEY, b).call_count == 0
    assert apply(KEY, b, look=Look.OURS).call_count == 1
    assert b.registry.calls[-1] is Verb.ADD_TO_GROUP
