"""Take what somebody changed in IoT Core of this Region into the record.

Woken by an event or by the sweep, with nothing but a key: what is taken is what
the Region is seen to hold, compared with what hotsite put there and with the
record (``core/merge.py``). Safe to repeat and to be killed between any two
calls; nothing here calls another Region.

The order: a revocation that is seen is written at once. Everything else, and a
revocation that was only told of, waits until the key is settled: no worker has it,
no plan is half done, the record is applied here, and IoT Core had the time to do
what it does later. Then the key is leased, so that no worker acts on what was seen;
the record is written if nobody changed it since it was read; the applied line last,
so that the own stream event finds nothing to do.
"""

from dataclasses import dataclass, replace

from hotsite.core import deletions
from hotsite.core.merge import held, merge
from hotsite.core.registry import CertificateStatus, Key, Kind, Record
from hotsite.errors import (
    HotsiteError,
    InvalidInputError,
    NotReadyError,
    RetryableError,
)
from hotsite.flows import replication
from hotsite.flows.notes import name_counts
from hotsite.flows.replication import Look, Site
from hotsite.flows.sight import (
    Intake,
    Sight,
    check_settled,
    look,
    with_revocations_written,
)
from hotsite.ports import Applied

__all__ = ["Captured", "Intake", "capture", "capture_one"]


REVOKED = CertificateStatus.REVOKED


@dataclass(frozen=True, slots=True)
class Captured:
    """What became of one key.

    Attributes:
        key: Which key.
        reason: One sentence for the log.
        is_changed: True when the record was written.
        is_loss: True when that took a name or a device's access away.
        call_count: Calls to IoT Core that changed something.
        failure: Why the record can never be applied here, or nothing.
        is_early: True when it was applied just now, so that what else is here
            must be looked at again later.
        left_out: Ids of certificates that several things share.
    """

    key: Key
    reason: str
    is_changed: bool = False
    is_loss: bool = False
    call_count: int = 0
    is_early: bool = False
    failure: str | None = None
    left_out: tuple[str, ...] = ()


def capture(
    key: Key,
    intake: Intake,
    *,
    is_applying: bool = True,
    told: frozenset[str] = frozenset(),
) -> tuple[Captured, ...]:
    """Take in what somebody changed, for one key and what goes with it.

    Args:
        key: What to look at.
        intake: The Region.
        is_applying: Bring the record here first, where it is not yet; False for
            those who may not, to wait until the replicator has.
        told: Ids of certificates that an event says were revoked.

    Returns:
        What became of the key, and of a deleted thing's shadows.

    Raises:
        UnsafePlanError: It would delete more than the limit; nothing is deleted.
        RetryableError: Look again later; nothing is lost.
    """
    if not intake.scope.is_kept(key):
        return (Captured(key, "hotsite's own"),)
    first = capture_one(key, intake, is_applying=is_applying, told=told)
    if first.is_early:
        raise NotReadyError(f"{key} was applied just now; what else is here comes next")
    if key.kind is Kind.THING and first.is_changed and first.is_loss:
        # A thing takes its shadows along, without an event of their own.
        return first, capture_one(Key(Kind.SHADOWS, key.name), intake)
    return (first,)


def capture_one(
    key: Key,
    intake: Intake,
    *,
    is_loss_allowed: bool = True,
    is_applying: bool = True,
    told: frozenset[str] = frozenset(),
) -> Captured:
    """Take in what somebody changed, for one key alone.

    Args:
        key: What to look at; not one of hotsite's own.
        intake: The Region.
        is_loss_allowed: False to leave a loss for later; it is only told of.
        is_applying: As for ``capture``.
        told: As for ``capture``.

    Returns:
        What became of it.

    Raises:
        UnsafePlanError: It would delete more than the limit; nothing is deleted.
        RetryableError: Look again later; nothing is lost.
    """
    try:
        sight = look(key, intake, told)
    except InvalidInputError as error:
        # A record that cannot be read is no reason to overwrite it.
        return Captured(key, str(error), failure=str(error))
    sight = with_revocations_written(sight, intake.site)
    if not sight.is_applied:
        if not is_applying:
            raise NotReadyError(f"{key} is not applied here yet")
        early = _applied_first(key, intake)
        if early is not None:
            return early
        sight = look(key, intake, told)
    merged = sight.merged
    if merged == sight.wanted:
        reopened = _reopened(sight, merged)
        if reopened:
            return _closed(reopened, sight, intake, is_applying=is_applying)
        failure = sight.line.failure if sight.line else None
        reason = failure or "nothing changed outside"
        return Captured(key, reason, failure=failure, left_out=sight.left_out)
    check_settled(sight, intake.site)
    if deletions.is_loss(sight.wanted, merged) and not is_loss_allowed:
        return Captured(key, "gone here", is_loss=True, left_out=sight.left_out)
    return _adopted(sight, merged, intake)


def _applied_first(key: Key, intake: Intake) -> Captured | None:
    """Bring the record here before anything is concluded from the Region."""
    outcome = replication.apply(key, intake.site, look=Look.OURS)
    if outcome.failure is not None:
        return Captured(key, outcome.reason, failure=outcome.failure)
    if outcome.call_count:
        count = outcome.call_count
        return Captured(key, "applied just now", call_count=count, is_early=True)
    return None


def _reopened(sight: Sight, merged: Record) -> tuple[str, ...]:
    """Return the certificates that are revoked, and not so in the Region."""
    revoked = frozenset(merged.revoked)
    return tuple(
        one.certificate_id
        for one in sight.seen.certificates
        if one.certificate_id in revoked and one.status is not REVOKED
    )


def _closed(
    reopened: tuple[str, ...], sight: Sight, intake: Intake, *, is_applying: bool
) -> Captured:
    """Have a certificate revoked again: nothing that is seen can undo that."""
    site, key = intake.site, sight.wanted.key
    check_settled(sight, site)
    reason = "revoked again"
    if is_applying:
        outcome = replication.apply(key, site, look=Look.ALL)
        reason = outcome.failure or reason
        count = outcome.call_count
        return Captured(key, reason, call_count=count, failure=outcome.failure)
    # The replicator does it: its line says that nothing is certain, and a write
    # of what stands there already wakes it.
    line = sight.line or Applied(key)
    doubtful = replace(line, digest="", attempts=(*line.attempts, sight.wanted))
    site.applied.write(doubtful, previous=sight.line)
    for certificate_id in reopened:
        site.records.write_revoked(key, certificate_id)
    return Captured(key, reason)


def _adopted(sight: Sight, merged: Record, intake: Intake) -> Captured:
    site, key = intake.site, sight.wanted.key
    is_loss = deletions.is_loss(sight.wanted, merged)
    line = _leased(sight, merged, site)
    try:
        if is_loss:
            reserve(key.kind, intake)
        site.records.write(merged, previous=sight.wanted)
    except HotsiteError:
        _give_back(line, sight.line, site)
        raise
    site.applied.write(_ended(line, sight, merged, site), previous=line)
    return Captured(
        key,
        _reason(sight, merged),
        is_changed=True,
        is_loss=is_loss,
        left_out=sight.left_out,
    )


def _ended(line: Applied, sight: Sight, merged: Record, site: Site) -> Applied:
    now_s, is_reopened = site.clock.now_s(), bool(_reopened(sight, merged))
    if line.failure is not None:
        # What failed is still not here: only what was seen is the new base, and
        # the digest of before has the record tried again.
        base = merge(sight.base, sight.seen, sight.base) if sight.base else None
        return replace(line, record=base, leased_until_s=0.0)
    return replace(
        line,
        record=held(sight.seen, merged),
        digest=_digest(sight, merged),
        attempts=(*line.attempts, merged) if is_reopened else line.attempts,
        leased_until_s=0.0,
        applied_at_s=now_s,
        written_at_s=now_s,
        call_count=0,
    )


def _digest(sight: Sight, merged: Record) -> str:
    """Return the digest that has the replicator do what is left to do here."""
    is_whole = held(sight.seen, merged) == merged
    return merged.digest if is_whole and not _reopened(sight, merged) else ""


def _leased(sight: Sight, merged: Record, site: Site) -> Applied:
    """Lease the key as it was before the Region was asked.

    A worker that began since has written the line, and then this fails. Where
    nothing was ever applied, the line tells our own stream event at once that
    there is nothing to do.
    """
    key, line = sight.wanted.key, sight.line
    if line is not None:
        return replication.leased(line, key, site)
    until_s = site.clock.now_s() + replication.LEASE_S
    first = Applied(key, digest=_digest(sight, merged), leased_until_s=until_s)
    return site.applied.write(first, previous=None)


def _give_back(line: Applied, before: Applied | None, site: Site) -> None:
    """End the lease, as far as that can be done now."""
    restored = replace(before or Applied(line.key), leased_until_s=0.0)
    try:
        site.applied.write(restored, previous=line)
    except RetryableError:
        return


def reserve(kind: Kind, intake: Intake) -> None:
    """Count one more deletion, if the limit allows it.

    Args:
        kind: Of what.
        intake: The Region.

    Raises:
        UnsafePlanError: The limit is reached.
        RetryableError: A table did not answer, or others were faster.
    """
    count_max = intake.limit.count_max(name_counts(intake.cursors).get(kind, 0))
    now_s = intake.site.clock.now_s()
    intake.ledger.update(
        kind, lambda window: window.taken(1, count_max=count_max, now_s=now_s)
    )


def _reason(sight: Sight, merged: Record) -> str:
    if merged.is_deleted:
        return "deleted outside"
    if sight.wanted.is_absent:
        return "new in the record"
    return "created again outside" if sight.wanted.is_deleted else "changed outside"
