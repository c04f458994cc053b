"""What became of a record while a site was away: the conflict report of a failback.

A record says what is wished, the applied line of a Region what was last done about
it there. What was written since the site left and is applied by now is news; what is
not applied, or never can be, speaks against going back. Must not read a table.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum

from hotsite.core.registry import Record

_SHOWN_MAX = 20


class News(StrEnum):
    """What happened to a name while a site was away."""

    CREATED = "created"
    CHANGED = "changed"
    REVOKED = "revoked"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Known:
    """What the applied line of the returning site says of a name.

    Attributes:
        before: What was applied last, or nothing.
        is_current: True when the record of now was worked on to an end.
        failure: Why it can never be applied, or nothing.
    """

    before: Record | None
    is_current: bool
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Absence:
    """What became of the fleet while a site was away.

    Attributes:
        since_s: When it left, seconds since the epoch.
        counts: Names by what happened to them.
        pending: Names whose record is not applied yet.
        conflicts: What can never be applied, the first of them, with the reason.
        failed: How many they are.
    """

    since_s: float
    counts: Counter[News] = field(default_factory=Counter)
    pending: int = 0
    conflicts: tuple[str, ...] = ()
    failed: int = 0

    def plus(self, record: Record, known: Known) -> "Absence":
        """Return it with one more name."""
        counts = Counter(self.counts)
        news = classify(record, known, since_s=self.since_s)
        if news is not None:
            counts[news] += 1
        found = replace(self, counts=counts)
        if known.is_current and known.failure is not None:
            return found.unreadable(f"{record.key} cannot be applied: {known.failure}")
        pending = not known.is_current and not record.is_absent
        return replace(found, pending=self.pending + pending)

    def unreadable(self, text: str) -> "Absence":
        """Return it with one more thing that can never be applied."""
        conflicts = (*self.conflicts, text)[:_SHOWN_MAX]
        return replace(self, conflicts=conflicts, failed=self.failed + 1)

    def __str__(self) -> str:
        """Return it as a line for people."""
        told = [f"{self.counts[news]} {news.value}" for news in News]
        return f"{', '.join(told)}, {self.pending} pending, {self.failed} failed"


def classify(record: Record, known: Known, *, since_s: float) -> News | None:
    """Say what happened to a name since a site left; nothing when nothing did.

    Args:
        record: What is wished of it now.
        known: What the site knew and knows of it.
        since_s: When the site left, seconds since the epoch.
    """
    if record.written_at_s <= since_s or record.is_absent:
        return None
    before = known.before
    if record.is_deleted:
        return News.DELETED
    if before is not None and set(record.revoked) - set(before.revoked):
        return News.REVOKED
    is_new = before is None or before.is_deleted or before.life < record.life
    return News.CREATED if is_new else News.CHANGED
