"""The items of the registry table in memory."""

from collections.abc import Iterable
from dataclasses import dataclass

from hotsite.core import layout
from hotsite.core.enrolment import AuditLine, Owned, Rotation
from hotsite.core.layout import Content, Draft, Stored, drafts, tombstones
from hotsite.core.onboarding import Entry
from hotsite.core.registry import Key, Record

__all__ = ["Draft", "Item", "Value", "drafts", "record_of", "tombstones"]

_Beside = Entry | Owned | Rotation | AuditLine
Value = Content | _Beside


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the global table, as it was last written.

    Attributes:
        key: Partition key and sort key.
        value: The body, the certificate, one shadow's document, a claim's line,
            an owner's device, a rotation, a line of audit; nothing in tombstones
            and revocations.
        written_at_s: When, by the writer's clock, seconds since the epoch.
        origin: The Region that wrote it.
        stamp: Unique for each write.
        is_deleted: True for a tombstone.
        life: Of the name when it was written.
        order: What the table itself compares to find the last writer; no reader
            ever sees it.
        is_removed: True when the item is no longer there; the table remembers
            that to replicate it.
    """

    key: tuple[str, str]
    value: Value
    written_at_s: float
    origin: str
    stamp: str = ""
    is_deleted: bool = False
    life: int = 0
    order: tuple[float, str] = (0.0, "")
    is_removed: bool = False


def record_of(key: Key, items: Iterable[Item]) -> Record:
    """Return what the items of one partition say of its key."""
    return layout.record_of(key, (_stored(item) for item in items))


def _stored(item: Item) -> Stored:
    assert not isinstance(item.value, _Beside)  # noqa: S101 - these are no record
    return Stored(
        item.key[1],
        item.value,
        item.written_at_s,
        item.stamp,
        is_deleted=item.is_deleted,
        life=item.life,
    )
