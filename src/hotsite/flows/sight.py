"""One key of one Region as it is looked at: the record, what was applied, the sight.

Nothing is concluded here; ``flows/capture.py`` and ``flows/inspection.py`` do.
The order of reading is what makes their conclusions safe: the applied line
before the record, the record before the Region, so that whoever writes the line
afterwards in the name of what was seen fails if a worker has begun meanwhile.
"""

from dataclasses import dataclass, field, replace

from hotsite.core.deletions import Limit
from hotsite.core.merge import merge, with_revocations, with_revoked
from hotsite.core.registry import Key, Kind, Record
from hotsite.core.replication import Present
from hotsite.core.scope import Scope
from hotsite.errors import ConflictError, NotReadyError
from hotsite.flows.replication import Site
from hotsite.ports import Applied, Cursors
from hotsite.ports.deletions import DeletionLedger

# "It might take several seconds for the detachment to propagate" (botocore model
# of AWS IoT, DetachThingPrincipal): ten times that. A shadow changes at once.
SETTLE_S = 30.0
SHADOW_SETTLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Intake:
    """Where and how outside changes of one Region are taken in.

    Attributes:
        site: The Region.
        cursors: Its notes; the number of names of each kind is read from them.
        ledger: Its deletions of late.
        scope: What is hotsite's own and never recorded.
        limit: How many deletions may be taken over.
    """

    site: Site
    cursors: Cursors
    ledger: DeletionLedger
    scope: Scope = field(default_factory=Scope)
    limit: Limit = field(default_factory=Limit)


@dataclass(frozen=True, slots=True)
class Sight:
    """One key as it was looked at, for whoever decides what to do.

    Attributes:
        line: What was applied, read before anything else.
        wanted: The record, read before the Region was asked.
        seen: What the Region holds.
        left_out: Certificates in it that several things share.
        told: Certificates that were revoked once, whatever is seen of them by now:
            between hotsite's look and its own change of a status somebody may
            revoke it, for ``UpdateCertificate`` has no expected version.
    """

    line: Applied | None
    wanted: Record
    seen: Present
    left_out: tuple[str, ...] = ()
    told: frozenset[str] = frozenset()

    @property
    def base(self) -> Record | None:
        """Return what the Region was last made equal to."""
        return self.line.record if self.line else None

    @property
    def merged(self) -> Record:
        """Return the record with what was changed outside."""
        merged = merge(self.base, self.seen, self.wanted)
        if not self.told:
            return merged
        known = {item.certificate_id for item in merged.certificates}
        return with_revoked(self.told & known, merged)

    @property
    def is_applied(self) -> bool:
        """Say whether the record was worked on to an end here."""
        if self.wanted.is_absent:
            return True
        if self.line is None or self.line.attempts:
            return False
        is_known = self.line.record is not None or self.line.failure is not None
        return is_known and self.line.digest == self.wanted.digest

    @property
    def failure(self) -> str | None:
        """Return why the record as it is now can never be applied here, if so."""
        if self.line is None or self.line.digest != self.wanted.digest:
            return None
        return None if self.wanted.is_absent else self.line.failure

    @property
    def is_leased(self) -> bool:
        """Say whether the line has a lease, in force or not."""
        return self.line is not None and bool(self.line.leased_until_s)


def look(key: Key, intake: Intake, told: frozenset[str] = frozenset()) -> Sight:
    """Read what is known of a key, then what its Region holds.

    Args:
        key: What to look at.
        intake: The Region.
        told: Certificates that an event says were revoked.

    Returns:
        Both, the certificates that several things share left out of the sight:
        hotsite cannot tell which thing's deletion should close them.

    Raises:
        InvalidInputError: The record cannot be read.
        RetryableError: A table or the Region did not answer.
    """
    site = intake.site
    line, wanted = site.applied.read(key), site.records.read(key)
    known = [*wanted.certificates]
    known += line.record.certificates if line and line.record else ()
    ids = dict.fromkeys(item.certificate_id for item in known)
    seen = site.registry.observe(key, tuple(ids))
    shared = tuple(sorted(site.shared(seen.attached.difference(ids))))
    return Sight(line, wanted, _without(seen, shared), shared, told)


def check_settled(sight: Sight, site: Site) -> None:
    """Refuse to conclude anything from a sight that may be of half a change.

    Args:
        sight: What was seen.
        site: Where.

    Raises:
        NotReadyError: Look again later.
    """
    line, now_s = sight.line, site.clock.now_s()
    if not sight.is_applied:
        raise NotReadyError(f"{sight.wanted.key} is not applied here yet")
    if line is None:
        return
    key = line.key
    if line.leased_until_s > now_s:
        raise NotReadyError(f"{key} is being worked on by another")
    is_shadow = key.kind is Kind.SHADOWS
    settle_s = SHADOW_SETTLE_S if is_shadow else SETTLE_S
    if line.call_count and now_s - line.applied_at_s < settle_s:
        raise NotReadyError(f"{key} was changed by hotsite less than {settle_s} s ago")


def _without(seen: Present, certificate_ids: tuple[str, ...]) -> Present:
    if not certificate_ids:
        return seen
    return replace(
        seen,
        attached=seen.attached.difference(certificate_ids),
        certificates=tuple(
            item
            for item in seen.certificates
            if item.certificate_id not in certificate_ids
        ),
    )


def with_revocations_written(sight: Sight, site: Site) -> Sight:
    """Write the revocations that were seen, whatever else is under way.

    Args:
        sight: What was seen.
        site: Where.

    Returns:
        The sight with the record as it is then.

    Raises:
        ConflictError: The record was changed meanwhile; look again.
        UnreachableError: A table did not answer.
    """
    key, wanted = sight.wanted.key, sight.wanted
    closed = with_revocations(sight.seen, wanted)
    new = [name for name in closed.revoked if name not in wanted.revoked]
    if not new:
        return sight
    for certificate_id in new:
        site.records.write_revoked(key, certificate_id)
    again = site.records.read(key)
    if again.digest != closed.digest:
        raise ConflictError(f"{key} changed while a revocation was taken in")
    if sight.line is None or sight.is_leased or not sight.is_applied:
        return replace(sight, wanted=again)
    # The Region has it revoked already: its line says so, if nobody is at work,
    # and the own stream event finds nothing to do.
    line = sight.line
    base = with_revocations(sight.seen, line.record) if line.record else None
    known = replace(line, record=base, digest=again.digest)
    written = site.applied.write(known, previous=line)
    return replace(sight, line=written, wanted=again)
