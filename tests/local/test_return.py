"""A Region that was killed comes back with everything that it acknowledged."""

import contextlib
import itertools
import json
import threading

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from tests.local.region_world import (
    STREAM_ACTIONS,
    Authority,
    Device,
    config_of,
    eventually,
    function,
    running,
    table,
)

pytestmark = [pytest.mark.local, pytest.mark.timeout(120)]

POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}],
    }
)
ITEM = {"pk": {"S": "pump-1"}, "sk": {"S": "record"}, "value": {"S": "x"}}
KEY = {"pk": {"S": "pump-1"}, "sk": {"S": "record"}}

hosts = itertools.count(1)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def config(authority, tmp_path):
    address = f"127.0.15.{next(hosts)}"
    return config_of(authority, tmp_path, "eu-central-1", address, "a")


def test_a_device_connects_with_a_certificate_from_before_the_kill(config, authority):
    files = authority.device("pump-1")
    with running(config) as region:
        iot = region.client("iot")
        group = iot.create_thing_group(thingGroupName="fleet")["thingGroupArn"]
        iot.create_policy(policyName="fleet", policyDocument=POLICY)
        iot.attach_policy(policyName="fleet", target=group)
        iot.create_thing(thingName="pump-1")
        iot.add_thing_to_thing_group(thingGroupName="fleet", thingName="pump-1")
        registered = iot.register_certificate_without_ca(
            certificatePem=files.certificate.read_text(), status="ACTIVE"
        )
        iot.attach_thing_principal(
            thingName="pump-1", principal=registered["certificateArn"]
        )
    with (
        running(config) as region,
        Device(config, authority, files, "pump-1") as device,
    ):
        assert device.is_connected()
        iot = region.client("iot")
        (found,) = iot.list_certificates()["certificates"]
        assert found["certificateId"] == registered["certificateId"]


def test_what_was_acknowledged_just_before_the_kill_is_there(config, authority):
    files = authority.device("pump-2")
    with running(config) as region:
        iot, dynamodb = region.client("iot"), region.client("dynamodb")
        data = region.client("iot-data")
        table(region, "things", "sk")
        iot.create_thing(thingName="pump-1")
        data.update_thing_shadow(
            thingName="pump-1", payload=b'{"state":{"desired":{"on":true}}}'
        )
        region.client("secretsmanager").create_secret(Name="s", SecretString="y")
        dynamodb.put_item(TableName="things", Item=ITEM)
        iot.register_certificate_without_ca(
            certificatePem=files.certificate.read_text(), status="INACTIVE"
        )
    with running(config) as region:
        iot, dynamodb = region.client("iot"), region.client("dynamodb")
        assert dynamodb.get_item(TableName="things", Key=KEY)["Item"] == ITEM
        assert dynamodb.describe_table(TableName="things")["Table"]["ItemCount"] == 1
        (found,) = iot.list_certificates()["certificates"]
        assert found["status"] == "INACTIVE"
        shadow = region.client("iot-data").get_thing_shadow(thingName="pump-1")
        assert json.load(shadow["payload"])["state"]["desired"] == {"on": True}
        secret = region.client("secretsmanager").get_secret_value(SecretId="s")
        assert secret["SecretString"] == "y"


def test_what_was_changed_or_removed_stays_so(config):
    with running(config) as region:
        iot, dynamodb = region.client("iot"), region.client("dynamodb")
        table(region, "things", "sk")
        table(region, "gone", "sk")
        for name in ("things", "gone"):
            dynamodb.put_item(TableName=name, Item=ITEM)
        iot.create_thing(
            thingName="pump-1", attributePayload={"attributes": {"a": "1"}}
        )
        iot.create_thing(thingName="pump-2")
    with running(config) as region:
        iot, dynamodb = region.client("iot"), region.client("dynamodb")
        iot.update_thing(
            thingName="pump-1", attributePayload={"attributes": {"a": "2"}}
        )
        iot.delete_thing(thingName="pump-2")
        dynamodb.delete_item(TableName="things", Key=KEY)
        dynamodb.delete_table(TableName="gone")
        table(region, "gone", "sk")
    with running(config) as region:
        iot, dynamodb = region.client("iot"), region.client("dynamodb")
        (thing,) = iot.list_things()["things"]
        assert thing["attributes"] == {"a": "2"}
        assert dynamodb.scan(TableName="things")["Items"] == []
        assert dynamodb.scan(TableName="gone")["Items"] == []


COPY = """
import boto3

def handler(event, context):
    for record in event["Records"]:
        item = record["dynamodb"].get("NewImage")
        if item:
            boto3.client("dynamodb").put_item(TableName="copy", Item=item)
"""


def test_an_event_source_mapping_goes_on_where_it_was(config):
    with running(config) as region:
        dynamodb = region.client("dynamodb")
        stream = table(region, "things", "sk")["LatestStreamArn"]
        table(region, "copy", "sk")
        arn = function(region, "copy", COPY, *STREAM_ACTIONS, "dynamodb:PutItem")
        region.client("lambda").create_event_source_mapping(
            FunctionName=arn, EventSourceArn=stream, StartingPosition="TRIM_HORIZON"
        )
        dynamodb.put_item(TableName="things", Item=ITEM)
        eventually(lambda: dynamodb.scan(TableName="copy")["Count"] == 1)
        # One delivery at a time: the first is over when the second has an effect.
        dynamodb.put_item(TableName="things", Item=ITEM | {"pk": {"S": "second"}})
        eventually(lambda: dynamodb.scan(TableName="copy")["Count"] == 2)
        dynamodb.delete_item(TableName="copy", Key=KEY)
        for number in range(20):
            item = ITEM | {"pk": {"S": f"late-{number}"}}
            dynamodb.put_item(TableName="things", Item=item)
    with running(config) as region:
        dynamodb = region.client("dynamodb")
        eventually(lambda: dynamodb.scan(TableName="copy")["Count"] >= 21)
        item = ITEM | {"pk": {"S": "after"}}
        dynamodb.put_item(TableName="things", Item=item)
        eventually(lambda: dynamodb.scan(TableName="copy")["Count"] == 22)
        found = dynamodb.scan(TableName="copy")["Items"]
        assert ITEM not in found, "the stream was read from its start again"


def test_every_acknowledged_write_of_many_writers_is_there(config):
    acknowledged = [set() for _ in range(4)]
    with running(config) as region:
        table(region, "things", "sk")
        enough = threading.Event()
        writers = [
            threading.Thread(target=write_until_dead, args=(region, known, enough))
            for known in acknowledged
        ]
        for writer in writers:
            writer.start()
        assert enough.wait(30)
        region.kill()
        for writer in writers:
            writer.join(30)
    wanted = set.union(*acknowledged)
    with running(config) as region:
        pages = region.client("dynamodb").get_paginator("scan")
        found = {
            item["pk"]["S"]
            for page in pages.paginate(TableName="things")
            for item in page["Items"]
        }
        pages = region.client("iot").get_paginator("list_things")
        things = {t["thingName"] for page in pages.paginate() for t in page["things"]}
    assert wanted <= found
    assert wanted <= things


def write_until_dead(region, known, enough):
    """Make things and put items until nothing answers; remember what was answered."""
    once = Config(retries={"max_attempts": 0}, connect_timeout=2, read_timeout=2)
    iot = region.client("iot", config=once)
    dynamodb = region.client("dynamodb", config=once)
    with contextlib.suppress(BotoCoreError):
        for number in itertools.count():
            name = f"thing-{threading.get_ident()}-{number}"
            iot.create_thing(thingName=name)
            dynamodb.put_item(TableName="things", Item=ITEM | {"pk": {"S": name}})
            known.add(name)
            if number == 100:
                enough.set()
