"""One device's telemetry, put together from several stores.

Each store may hold part of it, and some of it more than once: both Regions keep a
message that a device sent twice, and it is hot and cold at once for a while. A
message is known by (thing, epoch, seq), so a merge has each once, whatever came
first. Must not know where the stores are.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hotsite.core.intervals import Intervals
from hotsite.core.outbox import Key

_HOUR_S = 3600
# A partition is named by the site's clock, a message by the device's, which may
# be ahead of it.
_AHEAD_S_MAX = 3600.0


@dataclass(frozen=True, slots=True)
class Row:
    """One message, as a store holds it.

    Attributes:
        thing: Who sent it.
        key: What makes it unique among the messages of its thing.
        published_at_s: When, by the device's clock; seconds since the epoch.
        data: The reading: the text of one JSON object.
        origin: Region in whose broker it arrived; empty where nobody wrote it down.
        received_at_s: When, by that site's clock; nothing where nobody wrote it down.
    """

    thing: str
    key: Key
    published_at_s: float
    data: str
    origin: str = ""
    received_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Which messages are asked for, by the time at which they were published.

    Attributes:
        from_s: The first moment, seconds since the epoch; nothing for no bound.
        to_s: The last moment.
        late_s: How long after it was published a message may have arrived, in
            seconds: a device sends what it kept through an outage much later.
    """

    from_s: float | None = None
    to_s: float | None = None
    late_s: float = 86_400.0

    def has(self, published_at_s: float) -> bool:
        """Tell whether a message of this time is asked for."""
        low = -math.inf if self.from_s is None else self.from_s
        high = math.inf if self.to_s is None else self.to_s
        return low <= published_at_s <= high

    @property
    def hours(self) -> tuple[int | None, int | None]:
        """Return the first and last hour of arrival to look at, since the epoch."""
        low, high = self.from_s, self.to_s
        return (
            None if low is None else int((low - _AHEAD_S_MAX) // _HOUR_S),
            None if high is None else int((high + self.late_s) // _HOUR_S),
        )


def merge(*sources: Iterable[Row]) -> tuple[Row, ...]:
    """Put together what several stores hold.

    Args:
        sources: The rows of each, in any order, with any repeats.

    Returns:
        Each message once, ordered by its time and then by its key. Of several
        arrivals of one message the last stays, as in the hot table, where the last
        writer wins: what a dead Region brings back later is older, and changes
        nothing that was shown.
    """
    found: dict[tuple[str, Key], Row] = {}
    for source in sources:
        for row in source:
            place = (row.thing, row.key)
            known = found.get(place)
            if known is None or _arrival(row) > _arrival(known):
                found[place] = row
    return tuple(sorted(found.values(), key=_order))


def gaps(rows: Iterable[Row]) -> Mapping[int, Intervals]:
    """Return what is missing between the first and the last message of each epoch.

    Args:
        rows: Messages of one thing.

    Returns:
        The missing numbers by epoch, an epoch without a gap included, in order.
    """
    held: dict[int, list[int]] = {}
    for row in rows:
        held.setdefault(row.key.epoch, []).append(row.key.seq)
    return {
        epoch: Intervals(((min(numbers), max(numbers)),)).difference(
            Intervals.from_numbers(numbers)
        )
        for epoch, numbers in sorted(held.items())
    }


def _arrival(row: Row) -> tuple[float, str, float, str]:
    at_s = -math.inf if row.received_at_s is None else row.received_at_s
    return at_s, row.origin, row.published_at_s, row.data


def _order(row: Row) -> tuple[float, str, Key]:
    return row.published_at_s, row.thing, row.key
