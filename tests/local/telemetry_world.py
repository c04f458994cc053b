"""One Region with the real telemetry stack, and devices that speak to it."""

import contextlib
import json
import struct
from pathlib import Path

from tests.local.region_world import ACCOUNT, DOMAIN, Device, eventually

from hotsite.core.outbox import Key
from hotsite.core.telemetry import Telemetry, encode_message
from hotsite.faces.cli.sites import Remote
from hotsite.faces.cli.telemetryredrive import stores_of
from hotsite.infra import packaging
from hotsite.infra.synth import synthesise
from hotsite.local import deployment
from hotsite.local.plan import Parameter, Place, Plan
from hotsite.settings import Settings, TelemetrySettings

REGION, LETTER = "eu-central-1", "a"
TABLE = "hotsite-telemetry"
SETTINGS = Settings(
    DOMAIN, telemetry=TelemetrySettings(fleet_size=6000, connects_per_s=3000.0)
)
FUNCTIONS = ("batch", "resume", "errors", "meter")
# The meter is deployed and never called: its tests are in test_meter.py.
STREAM = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}/stream/nobodys"
EPOCH = 1_790_000_000
QOS1 = 0x32
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["iot:Connect", "iot:Publish", "iot:Subscribe", "iot:Receive"],
            "Resource": "*",
        }
    ],
}


def artefacts(folder: Path):
    """Write the stacks of one Region's telemetry, and the zips of its functions."""
    templates, assets = folder / "templates", folder / "assets"
    synthesise(SETTINGS, templates)
    stacks = [f"hotsite-{noun}-{REGION}" for noun in ("cold", "telemetry")]
    made = {"hotsite-data": {"Resources": {"Telemetry": _table()}}} | {
        stack: json.loads((templates / f"{stack}.template.json").read_text())
        for stack in stacks
    }
    plan = []
    for name, template in made.items():
        path = templates / f"one-{name}.json"
        path.write_text(json.dumps(template))
        plan.append({"name": name, "region": REGION, "template": path.name})
    (templates / "stacks.json").write_text(json.dumps(plan))
    for noun in FUNCTIONS:
        packaging.build(noun, packaging.Platform.HOST, assets)
    return templates, assets


def _table():
    keys = (("pk", "HASH"), ("sk", "RANGE"))
    return {
        "Type": "AWS::DynamoDB::GlobalTable",
        "Properties": {
            "TableName": TABLE,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": key, "AttributeType": "S"} for key, _ in keys
            ],
            "KeySchema": [{"AttributeName": k, "KeyType": kind} for k, kind in keys],
            "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
            "Replicas": [{"Region": REGION}],
        },
    }


class Site:
    """A Region that runs, with the telemetry stack in it."""

    def __init__(self, region, authority, folder):
        self.region, self.authority = region, authority
        templates, assets = artefacts(folder)
        place = Place(LETTER, REGION, region.config.gateway_url)
        key = Parameter("KeyId", "nothing-is-encrypted-here")
        stream = Parameter("TelemetryStreamArn", STREAM)
        parameters = (key, stream)
        deployment.deploy(
            Plan((place,), str(templates), str(assets), DOMAIN, ACCOUNT, parameters)
        )
        formation = self.client("cloudformation")
        stack = formation.describe_stacks(StackName=f"hotsite-telemetry-{REGION}")
        self.outputs = {
            each["OutputKey"]: each["OutputValue"]
            for each in stack["Stacks"][0]["Outputs"]
        }
        # The site stack's own table, in which it is noted who came.
        self.client("dynamodb").create_table(
            TableName=SETTINGS.table("applied"),
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        iot = self.client("iot")
        iot.create_policy(policyName="all", policyDocument=json.dumps(POLICY))

    def client(self, service):
        return self.region.client(service, aws_access_key_id=ACCOUNT)

    def device(self, thing):
        iot, files = self.client("iot"), self.authority.device(thing)
        arn = iot.register_certificate_without_ca(
            certificatePem=files.certificate.read_text(), status="ACTIVE"
        )["certificateArn"]
        iot.create_thing(thingName=thing)
        iot.attach_thing_principal(thingName=thing, principal=arn)
        iot.attach_policy(policyName="all", target=arn)
        device = Speaker(self.region.config, self.authority, files, thing)
        assert device.is_connected()
        return device

    def rows(self, thing):
        answer = self.client("dynamodb").query(
            TableName=TABLE,
            KeyConditionExpression="pk = :thing",
            ExpressionAttributeValues={":thing": {"S": thing}},
            ConsistentRead=True,
        )
        return answer["Items"]

    def seqs(self, thing):
        return [int(row["seq"]["N"]) for row in self.rows(thing)]

    @contextlib.contextmanager
    def broken_batch(self):
        """Let the function of batches write into a table that is not there."""
        lambdas, name = self.client("lambda"), self.outputs["BatchFunction"]
        known = lambdas.get_function_configuration(FunctionName=name)
        variables = known["Environment"]["Variables"]
        broken = variables | {"TABLE_TELEMETRY": "no-such-table"}
        for each in (broken, variables):
            lambdas.update_function_configuration(
                FunctionName=name, Environment={"Variables": each}
            )
            if each is broken:
                yield

    def stores(self):
        """Return the ports that the command line redrives with."""
        tables = ("unused", "unused")
        remote = Remote(LETTER, REGION, "hotsite", tables, self.client, lambda: ACCOUNT)
        return stores_of(remote, hot_days=SETTINGS.telemetry.hot_days)

    def refusals(self, prefix="errors/"):
        """Return the objects of the archive, by name."""
        s3, bucket = self.client("s3"), self.outputs["ErrorBucket"]
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix
        )
        return {
            item["Key"]: json.load(
                s3.get_object(Bucket=bucket, Key=item["Key"])["Body"]
            )
            for page in pages
            for item in page.get("Contents", ())
        }

    def await_refusal(self, topic):
        """Wait for the refusal of a topic that only one test publishes on."""

        def found():
            return [each for each in self.refusals().values() if each["topic"] == topic]

        (refusal,) = eventually(found, within_s=30)
        return refusal


class Speaker(Device):
    """A device that may say anything."""

    def say(self, topic, payload):
        """Publish bytes at QoS 1; return the answering packet, None if cut off."""
        self.packet_id = self.packet_id % 65_535 + 1
        text = topic.encode()
        head = struct.pack("!H", len(text)) + text + struct.pack("!H", self.packet_id)
        self._send(QOS1, head + payload)
        return self.packet()


def message(seq, *, celsius=20.5):
    """Return a telemetry message, encoded as the agent does it."""
    data = json.dumps({"celsius": celsius}, separators=(",", ":"))
    return encode_message(Telemetry(Key(EPOCH, seq), float(EPOCH), data))
