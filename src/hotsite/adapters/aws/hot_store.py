"""Look into one site's hot table: what it holds, and what has just arrived."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from hotsite.adapters.aws.items import from_wire
from hotsite.adapters.aws.session import translated
from hotsite.core.intervals import Intervals
from hotsite.ports import Clock, Held, Stored

_PAGE_MAX = 1000
_DIGEST_MAX = 1 << 64


class HotStore:
    """Reads the hot table and its stream; never writes."""

    def __init__(self, dynamodb: Any, streams: Any, table: str, clock: Clock) -> None:
        """Take two clients of one Region, the table's name and the time."""
        self._dynamodb = dynamodb
        self._streams = streams
        self._table = table
        self._clock = clock
        self._iterators: dict[str, str] = {}

    def held(self) -> Sequence[Held]:
        """Return what the table holds, by thing and epoch.

        Raises:
            UnreachableError: The table did not answer.
        """
        numbers: dict[tuple[str, int], list[int]] = {}
        digests: dict[tuple[str, int], int] = {}
        with translated("read the hot table"):
            pages = self._dynamodb.get_paginator("scan").paginate(
                TableName=self._table,
                ConsistentRead=True,
                ProjectionExpression="pk, epoch, seq, published_at_s, #data",
                ExpressionAttributeNames={"#data": "data"},
            )
            for page in pages:
                for item in page["Items"]:
                    key = (item["pk"]["S"], int(item["epoch"]["N"]))
                    numbers.setdefault(key, []).append(int(item["seq"]["N"]))
                    total = digests.get(key, 0) + _shown(item)
                    digests[key] = total % _DIGEST_MAX
        return [
            Held(
                thing=key[0],
                epoch=key[1],
                held=Intervals.from_numbers(found),
                row_count=len(found),
                digest=f"{digests[key]:016x}",
            )
            for key, found in sorted(numbers.items())
        ]

    def stored(self) -> Sequence[Stored]:
        """Return what arrived since the last call; the first call only begins.

        Raises:
            UnreachableError: The stream did not answer.
        """
        with translated("follow the hot table's stream"):
            if not self._iterators:
                self._iterators = dict(self._begin())
                return []
            return [
                item for shard in list(self._iterators) for item in self._next(shard)
            ]

    def _begin(self) -> Iterator[tuple[str, str]]:
        table = self._dynamodb.describe_table(TableName=self._table)["Table"]
        arn = table["LatestStreamArn"]
        described = self._streams.describe_stream(StreamArn=arn)["StreamDescription"]
        for shard in described["Shards"]:
            answer = self._streams.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
            )
            yield shard["ShardId"], answer["ShardIterator"]

    def _next(self, shard: str) -> Iterator[Stored]:
        while True:
            answer = self._streams.get_records(
                ShardIterator=self._iterators[shard], Limit=_PAGE_MAX
            )
            seen_at_s = self._clock.now_s()
            for record in answer["Records"]:
                image = record["dynamodb"].get("NewImage")
                if image:
                    yield from _stored(image, seen_at_s)
            following = answer.get("NextShardIterator")
            if following is None:
                del self._iterators[shard]
                return
            self._iterators[shard] = following
            if len(answer["Records"]) < _PAGE_MAX:
                return


def _shown(item: dict[str, Any]) -> int:
    """Return a number for all that a query shows of a row; sums have no order."""
    content = {name: item.get(name) for name in ("seq", "published_at_s", "data")}
    text = json.dumps(content, sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def _stored(image: dict[str, Any], seen_at_s: float) -> Iterator[Stored]:
    item = from_wire(image)
    # Rows that are no telemetry of ours have no time of publication: not news.
    with contextlib.suppress(KeyError, ValueError, ArithmeticError):
        yield Stored(item["pk"], float(item["published_at_s"]), seen_at_s)


class AppliedLags:
    """Reads from a Region's applied table how late each thing was applied."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        """Take a client and the table's name."""
        self._dynamodb = dynamodb
        self._table = table

    def read(self) -> dict[str, float]:
        """Return lag in seconds by thing, of those that were applied well.

        Raises:
            UnreachableError: The table did not answer.
        """
        lags: dict[str, float] = {}
        with translated("read the applied table"):
            pages = self._dynamodb.get_paginator("scan").paginate(
                TableName=self._table,
                ConsistentRead=True,
                ProjectionExpression="#name, lag_s, failure",
                ExpressionAttributeNames={"#name": "name"},
            )
            for page in pages:
                for item in page["Items"]:
                    kind, _, name = item["name"]["S"].partition("#")
                    is_ended = "lag_s" in item and "failure" not in item
                    if kind == "thing" and is_ended:
                        lags[name] = float(item["lag_s"]["N"])
        return lags
