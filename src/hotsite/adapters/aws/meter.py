"""The RPO meter's readings in the Region's own table, and the cold store's newest.

Cold objects lie below ``telemetry/region=<origin>/date=YYYY-MM-DD/hour=HH/``, so
the newest is found by three listings, however many objects there are.
"""

import contextlib
import datetime as dt
import re
from dataclasses import replace
from typing import Any

from hotsite.adapters.aws import items
from hotsite.adapters.aws.session import translated
from hotsite.core.metering import Arrival, Reading, Readings
from hotsite.errors import NotFoundError

# Firehose ends a name in -<year>-<month>-<day>-<hour>-<minute>-<second>-<uuid>, in
# UTC (Amazon Data Firehose developer guide, "Configure Amazon S3 object name
# format"). It is the time of the oldest record, as in prefixes ("Understand custom
# prefixes"), so a figure that is made of it is never too good.
_STAMP = re.compile(r"-(\d{4}(?:-\d\d){5})-[^/]*$")


class DynamoMeterReadings:
    """Implements ``ports.MeterReadings`` on the Region's own table."""

    _KEY = "meter#telemetry"

    def __init__(self, dynamodb: Any, table: str) -> None:
        """Take a client and the table's name."""
        self._dynamodb = dynamodb
        self._table = table

    def read(self) -> Readings:
        """Return what was written last; empty when nothing was."""
        with translated("read the meter"):
            answer = self._dynamodb.get_item(
                TableName=self._table,
                Key={"name": {"S": self._KEY}},
                ConsistentRead=True,
            )
        if "Item" not in answer:
            return Readings()
        item = items.from_wire(answer["Item"])
        with items.readable(item):
            found = {key: _reading_of(key, it) for key, it in item["origins"].items()}
            return Readings(found, int(item["revision"]))

    def write(self, readings: Readings) -> Readings:
        """Replace what was written last, if nobody else did since it was read."""
        condition: dict[str, Any] = {
            "ConditionExpression": "attribute_not_exists(#name)",
            "ExpressionAttributeNames": {"#name": "name"},
        }
        if readings.revision:
            revision = {":revision": {"N": str(readings.revision)}}
            condition = {
                "ConditionExpression": "revision = :revision",
                "ExpressionAttributeValues": revision,
            }
        written = replace(readings, revision=readings.revision + 1)
        item = {
            "name": self._KEY,
            "v": items.VERSION,
            "origins": {key: _item(it) for key, it in written.by_origin.items()},
            "revision": written.revision,
        }
        with translated("write the meter"):
            self._dynamodb.put_item(
                TableName=self._table, Item=items.to_wire(item), **condition
            )
        return written


class S3ColdWatermarks:
    """Implements ``ports.ColdWatermarks`` on this Region's cold bucket."""

    def __init__(self, s3: Any, bucket: str) -> None:
        """Take a client of S3 and the bucket's name; empty when there is none."""
        self._s3 = s3
        self._bucket = bucket

    def newest_s(self, origin: str) -> float | None:
        """Return the time of the newest cold object of an origin that is here."""
        if not self._bucket:
            return None
        try:
            with translated(f"look for the newest cold object of {origin}"):
                date = self._last_folder(f"telemetry/region={origin}/")
                hour = self._last_folder(date) if date else None
                return self._newest_in(hour) if hour else None
        except NotFoundError:
            return None

    def _last_folder(self, prefix: str) -> str | None:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, Delimiter="/"
        )
        names = (
            folder["Prefix"]
            for page in pages
            for folder in page.get("CommonPrefixes", ())
        )
        return max(names, default=None)

    def _newest_in(self, prefix: str) -> float | None:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix
        )
        times = (time_of(item) for page in pages for item in page.get("Contents", ()))
        return max(times, default=None)


def arrival_of(record: dict[str, Any], *, canary_prefix: str) -> Arrival | None:
    """Return the row that a record of the hot table's stream tells of.

    Args:
        record: One of ``Records`` in the event of a Lambda.
        canary_prefix: What the things' names of canaries begin with.

    Returns:
        Nothing for a row that was removed, or that says neither where nor when it
        was received: such a row says nothing about replication.
    """
    image = record["dynamodb"].get("NewImage", {})
    try:
        origin, at_s = image["origin"]["S"], float(image["received_at_s"]["N"])
        thing = image["pk"]["S"]
    except (KeyError, ValueError):
        return None
    return Arrival(origin, at_s, is_heartbeat=thing.startswith(canary_prefix))


def _item(reading: Reading) -> items.Item:
    return {
        "watermark_s": reading.watermark_s,
        "seen_at_s": reading.seen_at_s,
        "measured_at_s": reading.measured_at_s,
        "counts": [list(pair) for pair in reading.counts],
        "batches": list(reading.batches),
        "cold_s": reading.cold_s,
        "cold_at_s": reading.cold_at_s,
    }


def _reading_of(origin: str, item: items.Item) -> Reading:
    cold_s = item["cold_s"]
    return Reading(
        origin,
        watermark_s=float(item["watermark_s"]),
        seen_at_s=float(item["seen_at_s"]),
        measured_at_s=float(item["measured_at_s"]),
        counts=tuple((int(number), int(count)) for number, count in item["counts"]),
        batches=tuple(map(str, item["batches"])),
        cold_s=None if cold_s is None else float(cold_s),
        cold_at_s=float(item["cold_at_s"]),
    )


def time_of(item: dict[str, Any]) -> float:
    """Return the time of a cold object, seconds since the epoch.

    Args:
        item: One of ``Contents`` in an answer of ListObjectsV2.
    """
    stamp = _STAMP.search(item["Key"])
    if stamp is not None:
        with contextlib.suppress(ValueError):
            utc = f"{stamp[1]}+0000"
            return dt.datetime.strptime(utc, "%Y-%m-%d-%H-%M-%S%z").timestamp()
    # "creation time of the replica remains the same as the corresponding object in
    # the source bucket" (S3 developer guide, "Lifecycle Configuration and Object
    # Replicas").
    modified: dt.datetime = item["LastModified"]
    return modified.timestamp()
