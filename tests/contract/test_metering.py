"""The RPO meter's readings and the cold store, in memory and in a Region alike."""

import datetime as dt
from dataclasses import replace

import pytest

from hotsite.core.metering import Reading
from hotsite.errors import ConflictError, UnreachableError

READING = Reading(
    "eu-central-1",
    watermark_s=1_795_000_000.125,
    seen_at_s=1_795_000_001.5,
    measured_at_s=1_795_000_003.0,
    counts=((358_999_999, 7), (359_000_000, 12)),
    batches=("100", "200"),
    cold_s=1_794_999_940.0,
    cold_at_s=1_795_000_002.0,
)
NOON_S = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC).timestamp()


def test_origin_that_was_never_seen_has_no_reading(ports):
    assert ports.readings.read("eu-west-9") is None


@pytest.mark.parametrize(
    "reading", [READING, replace(READING, counts=(), batches=(), cold_s=None)]
)
def test_reading_is_read_back_whole(ports, reading):
    written = ports.readings.write(reading)
    assert written == replace(reading, revision=1)
    assert ports.readings.read(reading.origin) == written
    assert ports.readings.read("eu-west-9") is None


def test_second_of_two_workers_has_to_read_again(ports):
    first = ports.readings.write(READING)
    later = replace(first, watermark_s=first.watermark_s + 9)
    written = ports.readings.write(later)
    for stale in (READING, first):
        with pytest.raises(ConflictError):
            ports.readings.write(stale)
    assert ports.readings.read(READING.origin) == written


def test_readings_that_cannot_be_read_are_not_nothing(ports_cut_off):
    with pytest.raises(UnreachableError):
        ports_cut_off.readings.read("eu-central-1")


def test_cold_store_without_an_object_or_a_bucket_has_no_time(cold):
    assert cold.store.newest_s("eu-central-1") is None
    assert cold.without_bucket().newest_s("eu-central-1") is None


@pytest.mark.parametrize("times", [(0, 65, 7_201), (90_000, 0, 3_600), (-1, 0)])
def test_newest_object_of_an_origin_counts_over_hours_and_days(cold, times):
    for time_s in times:
        cold.put("eu-central-1", NOON_S + time_s)
    cold.put("eu-west-1", NOON_S + 999_999)
    assert cold.store.newest_s("eu-central-1") == NOON_S + max(times)
