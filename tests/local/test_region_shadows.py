"""Shadows of a local Region: classic and named, over HTTPS, MQTT and rules."""

import io
import itertools
import json

import pytest
from botocore.exceptions import ClientError
from tests.local.region_world import (
    PUBLISH,
    Authority,
    Device,
    config_of,
    eventually,
    role,
    running,
    table,
)

from hotsite.local.region.registry.shadows import levels, merge

pytestmark = [pytest.mark.local, pytest.mark.timeout(60)]

NUMBERS = itertools.count(1)
ALLOW_ALL = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}],
    }
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def region(authority, tmp_path_factory):
    directory = tmp_path_factory.mktemp("region")
    config = config_of(authority, directory, "eu-central-1", "127.0.13.4", "a")
    with running(config) as process:
        yield process


@pytest.fixture(scope="module")
def data(region):
    return region.client("iot-data")


@pytest.fixture
def thing():
    return f"thing{next(NUMBERS)}"


def write(data, thing, state, **more):
    payload = json.dumps({"state": state})
    answer = data.update_thing_shadow(thingName=thing, payload=payload, **more)
    return json.load(answer["payload"])


def read(data, thing, **more):
    return json.load(data.get_thing_shadow(thingName=thing, **more)["payload"])


def refusal(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)


def test_a_shadow_is_merged_and_null_removes_at_every_level(data, thing):
    write(data, thing, {"desired": {"a": 1, "b": {"c": 2, "d": None}}})
    write(data, thing, {"desired": {"a": None, "b": {"e": 3}}, "reported": {"x": 1}})
    shadow = read(data, thing)
    assert shadow["state"]["desired"] == {"b": {"c": 2, "e": 3}}
    assert shadow["state"]["reported"] == {"x": 1}
    assert shadow["version"] == 2
    write(data, thing, {"desired": None})
    assert read(data, thing)["state"] == {"reported": {"x": 1}}


def test_a_stale_version_is_a_conflict_and_a_deleted_shadow_keeps_counting(data, thing):
    write(data, thing, {"reported": {"a": 1}})
    stale = {"thingName": thing, "payload": '{"state": {}, "version": 7}'}
    assert refusal(data.update_thing_shadow, **stale) == ("ConflictException", 409)
    data.delete_thing_shadow(thingName=thing)
    assert refusal(data.get_thing_shadow, thingName=thing) == MISSING
    assert refusal(data.delete_thing_shadow, thingName=thing) == MISSING
    assert write(data, thing, {"reported": {"b": 1}})["version"] == 2
    assert read(data, thing)["state"] == {"reported": {"b": 1}}


def test_named_shadows_are_listed_in_pages_without_the_classic_and_the_deleted(
    data, thing
):
    write(data, thing, {"reported": {"classic": True}})
    write(data, f"{thing}-other", {"reported": {}}, shadowName="strange")
    for number in range(30):
        write(data, thing, {"reported": {"n": number}}, shadowName=f"s{number:02}")
    data.delete_thing_shadow(thingName=thing, shadowName="s07")
    listed, token = [], {}
    while True:
        page = data.list_named_shadows_for_thing(thingName=thing, pageSize=8, **token)
        listed.append(page["results"])
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert [len(page) for page in listed] == [8, 8, 8, 5]
    expected = [f"s{number:02}" for number in range(30) if number != 7]
    assert list(itertools.chain(*listed)) == expected
    assert len(data.list_named_shadows_for_thing(thingName=thing)["results"]) == 25
    assert read(data, thing, shadowName="s03")["state"]["reported"] == {"n": 3}
    assert read(data, thing)["state"]["reported"] == {"classic": True}


def test_a_shadow_of_the_wrong_size_depth_or_kind_is_refused(data, thing):
    def refused(state):
        payload = json.dumps({"state": state})
        return refusal(data.update_thing_shadow, thingName=thing, payload=payload)

    deep = {"leaf": 1}
    for _level in range(8):
        deep = {"inner": deep}
    assert refused({"desired": deep}) == INVALID
    assert refused({"desired": "text"}) == INVALID
    too_large = ("RequestEntityTooLargeException", 413)
    assert refused({"desired": {"a": "x" * 8192}}) == too_large
    write(data, thing, {"desired": {"a": "x" * 5000}})
    assert refused({"reported": {"a": "x" * 5000}}) == too_large
    write(data, thing, {"desired": {"a": "x"}, "reported": deep["inner"]})
    name = {"thingName": thing, "shadowName": "no spaces"}
    assert refusal(data.get_thing_shadow, **name) == INVALID


@pytest.fixture
def connected(region, authority, thing):
    """A device that may do everything, listening to its shadows."""
    iot = region.client("iot")
    iot.create_policy(policyName=f"all-{thing}", policyDocument=ALLOW_ALL)
    files = authority.device(thing)
    answer = iot.register_certificate_without_ca(
        certificatePem=files.certificate.read_text(), status="ACTIVE"
    )
    iot.attach_policy(policyName=f"all-{thing}", target=answer["certificateArn"])
    with Device(region.config, authority, files, thing) as device:
        assert device.is_connected()
        assert device.subscribe(f"$aws/things/{thing}/shadow/#")
        yield device


def message(device):
    """The topic and document of the next message, whatever is between."""
    while True:
        kind, body = device.packet()
        if kind == PUBLISH:
            length = int.from_bytes(body[:2])
            text = io.BytesIO(body[2 + length :]).read()
            return body[2 : 2 + length].decode(), json.loads(text[text.index(b"{") :])


@pytest.mark.parametrize("name", [None, "settings"])
def test_a_change_over_https_is_told_to_subscribers(data, thing, connected, name):
    more = {"shadowName": name} if name else {}
    base = f"$aws/things/{thing}/shadow" + (f"/name/{name}" if name else "")
    write(data, thing, {"desired": {"a": 1}}, **more)
    told = dict(message(connected) for _ in range(3))
    assert set(told) == {
        f"{base}/update/{x}" for x in ("accepted", "delta", "documents")
    }
    assert told[f"{base}/update/delta"]["state"] == {"a": 1}
    documents = told[f"{base}/update/documents"]
    assert documents["previous"] is None
    assert documents["current"]["state"] == {"desired": {"a": 1}}
    data.delete_thing_shadow(thingName=thing, **more)
    topic, document = message(connected)
    assert (topic, document["version"]) == (f"{base}/delete/accepted", 1)


def test_a_change_over_mqtt_is_held_to_the_same_limits(data, thing, connected):
    base = f"$aws/things/{thing}/shadow/update"
    connected.publish(base, {"state": {"reported": {"a": "x" * 9000}}})
    told = message(connected)
    while told[0] == base:
        told = message(connected)
    assert (told[0], told[1]["code"]) == (f"{base}/rejected", 413)
    assert refusal(data.get_thing_shadow, thingName=thing) == MISSING


def test_a_change_over_https_fires_the_topic_rules_of_classic_and_named_shadows(
    region, data, thing
):
    table(region, f"told-{thing}")
    allowed = role(region, f"rule-{thing}", "iot", "dynamodb:PutItem")
    action = {
        "dynamoDBv2": {"roleArn": allowed, "putItem": {"tableName": f"told-{thing}"}}
    }
    for number, place in enumerate(("shadow", "shadow/name/+")):
        for verb in ("update/documents", "delete/accepted"):
            topic = f"$aws/things/+/{place}/{verb}"
            rule = f"{thing}_{number}_{verb.replace('/', '_')}"
            sql = f"SELECT topic() AS pk FROM '{topic}'"
            payload = {
                "sql": sql,
                "actions": [action],
                "awsIotSqlVersion": "2016-03-23",
            }
            region.client("iot").create_topic_rule(
                ruleName=rule, topicRulePayload=payload
            )
    write(data, thing, {"reported": {"a": 1}})
    write(data, thing, {"reported": {"a": 1}}, shadowName="named")
    data.delete_thing_shadow(thingName=thing)
    data.delete_thing_shadow(thingName=thing, shadowName="named")
    base = f"$aws/things/{thing}/shadow"
    expected = {
        f"{base}{name}/{verb}"
        for name in ("", "/name/named")
        for verb in ("update/documents", "delete/accepted")
    }

    def told():
        items = region.client("dynamodb").scan(TableName=f"told-{thing}")["Items"]
        return {item["pk"]["S"] for item in items} == expected

    eventually(told)


@pytest.mark.parametrize(
    ("value", "depth"),
    [(1, 0), ([{"a": 1}], 0), ({}, 1), ({"a": 1}, 1), ({"a": {"b": {}}, "c": 1}, 3)],
)
def test_levels_are_counted_in_objects(value, depth):
    assert levels(value) == depth


@pytest.mark.parametrize(
    ("base", "patch", "merged"),
    [
        ({}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
        ({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1}}, {"a": 2}, {"a": 2}),
        ({"a": {"b": 1}}, {"a": {"b": None}}, {"a": {}}),
        ({"a": 1}, {"b": None}, {"a": 1}),
    ],
)
def test_a_patch_is_merged_into_a_state(base, patch, merged):
    assert merge(base, patch) == merged
