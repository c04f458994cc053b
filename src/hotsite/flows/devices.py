"""What a user may do with devices of their own: look, rotate, shut out.

Who asks for a device that is not theirs is told the same as for one that is not
there. Each change is written into the record first and applied here then; what is
left undone, the replicator does.
"""

from contextlib import suppress
from dataclasses import dataclass

from hotsite.core import enrolment
from hotsite.core.enrolment import AuditLine, Deed, DeviceView, Owned, Rotation
from hotsite.core.onboarding import Answer, digest_of
from hotsite.core.registry import Certificate, thing_key
from hotsite.errors import ConflictError, NotFoundError, RetryableError
from hotsite.flows.onboarding import Desk, apply_here, check, issue
from hotsite.ports.enrolment import Allowance, Enrolments, LastMessages


@dataclass(frozen=True, slots=True)
class Office:
    """Where the API's requests are handled in one Region.

    Attributes:
        desk: Where claims are.
        enrolments: Who owns what.
        last_messages: What was last heard of a device.
        allowance: How often one user may ask.
    """

    desk: Desk
    enrolments: Enrolments
    last_messages: LastMessages
    allowance: Allowance


@dataclass(frozen=True, slots=True)
class Shelf:
    """Some of a user's devices; ``after`` of the next page, or nothing."""

    devices: tuple[DeviceView, ...]
    next_after: str | None


def browse(subject: str, office: Office, *, after: str | None, limit: int) -> Shelf:
    """Return some of a user's devices, by name.

    Args:
        subject: The user.
        office: The Region that is asked.
        after: Only names that sort after this one.
        limit: How many at most.

    Raises:
        UnreachableError: A table did not answer.
    """
    page = office.enrolments.owned(subject, after=after, limit=limit)
    return Shelf(tuple(_view(one, office) for one in page.owned), page.next_after)


def show(subject: str, thing: str, office: Office) -> DeviceView:
    """Return one of a user's devices.

    Raises:
        NotFoundError: The user has no such device.
        UnreachableError: A table did not answer.
    """
    return _view(_owned(subject, thing, office), office)


def rotate(subject: str, thing: str, csr_pem: str, office: Office) -> Answer:
    """Give a device another certificate; the same request gets the same one.

    Args:
        subject: The user.
        thing: The device.
        csr_pem: Its new signing request.
        office: The Region that takes it.

    Raises:
        NotFoundError: The user has no such device.
        UnsafePlanError: It has two already, or was shut out.
        InvalidInputError: The CSR is not one, or not for this device.
        RetryableError: Try again; nothing is lost or issued twice to a device.
    """
    _owned(subject, thing, office)
    desk, digest = office.desk, digest_of(csr_pem)
    given = office.enrolments.rotation(thing, digest)
    if given is None:
        check(csr_pem, thing, desk)
        given = _issued(subject, thing, csr_pem, office)
    return Answer(thing, given, desk.ca_pem, desk.names)


def shut_out(
    subject: str, thing: str, office: Office, certificate_id: str | None = None
) -> None:
    """Revoke a device's certificates, for ever; doing it again changes nothing.

    Args:
        subject: The user.
        thing: The device.
        office: The Region that takes it.
        certificate_id: Only this one; nothing for all that are open.

    Raises:
        NotFoundError: The user has no such device, or it no such certificate.
        RetryableError: Try again.
    """
    _owned(subject, thing, office)
    records, key = office.desk.site.records, thing_key(thing)
    record = records.read(key)
    if certificate_id is not None and certificate_id not in record.certificate_ids:
        raise NotFoundError(f"{thing} has no certificate {certificate_id}")
    chosen = (certificate_id,) if certificate_id else record.certificate_ids
    for one in chosen:
        if one not in record.revoked:
            records.write_revoked(key, one)
        # After it, and again by a retry: who is shut out matters more than the line.
        office.enrolments.note(AuditLine(thing, Deed.REVOKED, one, subject))
    apply_here(thing, office.desk)


def fetch_key(subject: str, thing: str, certificate_id: str, office: Office) -> str:
    """Return the private key that was made for a device; once, and never again.

    Args:
        subject: The user.
        thing: The device.
        certificate_id: Of the certificate that was issued for the key.
        office: The Region that issued it: no other one has the key.

    Raises:
        NotFoundError: The user has no such device, or no key waits for it here.
        RetryableError: Try again; the key is kept.
    """
    _owned(subject, thing, office)
    escrow = office.desk.escrow
    key_pem = escrow.hand_over(thing, certificate_id) if escrow else None
    if key_pem is None:
        raise NotFoundError(
            f"no key waits here for {thing}: it was fetched, its time is over, or "
            "another Region has it; a rotation gives another one"
        )
    line = AuditLine(thing, Deed.DELIVERED, certificate_id, subject)
    # The key is forgotten by now: without an answer it would be lost for a line.
    with suppress(RetryableError):
        office.enrolments.note(line)
    return key_pem


def _issued(subject: str, thing: str, csr_pem: str, office: Office) -> Certificate:
    desk, key, digest = office.desk, thing_key(thing), digest_of(csr_pem)
    before = desk.site.records.read(key)
    enrolment.check_room(before)
    certificate = issue(csr_pem, thing, desk)
    rotation = Rotation(thing, digest, subject, certificate)
    after = enrolment.with_certificate(before, certificate)
    try:
        office.enrolments.write_rotated(rotation, after, previous=before)
    except ConflictError:
        # The same request ran twice at once, or something else changed the record:
        # ours stays unattached and powerless.
        winner = office.enrolments.rotation(thing, digest)
        if winner is None:
            raise
        return winner
    apply_here(thing, desk)
    return certificate


def _owned(subject: str, thing: str, office: Office) -> Owned:
    found = office.enrolments.find(subject, thing)
    if found is None:
        raise NotFoundError(f"you have no device {thing}")
    return found


def _view(owned: Owned, office: Office) -> DeviceView:
    record = office.desk.site.records.read(thing_key(owned.thing))
    return enrolment.view(owned, record, office.last_messages.read(owned.thing))
