"""A Region's state survives SIGKILL: what was answered is in the file before.

A real Region that comes back has everything that it ever acknowledged. Here every
store of ministack tells which of its records were looked at or changed; these are
compared with what the file has, and the difference is written before the answer
leaves (HTTP), or within `LATER_S` (MQTT, topic rules, background work). A sweep
over all records finds what changed without being looked up.

Sessions, log events, metrics and caches are not kept.
"""

import asyncio
import contextvars
import importlib
import logging
import pickle
import sys
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from hotsite.local.region import later
from hotsite.local.region.changes import Change, Version
from hotsite.local.region.noted import NotedDict
from hotsite.local.region.statefile import Row, StateFile, key_text
from hotsite.local.region.tables import Tables

_logger = logging.getLogger(__name__)

# Longest time until a change that no HTTP answer waits for is in the file.
LATER_S = 0.01
SWEEP_EVERY_S = 0.4
SWEEP_RECORDS = 50
SERVICES = "ministack.services."
# Caches, and what grows with every call: not worth keeping, or wrong to keep.
NOT_KEPT = frozenset(
    {
        "apigateway._jwks_cache",
        "apigateway._oidc_config_cache",
        "cloudwatch._alarm_history",
        "cloudwatch._metrics",
        "cloudwatch_logs._log_groups",
        "cloudwatch_logs._log_records",
        "eventbridge._events_log",
        # Moments of a clock that starts anew with the machine.
        "lambda_svc._esm_backoff_until",
    }
)
# Module variables that are no stores: the local CA and the retained messages.
VARIABLES = (
    ("iot", "_ca_cert_pem"),
    ("iot", "_ca_key_pem"),
    ("iot", "_retained"),
)
TABLES, STREAMS = "dynamodb._tables", "dynamodb._stream_records"
# Of a table, these are kept row by row, or counted again.
_NOT_IN_TABLE = frozenset({"items", "_index_members", "ItemCount", "TableSizeBytes"})
# ministack's estimate of an item's size, for DescribeTable.
_ITEM_BYTES = 200
_ITEMS, _CHANGES, _VARIABLE, _FIXED = "items", "changes", "variable", "fixed"

Key: TypeAlias = tuple[str, Hashable]


@dataclass(slots=True)
class Marks:
    """Records that one HTTP request looked at, until it is answered."""

    keys: set[Key] = field(default_factory=set)
    is_open: bool = True


_open_marks: contextvars.ContextVar[Marks | None] = contextvars.ContextVar(
    "open_marks", default=None
)


class Keeper:
    """Keeps the state of this process's ministack in a file.

    Args:
        file: where to.
        tables: the change logs to keep beside it.
    """

    def __init__(self, file: StateFile, tables: Tables) -> None:
        self._file = file
        self._tables = tables
        self._stores: dict[str, NotedDict] = {}
        self._modules: set[str] = set()
        self._modules_count = (0, 0)
        self._marks: set[Key] = set()
        self._hashes: dict[tuple[str, str], int] = {}
        self._items: dict[Hashable, Any] = {}
        self._streams: dict[Hashable, tuple[list[Any], int, int]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_due = False
        self._warned: set[str] = set()
        self._round: Iterator[Key] = iter(())

    def restore(self) -> None:
        """Give ministack what the file has; to be called before it serves."""
        kept = [name for name in self._file.shelves() if name not in NOT_KEPT]
        for name in kept:
            module, _, variable = name.rpartition(".")
            if module and "/" not in name:
                store = getattr(importlib.import_module(SERVICES + module), variable)
                for key, value, pickled in self._file.read(name):
                    store._data[key] = value  # noqa: SLF001 - ministack's own container
                    self._remember(name, key, pickled)
        dynamodb = importlib.import_module(f"{SERVICES}dynamodb")
        for place in dynamodb._tables._data:  # noqa: SLF001 - no public look-up
            self._restore_items(place)
        for name in kept:
            kind, *place = name.split("/")
            if kind == STREAMS:
                self._restore_stream(name, tuple(place))
            elif kind == _CHANGES:
                self._restore_changes(name, place[0])
        for (module, variable), value, _ in self._file.read(_VARIABLE):
            setattr(importlib.import_module(SERVICES + module), variable, value)
        for _, incarnation, _ in self._file.read(_FIXED):
            self._tables.incarnation = incarnation

    def start(self) -> None:
        """Follow every store from now on, in the running event loop."""
        self._loop = asyncio.get_running_loop()
        dynamodb = importlib.import_module(f"{SERVICES}dynamodb")
        for name in ("_set_item", "_remove_item"):
            setattr(dynamodb, name, self._noting_item(getattr(dynamodb, name)))
        self._tables.note = lambda table, text: self._mark(
            f"{_CHANGES}/{table}", (table, text)
        )
        fixed = self._file.pickled(self._tables.incarnation)
        self._file.write([Row(_FIXED, key_text("incarnation"), fixed)])
        self.flush(())
        lambdas = importlib.import_module(f"{SERVICES}lambda_svc")
        if lambdas._esms.has_any():  # noqa: SLF001 - no public look-up
            lambdas._ensure_poller()  # noqa: SLF001 - upstream starts it with a mapping

    async def sweep(self) -> None:
        """Compare every record again and again, a few at a time, for ever."""
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            keys: set[Key] = {(_VARIABLE, pair) for pair in VARIABLES}
            for key in self._round:
                keys.add(key)
                if len(keys) > SWEEP_RECORDS:
                    break
            else:
                self._round = self._all_keys()
            self.flush(keys)

    def open(self) -> Marks:
        """Collect what the running task looks at, until its answer is flushed."""
        marks = Marks()
        _open_marks.set(marks)
        return marks

    def close(self, marks: Marks) -> None:
        """Write what a request changed: its answer may leave now."""
        # What its background tasks look at later is no longer waited for.
        marks.is_open = False
        self.flush(marks.keys)

    def flush(self, keys: Iterable[Key]) -> None:
        """Write what changed of these records and of those nobody waits for."""
        if (len(sys.modules), later.loaded_count()) != self._modules_count:
            self._adopt()
        noted = set(keys)
        while self._marks:
            noted.add(self._marks.pop())
        rows = [row for key in sorted(noted, key=_rank) for row in self._rows(key)]
        if rows:
            self._file.write(rows)

    def _adopt(self) -> None:
        """Follow the stores of modules that were imported meanwhile."""
        self._modules_count = (len(sys.modules), later.loaded_count())
        scope = importlib.import_module("ministack.core.responses")
        kinds = (scope.AccountRegionScopedDict, scope.AccountScopedDict)
        for path, module in list(sys.modules.items()):
            if not path.startswith(SERVICES) or path in self._modules:
                continue
            if later.is_waiting(module):
                continue
            if getattr(module.__spec__, "_initializing", False):
                self._modules_count = (0, 0)
                continue
            self._modules.add(path)
            for variable, store in list(vars(module).items()):
                name = f"{path.removeprefix(SERVICES)}.{variable}"
                # The same store under the name of another module that imports it.
                is_new = isinstance(store, kinds) and not isinstance(
                    store._data,  # noqa: SLF001 - ministack's own container
                    NotedDict,
                )
                if is_new and name not in NOT_KEPT:
                    store._data = self._follow(name, store._data)  # noqa: SLF001 - ministack's own container

    def _follow(self, name: str, content: Mapping[Any, Any]) -> NotedDict:
        noted = NotedDict(content, lambda key: self._mark(name, key))
        self._stores[name] = noted
        self._marks.update((name, key) for key in noted)
        return noted

    def _mark(self, shelf: str, key: Hashable) -> None:
        marks = _open_marks.get()
        if marks is not None and marks.is_open:
            marks.keys.add((shelf, key))
            return
        self._marks.add((shelf, key))
        if not self._is_due and self._loop is not None:
            self._is_due = True
            # Topic rules and Lambda invocations come from other threads.
            self._loop.call_soon_threadsafe(self._flush_later)

    def _flush_later(self) -> None:
        assert self._loop is not None  # noqa: S101 - it runs us
        self._loop.call_later(LATER_S, self._flush_now)

    def _flush_now(self) -> None:
        self._is_due = False
        self.flush(())

    def _noting_item(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def change(table: Any, partition: str, sort: str, *item: Any) -> Any:
            # arn:aws:dynamodb:<region>:<account>:table/<name>
            fields = table["TableArn"].split(":", 5)
            place = (fields[4], fields[3], table["TableName"])
            shelf = "/".join((_ITEMS, *place))
            answer = original(table, partition, sort, *item)
            self._mark(shelf, (place, partition, sort))
            return answer

        return change

    def _all_keys(self) -> Iterator[Key]:
        for name, store in list(self._stores.items()):
            yield from [(name, key) for key in list(store)]

    def _rows(self, noted: Key) -> Iterator[Row]:
        shelf, key = noted
        try:
            if shelf == STREAMS:
                yield from self._stream_rows(key)
            elif shelf == TABLES:
                yield from self._table_rows(key)
            else:
                name, value = self._value(shelf, key)
                yield from self._row(shelf, name, value)
        except RuntimeError:
            # Another thread is changing it: the next flush has it whole.
            self._mark(shelf, key)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            if shelf not in self._warned:
                self._warned.add(shelf)
                _logger.warning("not_kept shelf=%s error=%s", shelf, error)

    def _value(self, shelf: str, key: Any) -> tuple[Hashable, Any]:
        """Return a record's key in the file, and what it is now; None: nothing."""
        kind = shelf.partition("/")[0]
        if kind == _ITEMS:
            place, partition, sort = key
            table = dict.get(self._stores[TABLES], place)
            items = {} if table is None else table["items"]
            return (partition, sort), items.get(partition, {}).get(sort)
        if kind == _CHANGES:
            change = self._tables.change(*key)
            return key[1], None if change is None else _plain(change)
        if kind == _VARIABLE:
            module = sys.modules.get(SERVICES + key[0])
            return key, getattr(module, key[1], None)
        return key, dict.get(self._stores[shelf], key)

    def _row(self, shelf: str, key: Hashable, value: Any) -> Iterator[Row]:
        pickled_key = key_text(key)
        place = (shelf, pickled_key)
        if value is None:
            if self._hashes.pop(place, None) is not None:
                yield Row(shelf, pickled_key, None)
            return
        pickled = self._file.pickled(value)
        if self._hashes.get(place) != hash(pickled):
            self._hashes[place] = hash(pickled)
            yield Row(shelf, pickled_key, pickled)

    def _table_rows(self, key: Any) -> Iterator[Row]:
        table = dict.get(self._stores[TABLES], key)
        items = None if table is None else table["items"]
        if self._items.get(key) is not items:
            # The table is gone, or is another one of the same name.
            shelf = "/".join((_ITEMS, *key))
            for place in [place for place in self._hashes if place[0] == shelf]:
                del self._hashes[place]
            yield Row(shelf, None, None)
            self._items[key] = items
            for partition, sorted_items in (items or {}).items():
                for sort, item in sorted_items.items():
                    yield from self._row(shelf, (partition, sort), item)
        if table is not None:
            table = {n: v for n, v in table.items() if n not in _NOT_IN_TABLE}
        yield from self._row(TABLES, key, table)

    def _stream_rows(self, key: Any) -> Iterator[Row]:
        shelf = "/".join((STREAMS, *key))
        records = dict.get(self._stores[STREAMS], key)
        known, start, until = self._streams.get(key, (None, 0, 0))
        if known is not records:
            # The stream was closed, or is another one.
            yield Row(shelf, None, None)
            self._streams.pop(key, None)
            start = until = 0
        if records is None:
            return
        trimmed = _trimmed(key)
        for position in range(start, trimmed):
            yield Row(shelf, key_text(position), None)
        fresh = records[max(0, until - trimmed) :]
        first = trimmed + len(records) - len(fresh)
        self._streams[key] = (records, trimmed, first + len(fresh))
        for position, record in enumerate(fresh, first):
            yield Row(shelf, key_text(position), self._file.pickled(record))

    def _remember(self, shelf: str, key: Hashable, pickled: bytes) -> None:
        self._hashes[shelf, key_text(key)] = hash(pickled)

    def _restore_items(self, place: tuple[str, ...]) -> None:
        shelf = "/".join((_ITEMS, *place))
        dynamodb = importlib.import_module(f"{SERVICES}dynamodb")
        table = dynamodb._tables._data[place]  # noqa: SLF001 - no public look-up
        items: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        for (partition, sort), item, pickled in self._file.read(shelf):
            items[partition][sort] = item
            self._remember(shelf, (partition, sort), pickled)
        self._items[place] = items
        count = sum(map(len, items.values()))
        table.update(items=items, ItemCount=count, TableSizeBytes=count * _ITEM_BYTES)

    def _restore_stream(self, shelf: str, place: tuple[str, ...]) -> None:
        dynamodb = importlib.import_module(f"{SERVICES}dynamodb")
        rows = [(position, record) for position, record, _ in self._file.read(shelf)]
        trimmed = rows[0][0] if rows else 0
        records = [record for _, record in rows]
        dynamodb._stream_records._data[place] = records  # noqa: SLF001 - no public look-up
        dynamodb._stream_trimmed._data[place] = trimmed  # noqa: SLF001 - no public look-up
        self._streams[place] = (records, trimmed, trimmed + len(records))

    def _restore_changes(self, shelf: str, table: str) -> None:
        changes = []
        for text, (sequence, key, *version), pickled in self._file.read(shelf):
            self._remember(shelf, text, pickled)
            changes.append(Change(sequence, key, Version(*version)))
        self._tables.restore(table, changes)


def _plain(change: Change) -> tuple[int, Any, float, str]:
    version = change.version
    return change.sequence, change.key, version.written_at_s, version.origin


def _rank(key: Key) -> int:
    # A table that is gone takes its items along before new ones arrive.
    return 0 if key[0] == TABLES else 1


def _trimmed(place: Any) -> int:
    dynamodb = sys.modules[f"{SERVICES}dynamodb"]
    return int(dict.get(dynamodb._stream_trimmed._data, place, 0))  # noqa: SLF001 - no public look-up
