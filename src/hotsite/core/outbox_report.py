"""Tell, epoch by epoch, what a device published and what became of it.

Arithmetic on keys only; ``core/outbox.py`` knows the messages.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from hotsite.core.intervals import Intervals

# An epoch and a seq: a message's key, which is such a pair.
_Pair: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class EpochReport:
    """What a device knows of one epoch.

    Attributes:
        epoch: Which epoch.
        published: Seqs that were made durable, so the device answers for them.
        acknowledged: Those of them that any site ever acknowledged.
        acknowledged_before: Those of them whose first acknowledgement came
            before the moment that the report asked about.
        dropped: How many were given up without an acknowledgement.
    """

    epoch: int
    published: Intervals
    acknowledged: Intervals
    acknowledged_before: Intervals
    dropped: int


def epoch_reports(
    last_seqs: Mapping[int, int],
    *,
    given_up: Iterable[_Pair],
    waiting: Iterable[_Pair],
    late: Iterable[_Pair],
) -> tuple[EpochReport, ...]:
    """Return what is known of each epoch, oldest first.

    Args:
        last_seqs: The last seq of each epoch; seqs begin with 1.
        given_up: Keys that were dropped without an acknowledgement.
        waiting: Keys that are held and that nobody acknowledged yet.
        late: Keys that were acknowledged, and first so after the moment.
    """
    dropped = by_epoch(given_up)
    missing = by_epoch(waiting)
    after = by_epoch(late)
    reports = []
    for epoch, last in sorted(last_seqs.items()):
        published = Intervals.from_pairs([(1, last)] if last else [])
        gone = dropped.get(epoch, Intervals())
        acked = published.difference(gone).difference(missing.get(epoch, Intervals()))
        before = acked.difference(after.get(epoch, Intervals()))
        reports.append(EpochReport(epoch, published, acked, before, gone.size))
    return tuple(reports)


def by_epoch(keys: Iterable[_Pair]) -> dict[int, Intervals]:
    """Return the seqs of some keys, by epoch."""
    seqs: dict[int, list[int]] = {}
    for epoch, seq in keys:
        seqs.setdefault(epoch, []).append(seq)
    return {epoch: Intervals.from_numbers(found) for epoch, found in seqs.items()}
