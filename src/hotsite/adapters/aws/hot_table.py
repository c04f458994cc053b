"""``ports.telemetry.HotStore`` on a site's own replica of the hot table.

BatchWriteItem takes 25 items, and tells in ``UnprocessedItems`` which of them it had
no room for (DynamoDB API reference).
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from hotsite.adapters.aws.items import to_wire
from hotsite.adapters.aws.session import translated
from hotsite.core.arrivals import Arrival
from hotsite.core.outbox import Key
from hotsite.core.resume import Range
from hotsite.core.telemetry import sort_key
from hotsite.ports.telemetry import SeqPage

_ITEMS_MAX = 25
# Maps and lists may be nested 32 deep, the attribute itself counts (DynamoDB
# developer guide, "Constraints": nested attribute depth).
_DEPTH_MAX = 31


class DynamoHotStore:
    """Implements ``ports.telemetry.HotStore``."""

    def __init__(self, dynamodb: Any, table: str, *, page_size: int = 1000) -> None:
        """Take a client, the table's name, and how many rows a page has at most."""
        self._dynamodb = dynamodb
        self._table = table
        self._page_size = page_size

    def put(self, arrivals: Sequence[Arrival]) -> tuple[Arrival, ...]:
        """Write messages; return those that the table had no room for."""
        left: list[Arrival] = []
        for start in range(0, len(arrivals), _ITEMS_MAX):
            part = arrivals[start : start + _ITEMS_MAX]
            with translated("write into the hot table"):
                answer = self._dynamodb.batch_write_item(
                    RequestItems={
                        self._table: [
                            {"PutRequest": {"Item": item_of(each)}} for each in part
                        ]
                    }
                )
            refused = answer.get("UnprocessedItems", {}).get(self._table, ())
            keys = {_key(request["PutRequest"]["Item"]) for request in refused}
            left += [each for each in part if (each.thing, each.sort_key) in keys]
        return tuple(left)

    def page(self, thing: str, wanted: Range, token: str | None = None) -> SeqPage:
        """Return the numbers of some of a thing's messages, freshly read."""
        low, high = (sort_key(Key(wanted.epoch, seq)) for seq in (wanted.lo, wanted.hi))
        start = {"pk": {"S": thing}, "sk": {"S": token}}
        more = {"ExclusiveStartKey": start} if token else {}
        with translated("read the hot table"):
            answer = self._dynamodb.query(
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="pk = :thing AND sk BETWEEN :low AND :high",
                ExpressionAttributeValues={
                    ":thing": {"S": thing},
                    ":low": {"S": low},
                    ":high": {"S": high},
                },
                ProjectionExpression="sk",
                Limit=self._page_size,
                **more,
            )
        seqs = tuple(int(item["sk"]["S"].partition("#")[2]) for item in answer["Items"])
        last = answer.get("LastEvaluatedKey")
        return SeqPage(seqs, last["sk"]["S"] if last else None)


def item_of(arrival: Arrival) -> dict[str, Any]:
    """Return the row of a message, as the topic rule writes it.

    Args:
        arrival: What arrived.
    """
    message = arrival.message
    return to_wire(
        {
            "pk": arrival.thing,
            "sk": arrival.sort_key,
            "epoch": message.key.epoch,
            "seq": message.key.seq,
            "published_at_s": message.published_at_s,
            "origin": arrival.origin,
            "received_at_s": arrival.received_at_s,
            "expires_at_s": arrival.expires_at_s,
        }
    ) | {"data": _data(message.data)}


def _data(text: str) -> dict[str, Any]:
    """Return a reading as a map, or as its text where DynamoDB has no such map.

    Its numbers have 38 digits and end at 1E126: one reading beyond that would
    have all 25 items of a call refused.
    """
    value = json.loads(text, parse_float=Decimal)
    if _depth(value) > _DEPTH_MAX:
        return {"S": text}
    try:
        return to_wire({"data": value})["data"]  # type: ignore[no-any-return]
    except (ArithmeticError, TypeError):
        return {"S": text}


def _depth(value: object) -> int:
    level, deep = [value], 0
    while level:
        level = [
            inner
            for each in level
            for inner in (
                each.values()
                if isinstance(each, dict)
                else each
                if isinstance(each, list)
                else ()
            )
        ]
        deep += 1
    return deep - 1


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]
