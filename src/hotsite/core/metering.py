"""The continuous RPO meter: what would be lost if a Region died now.

Each Region watches the rows that arrive in its own replica of the hot table, those
of the other Region included. The newest time at which a row was received there is
the watermark of that origin: whatever was received later is not here yet. How many
messages that is, Little's law says: rate at the origin times lag. The rate is that
of the minute before the watermark, so a replication that stalls leaves the last
rate that was true. Merging is free of order, and a row that comes twice moves no
watermark. Must not know how rows arrive.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

# The canary looks each 10 s, and up to 20 s pass between two of its runs: after
# longer than that without a row, silence is lag.
HEARTBEAT_S = 10.0
_SILENCE_S_MAX = 30.0
# Two batching windows of the meter and what it needs itself.
_DELIVERY_S_MAX = 5.0
# Random arrivals leave a gap of 10 mean intervals once in e**10 = 22,000 times.
_GAPS_MAX = 10.0
_BUCKET_S = 5
_BUCKETS = 12
# Lambda delivers a batch again within seconds; older ones have left the minute.
_BATCHES_KEPT = 32
_ORIGINS_MAX = 4
# A meter that has seen nothing for so long, not even heartbeats of its own Region,
# stands still, and what it said last must not be read as the state of now.
STALE_S = 90.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A row that has arrived in this Region's replica of the hot table.

    Attributes:
        origin: The AWS Region in whose broker the message arrived.
        received_at_s: When, by that Region's clock, seconds since the epoch.
        is_heartbeat: True for a message of a canary: nobody would miss it.
    """

    origin: str
    received_at_s: float
    is_heartbeat: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What a Region knows of the rows of one origin.

    Attributes:
        origin: The AWS Region of the rows.
        watermark_s: The newest time at which one was received there.
        seen_at_s: When that one was seen here, by this Region's clock.
        measured_at_s: When rows of this origin were last looked at, same clock.
        counts: Messages by the number of the 5 s in which they were received, for
            the minute that ends at the watermark; heartbeats do not count.
        batches: The last batches that were counted, so that none counts twice.
        cold_s: The same watermark in the cold store; None when not known.
        cold_at_s: When the cold store was last looked at, 0 for never.
    """

    origin: str
    watermark_s: float
    seen_at_s: float
    measured_at_s: float
    counts: tuple[tuple[int, int], ...] = ()
    batches: tuple[str, ...] = ()
    cold_s: float | None = None
    cold_at_s: float = 0.0

    @property
    def rate_per_s(self) -> float:
        """Return the messages a second in the minute before the watermark."""
        begin_s = (_bucket(self.watermark_s) - _BUCKETS + 1) * _BUCKET_S
        span_s = max(_BUCKET_S, self.watermark_s - begin_s)
        return sum(count for _, count in self.counts) / span_s


@dataclass(frozen=True, slots=True)
class Readings:
    """All that the meter of a Region keeps.

    Attributes:
        by_origin: What it knows of the rows of each Region, its own included.
        revision: How often this was written.
    """

    by_origin: Mapping[str, Reading] = field(default_factory=dict)
    revision: int = 0

    @property
    def measured_at_s(self) -> float | None:
        """Return when it last looked at a row of any origin, or nothing."""
        times = (reading.measured_at_s for reading in self.by_origin.values())
        return max(times, default=None)


@dataclass(frozen=True, slots=True)
class Exposure:
    """What would be lost of a Region that died now.

    Attributes:
        messages: Messages received there and not here; None when not measured.
        hot_s: Seconds of them, in the hot store; None when not measured.
        cold_s: Seconds of them, in the cold store; None when not measured.
        measured_at_s: When the other Region's meter last looked, seconds since
            the epoch; None when it has never looked.
    """

    messages: int | None = None
    hot_s: float | None = None
    cold_s: float | None = None
    measured_at_s: float | None = None


def take_in(
    readings: Readings, arrivals: Iterable[Arrival], *, batch: str, now_s: float
) -> Readings:
    """Take in a batch of rows, whatever their origins.

    Args:
        readings: What was known.
        arrivals: Rows, in any order.
        batch: Names the batch: the same for each delivery of it.
        now_s: The time here, in seconds since the epoch.
    """
    rows: dict[str, list[Arrival]] = {}
    for row in arrivals:
        rows.setdefault(row.origin, []).append(row)
    known = dict(readings.by_origin)
    for origin in sorted(rows):
        # A row may say anything; what is kept stays small.
        if origin in known or len(known) < _ORIGINS_MAX:
            before = known.get(origin)
            known[origin] = merge(before, rows[origin], batch=batch, now_s=now_s)
    return replace(readings, by_origin=known)


def merge(
    reading: Reading | None, arrivals: Sequence[Arrival], *, batch: str, now_s: float
) -> Reading:
    """Take in a batch of rows of one origin.

    Args:
        reading: What was known, or nothing.
        arrivals: Rows of that origin, in any order; at least one.
        batch: Names the batch: the same for each delivery of it.
        now_s: The time here, in seconds since the epoch.

    Returns:
        What is known now.
    """
    # A clock of the other Region that is ahead must not push the watermark into
    # the future, where it would hide a stalled replication.
    rows = [(min(row.received_at_s, now_s), row) for row in arrivals]
    newest_s = max(at_s for at_s, _ in rows)
    if reading is None:
        reading = Reading(rows[0][1].origin, newest_s, now_s, now_s)
    is_newer = newest_s > reading.watermark_s
    watermark_s = max(newest_s, reading.watermark_s)
    counts, is_known = dict(reading.counts), batch in reading.batches
    for at_s, row in rows:
        if not row.is_heartbeat and not is_known:
            counts[_bucket(at_s)] = counts.get(_bucket(at_s), 0) + 1
    batches = reading.batches if is_known else (*reading.batches, batch)
    return Reading(
        reading.origin,
        watermark_s,
        now_s if is_newer else reading.seen_at_s,
        max(now_s, reading.measured_at_s),
        _minute_before(watermark_s, counts),
        batches[-_BATCHES_KEPT:],
        reading.cold_s,
        reading.cold_at_s,
    )


def exposure(readings: Readings, region: str, *, now_s: float) -> Exposure:
    """Say what would be lost of a Region that died now.

    Args:
        readings: What the surviving Region knows.
        region: The other one.
        now_s: The time, in seconds since the epoch.

    Returns:
        Nothing measured when the meter stands still, or has never seen a row.
    """
    reading, measured_at_s = readings.by_origin.get(region), readings.measured_at_s
    if measured_at_s is None or now_s - measured_at_s > STALE_S or reading is None:
        return Exposure(measured_at_s=measured_at_s)
    hot_s = _hot_s(reading, now_s)
    is_cold_known = reading.cold_s is not None and now_s - reading.cold_at_s <= STALE_S
    return Exposure(
        messages=math.ceil(hot_s * reading.rate_per_s),
        hot_s=hot_s,
        cold_s=(
            max(0.0, now_s - reading.cold_s)
            if is_cold_known and reading.cold_s is not None
            else None
        ),
        measured_at_s=measured_at_s,
    )


def least(exposures: Iterable[Exposure]) -> Exposure:
    """Return what would be lost, of what several Regions have seen of one.

    Lost is what none of them has, so who has most of it counts, and who measured
    nothing does not.
    """
    known = [one for one in exposures if one.hot_s is not None]
    return min(known, key=lambda one: one.hot_s or 0.0, default=Exposure())


def _hot_s(reading: Reading, now_s: float) -> float:
    """Return how far behind the origin this Region is.

    As long as rows come as often as they should, that is the time which the newest
    one took. Once they do not, everything since the watermark may be missing.
    """
    took_s = max(0.0, reading.seen_at_s - reading.watermark_s)
    rate = reading.rate_per_s
    patience_s = _SILENCE_S_MAX
    if rate:
        patience_s = min(_SILENCE_S_MAX, _DELIVERY_S_MAX + _GAPS_MAX / rate)
    if now_s - reading.seen_at_s <= patience_s:
        return took_s
    return max(0.0, now_s - reading.watermark_s)


def _minute_before(
    watermark_s: float, counts: Mapping[int, int]
) -> tuple[tuple[int, int], ...]:
    oldest = _bucket(watermark_s) - _BUCKETS + 1
    return tuple(sorted(pair for pair in counts.items() if pair[0] >= oldest))


def _bucket(at_s: float) -> int:
    return math.floor(at_s / _BUCKET_S)
