"""Give a device its certificate, once, whichever Region takes the claim.

The order makes a kill between any two calls harmless: the claim is taken for
one CSR, the certificate issued, claim and record written together, and only
then is this Region made equal. What is left undone, the replicator does.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hotsite.core import escrow, onboarding
from hotsite.core.onboarding import Action, Answer, Entry, Names, Request
from hotsite.core.registry import Certificate, thing_key
from hotsite.core.replication import Present
from hotsite.errors import ConflictError, InvalidInputError, RetryableError
from hotsite.flows import replication
from hotsite.flows.restraint import restrained
from hotsite.ports import Claims
from hotsite.ports.escrow import Escrow


def _no_check(csr_pem: str, thing: str) -> None:
    """Leave it to the registry to refuse a signing request."""
    del csr_pem, thing


@dataclass(frozen=True, slots=True)
class Desk:
    """Where claims are handled in one Region.

    Attributes:
        claims: The ledger.
        site: The Region's own registry and tables.
        names: What devices are told.
        ca_pem: What devices must trust.
        type_name: Thing type of the fleet.
        group: Thing group that carries the fleet's policy.
        check_csr: Raises ``InvalidInputError`` for a signing request that is none,
            or that is not for the thing of this name.
        escrow: Who makes keys for devices that cannot; nothing where custody is the
            device's alone.
    """

    claims: Claims
    site: replication.Site
    names: Names
    ca_pem: str
    type_name: str
    group: str
    check_csr: Callable[[str, str], None] = _no_check
    escrow: Escrow | None = None


def onboard(request: Request, desk: Desk, owner: str | None = None) -> Answer:
    """Handle one request; the same one again gets the same answer.

    Args:
        request: A request of the right shape.
        desk: The Region that takes it.
        owner: The user who asks and will own the device, or nothing.

    Returns:
        The certificate, what to trust and where to connect.

    Raises:
        RefusedError: No such claim, or the wrong secret.
        AlreadyUsedError: Another CSR or another user took the claim.
        InvalidInputError: The CSR is not one, or its key is too weak.
        RetryableError: Try again; nothing is lost or issued twice to a device.
    """
    entry = desk.claims.read(request.claim.claim_id)
    action = onboarding.decide(request, entry, owner)
    assert entry is not None  # noqa: S101 - decide refuses a claim without entry
    if action is Action.REPEAT and entry.certificate is not None:
        return _answer(entry.claim_id, entry.certificate, desk)
    if entry.csr_digest is None:
        # Before the claim is taken: one that was taken by rubbish is lost.
        check(request.csr_pem, request.claim.claim_id, desk)
        entry = onboarding.taken(entry, request, owner)
        desk.claims.take(entry)
    certificate = issue(request.csr_pem, entry.claim_id, desk)
    try:
        _record(entry, certificate, desk)
    except ConflictError:
        # The same request ran twice at once and the other one has answered:
        # its certificate is the device's, ours stays unattached and powerless.
        winner = desk.claims.read(entry.claim_id)
        if winner is None or winner.certificate is None:
            raise
        certificate = winner.certificate
    else:
        apply_here(entry.claim_id, desk, certificate)
    return _answer(entry.claim_id, certificate, desk)


def _record(entry: Entry, certificate: Certificate, desk: Desk) -> None:
    record = onboarding.record_of(
        entry, certificate, type_name=desk.type_name, group=desk.group
    )
    desk.site.records.write_enrolled(onboarding.enrolled(entry, certificate), record)


def check(csr_pem: str, thing: str, desk: Desk) -> None:
    """Refuse what no certificate could be issued for.

    Raises:
        InvalidInputError: The CSR is not one, or not for this thing; or a key is
            wished for where none is made.
    """
    if not escrow.is_wish(csr_pem):
        desk.check_csr(csr_pem, thing)
    elif desk.escrow is None:
        raise InvalidInputError(
            "this site makes no keys: the device makes one, and sends a csr"
        )


def issue(csr_pem: str, thing: str, desk: Desk) -> Certificate:
    """Issue a certificate for a signing request, or for a key that is made here.

    Raises:
        InvalidInputError: The registry refuses the CSR.
        RetryableError: Try again.
    """
    if desk.escrow is not None and escrow.is_wish(csr_pem):
        return desk.escrow.issue(thing)
    return desk.site.registry.issue(csr_pem)


def apply_here(name: str, desk: Desk, certificate: Certificate | None = None) -> None:
    """Make this Region equal to a record that was just written, if it can be now.

    Args:
        name: Of the thing.
        desk: The Region.
        certificate: What was just issued here, so that nobody has to look.
    """
    try:
        have = Present(certificates=(certificate,)) if certificate else None
        replication.apply(thing_key(name), restrained(desk.site), have=have)
    except RetryableError:
        # The record is written, so the stream brings this Region up to it; the
        # device has its certificate and retries its first connect anyway.
        return


def _answer(name: str, certificate: Certificate, desk: Desk) -> Answer:
    return Answer(name, certificate, desk.ca_pem, desk.names)
