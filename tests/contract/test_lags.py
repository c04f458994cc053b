"""How far a site is behind, from its own tables, in memory and in a Region."""

import pytest
from tests.contract.world import make_certificate, make_record

from hotsite.core.metering import Reading, Readings
from hotsite.errors import UnreachableError
from hotsite.flows.lagging import MeasuredLags
from hotsite.flows.replication import apply
from hotsite.ports.operations import Lag

THERE = "eu-central-1"


def lags(ports, **changes):
    stores = (ports.records, ports.applied, ports.readings, ports.clock)
    return MeasuredLags(*stores, THERE, **changes)


def test_nothing_waits_where_nothing_was_written_and_no_meter_ran(ports):
    assert lags(ports).read() == Lag(0.0, None)


def test_oldest_record_that_is_not_applied_counts(ports, name):
    first, second = (make_record(f"{name}-{n}", make_certificate()) for n in "12")
    for record in (first, second):
        ports.records.write(record, previous=ports.records.read(record.key))
        ports.clock.sleep(20.0)
    assert lags(ports).read().registry_s == pytest.approx(40.0, abs=1.0)
    apply(first.key, ports.site)
    assert lags(ports).read().registry_s == pytest.approx(20.0, abs=1.0)
    apply(second.key, ports.site)
    assert lags(ports).read().registry_s == 0.0


def test_fleet_that_is_too_large_is_not_measured_in_part(ports, name):
    record = make_record(name, make_certificate())
    ports.records.write(record, previous=ports.records.read(record.key))
    assert lags(ports, names_max=0).read().registry_s is None


def test_hot_figure_is_the_meters(ports):
    now_s = ports.clock.now_s()
    reading = Reading(THERE, now_s - 7.0, now_s - 2.0, now_s)
    ports.readings.write(Readings({THERE: reading}))
    assert lags(ports).read().hot_s == pytest.approx(5.0)


def test_lag_that_cannot_be_read_is_not_none(ports_cut_off):
    with pytest.raises(UnreachableError):
        lags(ports_cut_off).read()
