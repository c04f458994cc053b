"""``ports.SeriesReader`` on the hot table: one partition is one device."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hotsite.adapters.aws.items import from_wire, number, to_wire
from hotsite.adapters.aws.session import translated
from hotsite.core.outbox import Key
from hotsite.core.series import Row, Window
from hotsite.ports.series import Reading


class HotSeries:
    """Reads one site's replica of the hot table."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        """Take a boto3 client of the site's Region, and the table's name."""
        self._dynamodb = dynamodb
        self._table = table

    def read(self, thing: str, window: Window) -> Reading:
        """Return what the table holds of a device."""
        rows, unreadable = [], 0
        with translated(f"read {thing} in {self._table}"):
            pages = self._dynamodb.get_paginator("query").paginate(
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="pk = :thing",
                **_filter(thing, window),
            )
            for page in pages:
                for item in page["Items"]:
                    row = _row(from_wire(item))
                    if row is None:
                        unreadable += 1
                    elif window.has(row.published_at_s):
                        rows.append(row)
        return Reading(tuple(rows), unreadable)


def _filter(thing: str, window: Window) -> dict[str, Any]:
    """Return what makes DynamoDB leave out other times; it reads them all the same."""
    values: dict[str, Any] = {":thing": thing}
    conditions = []
    for sign, name, bound in (
        (">=", ":low", window.from_s),
        ("<=", ":high", window.to_s),
    ):
        if bound is not None:
            values[name] = bound
            conditions.append(f"published_at_s {sign} {name}")
    found: dict[str, Any] = {"ExpressionAttributeValues": to_wire(values)}
    if conditions:
        found["FilterExpression"] = " AND ".join(conditions)
    return found


def _row(item: Mapping[str, Any]) -> Row | None:
    """Return the message in an item, or nothing if it is none."""
    try:
        received = item.get("received_at_s")
        return Row(
            thing=str(item["pk"]),
            key=Key(int(item["epoch"]), int(item["seq"])),
            published_at_s=float(item["published_at_s"]),
            data=_text(item["data"]),
            origin=str(item.get("origin", "")),
            received_at_s=None if received is None else float(received),
        )
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None


def _text(data: Any) -> str:
    # AWS stores the map; the local cloud, and the batch's Lambda, may store its text.
    value = json.loads(data) if isinstance(data, str) else data
    return json.dumps(value, separators=(",", ":"), default=_number)


def _number(value: Any) -> int | float:
    if not isinstance(value, Decimal):
        raise TypeError(f"{value!r} is not JSON")
    return number(value)
