"""Make IoT Core of this Region equal to the record of one key.

Level-triggered: a stream record only says which key changed. Safe to repeat,
to run late, out of order, twice at a time, or to be killed between any two
calls; nothing here calls another Region.

One worker at a time has a key: it leaves a lease with the record that it is
about to apply before its first call, and takes it away after the last. A worker
that dies leaves both, so the next one knows what may be half done.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from hotsite.core import replication, validity
from hotsite.core.merge import with_revocations
from hotsite.core.registry import CertificateStatus, Key, Record
from hotsite.core.replication import Present
from hotsite.errors import (
    ConflictError,
    HotsiteError,
    InvalidInputError,
    NotFoundError,
    NotReadyError,
    PermanentError,
    RetryableError,
)
from hotsite.ports import Applied, AppliedRecords, Clock, Records, Registry
from hotsite.ports.unrecorded import Surroundings

# Longer than the replicator and the sweeper can live, so that a lease that is
# still there is a living worker's: their Lambdas end after 60 s.
WORKER_S_MAX = 60.0
LEASE_S = 75.0
# Plans that were begun and not ended, as one key can gather them: more would
# need as many workers in a row to die at the same key.
ATTEMPTS_MAX = 8
# A record may come before the one that it needs, because replicas keep no order
# between items (DynamoDB developer guide, V2globaltables_HowItWorks).
NEEDS_S_MAX = 60.0
_LOOKS_MAX = 3
_LEASE_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Site:
    """The ports of one Region that replication works with.

    ``surroundings`` tells whose a certificate is; nothing when no one may be asked,
    and then one that is attached to a thing is taken for the thing's own.
    """

    records: Records
    applied: AppliedRecords
    registry: Registry
    clock: Clock
    surroundings: Surroundings | None = None

    def shared(self, certificate_ids: Iterable[str]) -> frozenset[str]:
        """Return those of some certificates that more than one thing has."""
        around = self.surroundings
        if around is None:
            return frozenset()
        return frozenset(
            one for one in sorted(certificate_ids) if len(around.things_of(one)) > 1
        )


class Look(Enum):
    """How much to trust what was applied before."""

    TRUST = "trust"
    OURS = "ours"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one key.

    Attributes:
        key: Which key.
        reason: One sentence for the log.
        call_count: Calls to IoT Core.
        is_retryable: True when the stream should deliver the key again.
        lag_s: Seconds from the record's last write until now, when this call
            has applied it; nothing otherwise.
        failure: Why it can never be applied, or nothing.
    """

    key: Key
    reason: str
    call_count: int = 0
    is_retryable: bool = False
    lag_s: float | None = None
    failure: str | None = None


def apply(
    key: Key,
    site: Site,
    *,
    have: Present | None = None,
    look: Look = Look.TRUST,
) -> Outcome:
    """Read, decide, act and record for one key.

    Args:
        key: What to make equal.
        site: The Region to make it equal in.
        have: What is known to be there, when the caller knows better than
            the applied table (onboarding has just issued the certificate).
        look: ``TRUST`` believes the applied table, and asks IoT Core only after
            a failure or a crash. ``OURS`` always asks, and leaves alone what
            hotsite has not put there. ``ALL`` asks, and removes that as well.

    Returns:
        What was done; a permanent failure is recorded and returned, not
        raised, so that one bad record never blocks another key.

    Raises:
        RetryableError: The same call may succeed later; nothing is lost.
    """
    return _Worker(site, look, ()).apply(key, have)


def apply_all(keys: Iterable[Key], site: Site) -> tuple[Outcome, ...]:
    """Apply several keys; one that fails does not stop the others.

    Args:
        keys: In the order of their stream records, repeats allowed.
        site: The Region to make equal.

    Returns:
        One outcome a distinct key, in the order of first mention. What a second
        look a moment later may mend (another worker had it) got that look.
    """
    outcomes = {key: _tried(key, site) for key in dict.fromkeys(keys)}
    again = [key for key, outcome in outcomes.items() if outcome.is_retryable]
    if again:
        site.clock.sleep(_LEASE_WAIT_S)
    outcomes.update({key: _tried(key, site) for key in again})
    return tuple(outcomes.values())


def leased(
    previous: Applied | None, key: Key, site: Site, *, attempt: Record | None = None
) -> Applied:
    """Take a key for this worker alone.

    Args:
        previous: The key's line as it was read.
        key: Which key.
        site: Its Region.
        attempt: The record whose plan is about to begin, if one is.

    Returns:
        The line to go on from; write it with ``leased_until_s=0`` at the end.

    Raises:
        ConflictError: Another worker has it.
        UnreachableError: The table did not answer.
    """
    now_s = site.clock.now_s()
    line = previous or Applied(key)
    if line.leased_until_s > now_s:
        raise ConflictError(f"{key} is being worked on by another")
    attempts = line.attempts
    if attempt is not None:
        others = (item for item in attempts if item.digest != attempt.digest)
        attempts = (*others, attempt)[-ATTEMPTS_MAX:]
    taken = replace(line, attempts=attempts, leased_until_s=now_s + LEASE_S)
    return site.applied.write(taken, previous=previous)


def _is_doubtful(wanted: Record, line: Applied) -> bool:
    """Say whether a line does not tell all that matters of what is here.

    A certificate that was taken from the thing outside is no longer in the line,
    and still in the Region: when it is revoked, it must be closed there as well.
    """
    known = line.record
    if line.attempts or known is None:
        return bool(line.attempts)
    there = {*known.revoked, *(item.certificate_id for item in known.certificates)}
    return not there.issuperset(wanted.revoked)


def _may_reopen(plan: replication.Plan) -> bool:
    """Say whether a plan would undo a revocation that nobody has told us of."""
    return any(
        step.verb is replication.Verb.UPDATE_CERTIFICATE
        and step.certificate is not None
        and step.certificate.status is not CertificateStatus.REVOKED
        for step in plan.steps
    )


def _tried(key: Key, site: Site) -> Outcome:
    try:
        return apply(key, site)
    except RetryableError as error:
        return Outcome(key, str(error), is_retryable=True)


@dataclass(frozen=True, slots=True)
class _Worker:
    """One call of ``apply``, and those that it needed on its way."""

    site: Site
    look: Look
    path: tuple[Key, ...]

    def apply(self, key: Key, have: Present | None) -> Outcome:
        previous = self.site.applied.read(key)
        try:
            wanted = self.site.records.read(key)
        except InvalidInputError as error:
            return self._unreadable(key, previous, str(error))
        if wanted.is_absent:
            return Outcome(key, "not in the record")
        is_done = previous is not None and previous.digest == wanted.digest
        if is_done and self.look is Look.TRUST:
            assert previous is not None  # noqa: S101 - is_done says so
            reason = previous.failure or "already applied"
            return Outcome(key, reason, failure=previous.failure)
        return self._converge(wanted, previous, have)

    def _converge(
        self, wanted: Record, previous: Applied | None, have: Present | None
    ) -> Outcome:
        failure: str | None = None
        now_s = self.site.clock.now_s()
        if previous is not None and previous.leased_until_s > now_s:
            raise ConflictError(f"{wanted.key} is being worked on by another")
        calls = _Calls(self.site, now_s + WORKER_S_MAX)
        line = previous
        try:
            validity.check(wanted)
            have = have or self._have(wanted, previous)
            wanted = self._with_revocations(wanted, have)
            if replication.plan(wanted, have).steps:
                line = leased(previous, wanted.key, self.site, attempt=wanted)
                self._perform(wanted, line, have, calls)
        except RetryableError:
            self._give_back(line, previous)
            raise
        except PermanentError as error:
            failure = str(error)
        return self._end(wanted, line, failure, calls.count)

    def _have(self, wanted: Record, previous: Applied | None) -> Present:
        is_certain = previous is not None and not _is_doubtful(wanted, previous)
        if wanted.body is None and previous is not None:
            return self._observed(wanted, previous)
        if self.look is Look.TRUST and (previous is None or is_certain):
            record = previous.record if previous else None
            have = Present.of(record) if record else replication.NOTHING
            if not _may_reopen(replication.plan(wanted, have)):
                return have
        return self._observed(wanted, previous)

    def _with_revocations(self, wanted: Record, have: Present) -> Record:
        """Take in what was revoked outside, and not heard of: it is for ever."""
        closed = with_revocations(have, wanted)
        for certificate_id in sorted({*closed.revoked}.difference(wanted.revoked)):
            self.site.records.write_revoked(wanted.key, certificate_id)
        return closed

    def _observed(self, wanted: Record, line: Applied | None) -> Present:
        tried = line.attempts if line else ()
        base = (line.record,) if line and line.record else ()
        known = (wanted, *base, *tried)
        ids = dict.fromkeys(one for record in known for one in record.certificate_ids)
        seen = self.site.registry.observe(wanted.key, tuple(ids))
        if self.look is not Look.ALL and wanted.body is not None:
            return replication.narrowed(seen, known)
        strangers = seen.attached.difference(ids)
        seen = replace(seen, shared=self.site.shared(strangers))
        if wanted.body is not None:
            return seen
        # IoT Core deletes no thing that has a certificate, whosever it is.
        narrow = replication.narrowed(seen, known)
        ours = seen if self.look is Look.ALL or seen.thing else narrow
        return replace(ours, strangers=strangers)

    def _perform(
        self, wanted: Record, line: Applied, have: Present, calls: "_Calls"
    ) -> None:
        for look in range(1, _LOOKS_MAX + 1):
            try:
                calls.perform(replication.plan(wanted, have).steps)
            except NotFoundError as error:
                if look == _LOOKS_MAX:
                    raise self._missing(wanted, error) from error
                self._fetch_needs(wanted)
            except ConflictError:
                if look == _LOOKS_MAX:
                    raise
            else:
                return
            have = self._observed(wanted, line)
            wanted = self._with_revocations(wanted, have)

    def _fetch_needs(self, wanted: Record) -> None:
        """Make equal first what a record depends on."""
        path = (*self.path, wanted.key)
        for key in replication.needs(wanted):
            if key in path:
                ring = (*path[path.index(key) :], key)
                circle = " → ".join(str(item) for item in ring)
                raise PermanentError(f"{key} needs itself: {circle}")
            worker = replace(self, path=path, look=Look.OURS)
            outcome = worker.apply(key, None)
            if outcome.failure is not None:
                raise PermanentError(f"needs {key}, which failed: {outcome.failure}")

    def _missing(self, wanted: Record, error: NotFoundError) -> HotsiteError:
        """Say whether what a record needs may still be under way."""
        age_s = self.site.clock.now_s() - wanted.written_at_s
        if age_s < NEEDS_S_MAX:
            return NotReadyError(f"{wanted.key} waits for what it needs: {error}")
        return error

    def _end(
        self, wanted: Record, line: Applied | None, failure: str | None, calls: int
    ) -> Outcome:
        before = line or Applied(wanted.key)
        is_known = (before.digest, before.failure) == (wanted.digest, failure)
        if is_known and not calls and not before.leased_until_s:
            reason = failure or "already applied"
            return Outcome(wanted.key, reason, failure=failure)
        now_s = self.site.clock.now_s()
        ended = replace(
            before,
            record=wanted if failure is None else before.record,
            attempts=before.attempts if failure else (),
            digest=wanted.digest,
            leased_until_s=0.0,
            applied_at_s=now_s,
            written_at_s=wanted.written_at_s,
            call_count=calls,
            failure=failure,
        )
        self.site.applied.write(ended, previous=line)
        lag_s = ended.lag_s if failure is None else None
        return Outcome(
            wanted.key, failure or "applied", calls, lag_s=lag_s, failure=failure
        )

    def _give_back(self, line: Applied | None, previous: Applied | None) -> None:
        """End the lease early, so that a retry need not wait for its end."""
        if line is None or line is previous:
            return
        try:
            self.site.applied.write(replace(line, leased_until_s=0.0), previous=line)
        except RetryableError:
            return

    def _unreadable(self, key: Key, previous: Applied | None, failure: str) -> Outcome:
        if previous is None or previous.failure != failure:
            now_s = self.site.clock.now_s()
            line = replace(
                previous or Applied(key),
                digest="",
                applied_at_s=now_s,
                written_at_s=now_s,
                call_count=0,
                failure=failure,
            )
            self.site.applied.write(line, previous=previous)
        return Outcome(key, failure, failure=failure)


@dataclass(slots=True)
class _Calls:
    """How many calls to IoT Core were made, and until when some may be."""

    site: Site
    until_s: float
    count: int = 0

    def perform(self, steps: Iterable[replication.Step]) -> None:
        for step in steps:
            if self.site.clock.now_s() > self.until_s:
                # A laptop that slept: the lease is as good as over, and another
                # worker may have the key.
                raise NotReadyError(f"{step.key} took too long")
            self.count += 1
            self.site.registry.perform(step)
