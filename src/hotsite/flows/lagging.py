"""Say how far a site is behind the other, from its own Region's tables alone.

The hot figure is the RPO meter's. The registry's is looked up name by name, two reads
each, so it has a bound: of a larger fleet it says that it was not measured, rather
than to call a part of it the whole.
"""

from dataclasses import dataclass

from hotsite.core.registry import Key
from hotsite.errors import InvalidInputError
from hotsite.flows.metering import rpo_now
from hotsite.flows.replication_status import keys_of
from hotsite.ports import AppliedRecords, Clock, MeterReadings, Records
from hotsite.ports.operations import Lag

NAMES_MAX = 20_000


@dataclass(frozen=True, slots=True)
class MeasuredLags:
    """Implements ``ports.operations.Lags`` by the other ports of a Region.

    Attributes:
        records: The system of record, as this Region shows it.
        applied: What this Region has applied.
        readings: What its RPO meter has seen.
        clock: The time.
        other: AWS Region of the other site.
        names_max: Names that are looked at, at most.
    """

    records: Records
    applied: AppliedRecords
    readings: MeterReadings
    clock: Clock
    other: str
    names_max: int = NAMES_MAX

    def read(self) -> Lag:
        """Return how far this site is behind the other.

        Raises:
            UnreachableError: A table of this Region did not answer.
        """
        exposures = rpo_now(self.readings, self.clock, [self.other])
        return Lag(self._oldest_pending_s(), exposures[self.other].hot_s)

    def _oldest_pending_s(self) -> float | None:
        oldest_s, now_s = 0.0, self.clock.now_s()
        for number, key in enumerate(keys_of(self.records)):
            if number >= self.names_max:
                return None
            written_s = self._pending_since_s(key)
            if written_s is not None:
                oldest_s = max(oldest_s, now_s - written_s)
        return oldest_s

    def _pending_since_s(self, key: Key) -> float | None:
        """Return when a record was written that is not applied yet."""
        line = self.applied.read(key)
        try:
            record = self.records.read(key)
        except InvalidInputError:
            # It never will be; a conflict report and ``hotsite status`` name it.
            return None
        is_current = line is not None and line.digest == record.digest
        is_ended = line is not None and is_current and not line.attempts
        if record.is_absent or is_ended:
            return None
        if is_current and line is not None and line.failure is not None:
            return None
        return record.written_at_s
