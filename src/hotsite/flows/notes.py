"""What long work of a Region writes down for its next call, as JSON.

A note that cannot be read (of an older version, cut short) is as good as none:
the work begins anew, which costs calls and breaks nothing.
"""

import json
from collections.abc import Mapping
from typing import TypeVar

from hotsite.core import records
from hotsite.core.registry import Kind
from hotsite.errors import InvalidInputError
from hotsite.ports import Cursors

_NAME_COUNTS = "names"
_Note = TypeVar("_Note")


def read(cursors: Cursors, name: str, kind: type[_Note]) -> _Note | None:
    """Return a note, or nothing when there is none that can be read.

    Args:
        cursors: The Region's notes.
        name: Which.
        kind: Dataclass of what ``core/records.py`` can read.

    Raises:
        UnreachableError: The table did not answer.
    """
    text = cursors.read(name)
    if text is None:
        return None
    try:
        return records.read(kind, json.loads(text), where=f"note {name}")
    except (ValueError, InvalidInputError):
        return None


def write(cursors: Cursors, name: str, note: object | None) -> None:
    """Keep a note, or forget it.

    Args:
        cursors: The Region's notes.
        name: Which.
        note: A dataclass, or nothing to forget it.

    Raises:
        UnreachableError: The table did not answer.
    """
    text = None
    if note is not None:
        text = json.dumps(records.write(note), separators=(",", ":"))
    cursors.write(name, text)


def name_counts(cursors: Cursors) -> dict[Kind, int]:
    """Return how many names of each kind the last whole pass has counted.

    Args:
        cursors: The Region's notes.

    Returns:
        Nothing for kinds that were never counted, so that only the floor of the
        deletion limit holds for them.

    Raises:
        UnreachableError: The table did not answer.
    """
    pairs = (item.split("=") for item in (cursors.read(_NAME_COUNTS) or "").split())
    return {Kind(kind): int(count) for kind, count in pairs}


def write_name_counts(cursors: Cursors, counts: Mapping[str, int]) -> None:
    """Keep how many names of each kind there are.

    Args:
        cursors: The Region's notes.
        counts: By the text of the kind.

    Raises:
        UnreachableError: The table did not answer.
    """
    text = " ".join(f"{kind}={count}" for kind, count in sorted(counts.items()))
    cursors.write(_NAME_COUNTS, text)
