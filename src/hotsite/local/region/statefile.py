"""The file that a Region keeps its state in: rows of pickles in SQLite.

What was written is there after SIGKILL: the operating system has it. It is not
made to survive a power cut, and nothing waits for the disk. Only the Region that
wrote a file reads it.
"""

import hashlib
import io
import json
import pickle
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Longer values (function code, object bodies) are stored once, by their digest.
BLOB_BYTES_MIN = 16_384
_DIGESTS_REMEMBERED_MAX = 1_024
_SCHEMA = """
CREATE TABLE IF NOT EXISTS row (
    id INTEGER PRIMARY KEY, shelf TEXT, key TEXT, value BLOB, UNIQUE (shelf, key)
);
CREATE TABLE IF NOT EXISTS blob (digest TEXT PRIMARY KEY, body BLOB);
"""
_PUT = """
INSERT INTO row (shelf, key, value) VALUES (?, ?, ?)
ON CONFLICT (shelf, key) DO UPDATE SET value = excluded.value
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One change of the file.

    Attributes:
        shelf: which store of the Region.
        key: as `key_text` writes it; None means every key of the shelf.
        value: pickled; None removes.
    """

    shelf: str
    key: str | None
    value: bytes | None


class StateFile:
    """An open state file, for the thread that opened it.

    Args:
        path: of the file; made if it is missing.

    Raises:
        OSError: it cannot be opened or is not such a file.
    """

    def __init__(self, path: Path) -> None:
        self._digests: dict[int, tuple[bytes, str]] = {}
        try:
            self._sql = sqlite3.connect(path, isolation_level=None)
            # A write-ahead log without fsync: a killed process loses nothing.
            self._sql.execute("PRAGMA journal_mode = WAL")
            self._sql.execute("PRAGMA synchronous = OFF")
            self._sql.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise OSError(f"{path}: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._sql.close()

    def shelves(self) -> tuple[str, ...]:
        """Return the names of all shelves, in the order of their first rows."""
        query = "SELECT shelf FROM row GROUP BY shelf ORDER BY min(id)"
        return tuple(name for (name,) in self._sql.execute(query))

    def read(self, shelf: str) -> Iterator[tuple[Any, Any, bytes]]:
        """Yield key, value and pickled value of a shelf, oldest key first."""
        query = "SELECT key, value FROM row WHERE shelf = ? ORDER BY id"
        for key, value in self._sql.execute(query, (shelf,)):
            unpickler = _Unpickler(io.BytesIO(value), self)
            yield _tuples(json.loads(key)), unpickler.load(), value

    def pickled(self, value: object) -> bytes:
        """Return a value as `read` understands it; long bytes go to the file now.

        Raises:
            pickle.PicklingError, TypeError: it holds something like a socket.
            RuntimeError: another thread changed it meanwhile.
        """
        buffer = io.BytesIO()
        _Pickler(buffer, self).dump(value)
        return buffer.getvalue()

    def write(self, rows: Iterable[Row]) -> None:
        """Apply changes in one transaction: after SIGKILL all are there, or none."""
        self._sql.execute("BEGIN")
        with self._sql:
            for row in rows:
                if row.key is None:
                    self._sql.execute("DELETE FROM row WHERE shelf = ?", (row.shelf,))
                elif row.value is None:
                    where = "DELETE FROM row WHERE shelf = ? AND key = ?"
                    self._sql.execute(where, (row.shelf, row.key))
                else:
                    self._sql.execute(_PUT, (row.shelf, row.key, row.value))

    def store_blob(self, body: bytes) -> str:
        """Return the digest under which a long value is in the file."""
        known = self._digests.get(id(body))
        if known is not None and known[0] is body:
            return known[1]
        digest = hashlib.sha256(body).hexdigest()
        insert = "INSERT OR IGNORE INTO blob VALUES (?, ?)"
        self._sql.execute(insert, (digest, body))
        if len(self._digests) >= _DIGESTS_REMEMBERED_MAX:
            self._digests.clear()
        self._digests[id(body)] = (body, digest)
        return digest

    def load_blob(self, digest: str) -> bytes:
        """Return the long value with this digest."""
        query = "SELECT body FROM blob WHERE digest = ?"
        (body,) = self._sql.execute(query, (digest,)).fetchone()
        self._digests[id(body)] = (body, digest)
        return bytes(body)


def key_text(key: object) -> str:
    """Return the one text of a key that is made of texts, numbers and tuples.

    Equal keys have equal pickles only if their parts are the same objects.

    Raises:
        TypeError: it holds something else.
    """
    return json.dumps(key, separators=(",", ":"))


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


class _Pickler(pickle.Pickler):
    def __init__(self, buffer: io.BytesIO, file: StateFile) -> None:
        super().__init__(buffer, pickle.HIGHEST_PROTOCOL)
        self._file = file

    def persistent_id(self, value: object) -> str | None:
        if type(value) is bytes and len(value) >= BLOB_BYTES_MIN:
            return self._file.store_blob(value)
        return None


class _Unpickler(pickle.Unpickler):
    def __init__(self, buffer: io.BytesIO, file: StateFile) -> None:
        super().__init__(buffer)
        self._file = file

    def persistent_load(self, digest: str) -> bytes:
        return self._file.load_blob(digest)
