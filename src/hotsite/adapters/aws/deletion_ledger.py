"""``ports.DeletionLedger`` on the applied table of one Region.

One item a kind, ``deletions#thing``, with a revision as its lock.
"""

from collections.abc import Callable
from typing import Any

from hotsite.adapters.aws import items
from hotsite.adapters.aws.session import translated
from hotsite.core.deletions import Bucket, Window
from hotsite.core.registry import Kind
from hotsite.errors import ConflictError

_TRIES_MAX = 16


class DynamoDeletionLedger:
    """Implements ``ports.DeletionLedger``."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        """Take a client and the name of the Region's own table."""
        self._dynamodb = dynamodb
        self._table = table

    def read(self, kind: Kind) -> Window:
        """Return what was counted of a kind; an empty window at first."""
        return self._read(kind)[0]

    def update(self, kind: Kind, change: Callable[[Window], Window]) -> None:
        """Change a window as if nobody else did at the same time."""
        for _ in range(_TRIES_MAX):
            window, revision = self._read(kind)
            try:
                self._write(kind, change(window), revision)
            except ConflictError:
                continue
            return
        raise ConflictError(f"deletions of kind {kind.value}: others were faster")

    def _read(self, kind: Kind) -> tuple[Window, int]:
        with translated(f"read the deletions of kind {kind.value}"):
            answer = self._dynamodb.get_item(
                TableName=self._table, Key=_key(kind), ConsistentRead=True
            )
        if "Item" not in answer:
            return Window(), 0
        item = items.from_wire(answer["Item"])
        with items.readable(item):
            buckets = (Bucket(int(hour), int(count)) for hour, count in item["hours"])
            return Window(tuple(buckets)), int(item["revision"])

    def _write(self, kind: Kind, window: Window, revision: int) -> None:
        item = items.to_wire(
            {
                "v": items.VERSION,
                "hours": [[bucket.hour, bucket.count] for bucket in window.buckets],
                "revision": revision + 1,
            }
        )
        with translated(f"write the deletions of kind {kind.value}"):
            self._dynamodb.put_item(
                TableName=self._table,
                Item=_key(kind) | item,
                ConditionExpression="attribute_not_exists(#n) OR revision = :seen",
                ExpressionAttributeNames={"#n": "name"},
                ExpressionAttributeValues={":seen": {"N": str(revision)}},
            )


def _key(kind: Kind) -> dict[str, dict[str, str]]:
    return {"name": {"S": f"deletions#{kind.value}"}}
