"""Read the maker's list of claims: serial numbers, and what proves them.

A line is one device. Only the SHA-256 of a secret goes on from here; a list may hold
nothing else to begin with. Pure: text comes in, ledger lines go out.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from hotsite.core import jsontext, onboarding, validity
from hotsite.core.onboarding import Entry
from hotsite.core.registry import Record, Thing, thing_key
from hotsite.errors import InvalidInputError

_DIGEST = re.compile(r"[0-9a-f]{64}")
_ID, _SECRET, _HASHED, _ATTRIBUTES = "id", "secret", "secret_sha256", "attributes"


class Format(StrEnum):
    """How a list is written."""

    CSV = "csv"
    JSONL = "jsonl"


class State(StrEnum):
    """What became of a claim."""

    FREE = "free"
    TAKEN = "taken"
    ENROLLED = "enrolled"


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a list.

    Attributes:
        line: Its number in the file, from 1.
        entry: What it puts into the ledger.
    """

    line: int
    entry: Entry


def state_of(entry: Entry) -> State:
    """Return what became of a claim."""
    if entry.certificate is not None:
        return State.ENROLLED
    return State.FREE if entry.csr_digest is None else State.TAKEN


def is_same(mine: Entry, theirs: Entry) -> bool:
    """Say whether two lines are of one making, whatever became of them since."""
    return (mine.secret_digest, mine.attributes) == (
        theirs.secret_digest,
        theirs.attributes,
    )


def read(lines: Iterable[str], kind: Format, *, where: str) -> Iterator[Listed]:
    """Yield the claims in a list, each checked.

    Args:
        lines: Of the file.
        kind: How it is written.
        where: Its name; messages begin with it and the line's number.

    Raises:
        InvalidInputError: What is wrong with which line.
    """
    seen: dict[str, int] = {}
    rows = _csv(lines, where) if kind is Format.CSV else _jsonl(lines, where)
    for number, row in rows:
        entry = _entry(row, f"{where}:{number}")
        known = seen.setdefault(entry.claim_id, number)
        if known != number:
            raise InvalidInputError(
                f"{where}:{number}: {entry.claim_id} is on line {known} already"
            )
        yield Listed(number, entry)


def _csv(
    lines: Iterable[str], where: str
) -> Iterator[tuple[int, Mapping[str, object]]]:
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, None)
        if header is None:
            raise InvalidInputError(f"{where}: is empty")
        names = [name.strip().removeprefix("\ufeff") for name in header]
        if _ID not in names or len(set(names)) != len(names) or "" in names:
            raise InvalidInputError(
                f"{where}:1: the first line must name each column once, among them "
                f"{_ID} and {_SECRET} or {_HASHED}"
            )
        for row in reader:
            if not row:
                continue
            if len(row) != len(names):
                raise InvalidInputError(
                    f"{where}:{reader.line_num}: {len(row)} fields, and the first "
                    f"line has {len(names)}"
                )
            yield reader.line_num, _folded(dict(zip(names, row, strict=True)))
    except csv.Error as error:
        raise InvalidInputError(f"{where}:{reader.line_num}: {error}") from error


def _folded(row: dict[str, str]) -> dict[str, object]:
    """Return a row in the shape of JSON; an empty field is none."""
    given: dict[str, object] = {
        name: row.pop(name) for name in (_ID, _SECRET, _HASHED) if row.get(name)
    }
    return {**given, _ATTRIBUTES: {k: v for k, v in row.items() if v}}


def _jsonl(
    lines: Iterable[str], where: str
) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        row = jsontext.parse(line, where=f"{where}:{number}")
        if not isinstance(row, Mapping):
            raise InvalidInputError(f"{where}:{number}: must be a JSON object")
        strange = sorted(row.keys() - {_ID, _SECRET, _HASHED, _ATTRIBUTES})
        if strange:
            raise InvalidInputError(f"{where}:{number}: unknown key {strange[0]!r}")
        yield number, row


def _entry(row: Mapping[str, object], where: str) -> Entry:
    if (_SECRET in row) == (_HASHED in row):
        raise InvalidInputError(f"{where}: needs either {_SECRET} or {_HASHED}")
    attributes = _attributes(row.get(_ATTRIBUTES, {}), where)
    if _SECRET in row:
        claim = onboarding.claim_of(row, where=where)
        entry = Entry.of(claim, attributes)
    else:
        digest = row[_HASHED]
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise InvalidInputError(
                f"{where}: {_HASHED} must be 64 hex digits, lower case"
            )
        claim = onboarding.claim_of({**row, _SECRET: "-"}, where=where)
        entry = Entry(claim.claim_id, digest, tuple(sorted(attributes.items())))
    # What AWS IoT would refuse for ever is told today, and not at the device's door.
    thing = Thing(entry.claim_id, "device", entry.attributes)
    try:
        validity.check(Record(thing_key(entry.claim_id), thing))
    except InvalidInputError as error:
        raise InvalidInputError(f"{where}: {error}") from error
    return entry


def _attributes(value: object, where: str) -> dict[str, str]:
    if isinstance(value, Mapping) and all(
        isinstance(one, str) for pair in value.items() for one in pair
    ):
        return dict(value)
    raise InvalidInputError(f"{where}: {_ATTRIBUTES} must be names and texts")
