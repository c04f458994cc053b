"""The stand-in of Amazon Data Firehose: records wait, and go to S3 together.

ministack writes an object a record, at once. Firehose collects them for so long or
until there are so many ("Buffering hints"), converts them to one Parquet object,
and puts what it cannot convert under the error prefix. Here the records wait in a
file of the Region's own, so that a killed Region delivers them when it returns.
"""

import base64
import gzip
import importlib
import json
import logging
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hotsite.local.region import objects
from hotsite.local.region.config import RegionConfig

_logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.2
_PAUSE_S = 1.0
_MB = 1 << 20
# Amazon Data Firehose API, BufferingHints: 5 MiB and 300 s unless told otherwise.
_SIZE_DEFAULT_MB, _INTERVAL_DEFAULT_S = 5, 300
_OPEN, _READY = ".open", ".ready"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One record that waits.

    Attributes:
        arrived_at_s: When, seconds since 1970.
        data: As it came.
    """

    arrived_at_s: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the schema: its name, and its type in the words of Hive."""

    name: str
    kind: str


class NotConvertibleError(Exception):
    """A record does not match the schema."""


def fitted(document: Mapping[str, Any], columns: Sequence[Column]) -> dict[str, Any]:
    """Return a JSON object as a row of the schema; keys that it lacks are null.

    Args:
        document: The record.
        columns: Of the schema.

    Raises:
        NotConvertibleError: A value has another type than its column.
    """
    found = {key.lower(): value for key, value in document.items()}
    return {column.name: _fit(found.get(column.name), column) for column in columns}


def _fit(value: Any, column: Column) -> Any:
    if value is None:
        return None
    if column.kind == "string":
        return value if isinstance(value, str) else json.dumps(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if column.kind == "double" and is_number:
        return float(value)
    if column.kind == "bigint" and is_number and value == int(value):
        return int(value)
    raise NotConvertibleError(f"{column.name} is no {column.kind}: {value!r}")


def parquet(rows: Iterable[Mapping[str, Any]], columns: Sequence[Column]) -> bytes:
    """Return rows as one Parquet object, compressed as Firehose does by default."""
    # Most Regions of a test never deliver, and it takes a tenth of their start.
    duckdb = importlib.import_module("duckdb")
    kinds = {"string": "VARCHAR", "bigint": "BIGINT", "double": "DOUBLE"}
    shape = {column.name: kinds[column.kind] for column in columns}
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        source, target = Path(folder) / "rows.json", Path(folder) / "rows.parquet"
        source.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        connection.execute("SET autoinstall_known_extensions = false")
        connection.read_json(
            str(source), columns=shape, format="newline_delimited"
        ).write_parquet(str(target), compression="snappy")
        return target.read_bytes()


class Deliveries(threading.Thread):
    """All delivery streams of one Region.

    Args:
        config: names the Region, where its files are, and how long to wait.
    """

    def __init__(self, config: RegionConfig) -> None:
        super().__init__(daemon=True, name="deliveries")
        self._config = config
        self._folder = config.state_dir / "deliveries"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()

    def accept(self, _original: Callable[..., Any]) -> Callable[..., None]:
        """Return what takes a record instead of writing an object for it."""

        def take(stream: Any, dest: Any, records: list[tuple[str, bytes]]) -> None:
            # Upstream keeps every record in memory, for tests to look at.
            dest["records"].clear()
            lines = (
                f"{time.time():.3f} {base64.b64encode(data).decode()}\n"
                for _, data in records
            )
            with self._lock, self._open(stream["name"]).open("a") as file:
                file.writelines(lines)

        return take

    def dispatch(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Return what runs a rule's action, those for Firehose included."""

        async def run(
            account: str, region: str, rule: str, action: Any, event: Any
        ) -> None:
            if "firehose" in action:
                self._put(account, region, action["firehose"], event)
            else:
                await original(account, region, rule, action, event)

        return run

    def run(self) -> None:
        """Deliver for ever; first what an earlier process of this Region left."""
        for path in self._folder.glob(f"*{_OPEN}"):
            self._close(path)
        while True:
            time.sleep(LOOK_EVERY_S)
            for path in sorted(self._folder.iterdir()):
                try:
                    self._look(path)
                except Exception:
                    # Firehose tries again, and one stream does not hold up another.
                    _logger.exception("delivery_failed file=%s", path.name)
                    time.sleep(_PAUSE_S)

    def _look(self, path: Path) -> None:
        """Close a file that is due; deliver one that is closed."""
        if path.suffix == _OPEN and self._is_due(path):
            self._close(path)
        elif path.suffix == _READY:
            self._deliver(path)
            path.unlink()

    def _put(
        self, account: str, region: str, told: Mapping[str, Any], event: Any
    ) -> None:
        firehose = _ministack("services.firehose")
        text = event if isinstance(event, str) else json.dumps(event)
        data = base64.b64encode(f"{text}{told.get('separator', '')}".encode()).decode()
        request = {
            "DeliveryStreamName": told.get("deliveryStreamName", ""),
            "Record": {"Data": data},
        }
        with _ministack("core.responses").request_scope(account, region):
            status, _headers, body = firehose._put_record(request)  # noqa: SLF001 - the API itself
        if status != 200:  # noqa: PLR2004 - HTTP's OK
            raise RuntimeError(f"Firehose PutRecord answered {status}: {body!r}")

    def _open(self, stream: str) -> Path:
        return self._folder / f"{stream}{_OPEN}"

    def _is_due(self, path: Path) -> bool:
        told = self._destination(path.name.removesuffix(_OPEN)).get(
            "BufferingHints", {}
        )
        size_max = int(told.get("SizeInMBs", _SIZE_DEFAULT_MB)) * _MB
        wait_s = float(told.get("IntervalInSeconds", _INTERVAL_DEFAULT_S))
        with path.open() as file:
            first_at_s = float(file.readline().partition(" ")[0] or time.time())
        is_old = time.time() - first_at_s >= min(wait_s, self._config.delivery_s)
        return is_old or path.stat().st_size >= size_max

    def _close(self, path: Path) -> None:
        name = f"{path.name.removesuffix(_OPEN)}.{time.time_ns()}{_READY}"
        with self._lock:
            path.rename(path.with_name(name))

    def _deliver(self, path: Path) -> None:
        stream = path.name.removesuffix(_READY).rpartition(".")[0]
        records = list(_read(path))
        if not records:
            return
        told = self._destination(stream)
        first = time.gmtime(records[0].arrived_at_s)
        # The same name again after a kill between delivery and removal.
        name = f"{stream}-1-{time.strftime('%Y-%m-%d-%H-%M-%S', first)}-"
        name += str(uuid.uuid5(uuid.NAMESPACE_URL, path.name))
        evaluated = _ministack("services.firehose")._evaluate_prefix  # noqa: SLF001 - how prefixes are written
        good, bad = self._converted(told, records)
        if good is not None:
            body, ending = good
            self._put_object(
                told, evaluated(told["Prefix"], first) + name + ending, body
            )
        if bad:
            prefix = evaluated(
                told.get("ErrorOutputPrefix", ""),
                first,
                error_type="format-conversion-failed",
            )
            self._put_object(told, prefix + name, b"".join(bad))

    def _converted(
        self, told: Mapping[str, Any], records: Sequence[Waiting]
    ) -> tuple[tuple[bytes, str] | None, list[bytes]]:
        conversion = told.get("DataFormatConversionConfiguration") or {}
        if not conversion.get("Enabled", bool(conversion)):
            whole = b"".join(record.data for record in records)
            if told.get("CompressionFormat") == "GZIP":
                return (gzip.compress(whole), ".gz"), []
            return (whole, ""), []
        columns = self._columns(conversion["SchemaConfiguration"])
        rows, bad = [], []
        for record in records:
            try:
                rows += [fitted(each, columns) for each in _documents(record.data)]
            except NotConvertibleError as error:
                bad.append(_error_line(record, str(error)))
        return (parquet(rows, columns), ".parquet") if rows else None, bad

    def _columns(self, schema: Mapping[str, str]) -> list[Column]:
        place = f"{schema['DatabaseName']}/{schema['TableName']}"
        table = self._scoped(_ministack("services.glue")._tables, place)  # noqa: SLF001 - no public look-up
        columns = table["StorageDescriptor"]["Columns"]
        return [Column(each["Name"], each["Type"]) for each in columns]

    def _destination(self, stream: str) -> Mapping[str, Any]:
        found = self._scoped(_ministack("services.firehose")._streams, stream)  # noqa: SLF001 - no public look-up
        config: Mapping[str, Any] = found["destinations"][0]["config"]
        return config

    def _scoped(self, store: Any, name: str) -> Any:
        found = store.get_scoped(self._config.account_id, self._config.region, name)
        if found is None:
            raise LookupError(f"{name} is not there")
        return found

    def _put_object(self, told: Mapping[str, Any], key: str, body: bytes) -> None:
        bucket = told["BucketARN"].rpartition(":")[2]
        objects.put(self._config, bucket, key, body)


def _read(path: Path) -> Iterator[Waiting]:
    for line in path.read_text().splitlines():
        at, _, data = line.partition(" ")
        # A kill may have cut the last line short.
        if data and len(data) % 4 == 0:
            yield Waiting(float(at), base64.b64decode(data))


def _documents(data: bytes) -> Iterator[Mapping[str, Any]]:
    """Yield the JSON objects of a record: one, or several in a row."""
    decoder, place = json.JSONDecoder(), 0
    try:
        text = data.decode().strip()
        while place < len(text):
            document, place = decoder.raw_decode(text, place)
            if not isinstance(document, dict):
                raise NotConvertibleError("the record is no JSON object")
            yield document
            place += len(text[place:]) - len(text[place:].lstrip())
    except (ValueError, RecursionError) as error:
        raise NotConvertibleError(f"the record is not JSON: {error}") from error


def _error_line(record: Waiting, reason: str) -> bytes:
    """Return what Firehose writes for a record that it could not convert."""
    document = {
        "attemptsMade": 1,
        "arrivalTimestamp": int(record.arrived_at_s * 1000),
        "ErrorCode": "DataFormatConversion.MalformedData",
        "ErrorMessage": reason,
        "rawData": base64.b64encode(record.data).decode(),
    }
    return f"{json.dumps(document)}\n".encode()


def _ministack(name: str) -> Any:
    return importlib.import_module(f"ministack.{name}")
