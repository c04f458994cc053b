"""``ports.operations.Operations`` on one Region's replica of the operations table.

One item for each noun, in the partition ``operations``, so that one query returns
them all; the journal has a partition for each site, whose lines expire. Nothing in
here is skipped: what this hotsite cannot read may be what says who is active.
"""

import uuid
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from hotsite.adapters.aws import items
from hotsite.adapters.aws.session import translated
from hotsite.core import records
from hotsite.core.epoch import LETTERS
from hotsite.core.operations import Book, Claim, Entry, Item, Look, Operation, Pause
from hotsite.errors import ConflictError, InvalidInputError

_PARTITION = "operations"
_NOUNS: dict[str, type[Item]] = {
    "epoch": Claim,
    "look": Look,
    "operation": Operation,
    "pause": Pause,
}
# More than a year, so that a drill can be held against the one of the year before.
JOURNAL_KEPT_S = 400 * 86400


class DynamoOperations:
    """Implements ``ports.operations.Operations``."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        """Take a client of the replica's Region and the table's name."""
        self._dynamodb = dynamodb
        self._table = table

    def read(self) -> Book:
        """Return all items but the journal, read consistently from this replica."""
        found = [_item_of(item) for item in self._query("read", _PARTITION)]
        return Book({item.key: item for item in found})

    def write(self, item: Item, *, previous: Item | None) -> None:
        """Write an item, if this replica still holds what was read of it.

        What is there is read once more and compared as a value, because an older
        hotsite may have written the same value with fewer attributes. Its stamp is
        what the write then depends on.
        """
        there, stamp = self._stamped(item.key)
        if there != previous:
            raise ConflictError(f"{item.key} was written by another meanwhile")
        own_stamp = uuid.uuid4().hex
        written = {
            "pk": _PARTITION,
            "sk": item.key,
            "v": items.VERSION,
            "stamp": own_stamp,
            "content": records.write(item),
        }
        with translated(f"write {item.key}"):
            try:
                self._put(written, stamp)
            except ClientError as error:
                if not _is_own(error, own_stamp):
                    raise

    def note(self, entry: Entry) -> None:
        """Add a line to the journal, under a key that no other line can have."""
        line = {
            "pk": _journal(entry.site),
            "sk": f"{_sortable(entry.at_s)}#{uuid.uuid4().hex}",
            "v": items.VERSION,
            "content": records.write(entry),
            "expires_at_s": int(entry.at_s) + JOURNAL_KEPT_S,
        }
        # Without a condition: the client's second try writes the same line again.
        with translated("add to the journal of operations"):
            self._dynamodb.put_item(TableName=self._table, Item=items.to_wire(line))

    def entries(self, since_s: float = 0.0) -> tuple[Entry, ...]:
        """Return the journal's lines of all Regions that are here, in order."""
        since = _sortable(max(0.0, since_s))
        lines = [
            _entry_of(item)
            for site in LETTERS
            for item in self._query("read the journal of", _journal(site), since)
        ]
        recent = (line for line in lines if line.at_s >= since_s)
        return tuple(sorted(recent, key=lambda line: line.at_s))

    def _query(
        self, what: str, partition: str, since: str | None = None
    ) -> list[items.Item]:
        condition, values = "pk = :pk", {":pk": {"S": partition}}
        if since is not None:
            condition += " AND sk >= :since"
            values[":since"] = {"S": since}
        with translated(f"{what} operations"):
            pages = self._dynamodb.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ConsistentRead=True,
            )
            return [items.from_wire(item) for page in pages for item in page["Items"]]

    def _stamped(self, key: str) -> tuple[Item | None, str | None]:
        with translated(f"read {key}"):
            answer = self._dynamodb.get_item(
                TableName=self._table,
                Key={"pk": {"S": _PARTITION}, "sk": {"S": key}},
                ConsistentRead=True,
            )
        if "Item" not in answer:
            return None, None
        item = items.from_wire(answer["Item"])
        with items.readable(item):
            return _item_of(item), str(item["stamp"])

    def _put(self, written: items.Item, stamp: str | None) -> None:
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if stamp is not None:
            condition = {
                "ConditionExpression": "stamp = :stamp",
                "ExpressionAttributeValues": {":stamp": {"S": stamp}},
            }
        self._dynamodb.put_item(
            TableName=self._table,
            Item=items.to_wire(written),
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **condition,
        )


def _is_own(error: ClientError, stamp: str) -> bool:
    """Say whether what is in the way is this write, whose first answer was lost.

    The client tries again by itself then, and finds its own item (DynamoDB API
    reference, PutItem, ``ReturnValuesOnConditionCheckFailure``).
    """
    there = error.response.get("Item", {})
    return bool(there.get("stamp") == {"S": stamp})


def _item_of(item: items.Item) -> Item:
    key = item["sk"]
    with items.readable(item):
        kind = _NOUNS[key.partition("#")[0]]
        found = records.read(kind, _plain(item["content"]), where=key)
    if found.key != key:
        raise InvalidInputError(f"{key}: the item says that it is {found.key}")
    return found


def _entry_of(item: items.Item) -> Entry:
    with items.readable(item):
        return records.read(Entry, _plain(item["content"]), where=item["sk"])


def _journal(site: str) -> str:
    return f"journal#{site}"


def _sortable(at_s: float) -> str:
    """Return a time as text of the same order."""
    return f"{at_s:020.6f}"


def _plain(value: Any) -> Any:
    """Return whole numbers and fractions for DynamoDB's decimals."""
    if isinstance(value, Decimal):
        return items.number(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
