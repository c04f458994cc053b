"""Account for every message of a drill: published, acknowledged, stored, lost.

Two independent books are compared: what devices say they published, and what
the surviving site's store holds. A book that was not read makes the figures
that need it None. Must not judge; ``verdict`` does.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from hotsite.core.books import DeviceReported, Moment, StoreHeld
from hotsite.core.history import History
from hotsite.core.intervals import Intervals


@dataclass(frozen=True, slots=True)
class Rpo:
    """What was published, kept, lost and doubled, in messages.

    Attributes:
        published: Messages that devices made.
        acknowledged: Those that a broker acknowledged.
        stored: Distinct messages in the surviving site's store at the end.
        lost: Acknowledged messages that are not among the stored.
        duplicates: Rows of that store beyond one a message.
        lost_if_puback_trusted: Messages acknowledged before the fault that the
            surviving store lacked right after it: what a device loses that
            deletes at the acknowledgement (MQTT 5.0 section 4.3.2) instead of
            keeping a window and resending.
    """

    published: int | None = None
    acknowledged: int | None = None
    stored: int | None = None
    lost: int | None = None
    duplicates: int | None = None
    lost_if_puback_trusted: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """The figures of the verdict, and what else the books show.

    Attributes:
        rpo: The figures of the verdict.
        ghosts: Stored messages that no device published.
        dropped: Messages that devices gave up, their outboxes being full.
        silent: Devices that never reported what they published.
        unread: Devices whose store was not read at the end.
    """

    rpo: Rpo
    ghosts: int
    dropped: int
    silent: frozenset[str]
    unread: frozenset[str]


_Reports = Mapping[tuple[str, int], DeviceReported]
Store = Mapping[tuple[str, int], StoreHeld]


def account(history: History) -> Account:
    """Return the account of a drill's messages.

    Args:
        history: The drill; ``history.survivor`` names the store that counts.

    Returns:
        The account; a figure whose books are incomplete is None.
    """
    reports = {(f.thing, f.epoch): f for _, f in history.each(DeviceReported)}
    end = store_at(history, Moment.END, history.survivor)
    reporters = {thing for thing, _ in reports}
    # A newcomer need not publish anything; if it does, its books count too.
    things = history.fleet | reporters
    silent = things - reporters
    unread = things - {thing for thing, _ in end}
    has_reports = bool(reporters) and not silent
    has_store = bool(things) and not unread
    stored = sum(line.held.size for line in end.values())
    rpo = Rpo(
        published=_size(reports, "published") if has_reports else None,
        acknowledged=_size(reports, "acknowledged") if has_reports else None,
        stored=stored if has_store else None,
        lost=_lost(reports, end) if has_reports and has_store else None,
        duplicates=_rows(end) - stored if has_store else None,
        lost_if_puback_trusted=_lost_if_trusted(history, reports)
        if has_reports
        else None,
    )
    return Account(
        rpo=rpo,
        ghosts=_ghosts(reports, end, reporters),
        dropped=sum(report.dropped for report in reports.values()),
        silent=frozenset(silent),
        unread=frozenset(unread),
    )


def store_at(history: History, moment: Moment, region: str) -> Store:
    """Return what a Region's store held at a moment, by thing and epoch."""
    return {
        (fact.thing, fact.epoch): fact
        for _, fact in history.each(StoreHeld)
        if fact.moment is moment and fact.region == region
    }


def _held(store: Store, key: tuple[str, int]) -> Intervals:
    return store[key].held if key in store else Intervals()


def _size(reports: _Reports, book: str) -> int:
    return sum(getattr(report, book).size for report in reports.values())


def _rows(store: Store) -> int:
    return sum(line.rows for line in store.values())


def _lost(reports: _Reports, store: Store) -> int:
    return sum(
        report.acknowledged.difference(_held(store, key)).size
        for key, report in reports.items()
    )


def _lost_if_trusted(history: History, reports: _Reports) -> int | None:
    early = {key: report.acknowledged_before_fault for key, report in reports.items()}
    store = store_at(history, Moment.AFTER_FAULT, history.survivor)
    needed = {thing for (thing, _), numbers in early.items() if numbers}
    if history.fault is None or not needed <= {thing for thing, _ in store}:
        return None
    return sum(
        numbers.difference(_held(store, key)).size for key, numbers in early.items()
    )


def _ghosts(reports: _Reports, store: Store, reporters: Collection[str]) -> int:
    nothing = Intervals()
    return sum(
        line.held.difference(reports[key].published if key in reports else nothing).size
        for key, line in store.items()
        if line.thing in reporters
    )
