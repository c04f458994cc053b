"""Which items of a table changed, and when each was last written.

The log keeps one entry a key (the latest write), so its memory is bounded by the
items of the table and not by the writes. Nothing here does I/O or knows ministack.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self, TypeAlias

# A log rewrites its order once more than this many entries in it are outdated.
OUTDATED_MAX = 4096

Item: TypeAlias = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """When and where an item was written; the greater one wins.

    Attributes:
        written_at_s: seconds since 1970 by the writing Region's clock. DynamoDB
            global tables reconcile "last writer wins" by an internal timestamp
            (Developer Guide, "Global tables: multi-Region replication").
        origin: Region code of the writer; breaks ties, the same way everywhere.
    """

    written_at_s: float
    origin: str


@dataclass(frozen=True, slots=True)
class Change:
    """The latest write to one key: its place in the log, key and version."""

    sequence: int
    key: Item
    version: Version


@dataclass(slots=True)
class ChangeLog:
    """The latest write to each key of one table, in order of arrival."""

    _latest: dict[str, Change] = field(default_factory=dict)
    _order: list[tuple[int, str]] = field(default_factory=list)
    _sequence: int = 0

    @property
    def sequence(self) -> int:
        """The place of the newest write; 0 before the first."""
        return self._sequence

    @classmethod
    def of(cls, changes: Iterable[Change]) -> Self:
        """Return the log that has these changes, each with its place in it."""
        log = cls()
        for change in sorted(changes, key=lambda change: change.sequence):
            text = key_text(change.key)
            log._latest[text] = change
            log._order.append((change.sequence, text))
            log._sequence = change.sequence
        return log

    def change(self, text: str) -> Change | None:
        """Return the latest change of a key, given as `key_text` writes it."""
        return self._latest.get(text)

    def __len__(self) -> int:
        return len(self._latest)

    def version(self, key: Item) -> Version | None:
        """Return who last wrote the key, or None when nobody did."""
        change = self._latest.get(key_text(key))
        return None if change is None else change.version

    def record(self, key: Item, version: Version) -> None:
        """Put the key at the end of the log with this version."""
        text = key_text(key)
        self._sequence += 1
        self._latest[text] = Change(self._sequence, key, version)
        self._order.append((self._sequence, text))
        if len(self._order) > len(self._latest) + OUTDATED_MAX:
            self._order = [entry for entry in self._order if self._is_latest(entry)]

    def record_local(self, key: Item, *, now_s: float, region: str) -> None:
        """Record a write of this Region, later than anything known of the key.

        Args:
            key: the item's key attributes.
            now_s: seconds since 1970.
            region: this Region's code.
        """
        known = self.version(key)
        if known is not None and known.written_at_s >= now_s:
            # A write that follows another one must not lose against it because
            # the other Region's clock is ahead: a hybrid logical clock's rule.
            now_s = known.written_at_s + 1e-6
        self.record(key, Version(now_s, region))

    def after(self, sequence: int) -> Iterator[Change]:
        """Yield the latest writes that came after a place, in order."""
        start = bisect_right(self._order, (sequence, "\U0010ffff"))
        for entry in self._order[start:]:
            if self._is_latest(entry):
                yield self._latest[entry[1]]

    def forget(self, key: Item) -> None:
        """Drop what is known of a key."""
        self._latest.pop(key_text(key), None)

    def _is_latest(self, entry: tuple[int, str]) -> bool:
        change = self._latest.get(entry[1])
        return change is not None and change.sequence == entry[0]


def key_text(key: Item) -> str:
    """Return one text for one key, whatever the order of its attributes."""
    return json.dumps(key, sort_keys=True, separators=(",", ":"))
