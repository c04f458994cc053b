"""The Region's half of global-table replication, over HTTP under `/_hotsite/tables`.

Another process (the pump) reads here which items this Region wrote and hands the
writes of the other Regions over. AWS does this inside DynamoDB, asynchronously and
with the last writer winning per item (Developer Guide, "Global tables: multi-Region
replication"). Nothing here knows another Region.

    GET  /_hotsite/tables/<name>/changes?after=<cursor>&limit=<n>&wait_s=<s>
    POST /_hotsite/tables/<name>/apply      {"changes": [...]}
    POST /_hotsite/tables/replicas          {"table": <DescribeTable's Table>}
"""

import asyncio
import importlib
import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hotsite.errors import HotsiteError, InvalidInputError
from hotsite.local.region.changes import Change, ChangeLog, Item, Version, key_text
from hotsite.local.region.config import RegionConfig

CHANGES_MAX = 1000
CHANGES_DEFAULT = 500
WAIT_S_MAX = 20.0
# Keys of items that are gone, kept so that a late older write cannot revive them.
TOMBSTONES_MAX = 100_000
SWEEP_EVERY = 8192


class UnknownTableError(HotsiteError):
    """The Region has no table of this name."""


@dataclass(slots=True)
class Tables:
    """The change logs of every table of this Region.

    Attributes:
        config: names the Region and the account.
        emit: ministack's emitter of stream records; does nothing until it is set.
        clock: seconds since 1970.
        note: called with table and key of each change of a log.
        incarnation: names the logs that cursors belong to.
    """

    config: RegionConfig
    emit: Callable[..., None] = lambda *_record: None
    clock: Callable[[], float] = time.time
    note: Callable[[str, str], None] = lambda _table, _key: None
    incarnation: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    _logs: dict[str, ChangeLog] = field(default_factory=dict)
    _waiting: dict[str, set[asyncio.Future[None]]] = field(default_factory=dict)

    def on_write(self, table_name: str, item: dict[str, Any]) -> None:
        """Note a write of this Region; ministack calls it for each."""
        table = self._table(table_name)
        log = self._logs.setdefault(table_name, ChangeLog())
        key = _key(table, item)
        log.record_local(key, now_s=self.clock(), region=self.config.region)
        self.note(table_name, key_text(key))
        if log.sequence % SWEEP_EVERY == 0:
            self._sweep(table, log)
        for waiter in self._waiting.pop(table_name, ()):
            # Rule actions and Lambda invocations may write from other threads.
            waiter.get_loop().call_soon_threadsafe(_wake, waiter)

    def change(self, table_name: str, text: str) -> Change | None:
        """Return the latest change of a key, given as `note` had it."""
        log = self._logs.get(table_name)
        return None if log is None else log.change(text)

    def restore(self, table_name: str, changes: Iterable[Change]) -> None:
        """Continue a log that an earlier process of this Region kept."""
        self._logs[table_name] = ChangeLog.of(changes)

    async def changes(
        self, table_name: str, query: Mapping[str, list[str]]
    ) -> dict[str, Any]:
        """Answer the latest local writes after a cursor.

        Args:
            table_name: the table.
            query: `after` (a cursor; absent means from the start), `limit`
                (1 to 1000), `wait_s` (0 to 20: how long to wait for a first write)
                and `origin=any` to list replicated writes too.

        Returns:
            `cursor` and `changes`. A write that a later one to the same key has
            overtaken is not listed: replication coalesces.

        Raises:
            InvalidInputError: a parameter is not a number.
            UnknownTableError: there is no such table.
        """
        table = self._table(table_name)
        log = self._logs.setdefault(table_name, ChangeLog())
        limit = int(min(_number(query, "limit", CHANGES_DEFAULT), CHANGES_MAX))
        wait_s = min(_number(query, "wait_s", 0.0), WAIT_S_MAX)
        is_any = query.get("origin") == ["any"]
        place = self._place(query)
        deadline_s = time.monotonic() + wait_s
        while True:
            place, found = self._read(table, log, place, limit, is_any=is_any)
            left_s = deadline_s - time.monotonic()
            if found or left_s <= 0:
                return {"cursor": f"{self.incarnation}.{place}", "changes": found}
            waiter = asyncio.get_running_loop().create_future()
            waiters = self._waiting.setdefault(table_name, set())
            waiters.add(waiter)
            await asyncio.wait([waiter], timeout=left_s)
            waiters.discard(waiter)

    def apply(self, table_name: str, body: Mapping[str, Any]) -> dict[str, int]:
        """Apply the writes of another Region; per item, the last writer wins.

        Args:
            table_name: the table.
            body: `changes`, as the other Region's `changes` listed them.

        Returns:
            How many changes were `applied`, how many `lost` against a later
            write and how many left an `identical` item.

        Raises:
            InvalidInputError: a change is malformed; those before it are applied.
            UnknownTableError: there is no such table.
        """
        table = self._table(table_name)
        log = self._logs.setdefault(table_name, ChangeLog())
        counts = {"applied": 0, "lost": 0, "identical": 0}
        responses = importlib.import_module("ministack.core.responses")
        with responses.request_scope(self.config.account_id, self.config.region):
            for change in body.get("changes", ()):
                counts[self._apply_one(table, log, change)] += 1
        return counts

    def create_replica(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create this Region's replica of a table that another Region owns.

        On AWS one stack creates all replicas; a table's stream is always on there
        (Developer Guide, "Global tables: how it works").

        Args:
            body: `table`, as DescribeTable answers it, and optionally
                `time_to_live_attribute`.

        Returns:
            `created`, `table_arn` and `stream_arn`.

        Raises:
            InvalidInputError: the description is not one of a table.
        """
        dynamodb = _dynamodb()
        source = body.get("table")
        if not isinstance(source, dict) or "KeySchema" not in source:
            raise InvalidInputError("table: DescribeTable's Table is needed")
        name = str(source["TableName"])
        responses = importlib.import_module("ministack.core.responses")
        with responses.request_scope(self.config.account_id, self.config.region):
            is_new = dynamodb._tables.get(name) is None  # noqa: SLF001 - no public look-up
            if is_new:
                _call(dynamodb._create_table, _creation(source))  # noqa: SLF001 - the API itself
                attribute = body.get("time_to_live_attribute")
                if attribute:
                    settings = {"Enabled": True, "AttributeName": attribute}
                    _call(
                        dynamodb._update_ttl,  # noqa: SLF001 - the API itself
                        {"TableName": name, "TimeToLiveSpecification": settings},
                    )
        table = self._table(name)
        return {
            "created": is_new,
            "table_arn": table["TableArn"],
            "stream_arn": table.get("LatestStreamArn"),
        }

    def _apply_one(
        self, table: dict[str, Any], log: ChangeLog, change: Mapping[str, Any]
    ) -> str:
        dynamodb = _dynamodb()
        try:
            key, image = _key(table, change["key"]), change["image"]
            version = Version(float(change["written_at_s"]), str(change["origin"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInputError(f"changes: missing or wrong {error}") from error
        known = log.version(key)
        if known is not None and version <= known:
            return "lost"
        log.record(key, version)
        self.note(table["TableName"], key_text(key))
        hash_key, sort_key = _storage_key(table, key)
        old = table["items"].get(hash_key, {}).get(sort_key)
        if old == image:
            return "identical"
        if image is None:
            dynamodb._remove_item(table, hash_key, sort_key)  # noqa: SLF001 - below every condition
        else:
            dynamodb._set_item(table, hash_key, sort_key, image)  # noqa: SLF001 - below every condition
        event = "REMOVE" if image is None else "MODIFY" if old else "INSERT"
        self.emit(table["TableName"], event, old, image)
        return "applied"

    def _read(
        self,
        table: dict[str, Any],
        log: ChangeLog,
        place: int,
        limit: int,
        *,
        is_any: bool,
    ) -> tuple[int, list[dict[str, Any]]]:
        found: list[dict[str, Any]] = []
        for change in log.after(place):
            if len(found) == limit:
                return place, found
            place = change.sequence
            if is_any or change.version.origin == self.config.region:
                found.append(
                    {
                        "key": change.key,
                        "image": _item(table, change.key),
                        "written_at_s": change.version.written_at_s,
                        "origin": change.version.origin,
                    }
                )
        return max(place, log.sequence), found

    def _place(self, query: Mapping[str, list[str]]) -> int:
        incarnation, _, place = query.get("after", [""])[0].partition(".")
        # After a restart the log starts anew, and so does who reads it.
        if incarnation != self.incarnation:
            return 0
        return int(place) if place.isdigit() else 0

    def _sweep(self, table: dict[str, Any], log: ChangeLog) -> None:
        surplus = len(log) - int(table.get("ItemCount", 0)) - TOMBSTONES_MAX
        if surplus <= 0:
            return
        gone = [c.key for c in log.after(0) if _item(table, c.key) is None]
        for key in gone[:surplus]:
            log.forget(key)
            self.note(table["TableName"], key_text(key))

    def _table(self, name: str) -> dict[str, Any]:
        table: dict[str, Any] | None = _dynamodb()._tables.get_scoped(  # noqa: SLF001 - no public look-up
            self.config.account_id, self.config.region, name
        )
        if table is None:
            raise UnknownTableError(f"{name}: no such table in {self.config.region}")
        return table


def _dynamodb() -> Any:
    return importlib.import_module("ministack.services.dynamodb")


def _call(operation: Callable[..., Any], request: Mapping[str, Any]) -> None:
    status, _headers, body = operation(request)
    if status != 200:  # noqa: PLR2004 - HTTP's OK
        raise InvalidInputError(f"table: {body.decode()}")


def _creation(source: Mapping[str, Any]) -> dict[str, Any]:
    request: dict[str, Any] = {
        "TableName": source["TableName"],
        "KeySchema": source["KeySchema"],
        "AttributeDefinitions": source["AttributeDefinitions"],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {
            "StreamEnabled": True,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }
    wanted = ("IndexName", "KeySchema", "Projection")
    for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        if source.get(kind):
            request[kind] = [
                {name: index[name] for name in wanted} for index in source[kind]
            ]
    return request


def _key(table: Mapping[str, Any], item: Mapping[str, Any]) -> Item:
    names = [table["pk_name"], table["sk_name"]] if table["sk_name"] else None
    return {name: item[name] for name in names or [table["pk_name"]]}


def _storage_key(table: Mapping[str, Any], key: Item) -> tuple[str, str]:
    text = _dynamodb()._extract_key_val  # noqa: SLF001 - how ministack files items
    sort_key = text(key[table["sk_name"]]) if table["sk_name"] else "__no_sort__"
    return text(key[table["pk_name"]]), sort_key


def _item(table: Mapping[str, Any], key: Item) -> dict[str, Any] | None:
    hash_key, sort_key = _storage_key(table, key)
    item: dict[str, Any] | None = table["items"].get(hash_key, {}).get(sort_key)
    return item


def _number(query: Mapping[str, list[str]], name: str, default: float) -> float:
    try:
        value = float(query[name][0]) if name in query else default
    except ValueError as error:
        raise InvalidInputError(f"{name}: not a number") from error
    if not value >= 0:
        raise InvalidInputError(f"{name}: below zero")
    return value


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


async def answer(
    tables: Tables,
    method: str,
    path: str,
    query: Mapping[str, list[str]],
    body: bytes,
) -> tuple[int, dict[str, Any]]:
    """Answer one request under `/_hotsite/tables/`.

    Returns:
        The HTTP status and the JSON document.
    """
    parts = path.removeprefix("/_hotsite/tables/").split("/")
    try:
        match method, parts:
            case "GET", [name, "changes"]:
                return 200, await tables.changes(name, query)
            case "POST", [name, "apply"]:
                return 200, tables.apply(name, json.loads(body))
            case "POST", ["replicas"]:
                return 200, tables.create_replica(json.loads(body))
            case _:
                return 404, {"message": f"nothing answers {method} {path}"}
    except UnknownTableError as error:
        return 404, {"message": str(error)}
    except (InvalidInputError, ValueError) as error:
        return 400, {"message": str(error)}
