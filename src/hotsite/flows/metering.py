"""Keep the RPO meter of a Region going, and read it.

It may lose its place in the stream: heartbeats go on, so the next row says
again how far the other Region's rows have come.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from hotsite.core import metering
from hotsite.core.metering import Arrival, Exposure, Reading, Readings
from hotsite.errors import ConflictError, HotsiteError
from hotsite.ports import Clock, ColdWatermarks, MeterReadings

# Workers of several shards meet at one reading; each try is one read and one write.
_TRIES_MAX = 5
# Listing costs money and cold objects come once in a minute or later.
_COLD_EVERY_S = 30.0


@dataclass(frozen=True, slots=True)
class Meter:
    """What the meter of one Region works with.

    Attributes:
        readings: Where it keeps what it has seen.
        cold: The cold store of this Region.
        clock: The time.
        region: This Region.
    """

    readings: MeterReadings
    cold: ColdWatermarks
    clock: Clock
    region: str


def measure(
    arrivals: Iterable[Arrival], meter: Meter, *, batch: str
) -> Mapping[str, Exposure]:
    """Take in a batch of rows; say what would be lost of each other Region now.

    Args:
        arrivals: Rows that arrived in this Region's hot table.
        meter: The Region's meter.
        batch: Names the batch: the same for each delivery of it.

    Returns:
        By Region, those whose rows were seen here, now or before.

    Raises:
        RetryableError: Nothing could be kept; deliver the batch again.
    """
    rows, tries = tuple(arrivals), _TRIES_MAX
    while True:
        tries -= 1
        now_s = meter.clock.now_s()
        before = meter.readings.read()
        after = metering.take_in(before, rows, batch=batch, now_s=now_s)
        others = after.by_origin.keys() - {meter.region}
        looked = {
            name: _with_cold(after.by_origin[name], meter.cold, now_s)
            for name in sorted(others)
        }
        after = replace(after, by_origin={**after.by_origin, **looked})
        try:
            kept = meter.readings.write(after)
        except ConflictError:
            if not tries:
                raise
        else:
            return _exposures(kept, looked, now_s)


def rpo_now(
    readings: MeterReadings, clock: Clock, others: Iterable[str]
) -> Mapping[str, Exposure]:
    """Say what would be lost of other Regions, by what one has seen.

    Args:
        readings: Those of the Region that would survive.
        clock: The time.
        others: The Regions whose loss is asked about.

    Raises:
        UnreachableError: The readings could not be read.
    """
    return _exposures(readings.read(), others, clock.now_s())


def _exposures(
    readings: Readings, others: Iterable[str], now_s: float
) -> Mapping[str, Exposure]:
    return {
        name: metering.exposure(readings, name, now_s=now_s) for name in sorted(others)
    }


def _with_cold(reading: Reading, cold: ColdWatermarks, now_s: float) -> Reading:
    """Return a reading with how far the cold store is, looked at when it is time.

    Each run does this, also those that the other Region's rows did not start: its
    cold objects may arrive when its rows do not.
    """
    if now_s - reading.cold_at_s < _COLD_EVERY_S:
        return reading
    try:
        cold_s = cold.newest_s(reading.origin)
    except HotsiteError:
        # The hot figure must not wait for the cold store. What was known grows
        # stale, and stale counts as not measured.
        return reading
    return replace(reading, cold_s=cold_s, cold_at_s=now_s)
