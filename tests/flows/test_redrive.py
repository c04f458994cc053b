from hotsite.core.registry import Key, Kind, Policy, Record, Thing, thing_key
from hotsite.errors import InvalidInputError, UnreachableError
from hotsite.flows.redrive import redrive
from hotsite.flows.replication import Site
from hotsite.sim.clock import SimClock
from hotsite.sim.failures import SimFailedBatches
from hotsite.sim.registry import SimRegistry
from hotsite.sim.tables import SimAppliedRecords, SimTables

NAMES = ("oven", "kettle", "press", "saw", "drill")


def site():
    clock = SimClock()
    return Site(SimTables("b", clock), SimAppliedRecords(), SimRegistry(), clock)


def write(b, record):
    b.records.write(record, previous=b.records.read(record.key))


def with_batches(b):
    batches = SimFailedBatches(page_size=2)
    for name in NAMES:
        write(b, Record(thing_key(name), Thing(name, groups=("fleet",))))
        batches.put([thing_key(name), Key(Kind.SHADOWS, name)])
    return batches


def test_every_batch_is_applied_and_deleted():
    b = site()
    batches = with_batches(b)
    found = list(redrive(batches, b))
    assert all(item.is_deleted for item in found)
    assert len(found) == len(NAMES)
    assert set(b.registry.things) == set(NAMES)
    assert batches.batches == {}
    assert list(redrive(batches, b)) == []


def test_batch_whose_key_must_wait_is_kept_with_the_reason():
    b = site()
    batches = with_batches(b)
    b.registry.is_reachable = False
    found = list(redrive(batches, b))
    assert "1 of 2 keys must wait" in found[0].reason
    assert len(batches.batches) == len(NAMES)
    b.registry.is_reachable = True
    assert all(item.is_deleted for item in redrive(batches, b))


def test_record_that_can_never_be_applied_ends_its_batch_and_stays_in_the_status():
    b = site()
    batches = SimFailedBatches()
    write(b, Record(Key(Kind.POLICY, "bad"), Policy("bad", "no JSON")))
    batches.put([Key(Kind.POLICY, "bad"), thing_key("ghost")])
    (found,) = redrive(batches, b)
    assert found.is_deleted
    assert "not JSON" in found.outcomes[0].failure
    assert b.applied.read(Key(Kind.POLICY, "bad")).failure


def test_batch_that_cannot_be_read_is_kept_and_the_others_go_on():
    class Unreadable(SimFailedBatches):
        def read(self, name):
            if name == "batch-000002":
                raise InvalidInputError("it lacks its records")
            return super().read(name)

    b = site()
    good = with_batches(b)
    batches = Unreadable(batches=good.batches)
    found = list(redrive(batches, b))
    assert [item.name for item in found if not item.is_deleted] == ["batch-000002"]
    assert len(b.registry.things) == len(NAMES) - 1


def test_store_that_dies_on_the_way_loses_no_batch():
    b = site()
    batches = with_batches(b)
    steps = redrive(batches, b)
    next(steps)
    batches.is_reachable = False
    try:
        list(steps)
    except UnreachableError:
        batches.is_reachable = True
    assert len(batches.batches) == len(NAMES) - 1
    list(redrive(batches, b))
    assert set(b.registry.things) == set(NAMES)
