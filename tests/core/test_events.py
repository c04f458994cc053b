"""What AWS tells, in every form that it has, and what hotsite makes of it."""

import pytest

from hotsite.core.events import (
    CALLS,
    Deleted,
    Heard,
    Membership,
    ShadowState,
    ThingLooks,
    heard,
    is_known,
)
from hotsite.core.registry import Key, Kind, Record, Shadows, Thing, thing_key
from hotsite.errors import InvalidInputError

OVEN = thing_key("oven-1")
SHADOWS = Key(Kind.SHADOWS, "oven-1")
CERTIFICATE_ID = "0a" * 32
ACCOUNT = "arn:aws:iot:eu-west-1:123456789012"
# AWS IoT developer guide, "Registry events", with the rule's topic() beside it.
THING_EVENT = {
    "eventType": "THING_EVENT",
    "eventId": "f5ae9b94-8b8e-4d8e-8c8f-b3266dd89853",
    "timestamp": 1234567890123,
    "operation": "UPDATED",
    "accountId": "123456789012",
    "thingId": "b604f69c-aa9a-4d4a-829e-c480e958a0b5",
    "thingName": "oven-1",
    "versionNumber": 2,
    "thingTypeName": "oven",
    "attributes": {"b": "2", "a": "1"},
}
LOOKS = ThingLooks("oven", (("a", "1"), ("b", "2")))
PLAIN = ThingLooks(None, ())


def told(topic, **message):
    return heard({"topic": f"$aws/events/{topic}", **message})


@pytest.mark.parametrize(
    ("topic", "message", "expected"),
    [
        ("thing/oven-1/created", THING_EVENT, [Heard(OVEN, said=LOOKS)]),
        ("thing/oven-1/updated", THING_EVENT, [Heard(OVEN, said=LOOKS)]),
        (
            "thing/oven-1/updated",
            {"thingTypeName": None, "attributes": None},
            [Heard(OVEN, said=PLAIN)],
        ),
        ("thing/oven-1/updated", {}, [Heard(OVEN)]),
        (
            "thing/oven-1/deleted",
            THING_EVENT,
            [Heard(OVEN, said=Deleted()), Heard(SHADOWS)],
        ),
        ("thingType/oven/created", {}, [Heard(Key(Kind.THING_TYPE, "oven"))]),
        ("thingType/oven/updated", {}, [Heard(Key(Kind.THING_TYPE, "oven"))]),
        ("thingType/oven/deprecated", {}, [Heard(Key(Kind.THING_TYPE, "oven"))]),
        (
            "thingType/oven/deleted",
            {},
            [Heard(Key(Kind.THING_TYPE, "oven"), said=Deleted())],
        ),
        ("thingGroup/hall/created", {}, [Heard(Key(Kind.THING_GROUP, "hall"))]),
        ("thingGroup/hall/updated", {}, [Heard(Key(Kind.THING_GROUP, "hall"))]),
        (
            "thingGroup/hall/deleted",
            {},
            [Heard(Key(Kind.THING_GROUP, "hall"), said=Deleted())],
        ),
        (
            "thingGroupMembership/thingGroup/hall/thing/oven-1/added",
            {"groupId": "1", "thingId": "2"},
            [Heard(OVEN, said=Membership("hall", is_member=True))],
        ),
        (
            "thingGroupMembership/thingGroup/hall/thing/oven-1/removed",
            {},
            [Heard(OVEN, said=Membership("hall", is_member=False))],
        ),
        (
            "thingTypeAssociation/thing/oven-1/thingType/oven/added",
            {},
            [Heard(OVEN)],
        ),
        ("thingGroupHierarchy/thingGroup/a/childThingGroup/b/added", {}, []),
        ("presence/connected/oven-1", {}, []),
        ("certificates/registered/0a1b", {}, []),
        ("job/1/completed", {}, []),
    ],
)
def test_a_registry_event_names_what_to_look_at(topic, message, expected):
    assert list(told(topic, **message)) == expected


@pytest.mark.parametrize(
    ("topic", "message", "expected"),
    [
        (
            "shadow/update/documents",
            {"state": {"reported": {"b": 1, "a": 2}}},
            [ShadowState("", '{"reported":{"a":2,"b":1}}')],
        ),
        (
            "shadow/name/door/update/documents",
            {"state": {"desired": {"open": True}}},
            [ShadowState("door", '{"desired":{"open":true}}')],
        ),
        ("shadow/update/documents", {}, [None]),
        ("shadow/delete/accepted", {"version": 3}, [ShadowState("", None)]),
        ("shadow/name/door/delete/accepted", {}, [ShadowState("door", None)]),
        ("shadow/name/delete/accepted", {}, []),
        ("shadow/update/accepted", {}, []),
        ("shadow/get", {}, []),
        ("jobs/notify", {}, []),
    ],
)
def test_a_shadow_topic_names_the_shadow_and_its_state(topic, message, expected):
    found = heard({"topic": f"$aws/things/oven-1/{topic}", **message})
    assert [item.said for item in found] == expected
    assert {item.key for item in found} <= {SHADOWS}


def call(name, request=None, response=None, **more):
    detail = {
        "eventVersion": "1.11",
        "eventSource": "iot.amazonaws.com",
        "eventName": name,
        "requestParameters": request,
        "responseElements": response,
        **more,
    }
    return {
        "source": "aws.iot",
        "detail-type": "AWS API Call via CloudTrail",
        "detail": detail,
    }


CERTIFICATE = Heard(None, certificate_id=CERTIFICATE_ID)
REVOCATION = Heard(None, certificate_id=CERTIFICATE_ID, is_revocation=True)
POLICY = Heard(Key(Kind.POLICY, "open-door"))
GROUP = Heard(Key(Kind.THING_GROUP, "hall"))
CA = Heard(Key(Kind.CA_CERTIFICATE, CERTIFICATE_ID))
ATTACHED = {"thingName": "oven-1", "principal": f"{ACCOUNT}:cert/{CERTIFICATE_ID}"}
TO_CERTIFICATE = {
    "policyName": "open-door",
    "target": f"{ACCOUNT}:cert/{CERTIFICATE_ID}",
}
TO_GROUP = {"policyName": "open-door", "target": f"{ACCOUNT}:thinggroup/hall"}
TO_COGNITO = {"policyName": "open-door", "target": "eu-west-1:0a1b"}
OF_PRINCIPAL = {
    "policyName": "open-door",
    "principal": f"{ACCOUNT}:cert/{CERTIFICATE_ID}",
}
IDENTIFIED = {"certificateId": CERTIFICATE_ID, "newStatus": "REVOKED"}
DEACTIVATED = {"certificateId": CERTIFICATE_ID, "newStatus": "INACTIVE"}
NAMED = {"policyName": "open-door"}
ARNS = {"resourceArns": {"thing": f"{ACCOUNT}:thing/oven-1", "certificate": "x"}}
CALL_TABLE = [
    ("AttachPolicy", TO_CERTIFICATE, None, [CERTIFICATE]),
    ("AttachPolicy", TO_GROUP, None, [GROUP]),
    ("AttachPolicy", TO_COGNITO, None, []),
    ("AttachPrincipalPolicy", OF_PRINCIPAL, None, [CERTIFICATE]),
    ("AttachThingPrincipal", ATTACHED, None, [Heard(OVEN)]),
    ("CreatePolicy", NAMED, {"policyName": "open-door"}, [POLICY]),
    ("CreatePolicyVersion", NAMED, None, [POLICY]),
    ("DeleteCACertificate", IDENTIFIED, None, [CA]),
    ("DeletePolicy", NAMED, None, [POLICY]),
    ("DeletePolicyVersion", {**NAMED, "policyVersionId": "1"}, None, [POLICY]),
    ("DetachPolicy", TO_GROUP, None, [GROUP]),
    ("DetachPrincipalPolicy", OF_PRINCIPAL, None, [CERTIFICATE]),
    ("DetachThingPrincipal", ATTACHED, None, [Heard(OVEN)]),
    ("RegisterCACertificate", {}, IDENTIFIED, [CA]),
    ("RegisterThing", {}, ARNS, [Heard(OVEN)]),
    ("RegisterThing", {}, None, []),
    ("SetDefaultPolicyVersion", NAMED, None, [POLICY]),
    ("UpdateCACertificate", IDENTIFIED, None, [CA]),
    ("UpdateCertificate", IDENTIFIED, None, [REVOCATION]),
    ("UpdateCertificate", DEACTIVATED, None, [CERTIFICATE]),
    ("UpdateCertificate", None, None, []),
    ("DescribeThing", {"thingName": "oven-1"}, None, []),
    ("CreateKeysAndCertificate", {}, IDENTIFIED, []),
]


@pytest.mark.parametrize(("name", "request_", "response", "expected"), CALL_TABLE)
def test_a_call_names_what_to_look_at(name, request_, response, expected):
    assert list(heard(call(name, request_, response))) == expected


def test_the_table_of_calls_is_whole():
    assert CALLS.keys() <= {row[0] for row in CALL_TABLE}


def test_a_refused_call_changed_nothing():
    event = call("DeletePolicy", NAMED, errorCode="DeleteConflictException")
    assert heard(event) == ()


@pytest.mark.parametrize("event", [{}, {"detail": {}}, {"topic": 7}, {"Records": []}])
def test_what_is_no_event_is_refused(event):
    with pytest.raises(InvalidInputError):
        heard(event)


THING = Thing("oven-1", "oven", (("a", "1"), ("b", "2")), ("hall",))
STANDING = Record(OVEN, THING)
DELETED = Record(OVEN, None, is_deleted=True)
ABSENT = Record(OVEN, None)
STATE = '{"desired":{"open":true}}'
SHADOWED = Record(SHADOWS, Shadows("oven-1", (("door", STATE),)))


@pytest.mark.parametrize(
    ("said", "record", "expected"),
    [
        (LOOKS, STANDING, True),
        (PLAIN, STANDING, False),
        (LOOKS, ABSENT, False),
        (LOOKS, DELETED, False),
        (Membership("hall", is_member=True), STANDING, True),
        (Membership("hall", is_member=False), STANDING, False),
        (Membership("cellar", is_member=True), STANDING, False),
        (Membership("cellar", is_member=False), STANDING, True),
        (Membership("hall", is_member=True), DELETED, False),
        (Deleted(), STANDING, False),
        (Deleted(), DELETED, True),
        (Deleted(), ABSENT, True),
        (ShadowState("door", STATE), SHADOWED, True),
        (ShadowState("door", "{}"), SHADOWED, False),
        (ShadowState("", STATE), SHADOWED, False),
        (ShadowState("door", None), SHADOWED, False),
        (ShadowState("", None), SHADOWED, True),
        (ShadowState("", None), Record(SHADOWS, None), True),
    ],
)
def test_an_echo_is_known_and_a_change_is_not(said, record, expected):
    assert is_known(said, record) is expected
