from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.onboarding import Claim, Entry
from hotsite.core.registry import Certificate, CertificateStatus, Record, Thing
from hotsite.errors import (
    ConflictError,
    InvalidInputError,
    ThrottledError,
    UnreachableError,
)
from hotsite.flows.replication import Site, apply, apply_all
from hotsite.ports import Applied
from hotsite.sim.clock import SimClock
from hotsite.sim.registry import SimRegistry
from hotsite.sim.tables import SimAppliedRecords, SimTables, replicate

OVEN = Record("oven", Thing("oven", None, (), ("fleet",)), (Certificate("c1", "p"),))


def site(region="b", clock=None):
    clock = clock or SimClock()
    tables = SimTables(region, clock)
    return Site(tables, SimAppliedRecords(), SimRegistry(), clock)


def write(tables, record):
    tables.put((record.name, "thing"), record.thing)
    for item in record.certificates:
        tables.put((record.name, f"certificate#{item.certificate_id}"), item)


def test_new_device_is_applied_in_four_calls_and_lag_is_kept():
    b = site()
    write(b.records, OVEN)
    b.clock.sleep(2.5)
    outcome = apply("oven", b)
    assert (outcome.call_count, outcome.reason) == (4, "applied")
    assert b.registry.can_connect("oven")
    assert b.applied.read("oven").lag_s == 2.5


def test_duplicate_event_costs_no_call():
    b = site()
    write(b.records, OVEN)
    apply("oven", b)
    before = len(b.registry.calls)
    assert apply("oven", b).call_count == 0
    assert len(b.registry.calls) == before


def test_name_that_nobody_wrote_changes_nothing():
    b = site()
    assert apply("ghost", b).call_count == 0
    assert not b.registry.things


def test_revocation_written_in_the_other_region_closes_the_device_here():
    clock = SimClock()
    a, b = SimTables("a", clock), site("b", clock)
    write(a, OVEN)
    replicate(a, b.records, lag_s=0)
    apply("oven", b)
    a.write_revoked("oven", "c1")
    replicate(a, b.records, lag_s=0)
    apply("oven", b)
    assert b.registry.certificates["c1"].status is CertificateStatus.REVOKED
    assert not b.registry.can_connect("oven")


def test_revocation_that_arrives_before_the_device_never_opens_it():
    b = site()
    b.records.write_revoked("oven", "c1")
    apply("oven", b)
    write(b.records, OVEN)
    apply("oven", b)
    assert b.registry.certificates["c1"].status is CertificateStatus.REVOKED


def test_what_is_there_already_is_compared_not_skipped():
    b = site()
    b.registry.things["oven"] = Thing("oven", None, (("old", "1"),), ())
    b.registry.certificates["c1"] = replace(
        OVEN.certificates[0], status=CertificateStatus.INACTIVE
    )
    write(b.records, OVEN)
    assert apply("oven", b).reason == "applied"
    assert b.registry.things["oven"] == OVEN.thing
    assert b.registry.can_connect("oven")


def test_conflict_that_stays_is_left_to_the_next_delivery():
    b = site()
    write(b.records, OVEN)
    b.registry.fail_at = {1: ConflictError("busy"), 2: ConflictError("busy")}
    with pytest.raises(ConflictError):
        apply("oven", b)
    assert apply("oven", b).reason == "applied"


@given(
    st.integers(1, 4),
    st.booleans(),
    st.sampled_from([ThrottledError, UnreachableError]),
)
def test_killed_between_any_two_calls_it_ends_right_when_run_again(
    number, is_lost_answer, kind
):
    b = site()
    write(b.records, OVEN)
    faults = {number: kind("now")}
    if is_lost_answer:
        b.registry.fail_after = faults
    else:
        b.registry.fail_at = faults
    with pytest.raises(kind):
        apply("oven", b)
    assert apply("oven", b).reason == "applied"
    assert b.registry.can_connect("oven")


def test_permanent_failure_is_recorded_and_retried_only_when_the_record_changes():
    b = site()
    write(b.records, OVEN)
    b.registry.fail_at = {1: InvalidInputError("not PEM")}
    assert apply("oven", b).reason == "not PEM"
    assert b.applied.read("oven").failure == "not PEM"
    assert apply("oven", b).call_count == 0
    b.records.put(("oven", "thing"), replace(OVEN.thing, attributes=(("a", "1"),)))
    assert apply("oven", b).reason == "applied"
    assert b.registry.can_connect("oven")


def test_one_bad_name_does_not_stop_the_others():
    b = site()
    write(b.records, OVEN)
    lamp = Record(
        "lamp", Thing("lamp", None, (), ("fleet",)), (Certificate("c2", "p"),)
    )
    write(b.records, lamp)
    b.registry.fail_at = {1: ThrottledError("slow down")}
    outcomes = apply_all(["oven", "lamp", "oven"], b)
    assert [(o.name, o.is_retryable) for o in outcomes] == [
        ("oven", True),
        ("lamp", False),
    ]
    assert b.registry.can_connect("lamp")


def test_record_that_nobody_can_read_is_passed_over_with_its_reason():
    class Garbled(SimTables):
        def read(self, name):
            if name == "oven":
                raise InvalidInputError("version 9 of the record is not known")
            return super().read(name)

    b = replace(site(), records=Garbled("b", SimClock()))
    lamp = Record("lamp", Thing("lamp"), (Certificate("c2", "p"),))
    write(b.records, lamp)
    outcomes = apply_all(["oven", "lamp"], b)
    assert [(o.reason, o.is_retryable) for o in outcomes] == [
        ("version 9 of the record is not known", False),
        ("applied", False),
    ]


class Racing(SimAppliedRecords):
    """Another delivery writes first, as often as told."""

    def __init__(self, times):
        super().__init__()
        self.times = times

    def write(self, applied, *, previous):
        if self.times:
            self.times -= 1
            other_thing = replace(OVEN.thing, type_name=f"race {self.times}")
            other = replace(applied.record, thing=other_thing)
            self.items[applied.record.name] = Applied(other, 0.0, 0)
        super().write(applied, previous=previous)


def test_two_deliveries_at_a_time_end_at_the_record():
    b = replace(site(), applied=Racing(times=2))
    write(b.records, OVEN)
    assert apply("oven", b).reason == "applied"
    assert b.registry.can_connect("oven")


def test_endless_race_gives_up_with_a_reason():
    b = replace(site(), applied=Racing(times=99))
    write(b.records, OVEN)
    with pytest.raises(ConflictError, match="without pause"):
        apply("oven", b)


def test_unreadable_record_is_an_error_not_an_empty_one():
    b = site()
    write(b.records, OVEN)
    apply("oven", b)
    b.records.is_reachable = False
    with pytest.raises(UnreachableError):
        apply("oven", b)
    assert b.registry.can_connect("oven")


def test_last_writer_wins_between_replicas_whatever_the_order():
    clock = SimClock()
    a, b = SimTables("a", clock), SimTables("b", clock)
    a.put(("oven", "thing"), OVEN.thing)
    clock.sleep(1)
    b.put(("oven", "thing"), replace(OVEN.thing, type_name="new"))
    replicate(b, a, lag_s=0)
    replicate(a, b, lag_s=0)
    assert a.read("oven").thing == b.read("oven").thing
    assert a.read("oven").thing.type_name == "new"


def test_changes_wait_for_their_lag_and_for_both_sides():
    clock = SimClock()
    a, b = SimTables("a", clock), SimTables("b", clock)
    a.put(("oven", "thing"), OVEN.thing)
    replicate(a, b, lag_s=5)
    assert b.read("oven").thing is None
    b.is_reachable = False
    clock.sleep(5)
    replicate(a, b, lag_s=5)
    b.is_reachable = True
    assert b.read("oven").thing is None
    replicate(a, b, lag_s=5)
    assert b.read("oven").thing == OVEN.thing


def test_claims_wake_nobody():
    tables = SimTables("a", SimClock())
    tables.put(("claim", "oven"), Entry.of(Claim("oven", "s"), {}))
    assert tables.touched == []
