"""Decide which calls make IoT Core of one Region equal to one record.

Pure: the record and what this Region has applied before go in, an ordered plan
comes out. Level, not edge: the plan depends on what is wished and what is
there, never on which event woke us, so duplicates, reordering and coalesced
writes are harmless by construction.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum

from hotsite.core.registry import Certificate, CertificateStatus, Record, Thing


class Verb(Enum):
    """One kind of call to IoT Core; the order here is the order of a plan.

    What a device needs to connect comes first: with the policy on the thing
    group and policy variables of the thing, that is all four calls of a new
    device (certificate, thing, attachment, group).
    """

    REGISTER_CERTIFICATE = "register-certificate"
    UPDATE_CERTIFICATE = "update-certificate"
    CREATE_THING = "create-thing"
    UPDATE_THING = "update-thing"
    ATTACH_CERTIFICATE = "attach-certificate"
    ADD_TO_GROUP = "add-to-group"
    REMOVE_FROM_GROUP = "remove-from-group"
    DETACH_CERTIFICATE = "detach-certificate"
    DELETE_CERTIFICATE = "delete-certificate"
    DELETE_THING = "delete-thing"


@dataclass(frozen=True, slots=True)
class Step:
    """One call.

    Attributes:
        verb: What to call.
        thing: The thing it concerns.
        certificate: The certificate it concerns, where it concerns one.
        group: The thing group it concerns, where it concerns one.
    """

    verb: Verb
    thing: Thing
    certificate: Certificate | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to call, in order, and why."""

    steps: tuple[Step, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Present:
    """What IoT Core of one Region holds of one name.

    Attributes:
        thing: The thing, or nothing.
        certificates: Registered certificates, attached or not.
        attached: Ids of those that are attached to the thing.
    """

    thing: Thing | None = None
    certificates: tuple[Certificate, ...] = ()
    attached: frozenset[str] = frozenset()

    @classmethod
    def of(cls, applied: Record) -> "Present":
        """Return what is there once a record was applied."""
        ids = frozenset(item.certificate_id for item in applied.certificates)
        if applied.thing is None:
            return cls()
        return cls(applied.thing, applied.certificates, ids)


NOTHING = Present()


def plan(wanted: Record, have: Present) -> Plan:
    """Plan the calls for one name in one Region.

    Args:
        wanted: The record, read whole and consistently.
        have: What this Region last made equal, or what it was seen to hold.

    Returns:
        Steps in the order of ``Verb``, without those that are not needed.
        Revoking and inactivating come before everything else, because a
        half-done plan must err on the closed side.
    """
    if wanted.thing is None:
        return Plan(_in_order(_removals(wanted.name, have)), "not in the record")
    steps = [
        *_certificate_steps(wanted, wanted.thing, have),
        *_thing_steps(wanted.thing, have.thing),
        *_attachment_steps(wanted, wanted.thing, have),
        *_group_steps(wanted.thing, have.thing),
    ]
    is_new = have.thing is None
    return Plan(_in_order(steps), "new to this Region" if is_new else "changed")


def _in_order(steps: Iterable[Step]) -> tuple[Step, ...]:
    order = {verb: index for index, verb in enumerate(Verb)}
    return tuple(sorted(steps, key=lambda step: (_is_open(step), order[step.verb])))


def _is_open(step: Step) -> bool:
    return not (
        step.verb is Verb.UPDATE_CERTIFICATE
        and step.certificate is not None
        and step.certificate.status is not CertificateStatus.ACTIVE
    )


def _certificate_steps(wanted: Record, thing: Thing, have: Present) -> Iterator[Step]:
    there = {item.certificate_id: item for item in have.certificates}
    for certificate in wanted.certificates:
        old = there.pop(certificate.certificate_id, None)
        if old is None:
            yield Step(Verb.REGISTER_CERTIFICATE, thing, certificate)
        elif old.status is not certificate.status:
            yield Step(Verb.UPDATE_CERTIFICATE, thing, certificate)
    for certificate in there.values():
        yield from _removal_of(certificate, thing, have)


def _removal_of(
    certificate: Certificate, thing: Thing, have: Present
) -> Iterator[Step]:
    # DeleteCertificate refuses an ACTIVE certificate and one that is attached
    # (botocore model of AWS IoT, DeleteCertificate): close, detach, delete.
    closed = certificate
    if certificate.status is CertificateStatus.ACTIVE:
        closed = replace(certificate, status=CertificateStatus.INACTIVE)
        yield Step(Verb.UPDATE_CERTIFICATE, thing, closed)
    if certificate.certificate_id in have.attached:
        yield Step(Verb.DETACH_CERTIFICATE, thing, closed)
    yield Step(Verb.DELETE_CERTIFICATE, thing, closed)


def _thing_steps(wanted: Thing, have: Thing | None) -> Iterator[Step]:
    if have is None:
        yield Step(Verb.CREATE_THING, wanted)
    elif (wanted.type_name, wanted.attributes) != (have.type_name, have.attributes):
        yield Step(Verb.UPDATE_THING, wanted)


def _attachment_steps(wanted: Record, thing: Thing, have: Present) -> Iterator[Step]:
    for certificate in wanted.certificates:
        if certificate.certificate_id not in have.attached:
            yield Step(Verb.ATTACH_CERTIFICATE, thing, certificate)


def _group_steps(wanted: Thing, have: Thing | None) -> Iterator[Step]:
    there = set(have.groups) if have else set()
    for group in sorted(set(wanted.groups) - there):
        yield Step(Verb.ADD_TO_GROUP, wanted, group=group)
    for group in sorted(there - set(wanted.groups)):
        yield Step(Verb.REMOVE_FROM_GROUP, wanted, group=group)


def _removals(name: str, have: Present) -> Iterator[Step]:
    thing = have.thing or Thing(name)
    for certificate in have.certificates:
        yield from _removal_of(certificate, thing, have)
    if have.thing:
        yield Step(Verb.DELETE_THING, thing)
