"""Each function in this process, as an IAM user who may do what its role may.

A Region process enforces IAM by the caller's policies, at every call. The user's
policy is the role's list of actions on every resource: which resources a role needs is
tried by the deployed cloud, and that it names them by asserts on the templates.
"""

import base64
import json
import time
from dataclasses import dataclass, replace
from types import SimpleNamespace

from tests.contract.test_definitions import make_ca, make_policy
from tests.contract.test_lives import Pen
from tests.contract.world import (
    DEVICE,
    FLEET,
    RUN,
    Cloud,
    fresh_name,
    local_ports,
    make_certificate,
    make_operations_table,
    make_tables,
)
from tests.local.region_world import ACCOUNT

from hotsite.adapters import device_key
from hotsite.core.health import HealthVerdict
from hotsite.core.onboarding import Claim, Entry
from hotsite.core.registry import (
    CertificateStatus,
    Key,
    Kind,
    Shadows,
    Thing,
    ThingGroup,
    ThingType,
    thing_key,
)
from hotsite.core.resume import Ask, Range
from hotsite.core.resume import encode as encode_ask
from hotsite.core.telemetry import Key as MessageKey
from hotsite.core.telemetry import Telemetry, batches, encode_message
from hotsite.faces.lambdas import (
    batch,
    errors,
    firmware,
    health,
    meter,
    onboarding,
    replicator,
    resume,
    setup,
    switch,
)
from hotsite.settings import cold_bucket

USER = "hotsite-role"
_FLEET_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}],
}
_PREFIX = f"{RUN}-role"
_CALLER = SimpleNamespace(
    invoked_function_arn=f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:hotsite"
)


@dataclass(frozen=True)
class RoleWorld:
    """A Region, and the hands of its owner."""

    region: object
    tables: object
    telemetry: str
    operations: str

    @classmethod
    def make(cls, region):
        cloud = Cloud.local(region)
        made = cls(
            region,
            make_tables(cloud),
            make_operations_table(cloud),
            make_operations_table(cloud),
        )
        for table in (made.telemetry, made.tables.registry):
            region.client("dynamodb").update_table(
                TableName=table,
                StreamSpecification={
                    "StreamEnabled": True,
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                },
            )
        buckets = (made.bucket, cold_bucket(_PREFIX, ACCOUNT, region.config.region))
        for bucket in buckets:
            region.client("s3").create_bucket(
                Bucket=bucket,
                CreateBucketConfiguration={"LocationConstraint": region.config.region},
            )
        region.client("iot").create_policy(
            policyName=FLEET,
            policyDocument=json.dumps(_FLEET_POLICY),
        )
        region.client("secretsmanager").create_secret(Name=f"{_PREFIX}/canary")
        return made

    @property
    def bucket(self):
        return f"{_PREFIX}-files"

    @property
    def ports(self):
        return local_ports(self.region, self.tables)

    def environment(self):
        """Return what the stacks tell functions, with the user's credentials."""
        iam = self.region.client("iam")
        iam.create_user(UserName=USER)
        key = iam.create_access_key(UserName=USER)["AccessKey"]
        return {
            "AWS_ENDPOINT_URL": self.region.config.gateway_url,
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            "SITE_REGION": self.region.config.region,
            "SITE_LETTER": "b",
            "DOMAIN": "hotsite.test",
            "TABLE_REGISTRY": self.tables.registry,
            "TABLE_TELEMETRY": self.telemetry,
            "TABLE_APPLIED": self.tables.applied,
            "TABLE_OPERATIONS": self.operations,
            "FLEET_GROUP": FLEET,
            "THING_TYPE": DEVICE,
            "PREFIX": _PREFIX,
            "ERROR_BUCKET": self.bucket,
            "FIRMWARE_BUCKET": self.bucket,
            "CANARY_SECRET_ID": f"{_PREFIX}/canary",
        }

    def allow(self, actions):
        """Let the user do this, and nothing else."""
        statement = {"Effect": "Allow", "Action": sorted(actions), "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        self.region.client("iam").put_user_policy(
            UserName=USER, PolicyName="role", PolicyDocument=json.dumps(document)
        )


def plays_health(world):
    verdict = HealthVerdict(is_healthy=True, reason="seen", seen_at_s=time.time())
    world.ports.verdicts.write(verdict)
    assert health.handler({}, None)["statusCode"] == 200


def plays_switch(world):
    assert switch.handler({}, None)["statusCode"] in {200, 404}


def _messages():
    message = Telemetry(MessageKey(1, 1), time.time(), '{"t":1}')
    (only,) = batches([encode_message(message)])
    return only[1]


def _published(payload):
    coded = base64.b64encode(payload).decode()
    return {"thing": "oven-1", "payload": coded, "at_ms": int(time.time() * 1000)}


def plays_batch(world):
    assert batch.handler(_published(_messages()), None)["stored"] == 1
    assert batch.handler(_published(b"[7]"), None)["refused"] == 1


def plays_resume(world):
    ask = Ask(7, (Range(1, 1, 9),))
    answered = resume.handler(_published(encode_ask(ask)), None)
    assert answered["answered"]
    assert not resume.handler(_published(b"none"), None)["answered"]


def plays_errors(world):
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
    image = {
        "pk": {"S": "oven-1"},
        "origin": {"S": "eu-central-1"},
        "received_at_s": {"N": str(time.time())},
    }
    rows = [{"dynamodb": {"NewImage": image, "SequenceNumber": "1"}}]
    answer = meter.handler({"Records": rows}, _CALLER)
    assert answer == {"batchItemFailures": []}


def _ask(route, *, body=None, **path):
    event = {
        "routeKey": route,
        "pathParameters": path,
        "requestContext": {"authorizer": {"jwt": {"claims": {"sub": "ada"}}}},
        "body": None if body is None else json.dumps(body),
    }
    return onboarding.handler(event, _CALLER)["statusCode"]


def plays_onboarding(world):
    name = fresh_name()
    world.ports.claims.add(Entry.of(Claim(name, "s3cret"), {"model": "x1"}))
    csr = device_key.make(name).csr_pem
    body = {"claim": {"id": name, "secret": "s3cret"}, "csr": csr}
    assert _ask("POST /v1/devices", body=body) == 201
    # The replicator would do later what was left undone here: it has to be done now.
    seen = world.ports.registry.observe(thing_key(name))
    assert seen.body == Thing(name, DEVICE, (("model", "x1"),), (FLEET,))
    assert len(seen.attached) == 1
    assert _ask("GET /v1/devices") == 200
    csr = {"csr": device_key.make(name).csr_pem}
    rotate = "POST /v1/devices/{thing}/certificates"
    assert _ask(rotate, body=csr, thing=name) == 201
    attached = world.ports.registry.observe(thing_key(name)).attached
    assert len(attached) == 2
    assert _ask("DELETE /v1/devices/{thing}", thing=name) == 204
    iot = world.region.client("iot")
    for one in attached:
        found = iot.describe_certificate(certificateId=one)["certificateDescription"]
        assert found["status"] == "REVOKED"


class _Follower:
    """Writes a record, tells the replicator, and looks whether the Region follows."""

    def __init__(self, world, kind, name):
        self.pen = Pen(world.ports, Key(kind, name))
        self._registry = world.ports.registry

    def write(self, **changes):
        self.pen.write(**changes)
        keys = {"pk": {"S": str(self.pen.key)}}
        record = {"dynamodb": {"Keys": keys, "SequenceNumber": "1"}}
        answer = replicator.handler({"Records": [record]}, _CALLER)
        assert answer == {"batchItemFailures": []}
        seen = self._registry.observe(self.pen.key)
        wanted = self.pen.read()
        if wanted.key.kind is Kind.SHADOWS and seen.body is None:
            assert not wanted.body.documents
        else:
            assert seen.body == wanted.body
        return wanted

    def delete(self):
        self.write(body=None, certificates=(), is_deleted=True)


def plays_replicator(world):
    name = fresh_name()
    policy = _Follower(world, Kind.POLICY, name)
    policy.write(body=make_policy(name))
    for number in range(6):
        # A sixth version takes the place of the oldest.
        policy.write(body=make_policy(name, "iot:Connect", f"iot:Publish{number}"))
    _plays_thing(world, name)
    policy.delete()
    kind = _Follower(world, Kind.THING_TYPE, name)
    kind.write(body=ThingType(name, "Oven"))
    kind.write(body=ThingType(name, "Oven", is_deprecated=True))
    kind.delete()
    group = _Follower(world, Kind.THING_GROUP, name)
    group.write(body=ThingGroup(name))
    group.write(body=ThingGroup(name, description="Floor"))
    group.delete()
    ca = make_ca()
    authority = _Follower(world, Kind.CA_CERTIFICATE, ca.name)
    authority.write(body=ca)
    authority.write(body=replace(ca, is_active=False))
    authority.delete()


def _plays_thing(world, name):
    thing = _Follower(world, Kind.THING, name)
    first = replace(make_certificate(), policies=(name,))
    thing.write(body=Thing(name, DEVICE, (), (FLEET,)), certificates=(first,))
    assert _attached(world, first) == [name]
    shadows = _Follower(world, Kind.SHADOWS, name)
    shadows.write(body=Shadows(name, (("", '{"desired":{"a":1}}'),)))
    shadows.write(body=Shadows(name))
    bare = replace(first, policies=())
    thing.write(body=Thing(name, DEVICE, (("wing", "a"),), ()), certificates=(bare,))
    assert _attached(world, first) == []
    closed = replace(bare, status=CertificateStatus.INACTIVE)
    thing.write(certificates=(closed,))
    found = world.region.client("iot").describe_certificate(
        certificateId=first.certificate_id
    )
    assert found["certificateDescription"]["status"] == "INACTIVE"
    thing.write(certificates=())
    thing.delete()
    with_id = {"certificateId": first.certificate_id}
    try:
        world.region.client("iot").describe_certificate(**with_id)
    except world.region.client("iot").exceptions.ResourceNotFoundException:
        return
    raise AssertionError("the certificate is still there")


def _attached(world, certificate):
    target = f"arn:aws:iot:eu-west-1:{ACCOUNT}:cert/{certificate.certificate_id}"
    found = world.region.client("iot").list_attached_policies(target=target)
    return [one["policyName"] for one in found["policies"]]


def plays_setup(world):
    # As if nobody had been here: what a play before did not finish must not help.
    iot = world.region.client("iot")
    off = {"THING": {"Enabled": False}}
    iot.update_event_configurations(eventConfigurations=off)
    secrets = world.region.client("secretsmanager")
    secrets.put_secret_value(SecretId=f"{_PREFIX}/canary", SecretString="none")
    properties = {"FleetPolicy": FLEET, "CanaryThing": f"{_PREFIX}-canary"}
    for request in ("Create", "Update", "Delete"):
        event = {
            "ResourceType": "Custom::HotsiteSite",
            "RequestType": request,
            "ResourceProperties": properties,
        }
        setup._perform(event, ACCOUNT)


# What a function must do, whole: an assertion or an error says that it did not.
PLAYS = {
    "batch": plays_batch,
    "errors": plays_errors,
    "firmware": plays_firmware,
    "health": plays_health,
    "meter": plays_meter,
    "onboarding": plays_onboarding,
    "replicator": plays_replicator,
    "resume": plays_resume,
    "setup": plays_setup,
    "switch": plays_switch,
}
