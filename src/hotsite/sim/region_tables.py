"""The tables of one Region only, in memory: applied, cursors, verdicts, meter."""

from dataclasses import replace

from hotsite.core.health import HealthVerdict
from hotsite.core.metering import Readings
from hotsite.core.registry import Key
from hotsite.errors import ConflictError, UnreachableError
from hotsite.ports import Applied, AppliedPage


class SimAppliedRecords:
    """Implements ``ports.AppliedRecords`` for one Region."""

    def __init__(self, *, page_size: int = 3) -> None:
        """Start with nothing applied."""
        self.items: dict[Key, Applied] = {}
        self.is_reachable = True
        self._page_size = page_size

    def read(self, key: Key) -> Applied | None:
        """Return what was applied of a key, or nothing."""
        self._answer()
        return self.items.get(key)

    def write(self, applied: Applied, *, previous: Applied | None) -> Applied:
        """Write a line, if nobody else did since it was read."""
        self._answer()
        there = self.items.get(applied.key)
        if (there.revision if there else 0) != (previous.revision if previous else 0):
            raise ConflictError(f"{applied.key} was written by another meanwhile")
        revision = there.revision + 1 if there else 1
        self.items[applied.key] = replace(applied, revision=revision)
        return self.items[applied.key]

    def page(self, token: str | None = None) -> AppliedPage:
        """Return some of the lines."""
        self._answer()
        begin = int(token or 0)
        end = begin + self._page_size
        lines = tuple(self.items.values())
        return AppliedPage(lines[begin:end], str(end) if end < len(lines) else None)

    def _answer(self) -> None:
        if not self.is_reachable:
            raise UnreachableError("the applied table does not answer")


class SimCursors:
    """Implements ``ports.Cursors`` for one Region."""

    def __init__(self) -> None:
        """Start with nothing kept."""
        self.texts: dict[str, str] = {}
        self.is_reachable = True

    def read(self, name: str) -> str | None:
        """Return what was kept under a name, or nothing."""
        self._answer()
        return self.texts.get(name)

    def write(self, name: str, text: str | None) -> None:
        """Keep a text under a name, or forget it."""
        self._answer()
        if text is None:
            self.texts.pop(name, None)
        else:
            self.texts[name] = text

    def _answer(self) -> None:
        if not self.is_reachable:
            raise UnreachableError("the cursors' table does not answer")


class SimHealthVerdicts:
    """Implements ``ports.HealthVerdicts``."""

    def __init__(self) -> None:
        """Start without a verdict."""
        self.verdict: HealthVerdict | None = None
        self.is_reachable = True

    def read(self) -> HealthVerdict | None:
        """Return the last verdict, or nothing when there is none."""
        self._answer()
        return self.verdict

    def write(self, verdict: HealthVerdict) -> None:
        """Replace the last verdict."""
        self._answer()
        self.verdict = verdict

    def _answer(self) -> None:
        if not self.is_reachable:
            raise UnreachableError("the verdict's table does not answer")


class SimMeterReadings:
    """Implements ``ports.MeterReadings`` for one Region."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self.readings = Readings()
        self.is_reachable = True

    def read(self) -> Readings:
        """Return what was written last; empty when nothing was."""
        self._answer()
        return self.readings

    def write(self, readings: Readings) -> Readings:
        """Replace what was written last, if nobody else did since it was read."""
        self._answer()
        if readings.revision != self.readings.revision:
            raise ConflictError("the readings were written by another meanwhile")
        self.readings = replace(readings, revision=readings.revision + 1)
        return self.readings

    def _answer(self) -> None:
        if not self.is_reachable:
            raise UnreachableError("the readings' table does not answer")


class SimColdWatermarks:
    """Implements ``ports.ColdWatermarks`` for one Region."""

    def __init__(self) -> None:
        """Start without an object."""
        self.newest: dict[str, float] = {}
        self.is_reachable = True

    def put(self, origin: str, at_s: float) -> None:
        """Let a cold object arrive that was begun at a time."""
        self.newest[origin] = max(at_s, self.newest.get(origin, at_s))

    def newest_s(self, origin: str) -> float | None:
        """Return the time of the newest cold object of an origin that is here."""
        if not self.is_reachable:
            raise UnreachableError("the cold store does not answer")
        return self.newest.get(origin)
