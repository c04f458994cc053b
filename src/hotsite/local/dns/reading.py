"""Take typed values out of a JSON object, with errors that say where.

It must not guess: an unknown key or a wrong type is an error.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from hotsite.errors import InvalidInputError, UnreachableError


class Reader:
    """One JSON object that is taken apart key by key."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, Mapping):
            raise InvalidInputError(f"{where}: must be an object, not {value!r}")
        self.where = where
        self._left: dict[str, object] = dict(value)

    def has(self, key: str) -> bool:
        """Say whether a key is there and not null."""
        return self._left.get(key) is not None

    def text(self, key: str, default: str | None = None) -> str:
        """Take a string; without a default it must be there."""
        value = self._take(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "a string", value)
        return value

    def whole(self, key: str, default: int | None = None) -> int:
        """Take a whole number; one written as a string counts (CloudFormation)."""
        value = self._take(key, default)
        if isinstance(value, str) and value.isdecimal():
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(key, "a whole number", value)
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """Take a number."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(key, "a number", value)
        return float(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """Take a truth value; ``"true"`` and ``"false"`` count (CloudFormation)."""
        value = self._take(key, default)
        if value in ("true", "false"):
            return value == "true"
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return value

    def items(self, key: str) -> list[object]:
        """Take a list; a missing one is empty."""
        value = self._take(key, [])
        if not isinstance(value, list | tuple):
            raise self._wrong(key, "a list", value)
        return list(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """Take a list of strings."""
        values = self.items(key)
        found = tuple(value for value in values if isinstance(value, str))
        if len(found) != len(values):
            raise self._wrong(key, "a list of strings", values)
        return found

    def readers(self, key: str) -> "Iterator[Reader]":
        """Take a list of objects, each as a reader of its own."""
        for position, value in enumerate(self.items(key)):
            yield Reader(value, f"{self.where}: {key}[{position}]")

    def rest(self) -> dict[str, object]:
        """Take all that is left."""
        left, self._left = self._left, {}
        return left

    def done(self) -> None:
        """Refuse what nobody took.

        Raises:
            InvalidInputError: A key is not known.
        """
        for key in self._left:
            raise InvalidInputError(f"{self.where}: unknown key {key!r}")

    def ignore(self, *keys: str) -> None:
        """Drop keys that do not matter here."""
        for key in keys:
            self._left.pop(key, None)

    def _take(self, key: str, default: object) -> object:
        value = self._left.pop(key, None)
        if value is None:
            value = default
        if value is None:
            raise InvalidInputError(f"{self.where}: {key} is missing")
        return value

    def _wrong(self, key: str, wanted: str, value: object) -> InvalidInputError:
        return InvalidInputError(f"{self.where}: {key} must be {wanted}, not {value!r}")


def read_json(path: Path) -> Reader:
    """Read a file that holds one JSON object.

    Args:
        path: The file.

    Returns:
        A reader of it; its errors begin with the file's name.

    Raises:
        UnreachableError: The file cannot be read.
        InvalidInputError: It holds something else than a JSON object.
    """
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise UnreachableError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInputError(f"{path}: not JSON: {error}") from error
    return Reader(value, str(path))
