"""Every list of the registry comes in pages, as boto3's own paginators ask."""

import json

import pytest
from botocore.exceptions import ClientError
from tests.local.region_world import Authority, config_of, running

pytestmark = [pytest.mark.local, pytest.mark.timeout(60)]

MANY = 30
THINGS = [f"thing-{number:02}" for number in range(MANY)]
# Descending: no list follows the order of creation by accident.
POLICIES = [f"policy-{number:02}" for number in reversed(range(MANY))]
GROUPS = [f"group-{number:02}" for number in range(MANY)]
TYPES = [f"type-{number:02}" for number in range(MANY)]
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
def iot(authority, tmp_path_factory):
    directory = tmp_path_factory.mktemp("region")
    config = config_of(authority, directory, "eu-central-1", "127.0.13.3", "a")
    with running(config) as process:
        client = process.client("iot")
        for kind in TYPES:
            client.create_thing_type(thingTypeName=kind)
        for thing, group in zip(THINGS, GROUPS, strict=True):
            payload = {"attributes": {"serial": thing}}
            client.create_thing(thingName=thing, attributePayload=payload)
            client.create_thing_group(thingGroupName=group)
            client.add_thing_to_thing_group(thingGroupName=GROUPS[0], thingName=thing)
        yield client


@pytest.fixture(scope="module")
def certificates(iot, authority):
    """The ARNs of as many certificates, all attached to the first thing."""
    arns = []
    for number in range(MANY):
        files = authority.device(f"device-{number}")
        answer = iot.register_certificate_without_ca(
            certificatePem=files.certificate.read_text(),
            status="ACTIVE" if number % 2 else "REVOKED",
        )
        arns.append(answer["certificateArn"])
        iot.attach_thing_principal(thingName=THINGS[0], principal=arns[-1])
    return arns


@pytest.fixture(scope="module")
def policies(iot, certificates):
    for policy in POLICIES:
        iot.create_policy(policyName=policy, policyDocument=POLICY)
    for arn in certificates:
        iot.attach_policy(policyName=POLICIES[0], target=arn)
        iot.attach_thing_principal(thingName=THINGS[1], principal=arn)
    return POLICIES


def pages(iot, operation, entries, size=7, **arguments):
    """The entries of each page."""
    paginator = iot.get_paginator(operation)
    configuration = {"PageSize": size} if size else {}
    answers = paginator.paginate(**arguments, PaginationConfig=configuration)
    return [answer[entries] for answer in answers]


def names(found, name):
    return [entry[name] for page in found for entry in page]


@pytest.mark.parametrize(
    ("listing", "expected"),
    [
        (("list_things", "things", "thingName"), THINGS),
        (("list_thing_types", "thingTypes", "thingTypeName"), TYPES),
        (("list_thing_groups", "thingGroups", "groupName"), GROUPS),
        (("list_policies", "policies", "policyName"), sorted(POLICIES)),
    ],
)
def test_every_entry_is_listed_once_in_pages_of_the_size_asked_for(
    iot, policies, listing, expected
):
    operation, entries, name = listing
    found = pages(iot, operation, entries)
    assert [len(page) for page in found] == [7, 7, 7, 7, 2]
    assert names(found, name) == expected
    assert [len(page) for page in pages(iot, operation, entries, 0)] == [25, 5]
    assert len(pages(iot, operation, entries, 30)) == 1


def test_the_members_of_a_group_and_the_groups_of_a_thing_come_in_pages(iot):
    found = pages(iot, "list_things_in_thing_group", "things", thingGroupName=GROUPS[0])
    assert [thing for page in found for thing in page] == THINGS
    for group in GROUPS[1:10]:
        iot.add_thing_to_thing_group(thingGroupName=group, thingName=THINGS[0])
    found = pages(
        iot, "list_thing_groups_for_thing", "thingGroups", thingName=THINGS[0]
    )
    assert names(found, "groupName") == GROUPS[:10]
    assert len(found) == 2


def test_certificates_are_listed_with_their_status_in_either_order(iot, certificates):
    found = pages(iot, "list_certificates", "certificates")
    statuses = names(found, "status")
    assert (statuses.count("ACTIVE"), statuses.count("REVOKED")) == (15, 15)
    descending = names(found, "certificateArn")
    assert sorted(descending) == sorted(certificates)
    found = pages(iot, "list_certificates", "certificates", ascendingOrder=True)
    assert names(found, "certificateArn") == descending[::-1] == certificates


def test_attachments_come_in_pages_from_either_end(iot, certificates, policies):
    found = pages(iot, "list_thing_principals", "principals", thingName=THINGS[0])
    assert [one for page in found for one in page] == sorted(certificates)
    found = pages(
        iot, "list_thing_principals_v2", "thingPrincipalObjects", thingName=THINGS[0]
    )
    assert names(found, "principal") == sorted(certificates)
    found = pages(iot, "list_principal_things", "things", 1, principal=certificates[0])
    assert found == [[THINGS[0]], [THINGS[1]]]
    found = pages(iot, "list_targets_for_policy", "targets", policyName=POLICIES[0])
    assert [one for page in found for one in page] == sorted(certificates)
    for policy in POLICIES[1:10]:
        iot.attach_policy(policyName=policy, target=certificates[0])
    found = pages(iot, "list_attached_policies", "policies", 4, target=certificates[0])
    assert names(found, "policyName") == sorted(POLICIES[:10])


def test_what_is_deleted_between_two_pages_hides_nothing_else(iot):
    first = iot.list_things(maxResults=10)
    for thing in (THINGS[0], THINGS[9], THINGS[10]):
        arns = iot.list_thing_principals(thingName=thing, maxResults=250)["principals"]
        for arn in arns:
            iot.detach_thing_principal(thingName=thing, principal=arn)
        iot.delete_thing(thingName=thing)
    second = iot.list_things(nextToken=first["nextToken"], maxResults=10)
    assert [thing["thingName"] for thing in second["things"]] == THINGS[11:21]
    for thing in (THINGS[0], THINGS[9], THINGS[10]):
        iot.create_thing(thingName=thing)


def test_things_are_filtered_by_type_and_attribute(iot):
    iot.create_thing(
        thingName="typed",
        thingTypeName=TYPES[0],
        attributePayload={"attributes": {"serial": "other-1"}},
    )

    def listed(**filters):
        return [one["thingName"] for one in iot.list_things(**filters)["things"]]

    assert listed(thingTypeName=TYPES[0]) == ["typed"]
    assert listed(attributeName="serial", attributeValue=THINGS[3]) == [THINGS[3]]
    prefix = {"attributeName": "serial", "usePrefixAttributeValue": True}
    assert listed(**prefix, attributeValue="other") == ["typed"]
    found = iot.list_thing_types(thingTypeName=TYPES[4])["thingTypes"]
    assert [one["thingTypeName"] for one in found] == [TYPES[4]]
    iot.delete_thing(thingName="typed")


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("list_things", {"nextToken": "not-a-token"}),
        ("list_things", {"maxResults": 251}),
        ("list_policies", {"marker": "abcd"}),
        ("list_policies", {"pageSize": 251}),
    ],
)
def test_a_strange_token_or_size_is_refused(iot, operation, arguments):
    with pytest.raises(ClientError) as caught:
        getattr(iot, operation)(**arguments)
    assert caught.value.response["Error"]["Code"] == "InvalidRequestException"


def test_there_are_no_billing_groups_to_list(iot):
    assert iot.list_billing_groups()["billingGroups"] == []
