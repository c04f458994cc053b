"""What a Region keeps for itself on DynamoDB: applied records, cursors, health.

The records of a line are packed, because it has up to nine of them, nearly
alike, and an item has 400 KB (DynamoDB developer guide, "Quotas").
"""

import json
import lzma
from dataclasses import replace
from typing import Any

from hotsite.adapters.aws import items
from hotsite.adapters.aws.session import translated
from hotsite.core.health import HealthVerdict
from hotsite.core.registry import Key, Record, key_in
from hotsite.errors import InvalidInputError
from hotsite.ports import Applied, AppliedPage

_PAGE_LINES_MAX = 200
_CURSOR_BYTES_MAX = 300_000
# Fast, and still looks back 1 MiB, so that one record among many costs little.
_PACKING = 1


class DynamoAppliedRecords:
    """Implements ``ports.AppliedRecords`` on the Region's own table."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        """Take a client and the table's name."""
        self._dynamodb = dynamodb
        self._table = table

    def read(self, key: Key) -> Applied | None:
        """Return what was applied of a key, or nothing."""
        with translated(f"read what was applied of {key}"):
            answer = self._dynamodb.get_item(
                TableName=self._table,
                Key={"name": {"S": str(key)}},
                ConsistentRead=True,
            )
        if "Item" not in answer:
            return None
        return _applied_of(key, items.from_wire(answer["Item"]))

    def write(self, applied: Applied, *, previous: Applied | None) -> Applied:
        """Write a line, if nobody else did since it was read."""
        written = replace(applied, revision=previous.revision + 1 if previous else 1)
        condition: dict[str, Any] = {
            "ConditionExpression": "attribute_not_exists(#name)",
            "ExpressionAttributeNames": {"#name": "name"},
        }
        if previous is not None:
            revision = {":revision": {"N": str(previous.revision)}}
            condition = {
                "ConditionExpression": "revision = :revision",
                "ExpressionAttributeValues": revision,
            }
        if previous is not None and not previous.revision:
            # Written by hotsite 0.1, which had no revisions.
            condition = {
                "ConditionExpression": (
                    "attribute_exists(#name) AND attribute_not_exists(revision)"
                ),
                "ExpressionAttributeNames": {"#name": "name"},
            }
        with translated(f"write what was applied of {applied.key}"):
            self._dynamodb.put_item(
                TableName=self._table, Item=items.to_wire(_item(written)), **condition
            )
        return written

    def page(self, token: str | None = None) -> AppliedPage:
        """Return some of the lines; one that cannot be read says so as a failure."""
        more = {"ExclusiveStartKey": {"name": {"S": token}}} if token else {}
        with translated("list what was applied"):
            answer = self._dynamodb.scan(
                TableName=self._table,
                Limit=_PAGE_LINES_MAX,
                ConsistentRead=True,
                **more,
            )
        lines = []
        for wire in answer["Items"]:
            key = key_in(wire["name"]["S"])
            if key is not None:
                lines.append(_readable_line(key, items.from_wire(wire)))
        last = answer.get("LastEvaluatedKey")
        return AppliedPage(tuple(lines), last["name"]["S"] if last else None)


class DynamoCursors:
    """Implements ``ports.Cursors`` on the Region's own table."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        """Take a client and the table's name."""
        self._dynamodb = dynamodb
        self._table = table

    def read(self, name: str) -> str | None:
        """Return what was kept under a name, or nothing."""
        with translated(f"read cursor {name}"):
            answer = self._dynamodb.get_item(
                TableName=self._table, Key=_cursor(name), ConsistentRead=True
            )
        if "Item" not in answer:
            return None
        item = items.from_wire(answer["Item"])
        with items.readable(item):
            return str(item["text"])

    def write(self, name: str, text: str | None) -> None:
        """Keep a text under a name, or forget it."""
        if text is not None and len(text.encode()) > _CURSOR_BYTES_MAX:
            raise InvalidInputError(
                f"cursor {name} is longer than {_CURSOR_BYTES_MAX} bytes"
            )
        with translated(f"write cursor {name}"):
            if text is None:
                self._dynamodb.delete_item(TableName=self._table, Key=_cursor(name))
                return
            item = {"v": items.VERSION, "text": text}
            self._dynamodb.put_item(
                TableName=self._table, Item=_cursor(name) | items.to_wire(item)
            )


class DynamoHealthVerdicts:
    """Implements ``ports.HealthVerdicts`` on the Region's own table."""

    _KEY = "health#canary"

    def __init__(self, dynamodb: Any, table: str) -> None:
        """Take a client and the table's name."""
        self._dynamodb = dynamodb
        self._table = table

    def read(self) -> HealthVerdict | None:
        """Return the last verdict, or nothing when there is none."""
        with translated("read the health verdict"):
            answer = self._dynamodb.get_item(
                TableName=self._table, Key={"name": {"S": self._KEY}}
            )
        if "Item" not in answer:
            return None
        item = items.from_wire(answer["Item"])
        with items.readable(item):
            took_s = item.get("took_s")
            return HealthVerdict(
                is_healthy=bool(item["is_healthy"]),
                reason=item["reason"],
                seen_at_s=float(item["seen_at_s"]),
                took_s=None if took_s is None else float(took_s),
                recent=tuple(one == "1" for one in item.get("recent") or ""),
            )

    def write(self, verdict: HealthVerdict) -> None:
        """Replace the last verdict."""
        item = {
            "name": self._KEY,
            "v": items.VERSION,
            "is_healthy": verdict.is_healthy,
            "reason": verdict.reason,
            "seen_at_s": verdict.seen_at_s,
            "took_s": verdict.took_s,
            "recent": "".join("01"[one] for one in verdict.recent),
        }
        with translated("write the health verdict"):
            self._dynamodb.put_item(TableName=self._table, Item=items.to_wire(item))


def _cursor(name: str) -> dict[str, Any]:
    return {"name": {"S": f"cursor#{name}"}}


def _item(line: Applied) -> items.Item:
    # What was never worked on to an end has no lag, rather than none.
    is_ended = bool(line.applied_at_s)
    return {
        "name": str(line.key),
        "v": items.VERSION,
        "records": _packed(line),
        "digest": line.digest,
        "leased_until_s": line.leased_until_s,
        "applied_at_s": line.applied_at_s,
        "written_at_s": line.written_at_s,
        "lag_s": line.lag_s if is_ended else None,
        "call_count": line.call_count,
        "failure": line.failure,
        "revision": line.revision,
    }


def _packed(line: Applied) -> bytes:
    document = {
        "applied": items.record_map(line.record) if line.record else None,
        "attempts": [items.record_map(record) for record in line.attempts],
    }
    return lzma.compress(json.dumps(document).encode(), preset=_PACKING)


def _unpacked(key: Key, packed: bytes) -> tuple[Record | None, tuple[Record, ...]]:
    try:
        document = json.loads(lzma.decompress(packed))
    except lzma.LZMAError as error:
        raise ValueError(f"records: {error}") from error
    applied = document["applied"]
    return (
        None if applied is None else items.record_in(key, applied),
        tuple(items.record_in(key, attempt) for attempt in document["attempts"]),
    )


def _readable_line(key: Key, item: items.Item) -> Applied:
    try:
        return _applied_of(key, item)
    except InvalidInputError as error:
        return Applied(key, failure=str(error))


def _applied_of(key: Key, item: items.Item) -> Applied:
    with items.readable(item):
        if "revision" not in item:
            return _first_version(key, item)
        record, attempts = _unpacked(key, bytes(item["records"]))
        return Applied(
            key,
            record=record,
            digest=item["digest"],
            attempts=attempts,
            leased_until_s=float(item["leased_until_s"]),
            applied_at_s=float(item["applied_at_s"]),
            written_at_s=float(item["written_at_s"]),
            call_count=int(item["call_count"]),
            failure=item.get("failure"),
            revision=int(item["revision"]),
        )


def _first_version(key: Key, item: items.Item) -> Applied:
    """Read a line of hotsite 0.1: a record that was applied, or failed half way."""
    found = items.record_of(key, item["items"])
    record = replace(found, stamps=())
    if item["is_deleted"]:
        record = Record(key, None, is_deleted=True)
    failure = item.get("failure")
    return Applied(
        key,
        record=None if failure else record,
        attempts=(record,) if failure else (),
        applied_at_s=float(item["applied_at_s"]),
        written_at_s=float(item["written_at_s"]),
        call_count=int(item["call_count"]),
        failure=failure,
    )
