"""The registry of a local Region answers boto3 as AWS IoT Core's model says."""

import itertools
import json

import pytest
from botocore.exceptions import ClientError
from tests.local.region_world import Authority, config_of, role, running

pytestmark = [pytest.mark.local, pytest.mark.timeout(60)]

NUMBERS = itertools.count(1)
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}],
    }
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def region(authority, tmp_path_factory):
    directory = tmp_path_factory.mktemp("region")
    config = config_of(authority, directory, "eu-central-1", "127.0.13.1", "a")
    with running(config) as process:
        yield process


@pytest.fixture(scope="module")
def iot(region):
    return region.client("iot")


@pytest.fixture
def name():
    return f"n{next(NUMBERS)}"


@pytest.fixture
def register(iot, authority):
    """Register a fresh certificate; its ARN and identifier."""

    def register(status="ACTIVE"):
        files = authority.device(f"device-{next(NUMBERS)}")
        answer = iot.register_certificate_without_ca(
            certificatePem=files.certificate.read_text(), status=status
        )
        return answer["certificateArn"], answer["certificateId"]

    return register


@pytest.fixture
def new_type(iot):
    def create(**properties):
        name = f"type-{next(NUMBERS)}"
        iot.create_thing_type(thingTypeName=name, thingTypeProperties=properties)
        return name

    return create


@pytest.fixture
def new_group(iot):
    def create(parent=None):
        name = f"group-{next(NUMBERS)}"
        more = {"parentGroupName": parent} if parent else {}
        iot.create_thing_group(thingGroupName=name, **more)
        return name

    return create


def refusal(call, **arguments):
    """The code and HTTP status of the error that a call gets."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)
EXISTS = ("ResourceAlreadyExistsException", 409)
CONFLICT = ("VersionConflictException", 409)
IN_USE = ("DeleteConflictException", 409)
WRONG_STATE = ("CertificateStateException", 406)


def attributes(**values):
    return {"attributePayload": {"attributes": values}}


# Things.


def test_the_same_thing_again_is_the_same_thing(iot, name):
    first = iot.create_thing(thingName=name, **attributes(a="1"))
    assert (
        iot.create_thing(thingName=name, **attributes(a="1"))["thingId"]
        == (first["thingId"])
    )
    assert refusal(iot.create_thing, thingName=name, **attributes(a="2")) == EXISTS
    assert refusal(iot.create_thing, thingName=name) == EXISTS
    described = iot.describe_thing(thingName=name)
    assert (described["thingId"], described["attributes"]) == (
        first["thingId"],
        {"a": "1"},
    )


@pytest.mark.parametrize("wrong", ["a b", "a/b", "ä", "x" * 129, "a.b"])
def test_a_thing_name_keeps_to_the_model(iot, wrong):
    assert refusal(iot.create_thing, thingName=wrong) == INVALID


@pytest.mark.parametrize(
    "values", [{"a": "two words"}, {"a": "x" * 801}, {"a b": "x"}, {"x" * 129: "x"}]
)
def test_attributes_keep_to_the_model(iot, name, values):
    assert refusal(iot.create_thing, thingName=name, **attributes(**values)) == INVALID
    assert refusal(iot.describe_thing, thingName=name) == MISSING


def test_a_thing_without_a_type_has_three_attributes_and_fifty_with_one(
    iot, name, new_type
):
    three = attributes(a="1", b="2", c="3")
    four = attributes(a="1", b="2", c="3", d="4")
    fifty, many = (
        attributes(**{f"k{n}": "v" for n in range(count)}) for count in (50, 51)
    )
    kind = new_type()
    assert refusal(iot.create_thing, thingName=name, **four) == INVALID
    iot.create_thing(thingName=name, **three)
    assert refusal(iot.update_thing, thingName=name, **four) == INVALID
    iot.update_thing(thingName=name, thingTypeName=kind, **fifty)
    assert refusal(iot.update_thing, thingName=name, **many) == INVALID
    assert refusal(iot.update_thing, thingName=name, removeThingType=True) == INVALID
    assert len(iot.describe_thing(thingName=name)["attributes"]) == 50


def test_a_thing_of_an_unknown_type_is_refused_and_nothing_changes(iot, name):
    unknown = {"thingTypeName": "unknown"}
    assert refusal(iot.create_thing, thingName=name, **unknown) == MISSING
    iot.create_thing(thingName=name, **attributes(a="1"))
    arguments = {"thingName": name, **unknown, **attributes(a="2")}
    assert refusal(iot.update_thing, **arguments) == MISSING
    assert iot.describe_thing(thingName=name)["attributes"] == {"a": "1"}


def test_an_update_raises_the_version_and_keeps_to_the_expected_one(iot, name):
    iot.create_thing(thingName=name)
    assert iot.describe_thing(thingName=name)["version"] == 1
    iot.update_thing(thingName=name, expectedVersion=1, **attributes(a="1"))
    assert iot.describe_thing(thingName=name)["version"] == 2
    stale = {"thingName": name, "expectedVersion": 1}
    assert refusal(iot.update_thing, **stale, **attributes(a="2")) == CONFLICT
    assert refusal(iot.delete_thing, **stale) == CONFLICT
    assert iot.describe_thing(thingName=name)["attributes"] == {"a": "1"}
    iot.delete_thing(thingName=name, expectedVersion=2)
    assert refusal(iot.describe_thing, thingName=name) == MISSING


def test_an_update_overwrites_or_merges_and_an_empty_value_removes(iot, name):
    def update(*, merge, **values):
        payload = {"attributes": values, "merge": merge}
        iot.update_thing(thingName=name, attributePayload=payload)
        return iot.describe_thing(thingName=name)["attributes"]

    iot.create_thing(thingName=name, **attributes(a="1", b="2"))
    assert update(merge=True, c="3", b="") == {"a": "1", "c": "3"}
    assert update(merge=False, d="4", e="") == {"d": "4"}
    assert update(merge=False) == {}


def test_an_update_sets_and_removes_the_type_and_leaves_the_attributes(
    iot, name, new_type
):
    iot.create_thing(thingName=name, **attributes(a="1"))
    kind = new_type()
    iot.update_thing(thingName=name, thingTypeName=kind)
    thing = iot.describe_thing(thingName=name)
    assert (thing["thingTypeName"], thing["attributes"]) == (kind, {"a": "1"})
    iot.update_thing(thingName=name, removeThingType=True)
    thing = iot.describe_thing(thingName=name)
    assert ("thingTypeName" in thing, thing["attributes"]) == (False, {"a": "1"})
    assert refusal(iot.update_thing, thingName="nobody") == MISSING


def test_a_thing_with_a_certificate_is_not_deleted_and_an_unknown_one_is_no_error(
    iot, name, register
):
    iot.create_thing(thingName=name)
    arn, _ = register()
    iot.attach_thing_principal(thingName=name, principal=arn)
    assert refusal(iot.delete_thing, thingName=name) == INVALID
    iot.detach_thing_principal(thingName=name, principal=arn)
    iot.delete_thing(thingName=name)
    iot.delete_thing(thingName=name)


def test_a_thing_that_is_made_again_is_a_new_one_in_no_group(
    iot, name, new_group, register
):
    group = new_group()
    first = iot.create_thing(thingName=name, **attributes(a="1"))
    iot.add_thing_to_thing_group(thingGroupName=group, thingName=name)
    iot.delete_thing(thingName=name)
    assert iot.list_things_in_thing_group(thingGroupName=group)["things"] == []
    second = iot.create_thing(thingName=name)
    assert second["thingId"] != first["thingId"]
    assert iot.list_thing_groups_for_thing(thingName=name)["thingGroups"] == []
    assert iot.describe_thing(thingName=name)["attributes"] == {}


# Thing types.


def test_the_same_thing_type_again_is_the_same_type(iot, new_type):
    properties = {"thingTypeDescription": "an oven", "searchableAttributes": ["a", "b"]}
    kind = new_type(**properties)
    described = iot.describe_thing_type(thingTypeName=kind)
    assert described["thingTypeProperties"] == properties
    again = {"thingTypeName": kind, "thingTypeProperties": properties}
    assert iot.create_thing_type(**again)["thingTypeId"] == described["thingTypeId"]
    assert refusal(iot.create_thing_type, thingTypeName=kind) == EXISTS
    changed = {"thingTypeProperties": {"thingTypeDescription": "a hob"}}
    iot.update_thing_type(thingTypeName=kind, **changed)
    described = iot.describe_thing_type(thingTypeName=kind)["thingTypeProperties"]
    assert described["thingTypeDescription"] == "a hob"


def test_a_deprecated_type_takes_no_new_things_until_it_is_restored(
    iot, name, new_type
):
    kind = new_type()
    iot.create_thing(thingName=f"{name}-old", thingTypeName=kind)
    iot.deprecate_thing_type(thingTypeName=kind)
    meta = iot.describe_thing_type(thingTypeName=kind)["thingTypeMetadata"]
    assert meta["deprecated"]
    arguments = {"thingName": name, "thingTypeName": kind}
    assert refusal(iot.create_thing, **arguments) == INVALID
    iot.create_thing(thingName=name)
    assert refusal(iot.update_thing, **arguments) == INVALID
    iot.update_thing(thingName=f"{name}-old", **attributes(a="1"))
    iot.deprecate_thing_type(thingTypeName=kind, undoDeprecate=True)
    iot.update_thing(**arguments)


def test_a_type_is_deleted_when_deprecated_unused_and_after_its_wait(
    region, iot, name, new_type
):
    kind = new_type()
    assert refusal(iot.delete_thing_type, thingTypeName=kind) == INVALID
    iot.create_thing(thingName=name, thingTypeName=kind)
    iot.deprecate_thing_type(thingTypeName=kind)
    assert refusal(iot.delete_thing_type, thingTypeName=kind) == INVALID
    iot.delete_thing(thingName=name)
    wait = {"thing_type_deletion_wait_s": 300}
    assert region.request("PUT", "/_hotsite/limits", wait)[0] == 200
    assert refusal(iot.delete_thing_type, thingTypeName=kind) == INVALID
    region.request("PUT", "/_hotsite/limits", {"thing_type_deletion_wait_s": 0})
    iot.delete_thing_type(thingTypeName=kind)
    assert refusal(iot.describe_thing_type, thingTypeName=kind) == MISSING


# Thing groups.


def test_a_group_tells_its_parents_and_the_same_group_again_is_the_same(iot, new_group):
    root = new_group()
    middle = new_group(root)
    leaf = new_group(middle)
    described = iot.describe_thing_group(thingGroupName=leaf)
    metadata = described["thingGroupMetadata"]
    assert metadata["parentGroupName"] == middle
    chain = [one["groupName"] for one in metadata["rootToParentThingGroups"]]
    assert chain == [root, middle]
    assert metadata["creationDate"]
    top = iot.describe_thing_group(thingGroupName=root)["thingGroupMetadata"]
    assert "parentGroupName" not in top
    again = iot.create_thing_group(thingGroupName=leaf, parentGroupName=middle)
    assert again["thingGroupId"] == described["thingGroupId"]
    other = {"thingGroupName": leaf, "parentGroupName": root}
    assert refusal(iot.create_thing_group, **other) == EXISTS
    orphan = {"thingGroupName": "orphan", "parentGroupName": "nobody"}
    assert refusal(iot.create_thing_group, **orphan) == INVALID
    assert refusal(iot.describe_thing_group, thingGroupName="nobody") == MISSING


def test_a_hierarchy_has_seven_levels(iot, new_group):
    group = None
    for _level in range(7):
        group = new_group(group)
    arguments = {"thingGroupName": "too-deep", "parentGroupName": group}
    assert refusal(iot.create_thing_group, **arguments) == INVALID


def test_a_group_update_raises_the_version_and_keeps_to_the_expected_one(
    iot, new_group
):
    group = new_group()

    def update(**more):
        payload = {"attributes": {"b": "2"}, "merge": more.pop("merge", False)}
        properties = {"thingGroupDescription": "d", "attributePayload": payload}
        arguments = {"thingGroupName": group, "thingGroupProperties": properties}
        return iot.update_thing_group(**arguments, **more)["version"]

    first = {"attributePayload": {"attributes": {"a": "1"}}}
    iot.update_thing_group(thingGroupName=group, thingGroupProperties=first)
    assert update(expectedVersion=2, merge=True) == 3
    described = iot.describe_thing_group(thingGroupName=group)
    properties = described["thingGroupProperties"]
    assert properties["attributePayload"]["attributes"] == {"a": "1", "b": "2"}
    assert properties["thingGroupDescription"] == "d"
    update()
    described = iot.describe_thing_group(thingGroupName=group)
    properties = described["thingGroupProperties"]
    assert properties["attributePayload"]["attributes"] == {"b": "2"}
    assert refusal(update, expectedVersion=2) == CONFLICT
    stale = {"thingGroupName": group, "expectedVersion": 2}
    assert refusal(iot.delete_thing_group, **stale) == CONFLICT


def test_a_group_with_children_is_not_deleted_and_takes_its_attachments_along(
    iot, name, new_group
):
    root = new_group()
    child = new_group(root)
    iot.create_policy(policyName=name, policyDocument=POLICY)
    arn = iot.describe_thing_group(thingGroupName=child)["thingGroupArn"]
    iot.attach_policy(policyName=name, target=arn)
    assert refusal(iot.delete_thing_group, thingGroupName=root) == INVALID
    iot.delete_thing_group(thingGroupName=child)
    assert iot.list_targets_for_policy(policyName=name)["targets"] == []
    iot.delete_thing_group(thingGroupName=root)
    iot.delete_thing_group(thingGroupName=root)


def test_groups_are_listed_by_parent_by_prefix_and_recursively(iot, new_group):
    root = new_group()
    child = new_group(root)
    grandchild = new_group(child)

    def names(**filters):
        pages = iot.get_paginator("list_thing_groups").paginate(**filters)
        return [one["groupName"] for page in pages for one in page["thingGroups"]]

    assert names(parentGroup=root) == [child]
    assert set(names(parentGroup=root, recursive=True)) == {child, grandchild}
    assert names(namePrefixFilter=grandchild) == [grandchild]
    assert {root, child, grandchild} <= set(names())
    assert child not in names(recursive=False)
    assert refusal(iot.list_thing_groups, parentGroup="nobody") == MISSING


def test_things_of_a_group_are_listed_with_those_of_its_children(iot, name, new_group):
    root = new_group()
    leaf = new_group(new_group(root))
    iot.create_thing(thingName=name)
    iot.add_thing_to_thing_group(thingGroupName=leaf, thingName=name)
    listed = iot.list_things_in_thing_group
    assert listed(thingGroupName=root)["things"] == []
    assert listed(thingGroupName=root, recursive=True)["things"] == [name]
    assert refusal(listed, thingGroupName="nobody", recursive=True) == MISSING


def test_a_thing_is_in_one_group_of_a_hierarchy_and_in_ten_at_most(
    iot, name, new_group
):
    root = new_group()
    left, right = new_group(root), new_group(root)
    iot.create_thing(thingName=name)
    iot.add_thing_to_thing_group(thingGroupName=left, thingName=name)
    iot.add_thing_to_thing_group(thingGroupName=left, thingName=name)
    for group in (right, root):
        arguments = {"thingGroupName": group, "thingName": name}
        assert refusal(iot.add_thing_to_thing_group, **arguments) == INVALID
    for _number in range(9):
        iot.add_thing_to_thing_group(thingGroupName=new_group(), thingName=name)
    eleventh = {"thingGroupName": new_group(), "thingName": name}
    assert refusal(iot.add_thing_to_thing_group, **eleventh) == INVALID
    assert len(iot.list_thing_groups_for_thing(thingName=name)["thingGroups"]) == 10


def test_several_memberships_change_at_once_or_not_at_all(iot, name, new_group):
    root, other = new_group(), new_group()
    left, right = new_group(root), new_group(root)
    iot.create_thing(thingName=name)

    def groups():
        answer = iot.list_thing_groups_for_thing(thingName=name)["thingGroups"]
        return {one["groupName"] for one in answer}

    change = iot.update_thing_groups_for_thing
    change(thingName=name, thingGroupsToAdd=[left, other])
    assert groups() == {left, other}
    arguments = {"thingName": name, "thingGroupsToAdd": [right]}
    assert refusal(change, **arguments) == INVALID
    change(**arguments, thingGroupsToRemove=[left])
    assert groups() == {right, other}
    missing = {"thingName": name, "thingGroupsToAdd": [root, "nobody"]}
    assert refusal(change, **missing, thingGroupsToRemove=[right]) == MISSING
    assert groups() == {right, other}
    things = iot.list_things_in_thing_group(thingGroupName=left)["things"]
    assert things == []


# Policies.


@pytest.mark.parametrize(
    "document",
    [
        "{nope",
        "[]",
        "{}",
        '{"Version": "2012-10-17", "Statement": []}',
        POLICY.replace("Allow", "Maybe"),
        POLICY.replace("2012-10-17", "2013-10-17"),
        POLICY.replace("iot:Connect", "iot:" + "x" * 2048),
    ],
)
def test_a_document_that_is_no_policy_is_refused(iot, name, document):
    malformed = ("MalformedPolicyException", 400)
    arguments = {"policyName": name, "policyDocument": document}
    assert refusal(iot.create_policy, **arguments) == malformed
    iot.create_policy(policyName=name, policyDocument=POLICY)
    assert refusal(iot.create_policy_version, **arguments) == malformed
    iot.delete_policy(policyName=name)


def test_whitespace_does_not_count_and_a_policy_name_keeps_to_its_own_pattern(iot):
    wide = POLICY.replace(" ", " " * 600)
    assert len(wide) > 2048
    iot.create_policy(policyName="a+b=c,d.e@f-g", policyDocument=wide)
    assert iot.get_policy(policyName="a+b=c,d.e@f-g")["policyDocument"] == wide
    wrong = {"policyName": "a:b", "policyDocument": POLICY}
    assert refusal(iot.create_policy, **wrong) == INVALID


def test_a_policy_has_five_versions_and_keeps_its_default(iot, name):
    iot.create_policy(policyName=name, policyDocument=POLICY)
    twice = {"policyName": name, "policyDocument": POLICY}
    assert refusal(iot.create_policy, **twice) == EXISTS
    for number in range(2, 6):
        version = iot.create_policy_version(**twice, setAsDefault=number == 3)
        assert version["policyVersionId"] == str(number)
    assert iot.get_policy(policyName=name)["defaultVersionId"] == "3"
    assert refusal(iot.create_policy_version, **twice) == (
        "VersionsLimitExceededException",
        409,
    )
    default = {"policyName": name, "policyVersionId": "3"}
    assert refusal(iot.delete_policy_version, **default) == IN_USE
    iot.set_default_policy_version(policyName=name, policyVersionId="5")
    assert refusal(iot.delete_policy, policyName=name) == IN_USE
    for version in "1234":
        iot.delete_policy_version(policyName=name, policyVersionId=version)
    iot.delete_policy(policyName=name)
    assert refusal(iot.get_policy, policyName=name) == MISSING


def test_an_attached_policy_is_not_deleted(iot, name, register):
    iot.create_policy(policyName=name, policyDocument=POLICY)
    arn, _ = register()
    iot.attach_policy(policyName=name, target=arn)
    iot.attach_policy(policyName=name, target=arn)
    assert iot.list_targets_for_policy(policyName=name)["targets"] == [arn]
    assert refusal(iot.delete_policy, policyName=name) == IN_USE
    iot.detach_policy(policyName=name, target=arn)
    iot.delete_policy(policyName=name)


def test_a_certificate_has_ten_policies_and_a_group_inherits(
    iot, name, register, new_group
):
    arn, _ = register()
    for number in range(11):
        policy = f"{name}-{number}"
        iot.create_policy(policyName=policy, policyDocument=POLICY)
        if number < 10:
            iot.attach_policy(policyName=policy, target=arn)
    eleventh = {"policyName": f"{name}-10", "target": arn}
    assert refusal(iot.attach_policy, **eleventh) == ("LimitExceededException", 410)
    root = new_group()
    child = new_group(root)
    root_arn, child_arn = (
        iot.describe_thing_group(thingGroupName=one)["thingGroupArn"]
        for one in (root, child)
    )
    iot.attach_policy(policyName=f"{name}-1", target=root_arn)
    iot.attach_policy(policyName=f"{name}-2", target=child_arn)

    def policies(**more):
        answer = iot.list_attached_policies(target=child_arn, **more)
        return {one["policyName"] for one in answer["policies"]}

    assert policies() == {f"{name}-2"}
    assert policies(recursive=True) == {f"{name}-1", f"{name}-2"}


# Certificates.


def test_a_certificate_changes_status_but_not_to_an_internal_one(iot, register):
    _, identifier = register("INACTIVE")
    update = iot.update_certificate
    for status in ("ACTIVE", "ACTIVE", "INACTIVE", "REVOKED", "ACTIVE"):
        update(certificateId=identifier, newStatus=status)
        described = iot.describe_certificate(certificateId=identifier)
        assert described["certificateDescription"]["status"] == status
    for status in ("PENDING_TRANSFER", "PENDING_ACTIVATION"):
        arguments = {"certificateId": identifier, "newStatus": status}
        assert refusal(update, **arguments) == WRONG_STATE
    assert refusal(update, certificateId="f" * 64, newStatus="ACTIVE") == MISSING


def test_a_certificate_registered_as_revoked_is_never_active(iot, register):
    _, identifier = register("REVOKED")
    arguments = {"certificateId": identifier, "newStatus": "ACTIVE"}
    assert refusal(iot.update_certificate, **arguments) == WRONG_STATE
    iot.update_certificate(certificateId=identifier, newStatus="REVOKED")
    described = iot.describe_certificate(certificateId=identifier)
    assert described["certificateDescription"]["status"] == "REVOKED"


def test_a_certificate_describes_its_mode_and_validity(iot, register):
    _, identifier = register()
    described = iot.describe_certificate(certificateId=identifier)
    description = described["certificateDescription"]
    assert description["certificateMode"] == "SNI_ONLY"
    validity = description["validity"]
    assert (validity["notAfter"] - validity["notBefore"]).days == 39


def test_a_certificate_in_use_is_not_deleted(iot, name, register):
    arn, identifier = register()
    delete = iot.delete_certificate
    assert refusal(delete, certificateId=identifier) == WRONG_STATE
    iot.update_certificate(certificateId=identifier, newStatus="INACTIVE")
    iot.create_thing(thingName=name)
    iot.attach_thing_principal(thingName=name, principal=arn)
    forced = {"certificateId": identifier, "forceDelete": True}
    assert refusal(delete, **forced) == IN_USE
    iot.detach_thing_principal(thingName=name, principal=arn)
    iot.create_policy(policyName=name, policyDocument=POLICY)
    iot.attach_policy(policyName=name, target=arn)
    assert refusal(delete, certificateId=identifier) == IN_USE
    delete(**forced)
    assert refusal(iot.describe_certificate, certificateId=identifier) == MISSING
    assert iot.list_targets_for_policy(policyName=name)["targets"] == []


def test_an_exclusive_certificate_belongs_to_one_thing(iot, name, register):
    exclusive, shared = register()[0], register()[0]
    for one in (name, f"{name}-other"):
        iot.create_thing(thingName=one)
    attach = iot.attach_thing_principal
    kind = {"thingPrincipalType": "EXCLUSIVE_THING"}
    attach(thingName=name, principal=exclusive, **kind)
    attach(thingName=name, principal=shared)
    other = {"thingName": f"{name}-other", "principal": exclusive}
    assert refusal(attach, **other) == INVALID
    attach(thingName=f"{name}-other", principal=shared)
    assert refusal(attach, thingName=name, principal=shared, **kind) == INVALID

    def listed(**more):
        answer = iot.list_thing_principals_v2(thingName=name, **more)
        return {
            one["principal"]: one["thingPrincipalType"]
            for one in answer["thingPrincipalObjects"]
        }

    assert listed() == {exclusive: "EXCLUSIVE_THING", shared: "NON_EXCLUSIVE_THING"}
    assert listed(**kind) == {exclusive: "EXCLUSIVE_THING"}
    things = iot.list_principal_things_v2(principal=shared)["principalThingObjects"]
    assert [one["thingName"] for one in things] == [name, f"{name}-other"]
    plain = iot.list_principal_things(principal=shared)["things"]
    assert plain == [name, f"{name}-other"]


def test_a_certification_authority_is_registered_changed_and_deleted(iot, tmp_path):
    text = Authority(tmp_path).path.read_text()
    arguments = {"caCertificate": text, "certificateMode": "SNI_ONLY"}
    answer = iot.register_ca_certificate(**arguments, setAsActive=True)
    identifier = {"certificateId": answer["certificateId"]}
    assert refusal(iot.register_ca_certificate, **arguments) == EXISTS
    described = iot.describe_ca_certificate(**identifier)["certificateDescription"]
    assert described["certificateMode"] == "SNI_ONLY"
    assert described["autoRegistrationStatus"] == "DISABLE"
    assert refusal(iot.delete_ca_certificate, **identifier) == WRONG_STATE
    changes = {"newStatus": "INACTIVE", "newAutoRegistrationStatus": "ENABLE"}
    iot.update_ca_certificate(**identifier, **changes)
    described = iot.describe_ca_certificate(**identifier)["certificateDescription"]
    assert (described["status"], described["autoRegistrationStatus"]) == (
        "INACTIVE",
        "ENABLE",
    )
    listed = iot.list_ca_certificates()["certificates"]
    assert answer["certificateId"] in [one["certificateId"] for one in listed]
    iot.delete_ca_certificate(**identifier)
    assert refusal(iot.describe_ca_certificate, **identifier) == MISSING


@pytest.mark.parametrize(
    ("action", "operation", "arguments"),
    [
        ("ListThingPrincipals", "list_thing_principals_v2", {"thingName": "allowed"}),
        ("UpdateThingType", "update_thing_type", {"thingTypeName": "allowed"}),
        (
            "UpdateThingGroupsForThing",
            "update_thing_groups_for_thing",
            {"thingName": "allowed"},
        ),
    ],
)
def test_a_role_needs_the_documented_permission(
    region, iot, action, operation, arguments
):
    iot.create_thing(thingName="allowed")
    iot.create_thing_type(thingTypeName="allowed")

    def call(name, permission):
        arn = role(region, f"{name}-{action}", "lambda", permission)
        session = region.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")
        keys = session["Credentials"]
        client = region.client(
            "iot",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        more = {"thingTypeProperties": {}} if "Type" in action else {}
        return getattr(client, operation)(**arguments, **more)

    assert call("may", f"iot:{action}")
    denied = ("AccessDeniedException", 403)
    assert refusal(call, name="may-not", permission="iot:GetPolicy") == denied
