"""A dictionary that tells which of its keys were looked up or changed."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any


class NotedDict(dict[Any, Any]):
    """Calls `note` with a key when its value is handed out, set or removed.

    A value that was handed out may be changed in place: whoever is told has to
    compare it. Walking over all items tells nothing.

    Args:
        content: what it starts with.
        note: may be called in any thread.
    """

    def __init__(
        self, content: Mapping[Any, Any], note: Callable[[Hashable], None]
    ) -> None:
        super().__init__(content)
        self._note = note

    def __getitem__(self, key: Any) -> Any:
        self._note(key)
        return super().__getitem__(key)

    def get(self, key: Any, default: Any = None) -> Any:
        """Return a value, and note its key."""
        self._note(key)
        return super().get(key, default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        self._note(key)

    def __delitem__(self, key: Any) -> None:
        super().__delitem__(key)
        self._note(key)

    def pop(self, key: Any, *default: Any) -> Any:
        """Remove a value, and note its key."""
        self._note(key)
        return super().pop(key, *default)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """Return or set a value, and note its key."""
        self._note(key)
        return super().setdefault(key, default)

    def update(self, *others: Any, **values: Any) -> None:
        """Set several values, and note their keys."""
        for key, value in dict(*others, **values).items():
            self[key] = value

    def clear(self) -> None:
        """Remove every value, and note every key."""
        for key in list(self):
            del self[key]
