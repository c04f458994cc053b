"""The reference device's sensor."""

import zlib
from collections.abc import Mapping

_START_C = (15.0, 25.0)
_STEP_C = 0.2


class Sensor:
    """A thermometer: a random walk that a seed repeats."""

    __slots__ = ("_count", "_seed", "_temperature_c")

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._count = 0
        low_c, high_c = _START_C
        self._temperature_c = low_c + self._uniform() * (high_c - low_c)

    def read(self) -> Mapping[str, float]:
        """Return one reading."""
        self._temperature_c += (2 * self._uniform() - 1) * _STEP_C
        return {"temperature_c": round(self._temperature_c, 2)}

    def _uniform(self) -> float:
        """Return a number from 0 up to but not including 1.

        A checksum is random enough for readings, and has no state: a generator of
        ``random`` keeps 2.5 kB for each device.
        """
        self._count += 1
        return zlib.crc32(f"{self._seed} {self._count}".encode()) / (1 << 32)
