"""The reference device's sensor."""

import random
from collections.abc import Mapping

_START_C = (15.0, 25.0)
_STEP_C = 0.2


class Sensor:
    """A thermometer: a random walk that a seed repeats."""

    __slots__ = ("_random", "_temperature_c")

    def __init__(self, seed: str) -> None:
        # Readings, not secrets.
        self._random = random.Random(seed)  # noqa: S311 - no secret comes from it
        self._temperature_c = self._random.uniform(*_START_C)

    def read(self) -> Mapping[str, float]:
        """Return one reading."""
        self._temperature_c += self._random.uniform(-_STEP_C, _STEP_C)
        return {"temperature_c": round(self._temperature_c, 2)}
