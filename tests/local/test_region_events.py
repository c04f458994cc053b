"""A change of the registry is told to topic rules and to EventBridge rules."""

import itertools
import json

import pytest
from botocore.exceptions import ClientError
from tests.local.region_world import (
    ACCOUNT,
    Authority,
    config_of,
    eventually,
    function,
    role,
    running,
    table,
)

pytestmark = [pytest.mark.local, pytest.mark.timeout(60)]

NUMBERS = itertools.count(1)
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}],
    }
)
# Writes down each event that it is invoked with, under a key of the event's own.
NOTES = """
import boto3, json
table = boto3.resource("dynamodb").Table("{}")
def handler(event, context):
    table.put_item(Item={{"pk": event["{}"], "event": json.dumps(event)}})
"""
EVENT_TYPES = (
    "THING",
    "THING_GROUP",
    "THING_TYPE",
    "THING_GROUP_MEMBERSHIP",
    "THING_GROUP_HIERARCHY",
    "THING_TYPE_ASSOCIATION",
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def region(authority, tmp_path_factory):
    directory = tmp_path_factory.mktemp("region")
    config = config_of(authority, directory, "eu-central-1", "127.0.13.5", "a")
    with running(config) as process:
        watch_registry(process)
        watch_calls(process)
        yield process


def watch_registry(region):
    """A Lambda behind a topic rule on every event of the registry."""
    table(region, "registry-notes")
    source = NOTES.format("registry-notes", "topic")
    arn = function(region, "registry-notes", source, "dynamodb:PutItem")
    region.client("lambda").add_permission(
        FunctionName="registry-notes",
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="iot.amazonaws.com",
    )
    payload = {
        "sql": "SELECT *, topic() AS topic FROM '$aws/events/#'",
        "actions": [{"lambda": {"functionArn": arn}}],
        "awsIotSqlVersion": "2016-03-23",
    }
    iot = region.client("iot")
    iot.create_topic_rule(ruleName="registry", topicRulePayload=payload)
    iot.update_event_configurations(
        eventConfigurations={kind: {"Enabled": True} for kind in EVENT_TYPES}
    )


def watch_calls(region):
    """A Lambda behind an EventBridge rule on IoT calls via CloudTrail."""
    table(region, "call-notes")
    source = NOTES.format("call-notes", "id")
    arn = function(region, "call-notes", source, "dynamodb:PutItem")
    region.client("lambda").add_permission(
        FunctionName="call-notes",
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
    )
    pattern = {
        "source": ["aws.iot"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {"eventSource": ["iot.amazonaws.com"]},
    }
    events = region.client("events")
    events.put_rule(Name="calls", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="calls", Targets=[{"Id": "notes", "Arn": arn}])


@pytest.fixture
def name():
    return f"n{next(NUMBERS)}"


def notes(region, table_name):
    items = region.client("dynamodb").scan(TableName=table_name)["Items"]
    return {item["pk"]["S"]: json.loads(item["event"]["S"]) for item in items}


def told(region, *topics):
    """The registry's events on these topics, as soon as all are there."""

    def find():
        found = notes(region, "registry-notes")
        wanted = [f"$aws/events/{topic}" for topic in topics]
        return all(one in found for one in wanted) and [found[one] for one in wanted]

    return eventually(find)


def called(region, event_name, **parameters):
    """The detail of the one call of that name with these parameters."""

    def find():
        for event in notes(region, "call-notes").values():
            detail = event["detail"]
            given = detail["requestParameters"] or {}
            is_it = parameters.items() <= given.items()
            if detail["eventName"] == event_name and is_it:
                return event
        return None

    return eventually(find)


def test_a_thing_is_told_with_its_whole_state(region, name):
    iot = region.client("iot")
    payload = {"attributes": {"model": "x"}}
    thing = iot.create_thing(thingName=name, attributePayload=payload)
    payload = {"attributes": {"model": "y"}}
    iot.update_thing(thingName=name, attributePayload=payload)
    iot.delete_thing(thingName=name)
    verbs = ("created", "updated", "deleted")
    events = told(region, *(f"thing/{name}/{verb}" for verb in verbs))
    assert [one["operation"] for one in events] == [verb.upper() for verb in verbs]
    assert {one["eventType"] for one in events} == {"THING_EVENT"}
    assert {one["thingId"] for one in events} == {thing["thingId"]}
    assert {one["accountId"] for one in events} == {ACCOUNT}
    assert [one["versionNumber"] for one in events] == [1, 2, 2]
    assert events[1]["attributes"] == {"model": "y"}
    assert len({one["eventId"] for one in events}) == 3


def test_a_type_and_its_association_are_told(region, name):
    iot = region.client("iot")
    properties = {"searchableAttributes": ["a"], "thingTypeDescription": "d"}
    iot.create_thing_type(thingTypeName=name, thingTypeProperties=properties)
    iot.create_thing(thingName=name, thingTypeName=name)
    iot.update_thing(thingName=name, removeThingType=True)
    iot.deprecate_thing_type(thingTypeName=name)
    iot.delete_thing_type(thingTypeName=name)
    place = f"thingTypeAssociation/thing/{name}/thingType/{name}"
    added, removed = told(region, f"{place}/added", f"{place}/removed")
    assert (added["operation"], removed["operation"]) == ("ADDED", "REMOVED")
    created, updated, _deleted = told(
        region,
        *(f"thingType/{name}/{verb}" for verb in ("created", "updated", "deleted")),
    )
    assert created["searchableAttributes"] == ["a"]
    assert (created["isDeprecated"], updated["isDeprecated"]) == (False, True)


def test_a_group_its_place_and_its_members_are_told(region, name):
    iot = region.client("iot")
    parent, child = f"{name}-parent", f"{name}-child"
    iot.create_thing_group(thingGroupName=parent)
    iot.create_thing_group(thingGroupName=child, parentGroupName=parent)
    iot.create_thing(thingName=name)
    change = {"thingName": name}
    iot.update_thing_groups_for_thing(**change, thingGroupsToAdd=[child])
    iot.update_thing_groups_for_thing(**change, thingGroupsToRemove=[child])
    iot.delete_thing_group(thingGroupName=child)
    (created,) = told(region, f"thingGroup/{child}/created")
    assert created["parentGroupName"] == parent
    assert len(created["rootToParentThingGroups"]) == 1
    member = f"thingGroupMembership/thingGroup/{child}/thing/{name}"
    added, removed = told(region, f"{member}/added", f"{member}/removed")
    assert added["membershipId"] == removed["membershipId"]
    place = f"thingGroupHierarchy/thingGroup/{parent}/childThingGroup/{child}"
    told(region, f"{place}/added", f"{place}/removed", f"thingGroup/{child}/deleted")


def test_what_is_switched_off_is_not_told(region, name):
    iot = region.client("iot")

    def switch(*, is_on):
        change = {"THING": {"Enabled": is_on}}
        iot.update_event_configurations(eventConfigurations=change)

    switch(is_on=False)
    iot.create_thing(thingName=f"{name}-quiet")
    switch(is_on=True)
    iot.create_thing(thingName=name)
    told(region, f"thing/{name}/created")
    found = notes(region, "registry-notes")
    assert f"$aws/events/thing/{name}-quiet/created" not in found


def test_a_certificate_a_policy_and_an_attachment_are_told_by_eventbridge(
    region, authority, name
):
    iot = region.client("iot")
    text = authority.device(name).certificate.read_text()
    answer = iot.register_certificate_without_ca(certificatePem=text, status="ACTIVE")
    arn, identifier = answer["certificateArn"], answer["certificateId"]
    iot.create_policy(policyName=name, policyDocument=POLICY)
    iot.attach_policy(policyName=name, target=arn)
    iot.create_thing(thingName=name)
    iot.attach_thing_principal(thingName=name, principal=arn)
    iot.update_certificate(certificateId=identifier, newStatus="REVOKED")
    event = called(region, "UpdateCertificate", certificateId=identifier)
    assert (event["source"], event["region"]) == ("aws.iot", "eu-central-1")
    detail = event["detail"]
    assert detail["requestParameters"]["newStatus"] == "REVOKED"
    assert detail["userIdentity"]["type"] == "Root"
    assert detail["awsRegion"] == "eu-central-1"
    assert "errorCode" not in detail
    registered = called(region, "RegisterCertificateWithoutCA", certificatePem=text)
    assert registered["detail"]["responseElements"]["certificateId"] == identifier
    called(region, "CreatePolicy", policyName=name)
    called(region, "AttachPolicy", policyName=name, target=arn)
    called(region, "AttachThingPrincipal", thingName=name, principal=arn)


def test_a_refused_call_is_told_with_its_error_and_a_private_key_never(region, name):
    iot = region.client("iot")
    with pytest.raises(ClientError):
        iot.create_policy(policyName=name, policyDocument="{nope")
    detail = called(region, "CreatePolicy", policyName=name)["detail"]
    assert detail["errorCode"] == "MalformedPolicyException"
    assert detail["responseElements"] is None
    answer = iot.create_keys_and_certificate(setAsActive=False)
    assert answer["keyPair"]["PrivateKey"].startswith("-----BEGIN")
    event = called(region, "CreateKeysAndCertificate", setAsActive=False)
    assert "PRIVATE KEY" not in json.dumps(event)


def client_of(region, arn, service):
    session = region.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")
    keys = session["Credentials"]
    return region.client(
        service,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


@pytest.mark.parametrize("is_allowed", [True, False])
def test_a_batch_needs_the_permission_of_its_single_action(region, name, is_allowed):
    url = region.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    region.client("sqs").send_message(QueueUrl=url, MessageBody="x")
    (message,) = region.client("sqs").receive_message(QueueUrl=url)["Messages"]
    action = "sqs:ChangeMessageVisibility" if is_allowed else "sqs:DeleteMessage"
    queue = client_of(region, role(region, name, "lambda", action), "sqs")
    handle = message["ReceiptHandle"]
    entry = {"Id": "0", "ReceiptHandle": handle, "VisibilityTimeout": 30}
    wanted = {"QueueUrl": url, "Entries": [entry]}
    if is_allowed:
        answer = queue.change_message_visibility_batch(**wanted)
        assert len(answer["Successful"]) == 1
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            queue.change_message_visibility_batch(**wanted)


def test_a_call_by_a_role_names_the_role(region, name):
    allowed = role(region, name, "lambda", "iot:*")
    iot = client_of(region, allowed, "iot")
    iot.create_thing(thingName=name)
    identity = called(region, "CreateThing", thingName=name)["detail"]["userIdentity"]
    assert identity["type"] == "AssumedRole"
    assert identity["arn"].endswith(f"assumed-role/{name}/me")
    assert identity["sessionContext"]["sessionIssuer"]["arn"] == allowed


def test_reading_is_not_told(region, name):
    iot = region.client("iot")
    iot.create_thing(thingName=name)
    iot.describe_thing(thingName=name)
    iot.list_things()
    iot.update_thing(thingName=name, attributePayload={"attributes": {"a": "1"}})
    called(region, "UpdateThing", thingName=name)
    events = notes(region, "call-notes").values()
    names = {event["detail"]["eventName"] for event in events}
    assert not any(one.startswith(("Describe", "List", "Get")) for one in names)
