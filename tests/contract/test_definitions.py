"""What things share, in memory and in a real Region alike.

Thing types, thing groups, policies and CA certificates: every call about them.
"""

import datetime as dt
import hashlib
import json
from dataclasses import dataclass, replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.contract.world import (
    ACCOUNT,
    fresh_name,
    local_ports,
    make_certificate,
)

from hotsite.core.registry import (
    CaCertificate,
    Key,
    Kind,
    Policy,
    Thing,
    ThingGroup,
    ThingType,
    thing_key,
)
from hotsite.core.replication import Present, Step, Verb
from hotsite.core.replication.shadows import canonical
from hotsite.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnreachableError,
)

KINDS = {
    ThingType: Kind.THING_TYPE,
    ThingGroup: Kind.THING_GROUP,
    Policy: Kind.POLICY,
    CaCertificate: Kind.CA_CERTIFICATE,
    Thing: Kind.THING,
}


@dataclass(frozen=True)
class Hands:
    """Makes calls about whatever body it is given."""

    registry: object

    def do(self, verb, body, **more):
        key = Key(KINDS[type(body)], body.name)
        self.registry.perform(Step(verb, key, body, **more))

    def seen(self, body):
        return self.registry.observe(Key(KINDS[type(body)], body.name))

    def body(self, body):
        return self.seen(body).body


@pytest.fixture
def hands(ports):
    return Hands(ports.registry)


def make_policy(name, *actions):
    """A policy in the record's form: no Region and no account in it."""
    resource = "arn:aws:iot:{{region}}:{{account}}:client/${iot:ClientId}"
    statement = {
        "Effect": "Allow",
        "Action": list(actions or ("iot:Connect",)),
        "Resource": resource,
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return Policy(name, canonical(document))


def make_ca(**changes):
    """A self-signed CA certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, fresh_name())])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    der = made.public_bytes(serialization.Encoding.DER)
    return replace(CaCertificate(hashlib.sha256(der).hexdigest(), pem), **changes)


# Thing types.


@pytest.mark.parametrize("searchable", [(), ("batch", "model")])
def test_type_is_seen_as_it_was_made_and_making_it_again_is_fine(
    hands, name, searchable
):
    wanted = ThingType(name, "An oven.", searchable)
    for _ in range(2):
        hands.do(Verb.CREATE_THING_TYPE, wanted)
        assert hands.body(wanted) == wanted


def test_type_of_the_same_name_that_differs_is_a_conflict(hands, name):
    wanted = ThingType(name, "An oven.", ("model",))
    hands.do(Verb.CREATE_THING_TYPE, wanted)
    with pytest.raises(ConflictError):
        hands.do(Verb.CREATE_THING_TYPE, replace(wanted, searchable=("batch",)))
    assert hands.body(wanted) == wanted


def test_deprecated_type_takes_no_new_things_until_that_is_undone(hands, name):
    old = ThingType(name, is_deprecated=True)
    thing = Thing(f"{name}-thing", name)
    hands.do(Verb.CREATE_THING_TYPE, old)
    hands.do(Verb.DEPRECATE_THING_TYPE, old)
    assert hands.body(old) == old
    with pytest.raises(InvalidInputError):
        hands.do(Verb.CREATE_THING, thing)
    hands.do(Verb.DEPRECATE_THING_TYPE, replace(old, is_deprecated=False))
    hands.do(Verb.CREATE_THING, thing)
    assert hands.body(old) == replace(old, is_deprecated=False)


def test_type_that_is_not_there_cannot_be_deprecated(hands, name):
    with pytest.raises(NotFoundError):
        hands.do(Verb.DEPRECATE_THING_TYPE, ThingType(name, is_deprecated=True))
    with pytest.raises(NotFoundError):
        hands.do(Verb.CREATE_THING, Thing(f"{name}-thing", name))


def test_type_goes_when_it_is_deprecated_and_unused_and_can_go_twice(
    ports, hands, name
):
    old, thing = ThingType(name, is_deprecated=True), Thing(f"{name}-thing", name)
    hands.do(Verb.CREATE_THING_TYPE, old)
    hands.do(Verb.CREATE_THING, thing)
    with pytest.raises(ConflictError):
        hands.do(Verb.DELETE_THING_TYPE, old)
    hands.do(Verb.DEPRECATE_THING_TYPE, old)
    with pytest.raises(ConflictError):
        hands.do(Verb.DELETE_THING_TYPE, old)
    hands.do(Verb.DELETE_THING, thing)
    ports.eventually(lambda: goes(hands, Verb.DELETE_THING_TYPE, old))
    assert hands.seen(old) == Present()
    hands.do(Verb.DELETE_THING_TYPE, old)


def goes(hands, verb, body, **more):
    """Say whether something could be deleted, that may take its time."""
    try:
        hands.do(verb, body, **more)
    except ConflictError:
        return False
    return True


# Thing groups.


def test_group_is_seen_whole_below_its_parent(hands, name):
    parent = ThingGroup(name)
    wanted = ThingGroup(f"{name}-1", name, "Ground floor", (("floor", "0"),))
    for group in (parent, wanted, wanted):
        hands.do(Verb.CREATE_THING_GROUP, group)
    assert hands.body(parent) == parent
    seen = hands.seen(wanted)
    assert (seen.body, seen.version) == (wanted, 1)


@pytest.mark.parametrize(
    "change", [{"description": "Attic"}, {"attributes": ()}, {"parent": None}]
)
def test_group_of_the_same_name_that_differs_is_a_conflict(hands, name, change):
    wanted = ThingGroup(f"{name}-1", name, "Ground floor", (("floor", "0"),))
    hands.do(Verb.CREATE_THING_GROUP, ThingGroup(name))
    hands.do(Verb.CREATE_THING_GROUP, wanted)
    with pytest.raises(ConflictError):
        hands.do(Verb.CREATE_THING_GROUP, replace(wanted, **change))
    assert hands.body(wanted) == wanted


def test_group_whose_parent_is_missing_needs_it_first(hands, name):
    wanted = ThingGroup(f"{name}-1", name)
    with pytest.raises(NotFoundError):
        hands.do(Verb.CREATE_THING_GROUP, wanted)
    assert hands.seen(wanted) == Present()


def test_group_update_replaces_everything_and_counts_the_version(hands, name):
    group = ThingGroup(name, None, "Hall", (("floor", "0"), ("wing", "a")))
    hands.do(Verb.CREATE_THING_GROUP, group)
    wanted = replace(group, description="", attributes=(("floor", "1"),))
    hands.do(Verb.UPDATE_THING_GROUP, wanted, expected_version=1)
    seen = hands.seen(group)
    assert (seen.body, seen.version) == (wanted, 2)
    hands.do(Verb.UPDATE_THING_GROUP, replace(wanted, attributes=()))
    assert hands.body(group) == replace(wanted, attributes=())


def test_group_step_that_was_planned_for_another_version_is_a_conflict(hands, name):
    group = ThingGroup(name)
    hands.do(Verb.CREATE_THING_GROUP, group)
    for verb in (Verb.UPDATE_THING_GROUP, Verb.DELETE_THING_GROUP):
        with pytest.raises(ConflictError):
            hands.do(verb, replace(group, description="x"), expected_version=7)
    assert hands.body(group) == group


def test_group_that_is_not_there_cannot_be_updated(hands, name):
    with pytest.raises(NotFoundError):
        hands.do(Verb.UPDATE_THING_GROUP, ThingGroup(name))


def test_group_goes_after_its_children_and_can_go_twice(hands, name):
    parent, child = ThingGroup(name), ThingGroup(f"{name}-1", name)
    for group in (parent, child):
        hands.do(Verb.CREATE_THING_GROUP, group)
    with pytest.raises(ConflictError):
        hands.do(Verb.DELETE_THING_GROUP, parent)
    for group in (child, parent, parent):
        hands.do(Verb.DELETE_THING_GROUP, group)
        assert hands.seen(group) == Present()


def test_things_leave_a_group_that_goes(hands, name):
    group, thing = ThingGroup(name), Thing(f"{name}-thing")
    hands.do(Verb.CREATE_THING_GROUP, group)
    hands.do(Verb.CREATE_THING, thing)
    hands.do(Verb.ADD_TO_GROUP, thing, target=name)
    hands.do(Verb.DELETE_THING_GROUP, group)
    assert hands.body(thing) == thing


def test_thing_is_in_one_group_of_a_hierarchy_at_most(hands, name):
    groups = [ThingGroup(name), *(ThingGroup(f"{name}-{n}", name) for n in (1, 2))]
    thing = Thing(f"{name}-thing")
    for group in groups:
        hands.do(Verb.CREATE_THING_GROUP, group)
    hands.do(Verb.CREATE_THING, thing)
    hands.do(Verb.ADD_TO_GROUP, thing, target=f"{name}-1")
    for group in (name, f"{name}-2"):
        with pytest.raises(InvalidInputError):
            hands.do(Verb.ADD_TO_GROUP, thing, target=group)
    assert hands.body(thing).groups == (f"{name}-1",)


# Policies.


def test_policy_is_read_back_in_the_form_of_the_record(hands, name):
    wanted = make_policy(name)
    hands.do(Verb.CREATE_POLICY, wanted)
    assert hands.seen(wanted) == Present(wanted)


@pytest.mark.local
def test_policy_names_the_region_that_it_is_in(region, tables, name):
    ports = local_ports(region, tables)
    Hands(ports.registry).do(Verb.CREATE_POLICY, make_policy(name))
    text = region.client("iot").get_policy(policyName=name)["policyDocument"]
    (statement,) = json.loads(text)["Statement"]
    here = f"{region.config.region}:{ACCOUNT}"
    assert statement["Resource"] == f"arn:aws:iot:{here}:client/${{iot:ClientId}}"


def test_policy_of_the_same_name_is_a_conflict(hands, name):
    wanted = make_policy(name)
    hands.do(Verb.CREATE_POLICY, wanted)
    for policy in (wanted, make_policy(name, "iot:Publish")):
        with pytest.raises(ConflictError):
            hands.do(Verb.CREATE_POLICY, policy)
    assert hands.body(wanted) == wanted


def test_versions_of_a_policy_are_five_and_the_oldest_are_told_first(hands, name):
    policy = make_policy(name)
    hands.do(Verb.CREATE_POLICY, policy)
    for number in range(4):
        policy = make_policy(name, f"iot:Publish{number}")
        hands.do(Verb.CREATE_POLICY_VERSION, policy)
    assert hands.seen(policy) == Present(policy, versions=("1", "2", "3", "4"))
    with pytest.raises(ConflictError):
        hands.do(Verb.CREATE_POLICY_VERSION, make_policy(name))
    for _ in range(2):
        hands.do(Verb.DELETE_POLICY_VERSION, policy, target="1")
    hands.do(Verb.CREATE_POLICY_VERSION, make_policy(name))
    seen = hands.seen(policy)
    assert seen == Present(make_policy(name), versions=("2", "3", "4", "5"))


def test_default_version_of_a_policy_cannot_be_deleted(hands, name):
    hands.do(Verb.CREATE_POLICY, make_policy(name))
    with pytest.raises(ConflictError):
        hands.do(Verb.DELETE_POLICY_VERSION, make_policy(name), target="1")


def test_policy_that_is_not_there_gets_no_version(hands, name):
    with pytest.raises(NotFoundError):
        hands.do(Verb.CREATE_POLICY_VERSION, make_policy(name))


def test_policy_goes_without_versions_and_attachments_and_can_go_twice(
    ports, hands, name
):
    policy, group = make_policy(name), ThingGroup(name)
    hands.do(Verb.CREATE_POLICY, policy)
    hands.do(Verb.CREATE_POLICY_VERSION, make_policy(name, "iot:Publish"))
    hands.do(Verb.CREATE_THING_GROUP, group)
    hands.do(Verb.ATTACH_POLICY, group, target=name)
    with pytest.raises(ConflictError):
        hands.do(Verb.DELETE_POLICY, policy)
    hands.do(Verb.DELETE_POLICY_VERSION, policy, target="1")
    with pytest.raises(ConflictError):
        hands.do(Verb.DELETE_POLICY, policy)
    hands.do(Verb.DETACH_POLICY, group, target=name)
    ports.eventually(lambda: goes(hands, Verb.DELETE_POLICY, policy))
    assert hands.seen(policy) == Present()
    hands.do(Verb.DELETE_POLICY, policy)


def test_policies_of_a_group_are_attached_and_detached_repeatedly(hands, name):
    group, names = ThingGroup(name), (f"{name}-1", f"{name}-2")
    hands.do(Verb.CREATE_THING_GROUP, group)
    for policy in names:
        hands.do(Verb.CREATE_POLICY, make_policy(policy))
        for _ in range(2):
            hands.do(Verb.ATTACH_POLICY, group, target=policy)
    assert hands.body(group).policies == names
    for _ in range(2):
        hands.do(Verb.DETACH_POLICY, group, target=names[0])
    assert hands.body(group).policies == names[1:]


def test_policies_of_a_certificate_are_seen_with_its_thing(ports, hands, name):
    thing, certificate = Thing(name), make_certificate()
    more = {"certificate": certificate, "target": name}
    hands.do(Verb.CREATE_POLICY, make_policy(name))
    hands.do(Verb.CREATE_THING, thing)
    hands.do(Verb.REGISTER_CERTIFICATE, thing, **more)
    hands.do(Verb.ATTACH_CERTIFICATE, thing, **more)
    hands.do(Verb.ATTACH_POLICY, thing, **more)
    (seen,) = ports.registry.observe(thing_key(name)).certificates
    assert seen == replace(certificate, policies=(name,))
    for _ in range(2):
        hands.do(Verb.DETACH_POLICY, thing, **more)
    assert ports.registry.observe(thing_key(name)).certificates == (certificate,)


def test_attaching_needs_the_policy_and_its_target(hands, name):
    group, policy = ThingGroup(name), make_policy(name)
    hands.do(Verb.CREATE_THING_GROUP, group)
    with pytest.raises(NotFoundError):
        hands.do(Verb.ATTACH_POLICY, group, target=name)
    hands.do(Verb.CREATE_POLICY, policy)
    with pytest.raises(NotFoundError):
        hands.do(Verb.ATTACH_POLICY, ThingGroup(f"{name}-2"), target=name)


# CA certificates.


@pytest.mark.parametrize("is_active", [True, False])
@pytest.mark.parametrize("registers_devices", [True, False])
def test_ca_is_registered_as_the_record_has_it(hands, is_active, registers_devices):
    wanted = make_ca(is_active=is_active, registers_devices=registers_devices)
    hands.do(Verb.REGISTER_CA_CERTIFICATE, wanted)
    assert hands.seen(wanted) == Present(wanted)
    with pytest.raises(ConflictError):
        hands.do(Verb.REGISTER_CA_CERTIFICATE, wanted)


def test_ca_is_changed_and_goes_when_it_is_inactive_and_can_go_twice(hands):
    ca = make_ca()
    hands.do(Verb.REGISTER_CA_CERTIFICATE, ca)
    with pytest.raises(ConflictError):
        hands.do(Verb.DELETE_CA_CERTIFICATE, ca)
    for change in ({"registers_devices": True}, {"is_active": False}):
        wanted = replace(ca, **change)
        hands.do(Verb.UPDATE_CA_CERTIFICATE, wanted)
        assert hands.body(ca) == wanted
    for _ in range(2):
        hands.do(Verb.DELETE_CA_CERTIFICATE, ca)
        assert hands.seen(ca) == Present()


def test_ca_that_is_not_there_cannot_be_changed(hands):
    with pytest.raises(NotFoundError):
        hands.do(Verb.UPDATE_CA_CERTIFICATE, make_ca())


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        (Verb.CREATE_THING_TYPE, ThingType("oven")),
        (Verb.DEPRECATE_THING_TYPE, ThingType("oven", is_deprecated=True)),
        (Verb.DELETE_THING_TYPE, ThingType("oven")),
        (Verb.CREATE_THING_GROUP, ThingGroup("hall")),
        (Verb.UPDATE_THING_GROUP, ThingGroup("hall")),
        (Verb.DELETE_THING_GROUP, ThingGroup("hall")),
        (Verb.ATTACH_POLICY, ThingGroup("hall")),
        (Verb.DETACH_POLICY, ThingGroup("hall")),
        (Verb.CREATE_POLICY, make_policy("fleet")),
        (Verb.CREATE_POLICY_VERSION, make_policy("fleet")),
        (Verb.DELETE_POLICY_VERSION, make_policy("fleet")),
        (Verb.DELETE_POLICY, make_policy("fleet")),
        (Verb.REGISTER_CA_CERTIFICATE, make_ca()),
        (Verb.UPDATE_CA_CERTIFICATE, make_ca()),
        (Verb.DELETE_CA_CERTIFICATE, make_ca()),
    ],
)
def test_silent_region_is_unreachable_and_never_empty(ports_cut_off, verb, body):
    hands = Hands(ports_cut_off.registry)
    with pytest.raises(UnreachableError):
        hands.do(verb, body, target="1")
    with pytest.raises(UnreachableError):
        hands.seen(body)
