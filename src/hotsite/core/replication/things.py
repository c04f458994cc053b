"""Steps for a thing, its certificates and its groups."""

from collections.abc import Iterator
from dataclasses import replace

from hotsite.core.registry import Certificate, CertificateStatus, Record, Thing
from hotsite.core.replication.present import Present
from hotsite.core.replication.steps import Step, Verb


def changes(wanted: Record, thing: Thing, have: Present) -> Iterator[Step]:
    """Yield what makes a thing as wished, in no order."""
    yield from _certificate_steps(wanted, thing, have)
    yield from _thing_steps(wanted, thing, have)
    yield from _group_steps(wanted, thing, have.thing)


def removals(wanted: Record, thing: Thing, have: Present) -> Iterator[Step]:
    """Yield what takes a thing and its certificates away."""
    for certificate in have.certificates:
        yield from _removal_of(wanted, thing, certificate, have)
    yield Step(Verb.DELETE_THING, wanted.key, thing)


def certificate_removals(wanted: Record, have: Present) -> Iterator[Step]:
    """Yield what takes away the certificates of a thing that is gone already."""
    for certificate in have.certificates:
        yield from _removal_of(wanted, Thing(wanted.name), certificate, have)


def _certificate_steps(wanted: Record, thing: Thing, have: Present) -> Iterator[Step]:
    there = {item.certificate_id: item for item in have.certificates}
    for certificate in wanted.certificates:
        step = Step(Verb.REGISTER_CERTIFICATE, wanted.key, thing, certificate)
        old = there.pop(certificate.certificate_id, None)
        if old is None:
            yield step
        elif old.status is not certificate.status:
            yield replace(step, verb=Verb.UPDATE_CERTIFICATE)
        if certificate.certificate_id not in have.attached:
            yield replace(step, verb=Verb.ATTACH_CERTIFICATE)
        yield from _policy_steps(step, old.policies if old else ())
    for certificate in there.values():
        yield from _removal_of(wanted, thing, certificate, have)


def _policy_steps(step: Step, have: tuple[str, ...]) -> Iterator[Step]:
    assert step.certificate is not None  # noqa: S101 - made with one above
    wanted = step.certificate.policies
    for name in sorted(set(wanted) - set(have)):
        yield replace(step, verb=Verb.ATTACH_POLICY, target=name)
    for name in sorted(set(have) - set(wanted)):
        yield replace(step, verb=Verb.DETACH_POLICY, target=name)


def _removal_of(
    wanted: Record, thing: Thing, certificate: Certificate, have: Present
) -> Iterator[Step]:
    # DeleteCertificate refuses an ACTIVE certificate and one that has a thing or
    # policy attached (botocore model of AWS IoT, DeleteCertificate): close,
    # detach, delete. One that is revoked is closed as REVOKED, for ever. A
    # stranger's is closed and kept; one that lets others in is only detached.
    certificate_id, closed = certificate.certificate_id, certificate
    is_revoked = certificate_id in wanted.revoked
    status = CertificateStatus.REVOKED if is_revoked else CertificateStatus.INACTIVE
    is_open = certificate.status is CertificateStatus.ACTIVE
    if certificate_id in have.shared:
        yield Step(Verb.DETACH_CERTIFICATE, wanted.key, thing, certificate)
        return
    if is_open or (is_revoked and certificate.status is not status):
        closed = replace(certificate, status=status)
        yield Step(Verb.UPDATE_CERTIFICATE, wanted.key, thing, closed)
    step = Step(Verb.DELETE_CERTIFICATE, wanted.key, thing, closed)
    is_stranger = certificate_id in have.strangers
    for name in () if is_stranger else certificate.policies:
        yield replace(step, verb=Verb.DETACH_POLICY, target=name)
    if certificate_id in have.attached:
        yield replace(step, verb=Verb.DETACH_CERTIFICATE)
    if not is_stranger:
        yield step


def _thing_steps(wanted: Record, thing: Thing, have: Present) -> Iterator[Step]:
    there = have.thing
    if there is None:
        yield Step(Verb.CREATE_THING, wanted.key, thing)
    elif (thing.type_name, thing.attributes) != (there.type_name, there.attributes):
        yield Step(Verb.UPDATE_THING, wanted.key, thing, expected_version=have.version)


def _group_steps(wanted: Record, thing: Thing, have: Thing | None) -> Iterator[Step]:
    there = set(have.groups) if have else set()
    for group in sorted(set(thing.groups) - there):
        yield Step(Verb.ADD_TO_GROUP, wanted.key, thing, target=group)
    for group in sorted(there - set(thing.groups)):
        yield Step(Verb.REMOVE_FROM_GROUP, wanted.key, thing, target=group)
