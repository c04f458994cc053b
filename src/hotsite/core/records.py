"""Read a frozen dataclass from what JSON or TOML gave, and write it back.

The dataclass is the whole schema: its fields are the keys, their types are the
checks, and a field without a default must be there. Unknown keys are errors,
because a misspelt key is a fact that nobody reads. Must not know which records
exist.
"""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from hotsite.core.intervals import Intervals
from hotsite.errors import InvalidInputError

_Record = TypeVar("_Record")

_NAMES: Mapping[object, str] = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


def read(kind: type[_Record], value: object, *, where: str) -> _Record:
    """Turn a mapping into a record.

    Args:
        kind: A dataclass whose fields are ``str``, ``int``, ``float``, ``bool``,
            a ``StrEnum``, ``Intervals``, another such dataclass, a mapping from
            strings to one of these, a tuple of any length of these, or one of
            these ``| None``.
        value: What the parser of JSON or TOML returned.
        where: Where the value came from; every error message starts with it.

    Returns:
        The record, every value checked.

    Raises:
        InvalidInputError: A key is missing or unknown, or a value is of a wrong
            type; the message is one line.
    """
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{where}: must be a table, not {value!r}")
    wanted = get_type_hints(kind)
    for key in value:
        if key not in wanted:
            known = ", ".join(sorted(wanted))
            raise InvalidInputError(f"{where}: unknown key {key!r}; known are {known}")
    missing = [
        field.name
        for field in fields(kind)  # type: ignore[arg-type]
        if field.default is MISSING and field.name not in value
    ]
    if missing:
        raise InvalidInputError(f"{where}: {', '.join(missing)} is missing")
    values: dict[str, Any] = {
        key: _value(wanted[key], item, f"{where}: {key}") for key, item in value.items()
    }
    return kind(**values)


def write(record: object) -> dict[str, object]:
    """Return a record as plain values, its keys in the order of its fields."""
    return {
        field.name: _plain(getattr(record, field.name))
        for field in fields(record)  # type: ignore[arg-type]
    }


def _value(wanted: object, value: object, where: str) -> object:
    if isinstance(wanted, UnionType):
        return None if value is None else _value(get_args(wanted)[0], value, where)
    if get_origin(wanted) is Mapping:
        return _mapping(get_args(wanted)[1], value, where)
    if get_origin(wanted) is tuple:
        return _tuple(get_args(wanted)[0], value, where)
    if wanted is Intervals:
        return _intervals(value, where)
    if isinstance(wanted, type) and is_dataclass(wanted):
        return read(wanted, value, where=where)
    return _scalar(wanted, value, where)


def _scalar(wanted: object, value: object, where: str) -> object:
    if isinstance(wanted, type) and issubclass(wanted, StrEnum):
        return _choice(wanted, value, where)
    # A bool is an int to Python, and never to a reader of the file.
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise InvalidInputError(f"{where} must be {_NAMES[wanted]}, not {value!r}")
    return value


def _choice(wanted: type[StrEnum], value: object, where: str) -> StrEnum:
    for choice in wanted:
        if choice.value == value:
            return choice
    names = " or ".join(f'"{choice.value}"' for choice in wanted)
    raise InvalidInputError(f"{where} must be {names}, not {value!r}")


def _mapping(wanted: object, value: object, where: str) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{where} must be a table, not {value!r}")
    return {str(key): _value(wanted, item, where) for key, item in value.items()}


def _tuple(wanted: object, value: object, where: str) -> tuple[object, ...]:
    if not isinstance(value, list | tuple):
        raise InvalidInputError(f"{where} must be a list, not {value!r}")
    return tuple(
        _value(wanted, item, f"{where}[{index}]") for index, item in enumerate(value)
    )


def _intervals(value: object, where: str) -> Intervals:
    pairs: list[tuple[int, int]] = []
    for pair in value if isinstance(value, list) else (None,):
        match pair:
            case [int(low), int(high)] if bool not in {type(low), type(high)}:
                pairs.append((low, high))
            case _:
                raise InvalidInputError(
                    f"{where} must be [[low, high], ...], not {value!r}"
                )
    return Intervals.from_pairs(pairs)


def _plain(value: object) -> object:
    if isinstance(value, Intervals):
        return [list(pair) for pair in value.pairs]
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return write(value)
    return value
