"""How much may be deleted because somebody else deleted it first.

A mistake in one Region (a script that deletes everything, an account that was
emptied) must not become one in both. What outside changes take from the record
is limited for each kind of name, within a window of a day. Beyond it nothing is
deleted: a person decides, with the list in hand. What a person lets through is
counted all the same, so that nothing more goes by itself on that day.

What a person deletes through hotsite is not limited here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from hotsite.core.registry import Kind, Names, Record, Shadows
from hotsite.errors import UnsafePlanError

_BUCKET_S = 3600
_WINDOW_BUCKETS = 24
_SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class Limit:
    """How many deletions may be taken over.

    Attributes:
        share_max: Of the names of a kind, 0 to 1.
        floor: That many are always allowed, 0 or more: a share of a small fleet
            is less than one device.
    """

    share_max: float = 0.1
    floor: int = 5

    def count_max(self, name_count: int) -> int:
        """Return how many names of a kind may go within the window.

        Args:
            name_count: How many names of the kind there are, 0 or more.
        """
        return max(self.floor, math.floor(self.share_max * name_count))


@dataclass(frozen=True, slots=True)
class Bucket:
    """Deletions of one hour; ``hour`` counts hours since the epoch."""

    hour: int
    count: int


@dataclass(frozen=True, slots=True)
class Window:
    """The deletions that were taken over of late.

    Attributes:
        buckets: One an hour, oldest first.
    """

    buckets: tuple[Bucket, ...] = ()

    def count(self, now_s: float) -> int:
        """Return how many there were within the last 24 hours, or a bit more.

        Args:
            now_s: Seconds since the epoch.
        """
        return sum(bucket.count for bucket in self._recent(now_s))

    def taken(self, count: int, *, count_max: int, now_s: float) -> Self:
        """Return the window with more deletions in it.

        Args:
            count: How many more, 1 or more.
            count_max: How many the window may hold.
            now_s: Seconds since the epoch.

        Raises:
            UnsafePlanError: They are more than the window may hold.
        """
        before = self.count(now_s)
        if before + count > count_max:
            raise UnsafePlanError(
                f"{count} more after {before} deletions within 24 h, and at most "
                f"{count_max} are taken over"
            )
        hour = int(now_s // _BUCKET_S)
        counts = {bucket.hour: bucket.count for bucket in self._recent(now_s)}
        counts[hour] = counts.get(hour, 0) + count
        return type(self)(tuple(Bucket(*pair) for pair in sorted(counts.items())))

    def _recent(self, now_s: float) -> tuple[Bucket, ...]:
        oldest = int(now_s // _BUCKET_S) - _WINDOW_BUCKETS
        return tuple(bucket for bucket in self.buckets if bucket.hour >= oldest)


def check(kind: Kind, names: Names, *, count: int, count_max: int, before: int) -> None:
    """Refuse a list of deletions as a whole, before the first of them.

    Args:
        kind: Of what.
        names: Those that are known by name, maybe not all.
        count: How many there are, at least ``len(names)``.
        count_max: How many may be taken over within the window.
        before: How many were already, within the window.

    Raises:
        UnsafePlanError: They are too many; the message has the first names.
    """
    if before + count <= count_max:
        return
    raise UnsafePlanError(
        f"{count} deletions of kind {kind.value} after {before} within 24 h, and at "
        f"most {count_max} are taken over: {_shown(names, count)}"
    )


def check_given(texts: Sequence[str], *, count: int, count_max: int) -> None:
    """Refuse a list that is longer than a person has said that it is.

    Args:
        texts: Of the keys of all kinds, maybe not all.
        count: How many there are, at least ``len(texts)``.
        count_max: The limit that was given for this list alone.

    Raises:
        UnsafePlanError: They are more; the message has the first of them.
    """
    if count <= count_max:
        return
    raise UnsafePlanError(
        f"{count} deletions, and the limit given for this run is {count_max}: "
        f"{_shown(texts, count)}"
    )


def _shown(names: Sequence[str], count: int) -> str:
    more = f" and {count - _SHOWN_MAX} more" if count > _SHOWN_MAX else ""
    return f"{', '.join(names[:_SHOWN_MAX])}{more}"


def is_loss(before: Record, after: Record) -> bool:
    """Say whether a change of the record takes something away for good.

    A deleted name does, a thing that is left without any certificate (it can
    never connect again), and a thing whose last shadow is deleted.

    Args:
        before: The record.
        after: What is to be written.
    """
    if before.body is None:
        return False
    if after.body is None:
        return True
    if isinstance(before.body, Shadows) and isinstance(after.body, Shadows):
        return bool(before.body.documents) and not after.body.documents
    return bool(before.certificates) and not after.certificates
