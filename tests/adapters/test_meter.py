"""What a record of the hot table's stream says, and how old a cold object is."""

import datetime as dt

import pytest

from hotsite.adapters.aws.meter import arrival_of, time_of
from hotsite.core.metering import Arrival

A = "eu-central-1"
IMAGE = {
    "pk": {"S": "oven-1"},
    "sk": {"S": "0000000001#000000000001"},
    "origin": {"S": A},
    "received_at_s": {"N": "1795000000"},
}
MODIFIED = dt.datetime(2026, 11, 28, 12, 1, 2, tzinfo=dt.UTC)


def read(**changes):
    image = {name: value for name, value in (IMAGE | changes).items() if value}
    record = {"eventName": "INSERT", "dynamodb": {"NewImage": image}}
    return arrival_of(record, canary_prefix="hotsite-canary-")


def test_row_says_where_and_when_it_was_received():
    assert read() == Arrival(A, 1_795_000_000.0)


def test_row_of_a_canary_is_a_heartbeat():
    found = read(pk={"S": f"hotsite-canary-{A}"})
    assert found == Arrival(A, 1_795_000_000.0, is_heartbeat=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": None},
        {"origin": {"N": "1"}},
        {"received_at_s": None},
        {"received_at_s": {"S": "noon"}},
        {"pk": None},
    ],
)
def test_row_that_says_neither_is_passed_over(changes):
    assert read(**changes) is None


def test_row_that_was_removed_is_passed_over():
    record = {"eventName": "REMOVE", "dynamodb": {"OldImage": IMAGE}}
    assert arrival_of(record, canary_prefix="hotsite-canary-") is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "hotsite-telemetry-1-2026-11-28-12-00-05-0f9d2c3e-77aa.parquet",
            dt.datetime(2026, 11, 28, 12, 0, 5, tzinfo=dt.UTC),
        ),
        ("hotsite-telemetry-1-2026-99-99-12-00-05-0f9d2c3e.parquet", MODIFIED),
        ("part-7.parquet", MODIFIED),
    ],
)
def test_cold_object_is_as_old_as_its_name_says_or_as_its_making(name, expected):
    key = f"telemetry/region={A}/date=2026-11-28/hour=12/{name}"
    assert time_of({"Key": key, "LastModified": MODIFIED}) == expected.timestamp()
