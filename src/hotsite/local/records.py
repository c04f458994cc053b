"""Hand records between the processes of the local cloud, as JSON files.

What is unknown, missing or of another type is refused by ``core/records.py``, so
that nothing behind this module handles a dictionary.
"""

import json
import os
from pathlib import Path
from typing import Any, TypeVar

from hotsite.core import records
from hotsite.errors import InvalidInputError

_Record = TypeVar("_Record")


def read(kind: type[_Record], path: Path) -> _Record:
    """Read a record from a file.

    Raises:
        InvalidInputError: The file cannot be read or holds something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"{path}: cannot be read: {error}") from error
    return records.read(kind, value, where=str(path))


def write(record: Any, path: Path, *, mode: int = 0o644) -> None:
    """Write a record so that a reader sees the old file or the new, never half.

    Args:
        record: What to write.
        path: Where to; its folder exists.
        mode: Permissions of the file from its first byte on.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(records.write(record), indent=1) + "\n")
    scratch.replace(path)
