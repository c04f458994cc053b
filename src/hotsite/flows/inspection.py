"""Compare one key with its Region, and do what the mode of the sweep says."""

from dataclasses import dataclass, replace

from hotsite.core import deletions, drift
from hotsite.core.drift import Cause
from hotsite.core.layout import tombstones
from hotsite.core.registry import Key, Record
from hotsite.core.sweeping import Look, Mode
from hotsite.errors import (
    ConflictError,
    InvalidInputError,
    NotReadyError,
    PermanentError,
    UnsafePlanError,
)
from hotsite.flows import capture, replication, sight
from hotsite.flows.sight import Intake, Sight

# Longer than a stream keeps a change (24 hours, DynamoDB developer guide,
# Streams) and than any partition of a global table has to last before somebody
# takes the Region out of it: by then every Region knows of the deletion.
TOMBSTONE_S_MIN = 30 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Inspector:
    """Looks at keys, one after the other.

    Attributes:
        intake: The Region.
        mode: What to do about a difference.
        is_deleting: False to leave deletions for the end of the pass.
        tombstone_s_min: Age from which a tombstone may go, in seconds.
    """

    intake: Intake
    mode: Mode = Mode.REPORT
    is_deleting: bool = False
    tombstone_s_min: float = TOMBSTONE_S_MIN

    def inspect(self, key: Key) -> Look:
        """Look at one key.

        Args:
            key: Which key; not one of hotsite's own.

        Returns:
            What was found and done. Whatever is wrong with one key is told, and
            never stops a pass.

        Raises:
            UnsafePlanError: A deletion is more than the limit allows.
            UnreachableError: A table or the Region did not answer.
            ThrottledError: The quota of the Region is used up.
        """
        try:
            if self.mode is Mode.REPORT:
                return self._reported(key)
            if self.mode is Mode.ADOPT:
                return self._adopted(key)
            return self._restored(key)
        except UnsafePlanError:
            raise
        except (ConflictError, NotReadyError):
            return Look(is_pending=True)
        except InvalidInputError as error:
            return Look((drift.unreadable(key, str(error)),))
        except PermanentError as error:
            return Look((drift.failed(key, str(error)),))

    def _reported(self, key: Key) -> Look:
        seen = sight.look(key, self.intake)
        now_s = self.intake.site.clock.now_s()
        if seen.line is not None and seen.line.leased_until_s > now_s:
            return Look(is_pending=True, is_live=_is_live(seen))
        return replace(
            _found(seen), is_live=_is_live(seen), is_deletion=_is_deletion(seen)
        )

    def _adopted(self, key: Key) -> Look:
        found = capture.capture_one(key, self.intake, is_loss_allowed=self.is_deleting)
        # Read after the adoption: it may have made the name, or buried it.
        record = self.intake.site.records.read(key)
        failures = (drift.failed(key, found.failure),) if found.failure else ()
        is_settled = not (found.is_early or found.failure)
        return Look(
            failures,
            is_deletion=found.is_loss and not found.is_changed,
            is_pending=found.is_early,
            is_adopted=found.is_changed,
            is_applied=bool(found.call_count),
            is_purged=is_settled and self._purged(record),
            is_live=record.body is not None,
            left_out=found.left_out,
        )

    def _restored(self, key: Key) -> Look:
        seen = sight.look(key, self.intake)
        seen = sight.with_revocations_written(seen, self.intake.site)
        found = _found(seen)
        is_live = _is_live(seen)
        if seen.wanted.is_absent:
            return replace(found, is_live=is_live)
        if not found.findings and seen.is_applied:
            return Look(is_live=is_live, left_out=seen.left_out)
        if _is_second_deletion(seen) and not self.is_deleting:
            return replace(found, is_deletion=True)
        if _is_second_deletion(seen):
            capture.reserve(key.kind, self.intake)
        outcome = replication.apply(key, self.intake.site, look=replication.Look.ALL)
        failure = outcome.failure
        return Look(
            (drift.failed(key, failure),) if failure else (),
            is_applied=bool(outcome.call_count),
            is_live=is_live,
            left_out=seen.left_out,
        )

    def _purged(self, record: Record) -> bool:
        """Remove a record's tombstones once they are old enough."""
        age_s = self.intake.site.clock.now_s() - record.written_at_s
        if age_s < self.tombstone_s_min or not tombstones(record):
            return False
        self.intake.site.records.purge(record)
        return True


def _found(seen: Sight) -> Look:
    if seen.failure is not None:
        finding = drift.failed(seen.wanted.key, seen.failure)
        return Look((finding,), left_out=seen.left_out)
    cause = Cause.OUTSIDE if seen.is_applied else Cause.NOT_APPLIED
    return Look(drift.findings(seen.wanted, seen.seen, cause), left_out=seen.left_out)


def _is_live(seen: Sight) -> bool:
    return seen.wanted.body is not None


def _is_deletion(seen: Sight) -> bool:
    """Say whether adopting what is seen would lose something."""
    return seen.is_applied and deletions.is_loss(seen.wanted, seen.merged)


def _is_second_deletion(seen: Sight) -> bool:
    """Say whether somebody made again here what the record has deleted."""
    return seen.wanted.is_deleted and seen.is_applied and seen.seen.body is not None
