"""``ports.SeriesReader`` on the cold objects: Parquet, one bucket a site.

An object's key tells where and in which hour its messages arrived
(``telemetry/region=<origin>/date=YYYY-MM-DD/hour=HH/<name>.parquet``, UTC), so
only the hours that can hold what is wanted are listed and fetched. DuckDB reads
them from this machine's disk; it gets no credentials and asks nobody.
"""

import datetime as dt
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb

from hotsite.adapters.aws.session import translated
from hotsite.core.outbox import Key
from hotsite.core.series import Row, Window
from hotsite.errors import InvalidInputError
from hotsite.ports.series import Reading

ROOT = "telemetry/"
# A day of one site's objects of a minute each is 1,440; these fit on any disk.
_CHUNK_MAX = 128
_FETCHES_MAX = 16
_SELECT = (
    "SELECT pk, epoch, seq, published_at_s, data, origin, received_at_s"
    " FROM read_parquet(?, hive_partitioning = false, union_by_name = true)"
    " WHERE pk = ? AND coalesce(published_at_s BETWEEN ? AND ?, true)"
)


class ColdSeries:
    """Reads one site's bucket, which holds what arrived at either site."""

    def __init__(self, s3: Any, bucket: str) -> None:
        """Take a boto3 client of the site's Region, and the bucket's name."""
        self._s3 = s3
        self._bucket = bucket

    def read(self, thing: str, window: Window) -> Reading:
        """Return what the bucket holds of a device.

        Raises:
            InvalidInputError: An object is not the Parquet that the site writes.
        """
        keys = [key for root in self._roots() for key in self._keys(root, window)]
        found: list[Row | None] = []
        with ThreadPoolExecutor(_FETCHES_MAX) as pool:
            for start in range(0, len(keys), _CHUNK_MAX):
                chunk = keys[start : start + _CHUNK_MAX]
                found += self._rows(pool, chunk, thing, window)
        rows = tuple(row for row in found if row is not None)
        return Reading(rows, len(found) - len(rows))

    def _roots(self) -> list[str]:
        """Return where each origin's objects are."""
        pages = self._pages(Prefix=ROOT, Delimiter="/")
        found = (each for page in pages for each in page.get("CommonPrefixes", ()))
        return [str(each["Prefix"]) for each in found]

    def _keys(self, root: str, window: Window) -> Iterator[str]:
        first, last = window.hours
        low = root if first is None else f"{root}{_hour(first)}"
        # Keys are listed in the order of their bytes, which is that of the hours.
        for page in self._pages(Prefix=root, StartAfter=low):
            for item in page.get("Contents", ()):
                if last is not None and item["Key"] >= f"{root}{_hour(last + 1)}":
                    return
                yield item["Key"]

    def _pages(self, **options: str) -> Iterator[Any]:
        with translated(f"list {self._bucket}"):
            pages = self._s3.get_paginator("list_objects_v2")
            yield from pages.paginate(Bucket=self._bucket, **options)

    def _rows(
        self, pool: ThreadPoolExecutor, keys: Sequence[str], thing: str, window: Window
    ) -> list[Row | None]:
        with tempfile.TemporaryDirectory(prefix="hotsite-") as folder:
            paths = [Path(folder) / f"{number}.parquet" for number in range(len(keys))]
            list(pool.map(self._fetch, keys, paths))
            return _selected(dict(zip(paths, keys, strict=True)), thing, window)

    def _fetch(self, key: str, path: Path) -> None:
        with translated(f"fetch {key} from {self._bucket}"):
            answer = self._s3.get_object(Bucket=self._bucket, Key=key)
            path.write_bytes(answer["Body"].read())


def _selected(paths: dict[Path, str], thing: str, window: Window) -> list[Row | None]:
    low = float("-inf") if window.from_s is None else window.from_s
    high = float("inf") if window.to_s is None else window.to_s
    names = [str(path) for path in paths]
    try:
        with duckdb.connect() as connection:
            # Nothing is fetched behind our back: what is needed is built in.
            connection.execute("SET autoinstall_known_extensions = false")
            found = connection.execute(_SELECT, [names, thing, low, high]).fetchall()
    except duckdb.Error as error:
        said = str(error).partition("\n")[0]
        for path, key in paths.items():
            said = said.replace(str(path), key)
        raise InvalidInputError(f"cold objects: {said}") from error
    return [_row(*values) for values in found]


def _row(*values: Any) -> Row | None:
    """Return the message in one row of an object, or nothing if it is none."""
    thing, epoch, seq, published_at_s, data, origin, received_at_s = values
    if None in (epoch, seq, published_at_s, data):
        return None
    key = Key(epoch, seq)
    return Row(thing, key, published_at_s, data, origin or "", received_at_s)


def _hour(number: int) -> str:
    """Return the partition of an hour, counted since the epoch."""
    moment = dt.datetime.fromtimestamp(max(0, number) * 3600, dt.UTC)
    return f"date={moment:%Y-%m-%d}/hour={moment:%H}"
