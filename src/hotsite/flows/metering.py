"""Keep the RPO meter of a Region going, and read it.

It may lose its place in the stream: heartbeats go on, so the next row says
again how far the other Region's rows have come.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from hotsite.core import metering
from hotsite.core.metering import Arrival, Exposure, Reading
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
        readings: Where its readings are kept.
        cold: The cold store of this Region.
        clock: The time.
        region: This Region.
        others: The Regions whose loss it watches for.
    """

    readings: MeterReadings
    cold: ColdWatermarks
    clock: Clock
    region: str
    others: tuple[str, ...]


def measure(
    arrivals: Iterable[Arrival], meter: Meter, *, batch: str
) -> Mapping[str, Exposure]:
    """Take in a batch of rows; say what would be lost of each other Region now.

    Args:
        arrivals: Rows that arrived in this Region's hot table.
        meter: The Region's meter.
        batch: Names the batch: the same for each delivery of it.

    Returns:
        By Region.

    Raises:
        RetryableError: The readings could not be kept; deliver the batch again.
    """
    rows = metering.by_origin(arrivals)
    for origin in sorted({meter.region, *meter.others} & rows.keys()):
        _merge(rows[origin], meter, batch)
    found = _read(meter.readings, (meter.region, *meter.others))
    looked = {name: _with_cold(found[name], meter) for name in meter.others}
    return _exposures({**found, **looked}, meter.others, meter.clock.now_s())


def rpo_now(
    readings: MeterReadings, clock: Clock, region: str, others: Iterable[str]
) -> Mapping[str, Exposure]:
    """Say what would be lost of the other Regions, by what this one has seen.

    Args:
        readings: Those of this Region.
        clock: The time.
        region: This Region.
        others: Those whose loss is asked about.

    Raises:
        UnreachableError: The readings could not be read.
    """
    names = tuple(others)
    return _exposures(_read(readings, (region, *names)), names, clock.now_s())


def _read(
    readings: MeterReadings, origins: tuple[str, ...]
) -> Mapping[str, Reading | None]:
    return {origin: readings.read(origin) for origin in origins}


def _exposures(
    found: Mapping[str, Reading | None], others: tuple[str, ...], now_s: float
) -> Mapping[str, Exposure]:
    measured_at_s = metering.last_measured_s(found.values())
    return {
        name: metering.exposure(found[name], measured_at_s=measured_at_s, now_s=now_s)
        for name in others
    }


def _merge(rows: tuple[Arrival, ...], meter: Meter, batch: str) -> None:
    tries = _TRIES_MAX
    while True:
        tries -= 1
        before = meter.readings.read(rows[0].origin)
        now_s = meter.clock.now_s()
        after = metering.merge(before, rows, batch=batch, now_s=now_s)
        if after is None:
            return
        try:
            meter.readings.write(after)
        except ConflictError:
            if not tries:
                raise
        else:
            return


def _with_cold(reading: Reading | None, meter: Meter) -> Reading | None:
    """Return a reading with how far the cold store is, looked at when it is time.

    Each run does this, also those that the other Region's rows did not start: its
    cold objects may arrive when its rows do not.
    """
    now_s = meter.clock.now_s()
    if reading is None or now_s - reading.cold_at_s < _COLD_EVERY_S:
        return reading
    try:
        cold_s = meter.cold.newest_s(reading.origin)
        return meter.readings.write(replace(reading, cold_s=cold_s, cold_at_s=now_s))
    except HotsiteError:
        # The hot figure must not wait for the cold store. What was known grows
        # stale, and stale counts as not measured.
        return reading
