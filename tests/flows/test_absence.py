"""The conflict report, from the tables of the returning site."""

from dataclasses import replace

from hotsite.core.registry import Record, Thing, thing_key
from hotsite.flows.absence import absence
from hotsite.ports import Applied
from hotsite.sim.clock import SimClock
from hotsite.sim.tables import SimAppliedRecords, SimTables


def test_report_tells_what_is_new_applied_pending_and_impossible():
    clock = SimClock()
    tables, applied = SimTables("a", clock), SimAppliedRecords()
    for name in ("old", "done", "waiting", "failed"):
        record = Record(thing_key(name), Thing(name))
        tables.write(record, previous=Record(thing_key(name), None))
        if name == "old":
            clock.sleep(1.0)
            since_s = clock.now_s()
            clock.sleep(1.0)
        if name != "waiting":
            line = Applied(record.key, record, digest=tables.peek(record.key).digest)
            why = "no such type" if name == "failed" else None
            applied.write(replace(line, failure=why), previous=None)
    found = absence(tables, applied, since_s=since_s)
    assert found.counts.total() == 3
    assert (found.pending, found.failed) == (1, 1)
    assert found.conflicts == ("thing#failed cannot be applied: no such type",)
