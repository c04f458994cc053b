"""What a dead Region's return changed in the surviving store.

It comes back with writes that never left it. A query may show afterwards what was
missing before, and nothing else may be different. Must not read anything but events.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hotsite.core.accounting import store_at
from hotsite.core.books import DeviceReported, Moment
from hotsite.core.history import History
from hotsite.core.intervals import Intervals
from hotsite.core.journal import Phase


@dataclass(frozen=True, slots=True)
class ReturnFigures:
    """The surviving store before and after the return, in messages.

    Attributes:
        added: Messages that were missing before.
        vanished: Messages that were there before.
        changed: Devices and epochs of which a query shows the same messages with
            another content; None if the content was not read.
        duplicates: Rows beyond one a message, after the return.
        ghosts: Messages that no device published, after the return.
        apart: Messages that one of both Regions holds and the other does not.
    """

    added: int
    vanished: int
    changed: int | None
    duplicates: int
    ghosts: int
    apart: int

    @property
    def wrong(self) -> int:
        """Return how much is different that must not be."""
        wrong = (self.vanished, self.changed or 0, self.duplicates)
        return sum(wrong) + self.ghosts + self.apart


def judge_return(history: History) -> ReturnFigures | None:
    """Compare the stores before and after the return.

    Args:
        history: The drill.

    Returns:
        The figures, or None if no Region was to return or a store was not read.
    """
    survivor = history.survivor
    lost = history.fault.region if history.fault else ""
    before = store_at(history, Moment.END, survivor)
    after = store_at(history, Moment.AFTER_RETURN, survivor)
    there = store_at(history, Moment.AFTER_RETURN, lost)
    things = {thing for thing, _ in before}
    if not before or any({t for t, _ in s} < things for s in (after, there)):
        return None
    published = {
        (f.thing, f.epoch): f.published for _, f in history.each(DeviceReported)
    }
    nothing = Intervals()
    added = vanished = ghosts = apart = changed = 0
    for key in before.keys() | after.keys() | there.keys():
        old, new, other = (
            store[key].held if key in store else nothing
            for store in (before, after, there)
        )
        added += new.difference(old).size
        vanished += old.difference(new).size
        ghosts += new.difference(published.get(key, nothing)).size
        apart += new.difference(other).size + other.difference(new).size
        if old and old == new:
            changed += before[key].digest != after[key].digest
    has_content = all(line.digest for line in before.values() if line.held)
    return ReturnFigures(
        added=added,
        vanished=vanished,
        changed=changed if has_content else None,
        duplicates=sum(line.rows - line.held.size for line in after.values()),
        ghosts=ghosts,
        apart=apart,
    )


def return_reasons(history: History, figures: ReturnFigures | None) -> Iterator[str]:
    """Yield what the return changed that it must not, one sentence each."""
    if not history.has(Phase.RETURN):
        return
    if figures is None:
        yield "what the return of the dead Region changed was not measured"
        return
    for count, text in (
        (figures.vanished, "messages vanished from a query"),
        (figures.changed, "series show another content"),
        (figures.duplicates, "duplicate rows appeared"),
        (figures.ghosts, "messages appeared that nobody published"),
        (figures.apart, "messages are in one Region only"),
    ):
        if count:
            yield f"after the dead Region's return {count} {text}"
