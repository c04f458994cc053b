"""Make IoT Core of this Region equal to the record of one name.

Level-triggered: a stream record only says which name changed. Safe to repeat,
to run late, out of order, twice at a time, or to be killed between any two
calls; nothing here calls another Region.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hotsite.core import replication
from hotsite.core.registry import Record
from hotsite.core.replication import Present
from hotsite.errors import (
    ConflictError,
    NotFoundError,
    PermanentError,
    RetryableError,
)
from hotsite.ports import Applied, AppliedRecords, Clock, Records, Registry

# A round ends early only when somebody else changes the same name at the same
# time; four such meetings in a row are left to the stream's next delivery.
_ROUNDS_MAX = 4


@dataclass(frozen=True, slots=True)
class Site:
    """The ports of one Region that replication works with."""

    records: Records
    applied: AppliedRecords
    registry: Registry
    clock: Clock


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one name.

    Attributes:
        name: Which name.
        reason: One sentence for the log.
        call_count: Calls to IoT Core.
        is_retryable: True when the stream should deliver the name again.
    """

    name: str
    reason: str
    call_count: int = 0
    is_retryable: bool = False


def apply(name: str, site: Site, *, have: Present | None = None) -> Outcome:
    """Read, decide, act and record for one name.

    Args:
        name: The thing's name.
        site: The Region to make equal.
        have: What is known to be there, when the caller knows better than
            the applied table (onboarding has just issued the certificate).

    Returns:
        What was done; a permanent failure is recorded and returned, not
        raised, so that one bad record never blocks another name.

    Raises:
        RetryableError: The same call may succeed later; nothing is lost.
    """
    call_count = 0
    for _ in range(_ROUNDS_MAX):
        wanted = site.records.read(name)
        previous = site.applied.read(name)
        if previous is not None and previous.record.digest == wanted.digest:
            return Outcome(name, previous.failure or "already applied", call_count)
        failure, calls = _converge(wanted, previous, site, have)
        call_count += calls
        applied = Applied(wanted, site.clock.now_s(), call_count, failure)
        try:
            site.applied.write(applied, previous=previous)
        except ConflictError:
            # Another delivery of this name was at work: what is really there
            # is what counts now, so the next round asks IoT Core.
            have = _observed(wanted, previous, site)
            continue
        return Outcome(name, failure or "applied", call_count)
    raise ConflictError(f"{name} is being changed by others without pause")


def apply_all(names: Iterable[str], site: Site) -> tuple[Outcome, ...]:
    """Apply several names; one that fails does not stop the others.

    Args:
        names: Names in the order of their stream records, repeats allowed.
        site: The Region to make equal.

    Returns:
        One outcome a distinct name, in the order of first mention.
    """
    outcomes = []
    for name in dict.fromkeys(names):
        try:
            outcomes.append(apply(name, site))
        except RetryableError as error:
            outcomes.append(Outcome(name, str(error), is_retryable=True))
        except PermanentError as error:
            # A record that cannot be read: again would be the same, and the
            # others must not wait for it. The reason goes to the log.
            outcomes.append(Outcome(name, str(error)))
    return tuple(outcomes)


def _converge(
    wanted: Record, previous: Applied | None, site: Site, have: Present | None
) -> tuple[str | None, int]:
    """Return why it can never work, if so, and how many calls were made."""
    if have is None:
        have = Present.of(previous.record) if previous else replication.NOTHING
        if previous is not None and previous.failure is not None:
            have = _observed(wanted, previous, site)
    call_count = 0
    try:
        for is_second_look in (False, True):
            try:
                for step in replication.plan(wanted, have).steps:
                    call_count += 1
                    site.registry.perform(step)
            except (ConflictError, NotFoundError):
                if is_second_look:
                    raise
                have = _observed(wanted, previous, site)
            else:
                break
    except PermanentError as error:
        return str(error), call_count
    return None, call_count


def _observed(wanted: Record, previous: Applied | None, site: Site) -> Present:
    known = (*wanted.certificates, *(previous.record.certificates if previous else ()))
    ids = dict.fromkeys(item.certificate_id for item in known)
    return site.registry.observe(wanted.name, tuple(ids))
