"""An outage as a file: the lines of both Regions, one JSON object each.

The first line says what was read, when, and what did not answer, so that the report
can be made again from the file alone.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hotsite.core import records
from hotsite.core.operations import Entry
from hotsite.core.outage import Line, Outage
from hotsite.errors import InvalidInputError

_SCHEMA = 1
_HEAD, _LINE = "outage", "entry"


@dataclass(frozen=True, slots=True)
class _Head:
    """The first line."""

    kind: str
    schema: int
    since_s: float
    read_at_s: float
    regions: Mapping[str, str]
    silent: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Noted:
    """Any other line."""

    kind: str
    at_s: float
    site: str
    by: str
    what: str
    reason: str
    seen_in: tuple[str, ...]


def lines(outage: Outage) -> Iterator[str]:
    """Yield the lines of the file."""
    head = _Head(
        _HEAD,
        _SCHEMA,
        outage.since_s,
        outage.read_at_s,
        outage.regions,
        outage.silent,
    )
    yield json.dumps(records.write(head))
    for line in outage.lines:
        entry = records.write(line.entry)
        seen_in = list(line.seen_in)
        yield json.dumps({"kind": _LINE, **entry, "seen_in": seen_in})


def is_one(path: Path) -> bool:
    """Say whether a journal is one of an outage, by its first line.

    Returns:
        False for a file that cannot be read, too.
    """
    try:
        with path.open(encoding="utf-8") as file:
            first = file.readline()
    except (OSError, UnicodeDecodeError):
        # The journal of a drill is read by who knows it, who says what is wrong.
        return False
    return f'"kind": "{_HEAD}"' in first


def read(path: Path) -> Outage:
    """Read an outage back.

    Raises:
        InvalidInputError: The file is missing, or is no journal of an outage.
    """
    try:
        texts = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path}: {error}") from error
    if not texts:
        raise InvalidInputError(f"{path}: is empty")
    head = records.read(_Head, _object(path, 1, texts[0]), where=f"{path}:1")
    if head.schema != _SCHEMA:
        raise InvalidInputError(f"{path}: schema {head.schema} is not {_SCHEMA}")
    noted = tuple(
        _line(path, number, text) for number, text in enumerate(texts[1:], start=2)
    )
    return Outage(head.regions, head.since_s, head.read_at_s, head.silent, noted)


def _line(path: Path, number: int, text: str) -> Line:
    where = f"{path}:{number}"
    one = records.read(_Noted, _object(path, number, text), where=where)
    return Line(Entry(one.at_s, one.site, one.by, one.what, one.reason), one.seen_in)


def _object(path: Path, number: int, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInputError(f"{path}:{number}: is not JSON: {error}") from error
