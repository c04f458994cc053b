from dataclasses import replace

import pytest

from hotsite.core.registry import Key, Kind, Policy, Record, Thing, thing_key
from hotsite.flows.replication import Site, apply
from hotsite.flows.replication_status import replication_status
from hotsite.sim.clock import SimClock
from hotsite.sim.registry import SimRegistry
from hotsite.sim.tables import SimAppliedRecords, SimTables


def site():
    clock = SimClock()
    return Site(SimTables("b", clock), SimAppliedRecords(), SimRegistry(), clock)


def write(b, record):
    b.records.write(record, previous=b.records.read(record.key))


def test_region_without_records_has_no_lag():
    status = replication_status(site())
    assert (status.names, status.lag_p50_s) == (0, None)


def test_names_are_applied_pending_or_failed():
    b = site()
    for number in range(10):
        write(b, Record(thing_key(f"t{number}"), Thing(f"t{number}")))
    write(b, Record(Key(Kind.POLICY, "bad"), Policy("bad", "no JSON")))
    b.clock.sleep(2)
    for number in range(8):
        apply(thing_key(f"t{number}"), b)
    apply(Key(Kind.POLICY, "bad"), b)
    b.clock.sleep(5)
    status = replication_status(b)
    assert (status.names, status.applied, status.pending, status.failed) == (
        11,
        8,
        2,
        1,
    )
    assert status.oldest_pending_s == 7
    assert status.pending_keys == ("thing#t8", "thing#t9")
    assert "not JSON" in status.failures[0].reason
    assert status.lag_p50_s == pytest.approx(2, rel=0.02)
    assert status.lag_p99_s == pytest.approx(2, rel=0.02)
    assert status.is_whole


def test_half_done_plan_is_pending():
    b = site()
    write(b, Record(thing_key("oven"), Thing("oven")))
    apply(thing_key("oven"), b)
    line = b.applied.read(thing_key("oven"))
    b.applied.write(replace(line, attempts=(line.record,)), previous=line)
    assert replication_status(b).pending == 1


def test_plan_that_failed_half_way_is_told_as_failed_with_its_reason():
    b = site()
    write(b, Record(thing_key("oven"), Thing("oven")))
    apply(thing_key("oven"), b)
    line = b.applied.read(thing_key("oven"))
    failed = replace(line, attempts=(line.record,), failure="refused by AWS IoT")
    b.applied.write(failed, previous=line)
    status = replication_status(b)
    assert (status.failed, status.pending, status.applied) == (1, 0, 0)
    assert status.failures[0].reason == "refused by AWS IoT"


def test_changed_record_is_pending_until_it_is_applied():
    b = site()
    write(b, Record(thing_key("oven"), Thing("oven")))
    apply(thing_key("oven"), b)
    write(b, Record(thing_key("oven"), Thing("oven", None, (("a", "1"),))))
    assert replication_status(b).pending == 1
    apply(thing_key("oven"), b)
    assert replication_status(b).pending == 0


def test_look_at_some_names_says_that_it_is_not_whole():
    b = site()
    for number in range(10):
        write(b, Record(thing_key(f"t{number}"), Thing(f"t{number}")))
    status = replication_status(b, names_max=4)
    assert (status.names, status.is_whole) == (4, False)
    assert replication_status(b, names_max=10).is_whole
