"""What each function must do, whole: an assertion or an error says that it did not."""

import base64
import time
from types import SimpleNamespace

from tests.contract.world import fresh_name, make_certificate, make_record
from tests.local.region_world import ACCOUNT
from tests.rehearsal import role_registry
from tests.rehearsal.role_world import CALLER, CANARY, POLICY

from hotsite.adapters.aws import site_setup
from hotsite.adapters.aws.operations import DynamoOperations
from hotsite.adapters.aws.resumes import DynamoResumes
from hotsite.adapters.clock import SystemClock
from hotsite.core.health import HealthVerdict
from hotsite.core.registry import Record, thing_key
from hotsite.core.resume import Ask, Range
from hotsite.core.resume import encode as encode_ask
from hotsite.core.telemetry import Key as MessageKey
from hotsite.core.telemetry import Telemetry, batches, encode_message
from hotsite.faces.lambdas import (
    batch,
    canary,
    environment,
    errors,
    firmware,
    health,
    meter,
    readiness,
    resume,
    setup,
    switch,
)

_PEER = "eu-central-1"


def plays_health(world):
    verdict = HealthVerdict(is_healthy=True, reason="seen", seen_at_s=time.time())
    world.ports.verdicts.write(verdict)
    assert health.handler({}, None)["statusCode"] == 200


def plays_switch(world):
    del world
    assert switch.handler({}, None)["statusCode"] in {200, 404}


def _messages():
    message = Telemetry(MessageKey(1, 1), time.time(), '{"t":1}')
    (only,) = batches([encode_message(message)])
    return only[1]


def _published(payload, thing="oven-1"):
    coded = base64.b64encode(payload).decode()
    return {"thing": thing, "payload": coded, "at_ms": int(time.time() * 1000)}


def plays_batch(world):
    del world
    assert batch.handler(_published(_messages()), None)["stored"] == 1
    assert batch.handler(_published(b"[7]"), None)["refused"] == 1


def plays_resume(world):
    # A worker leaves out what it has noted a moment ago.
    resume._desk.cache_clear()
    began_s, clock = time.time(), SystemClock()
    ask = Ask(7, (Range(1, 1, 9),))
    answered = resume.handler(_published(encode_ask(ask)), None)
    assert answered["answered"]
    dynamodb = world.region.client("dynamodb")
    notes = DynamoResumes(dynamodb, world.tables.applied, clock)
    assert notes.count(time.time() - began_s) == 1
    assert not resume.handler(_published(b"none"), None)["answered"]


def plays_errors(world):
    del world
    record = {
        "messageId": "1",
        "attributes": {"SentTimestamp": str(int(time.time() * 1000))},
        "body": "nobody can read this",
    }
    answer = errors.handler({"Records": [record]}, None)
    assert answer == {"batchItemFailures": []}


def plays_firmware(world):
    name = "metadata/1.root.json"
    world.region.client("s3").put_object(Bucket=world.bucket, Key=name, Body=b"{}")
    found, missing = (
        firmware.handler({"pathParameters": {"proxy": one}}, None)["statusCode"]
        for one in (name, "metadata/9.root.json")
    )
    assert (found, missing) == (200, 404)


def plays_meter(world):
    world.region.client("dynamodb").delete_item(
        TableName=world.tables.applied, Key={"name": {"S": "meter#telemetry"}}
    )
    folder = f"telemetry/region={_PEER}/date=2026-11-01/hour=10"
    world.region.client("s3").put_object(
        Bucket=world.cold, Key=f"{folder}/x-1-2026-11-01-10-00-00-1.parquet"
    )
    image = {
        "pk": {"S": "oven-1"},
        "origin": {"S": _PEER},
        "received_at_s": {"N": str(time.time())},
    }
    rows = [{"dynamodb": {"NewImage": image, "SequenceNumber": "1"}}]
    answer = meter.handler({"Records": rows}, CALLER)
    assert answer == {"batchItemFailures": []}
    assert world.ports.readings.read().by_origin[_PEER].cold_s == 1793527200.0


def plays_setup(world):
    # As if nobody had been here: what a play before did not finish must not help.
    iot = world.region.client("iot")
    off = {"THING": {"Enabled": False}}
    iot.update_event_configurations(eventConfigurations=off)
    secrets = world.region.client("secretsmanager")
    secrets.put_secret_value(SecretId=CANARY, SecretString="none")
    properties = {"FleetPolicy": POLICY, "CanaryThing": CANARY}
    _perform("Custom::HotsiteSite", properties)
    copies = {
        "Bucket": world.cold,
        "Prefix": "telemetry/",
        "ReplicaBucket": world.bucket,
        "ReplicaKeyArn": world.key,
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/hotsite-copies",
    }
    _perform("Custom::HotsiteCopies", copies)


def _perform(kind, properties):
    for request in ("Create", "Update", "Delete"):
        event = {
            "ResourceType": kind,
            "RequestType": request,
            "ResourceProperties": properties,
        }
        setup._perform(event, ACCOUNT)


def plays_canary(world):
    # What a canary has failed of late counts against the next.
    world.clear()
    told = environment.read()
    site_setup.establish(
        site_setup.Wish(
            account_id=ACCOUNT,
            region=told.region,
            registry=told.registry,
            telemetry=told.telemetry,
            fleet_group=told.fleet_group,
            fleet_policy=POLICY,
            thing_type=told.thing_type,
            canary_thing=CANARY,
            canary_secret=told.canary_secret,
        ),
        site_setup.Clients(
            *map(world.region.client, ("dynamodb", "iot", "secretsmanager"))
        ),
    )
    canary._parts.cache_clear()
    # Time for one round, and none for another.
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 20_000)
    found = canary.handler({"rounds": 1}, context)
    assert found.get("healthy"), found
    assert found["action"] != "none"
    dynamodb = world.region.client("dynamodb")
    book = DynamoOperations(dynamodb, world.operations).read()
    assert book.look("b") is not None
    assert world.ports.verdicts.read().reason == found["canary"]


def plays_readiness(world):
    world.clear()
    name, ports = fresh_name(), world.ports
    ports.verdicts.write(
        HealthVerdict(is_healthy=True, reason="seen", seen_at_s=time.time())
    )
    key = thing_key(name)
    wanted = make_record(name, make_certificate())
    ports.records.write(wanted, previous=Record(key, None))
    operations = DynamoOperations(world.region.client("dynamodb"), world.operations)
    readiness._parts.cache_clear()
    points = readiness.handler({}, CALLER)["points"]
    # Its record was written long ago, its names' certificates last for nine days, the
    # other site is silent, and no account may let so many devices in.
    assert points.keys() == {"registry", "names", "peer", "quota"}, points
    assert "1 wait" in points["registry"]
    assert len(operations.entries()) == 1
    assert ports.cursors.read("readiness") == "names, peer, quota, registry"


PLAYS = {
    "batch": plays_batch,
    "canary": plays_canary,
    "capture": role_registry.plays_capture,
    "errors": plays_errors,
    "firmware": plays_firmware,
    "health": plays_health,
    "meter": plays_meter,
    "onboarding": role_registry.plays_onboarding,
    "readiness": plays_readiness,
    "replicator": role_registry.plays_replicator,
    "resume": plays_resume,
    "setup": plays_setup,
    "sweeper": role_registry.plays_sweeper,
    "switch": plays_switch,
}
