"""What a Region's registry does, in memory and in a real Region alike."""

import base64
import hashlib
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from tests.contract.world import (
    DEVICE,
    FLEET,
    GATEWAY,
    HALL,
    make_certificate,
    make_csr,
)

from hotsite.adapters import device_key
from hotsite.core.registry import Certificate, CertificateStatus, Thing, thing_key
from hotsite.core.replication import Present, Step, Verb
from hotsite.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnreachableError,
)

THING_VERBS = (
    Verb.REGISTER_CERTIFICATE,
    Verb.UPDATE_CERTIFICATE,
    Verb.CREATE_THING,
    Verb.UPDATE_THING,
    Verb.ATTACH_CERTIFICATE,
    Verb.REMOVE_FROM_GROUP,
    Verb.ADD_TO_GROUP,
    Verb.DETACH_CERTIFICATE,
    Verb.DELETE_CERTIFICATE,
    Verb.DELETE_THING,
)
ATTRIBUTES = (("colour", "red"), ("model", "x1"))


class Actor:
    """Performs one verb after the other on one thing and one certificate."""

    def __init__(self, registry, name):
        self.registry, self.thing = registry, Thing(name, DEVICE, ATTRIBUTES)
        self.certificate = make_certificate()

    def do(self, *verbs, **changes):
        step = {
            "key": thing_key(self.thing.name),
            "body": changes.pop("thing", self.thing),
            "certificate": self.certificate,
            "target": changes.pop("group", FLEET),
        }
        for verb in verbs:
            self.registry.perform(Step(verb, **step | changes))

    def seen(self):
        ids = (self.certificate.certificate_id,)
        seen = self.registry.observe(thing_key(self.thing.name), ids)
        return replace(seen, version=None)

    def closed(self, status=CertificateStatus.INACTIVE):
        return replace(self.certificate, status=status)


@pytest.fixture
def actor(ports, name):
    return Actor(ports.registry, name)


def test_name_that_nobody_used_is_not_there(actor):
    assert actor.seen() == Present()


def test_new_device_is_seen_whole_after_its_four_calls(actor):
    actor.do(
        Verb.REGISTER_CERTIFICATE,
        Verb.CREATE_THING,
        Verb.ATTACH_CERTIFICATE,
        Verb.ADD_TO_GROUP,
    )
    whole = Present(
        replace(actor.thing, groups=(FLEET,)),
        (actor.certificate,),
        frozenset({actor.certificate.certificate_id}),
    )
    assert actor.seen() == whole
    seen = actor.registry.observe(thing_key(actor.thing.name))
    assert replace(seen, version=None) == whole


def test_creating_the_same_thing_again_changes_nothing(actor):
    actor.do(Verb.CREATE_THING, Verb.ADD_TO_GROUP, Verb.CREATE_THING)
    assert actor.seen().thing == replace(actor.thing, groups=(FLEET,))


@pytest.mark.parametrize(
    "change", [{"attributes": (("model", "x2"),)}, {"type_name": GATEWAY}]
)
def test_creating_another_thing_of_the_same_name_is_a_conflict(actor, change):
    actor.do(Verb.CREATE_THING)
    with pytest.raises(ConflictError):
        actor.do(Verb.CREATE_THING, thing=replace(actor.thing, **change))
    assert actor.seen().thing == actor.thing


@pytest.mark.parametrize(
    "change",
    [
        {"attributes": (("model", "x2"),)},
        {"attributes": ()},
        {"type_name": GATEWAY},
        {"type_name": None},
    ],
)
def test_update_replaces_type_and_all_attributes_and_keeps_groups(actor, change):
    actor.do(Verb.CREATE_THING, Verb.ADD_TO_GROUP)
    wanted = replace(actor.thing, **change)
    actor.do(Verb.UPDATE_THING, thing=wanted)
    assert actor.seen().thing == replace(wanted, groups=(FLEET,))


@pytest.mark.parametrize(
    "verb", [Verb.UPDATE_THING, Verb.UPDATE_CERTIFICATE, Verb.ADD_TO_GROUP]
)
def test_what_is_not_there_cannot_be_changed(actor, verb):
    with pytest.raises(NotFoundError):
        actor.do(verb)
    assert actor.seen() == Present()


@pytest.mark.parametrize("status", list(CertificateStatus))
def test_certificate_is_registered_with_the_status_of_its_record(actor, status):
    actor.certificate = actor.closed(status)
    actor.do(Verb.REGISTER_CERTIFICATE)
    assert actor.seen().certificates == (actor.certificate,)


def test_registering_again_is_a_conflict_and_keeps_the_status(actor):
    actor.do(Verb.REGISTER_CERTIFICATE)
    with pytest.raises(ConflictError):
        actor.do(Verb.REGISTER_CERTIFICATE, certificate=actor.closed())
    assert actor.seen().certificates == (actor.certificate,)


@pytest.mark.parametrize("body", [None, "no base64 at all", "ü"])
def test_certificate_that_does_not_hash_to_its_id_is_refused(actor, body):
    pem = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----"
    if body is None:
        pem = make_certificate().pem
    forged = Certificate(actor.certificate.certificate_id, pem)
    with pytest.raises(InvalidInputError):
        actor.do(Verb.REGISTER_CERTIFICATE, certificate=forged)
    assert actor.seen() == Present()


def test_status_can_be_set_and_set_again(actor):
    actor.do(Verb.REGISTER_CERTIFICATE)
    for status in (*CertificateStatus, CertificateStatus.REVOKED):
        wanted = actor.closed(status)
        actor.do(Verb.UPDATE_CERTIFICATE, certificate=wanted)
        assert actor.seen().certificates == (wanted,)


@pytest.mark.parametrize("there", [Verb.CREATE_THING, Verb.REGISTER_CERTIFICATE])
def test_attaching_needs_both_thing_and_certificate(actor, there):
    actor.do(there)
    with pytest.raises(NotFoundError):
        actor.do(Verb.ATTACH_CERTIFICATE)
    assert actor.seen().attached == frozenset()


def test_attaching_and_joining_again_change_nothing(actor):
    actor.do(Verb.REGISTER_CERTIFICATE, Verb.CREATE_THING)
    actor.do(Verb.ATTACH_CERTIFICATE, Verb.ADD_TO_GROUP)
    before = actor.seen()
    actor.do(Verb.ATTACH_CERTIFICATE, Verb.ADD_TO_GROUP)
    assert actor.seen() == before


def test_second_certificate_is_attached_beside_the_first(actor):
    first, second = actor.certificate, make_certificate()
    actor.do(Verb.REGISTER_CERTIFICATE, Verb.CREATE_THING, Verb.ATTACH_CERTIFICATE)
    actor.do(Verb.REGISTER_CERTIFICATE, certificate=second)
    actor.do(Verb.ATTACH_CERTIFICATE, certificate=second)
    ids = frozenset({first.certificate_id, second.certificate_id})
    assert actor.seen().attached == ids


def test_group_that_is_not_there_cannot_be_joined(actor):
    actor.do(Verb.CREATE_THING)
    with pytest.raises(NotFoundError):
        actor.do(Verb.ADD_TO_GROUP, group="nowhere")
    assert actor.seen().thing == actor.thing


def test_leaving_one_group_keeps_the_others_and_can_be_repeated(actor):
    actor.do(Verb.CREATE_THING, Verb.ADD_TO_GROUP)
    actor.do(Verb.ADD_TO_GROUP, group=HALL)
    assert actor.seen().thing.groups == (FLEET, HALL)
    actor.do(Verb.REMOVE_FROM_GROUP, Verb.REMOVE_FROM_GROUP)
    assert actor.seen().thing.groups == (HALL,)


def test_detaching_can_be_repeated_and_keeps_the_certificate(actor):
    actor.do(Verb.REGISTER_CERTIFICATE, Verb.CREATE_THING, Verb.ATTACH_CERTIFICATE)
    actor.do(Verb.DETACH_CERTIFICATE, Verb.DETACH_CERTIFICATE)
    seen = actor.seen()
    assert (seen.attached, seen.certificates) == (frozenset(), (actor.certificate,))


def test_active_certificate_cannot_be_deleted(actor):
    actor.do(Verb.REGISTER_CERTIFICATE)
    with pytest.raises(ConflictError):
        actor.do(Verb.DELETE_CERTIFICATE)
    assert actor.seen().certificates == (actor.certificate,)


def test_attached_certificate_cannot_be_deleted_even_when_it_is_closed(actor):
    actor.do(Verb.REGISTER_CERTIFICATE, Verb.CREATE_THING, Verb.ATTACH_CERTIFICATE)
    actor.do(Verb.UPDATE_CERTIFICATE, certificate=actor.closed())
    with pytest.raises(ConflictError):
        actor.do(Verb.DELETE_CERTIFICATE)
    assert actor.seen().certificates == (actor.closed(),)


def test_thing_with_a_certificate_cannot_be_deleted(actor):
    actor.do(Verb.REGISTER_CERTIFICATE, Verb.CREATE_THING, Verb.ATTACH_CERTIFICATE)
    with pytest.raises(ConflictError):
        actor.do(Verb.DELETE_THING)
    assert actor.seen().thing == actor.thing


def test_closed_and_detached_device_can_be_deleted_twice(actor):
    actor.do(Verb.REGISTER_CERTIFICATE, Verb.CREATE_THING, Verb.ADD_TO_GROUP)
    actor.do(Verb.UPDATE_CERTIFICATE, certificate=actor.closed())
    for _ in range(2):
        actor.do(Verb.DELETE_CERTIFICATE, Verb.DELETE_THING)
        assert actor.seen() == Present()


def test_thing_made_again_is_in_no_group_of_its_former_life(actor):
    actor.do(Verb.CREATE_THING, Verb.ADD_TO_GROUP, Verb.DELETE_THING)
    actor.do(Verb.CREATE_THING)
    assert actor.seen().thing == actor.thing


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["p256", "p384", "rsa2048"],
)
def test_strong_key_gets_an_active_certificate_named_by_its_hash(ports, key):
    given = ports.registry.issue(make_csr(key))
    lines = given.pem.strip().splitlines()
    der = base64.b64decode("".join(lines[1:-1]))
    assert hashlib.sha256(der).hexdigest() == given.certificate_id
    assert given.status is CertificateStatus.ACTIVE
    seen = ports.registry.observe(thing_key("nobody"), (given.certificate_id,))
    assert seen == Present(certificates=(given,))


def test_same_request_gives_a_second_certificate(ports):
    made = device_key.make("oven")
    first, second = (ports.registry.issue(made.csr_pem) for _ in range(2))
    assert first.certificate_id != second.certificate_id


def tampered():
    lines = device_key.make("oven").csr_pem.strip().splitlines()
    der = base64.b64decode("".join(lines[1:-1])).replace(b"oven", b"even")
    body = base64.encodebytes(der).decode()
    return f"{lines[0]}\n{body}{lines[-1]}\n"


@pytest.mark.parametrize(
    "request_pem",
    [
        "",
        "ü\ud800",
        "-----BEGIN CERTIFICATE REQUEST-----\nx\n-----END CERTIFICATE REQUEST-----",
        make_csr(rsa.generate_private_key(65537, 1024)),
        make_csr(ec.generate_private_key(ec.SECP256K1())),
        make_csr(ed25519.Ed25519PrivateKey.generate(), None),
        tampered(),
    ],
    ids=["empty", "no text", "no request", "rsa1024", "curve", "ed25519", "tampered"],
)
def test_request_that_is_none_or_too_weak_is_refused(ports, request_pem):
    with pytest.raises(InvalidInputError):
        ports.registry.issue(request_pem)


def test_silent_region_is_unreachable_and_never_empty(ports_cut_off, name):
    registry = ports_cut_off.registry
    with pytest.raises(UnreachableError):
        registry.observe(thing_key(name), ())
    with pytest.raises(UnreachableError):
        registry.issue(device_key.make(name).csr_pem)
    for verb in THING_VERBS:
        with pytest.raises(UnreachableError):
            Actor(registry, name).do(verb)
