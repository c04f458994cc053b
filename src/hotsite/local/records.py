"""Turn JSON documents into frozen dataclasses and back, strictly.

The processes of the local cloud hand each other JSON files. What is unknown,
missing or of another type is refused here, so that nothing behind this module
handles a dictionary.
"""

import json
import os
import types
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from hotsite.errors import InvalidInputError

_Record = TypeVar("_Record")


def encode(record: Any) -> str:
    """Return a record as one JSON document with readable lines.

    Args:
        record: An instance of a dataclass made of plain values, tuples and
            other such dataclasses.
    """
    return json.dumps(asdict(record), indent=1) + "\n"


def decode(kind: type[_Record], value: object, *, source: str) -> _Record:
    """Build a record from what a JSON document says.

    Args:
        kind: The dataclass to build.
        value: The parsed JSON.
        source: Where it came from; error messages start with it.

    Returns:
        The record, nested records and tuples included.

    Raises:
        InvalidInputError: A key is unknown or missing, or a type is wrong.
    """
    built = _build(kind, value, source)
    assert isinstance(built, kind)  # noqa: S101 (our own mistake, not the world's)
    return built


def read(kind: type[_Record], path: Path) -> _Record:
    """Read a record from a file.

    Raises:
        InvalidInputError: The file cannot be read or holds something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"{path}: cannot be read: {error}") from error
    return decode(kind, value, source=str(path))


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
        file.write(encode(record))
    scratch.replace(path)


def _build(kind: Any, value: object, where: str) -> object:
    origin = get_origin(kind)
    if origin in {Union, types.UnionType}:
        if value is None and types.NoneType in get_args(kind):
            return None
        (inner,) = (each for each in get_args(kind) if each is not types.NoneType)
        return _build(inner, value, where)
    if origin is tuple and isinstance(value, list | tuple):
        inner = get_args(kind)[0]
        return tuple(_build(inner, v, f"{where}[{i}]") for i, v in enumerate(value))
    if is_dataclass(kind) and isinstance(value, Mapping):
        return _build_record(kind, value, where)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    is_other = kind is int and isinstance(value, bool)
    if origin is None and isinstance(value, kind) and not is_other:
        return value
    name = getattr(kind, "__name__", str(kind))
    raise InvalidInputError(f"{where} must be {name}, not {value!r}")


def _build_record(kind: Any, value: Mapping[str, object], where: str) -> object:
    hints = get_type_hints(kind)
    known = {field.name for field in fields(kind)}
    unknown = sorted(value.keys() - known)
    if unknown:
        raise InvalidInputError(f"{where}: unknown key {unknown[0]!r}")
    values = {
        key: _build(hints[key], item, f"{where}: {key}") for key, item in value.items()
    }
    try:
        return kind(**values)
    except TypeError as error:
        missing = ", ".join(sorted(known - values.keys()))
        raise InvalidInputError(f"{where} lacks one of {missing}") from error
