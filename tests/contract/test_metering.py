"""The RPO meter's readings and the cold store, in memory and in a Region alike."""

import datetime as dt
from dataclasses import replace

import pytest

from hotsite.core.metering import Reading, Readings
from hotsite.errors import ConflictError, UnreachableError

A, B = "eu-central-1", "eu-west-1"
SEEN = Reading(
    A,
    watermark_s=1_795_000_000.125,
    seen_at_s=1_795_000_001.5,
    measured_at_s=1_795_000_003.0,
    counts=((358_999_999, 7), (359_000_000, 12)),
    batches=("100", "200"),
    cold_s=1_794_999_940.0,
    cold_at_s=1_795_000_002.0,
)
READINGS = Readings({A: SEEN, B: Reading(B, 1.5, 2.5, 3.5)})
NOON_S = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC).timestamp()


def test_meter_that_never_ran_has_no_readings(ports):
    assert ports.readings.read() == Readings()


def test_readings_are_read_back_whole(ports):
    written = ports.readings.write(READINGS)
    assert written == replace(READINGS, revision=1)
    assert ports.readings.read() == written


def test_second_of_two_workers_has_to_read_again(ports):
    first = ports.readings.write(READINGS)
    moved = replace(SEEN, watermark_s=SEEN.watermark_s + 9)
    written = ports.readings.write(replace(first, by_origin={A: moved}))
    for stale in (READINGS, first):
        with pytest.raises(ConflictError):
            ports.readings.write(stale)
    assert ports.readings.read() == written


def test_readings_that_cannot_be_read_are_not_nothing(ports_cut_off):
    with pytest.raises(UnreachableError):
        ports_cut_off.readings.read()


def test_cold_store_without_an_object_or_a_bucket_has_no_time(cold):
    assert cold.store.newest_s("eu-central-1") is None
    assert cold.without_bucket().newest_s("eu-central-1") is None


@pytest.mark.parametrize("times", [(0, 65, 7_201), (90_000, 0, 3_600), (-1, 0)])
def test_newest_object_of_an_origin_counts_over_hours_and_days(cold, times):
    for time_s in times:
        cold.put("eu-central-1", NOON_S + time_s)
    cold.put("eu-west-1", NOON_S + 999_999)
    assert cold.store.newest_s("eu-central-1") == NOON_S + max(times)
