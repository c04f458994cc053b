"""The reference device's sensor, and the text of a telemetry message."""

import json
import random
from collections.abc import Mapping

from hotsite.core.outbox import Key

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


def telemetry(key: Key, *, at_s: float, data: Mapping[str, float]) -> bytes:
    """Return the text of a telemetry message.

    Args:
        key: The message's key; its text sorts like the key itself.
        at_s: When it was published, in seconds since the epoch.
        data: The reading.

    Returns:
        JSON, as the topic rule of the site stack expects it.
    """
    message = {
        "sk": f"{key.epoch:010d}#{key.seq:012d}",
        "epoch": key.epoch,
        "seq": key.seq,
        "published_at_s": round(at_s, 6),
        "data": data,
    }
    return json.dumps(message, separators=(",", ":")).encode()
