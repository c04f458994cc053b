"""``ports.Quota`` on the applied table of one Region.

One item an API, ``quota#CreateThing``. Taking slots is one conditional update of
it: while all slots are taken it is an addition, so workers at the same time do not
collide; a failed condition gives the item back, and with it the way to go on.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hotsite.adapters.aws import items
from hotsite.adapters.aws.session import translated
from hotsite.core import quota
from hotsite.core.quota import Bucket, Slots
from hotsite.errors import InvalidInputError, ThrottledError
from hotsite.ports import Clock

# What was believed of the item is wrong at the first attempt after a start and
# whenever it falls idle or is slowed down; more in a row is a crowd.
_ATTEMPTS_MAX = 8

_IS_SAME_RATE = "slowed_at_s = :slowed_at_s"
_IS_IDLE = f"attribute_not_exists(next_s) OR (next_s <= :now_s AND {_IS_SAME_RATE})"
_IS_BUSY = f"next_s > :now_s AND next_s <= :latest_s AND {_IS_SAME_RATE}"
_TAKE_IDLE = "SET next_s = :next_s, slowed_at_s = :slowed_at_s, ratio = :ratio, v = :v"
_TAKE_BUSY = "SET next_s = next_s + :cost_s"
_SLOW = (
    "SET slowed_at_s = :slowed_at_s, ratio = :ratio, v = :v, "
    "next_s = if_not_exists(next_s, :zero)"
)
_IS_AS_READ = "attribute_not_exists(slowed_at_s) OR slowed_at_s = :read_at_s"


class DynamoQuota:
    """Implements ``ports.Quota``; each worker has its own, the table is shared.

    A worker whose clock is ahead makes the others wait by as much, once; Lambda's
    clocks agree to milliseconds.
    """

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        limits: Mapping[str, float],
        *,
        clock: Clock,
        share: float = quota.SHARE,
    ) -> None:
        """Take a client, the table, and calls a second by API.

        Args:
            dynamodb: A boto3 client of DynamoDB.
            table: Name of the Region's own table.
            limits: The account's quotas in this Region; ``core/apis.py`` has the
                defaults.
            clock: The time.
            share: How much of each quota is ours, above 0 and below 1.
        """
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock
        self._believed = {api: Bucket(limit, share) for api, limit in limits.items()}

    def take(self, api: str, count: int = 1, *, wait_s_max: float) -> Slots:
        """Take times at which an API may be called."""
        for _ in range(_ATTEMPTS_MAX):
            bucket, now_s = self._bucket(api), self._clock.now_s()
            # Slots are never given back, so what was believed is not too late.
            if bucket.wait_s(now_s) > wait_s_max:
                raise ThrottledError(f"no slot for {api} within {wait_s_max:.1f} s")
            after, slots = quota.take(bucket, now_s, count)
            if bucket.next_s <= now_s:
                is_taken = self._take_idle(api, after, now_s)
            else:
                cost_s = count * slots.interval_s
                is_taken = self._take_busy(api, cost_s, now_s, wait_s_max)
            if is_taken:
                next_s = self._believed[api].next_s
                return replace(slots, first_s=next_s - count * slots.interval_s)
        raise ThrottledError(f"too many workers take slots for {api} at once")

    def throttled(self, api: str) -> None:
        """Note that the Region refused a call for load."""
        for _ in range(_ATTEMPTS_MAX):
            bucket = self._bucket(api)
            after = quota.slow(bucket, self._clock.now_s())
            values = {
                ":slowed_at_s": after.slowed_at_s,
                ":ratio": after.ratio,
                ":v": items.VERSION,
                ":zero": 0,
                ":read_at_s": bucket.slowed_at_s,
            }
            if after == bucket or self._update(api, _SLOW, _IS_AS_READ, values):
                return

    def _bucket(self, api: str) -> Bucket:
        if api not in self._believed:
            raise InvalidInputError(f"no quota is known for {api}")
        return self._believed[api]

    def _take_idle(self, api: str, after: Bucket, now_s: float) -> bool:
        values = {
            ":now_s": now_s,
            ":next_s": after.next_s,
            ":slowed_at_s": after.slowed_at_s,
            ":ratio": after.ratio,
            ":v": items.VERSION,
        }
        return self._update(api, _TAKE_IDLE, _IS_IDLE, values)

    def _take_busy(
        self, api: str, cost_s: float, now_s: float, wait_s_max: float
    ) -> bool:
        values = {
            ":now_s": now_s,
            # DynamoDB has no infinity; a year is one.
            ":latest_s": now_s + min(wait_s_max, 3.2e7),
            ":slowed_at_s": self._believed[api].slowed_at_s,
            ":cost_s": cost_s,
        }
        return self._update(api, _TAKE_BUSY, _IS_BUSY, values)

    def _update(
        self, api: str, change: str, condition: str, values: Mapping[str, Any]
    ) -> bool:
        """Change the item if it is as believed; believe what it is in any case."""
        with translated(f"take a slot for {api}"):
            try:
                item = self._dynamodb.update_item(
                    TableName=self._table,
                    Key={"name": {"S": f"quota#{api}"}},
                    UpdateExpression=change,
                    ConditionExpression=condition,
                    ExpressionAttributeValues=items.to_wire(values),
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )["Attributes"]
                is_changed = True
            except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
                item = error.response.get("Item")
                is_changed = False
        self._believe(api, items.from_wire(item or {}))
        return is_changed

    def _believe(self, api: str, item: items.Item) -> None:
        known = self._believed[api]
        if not item:
            # It was removed behind our back: a quota begins anew.
            self._believed[api] = Bucket(known.limit_per_s, known.share)
            return
        with items.readable(item):
            self._believed[api] = replace(
                known,
                next_s=float(item["next_s"]),
                ratio=float(item["ratio"]),
                slowed_at_s=float(item["slowed_at_s"]),
            )
