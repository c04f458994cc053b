"""A Region that enforces IAM, and each function in this process as one of its users.

A Region process enforces IAM by the caller's policies, at every call. The user's
policy is the role's list of actions, on the role's tables of DynamoDB and on every
resource of other services: which of those a role needs is tried by the deployed cloud,
and that it names them by asserts on the templates.
"""

import contextlib
import json
import socket
import sys
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from tests.contract.world import (
    DEVICE,
    FLEET,
    GROUPS,
    RUN,
    TYPES,
    Cloud,
    empty_table,
    empty_tables,
    local_ports,
    make_operations_table,
    make_table,
    make_tables,
)
from tests.local.region_world import ACCOUNT, DOMAIN, role

from hotsite.core.apis import DEFAULT_QUOTAS
from hotsite.core.buckets import cold_bucket

USER = "hotsite-role"
PREFIX = f"{RUN}-role"
CANARY = f"{PREFIX}-canary"
POLICY = f"{PREFIX}-policy"
STREAM = f"{PREFIX}-cold"
CALLER = SimpleNamespace(
    invoked_function_arn=f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:hotsite"
)
_FLEET_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["iot:Connect", "iot:Publish"],
            "Resource": "*",
        }
    ],
}
# What the topic rule of the telemetry stack does, as far as a canary sees it.
_RULE = "SELECT *, topic(2) AS pk FROM 'dt/+/telemetry'"


@dataclass(frozen=True)
class RoleWorld:
    """A Region, and the hands of its owner.

    Attributes:
        region: Its process, with groups and types of ``world.prepare_iot``.
        tables: The registry and applied tables.
        telemetry: Name of the hot table.
        operations: Name of the operations table.
        escrow: Name of the table of sealed keys.
        key: ARN of the key that they are sealed with.
        queue: URL of the queue of what was told.
    """

    region: object
    tables: object
    telemetry: str
    operations: str
    escrow: str
    key: str
    queue: str

    @classmethod
    def make(cls, region):
        cloud = Cloud.local(region)
        made = cls(
            region,
            make_tables(cloud),
            make_operations_table(cloud),
            make_operations_table(cloud),
            f"{PREFIX}-escrow",
            region.client("kms").create_key()["KeyMetadata"]["Arn"],
            region.client("sqs").create_queue(QueueName=f"{PREFIX}-told")["QueueUrl"],
        )
        make_table(cloud, made.escrow, "name")
        for table in (made.telemetry, made.tables.registry):
            region.client("dynamodb").update_table(
                TableName=table,
                StreamSpecification={
                    "StreamEnabled": True,
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                },
            )
        for bucket in (made.bucket, made.cold):
            region.client("s3").create_bucket(
                Bucket=bucket,
                CreateBucketConfiguration={"LocationConstraint": region.config.region},
            )
            region.client("s3").put_bucket_versioning(
                Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
            )
        region.client("iot").create_policy(
            policyName=POLICY,
            policyDocument=json.dumps(_FLEET_POLICY),
        )
        region.client("secretsmanager").create_secret(Name=CANARY)
        made._make_rule()
        made._make_stream()
        return made

    @property
    def bucket(self):
        return f"{PREFIX}-files"

    @property
    def cold(self):
        return cold_bucket(PREFIX, ACCOUNT, self.region.config.region)

    @property
    def ports(self):
        return local_ports(self.region, self.tables)

    def _make_rule(self):
        sender = role(self.region, f"{PREFIX}-rule", "iot", "dynamodb:PutItem")
        store = {"roleArn": sender, "putItem": {"tableName": self.telemetry}}
        self.region.client("iot").create_topic_rule(
            ruleName="hotsite_role",
            topicRulePayload={
                "sql": _RULE,
                "awsIotSqlVersion": "2016-03-23",
                "actions": [{"dynamoDBv2": store}],
            },
        )

    def _make_stream(self):
        writer = role(self.region, f"{PREFIX}-stream", "firehose", "s3:PutObject")
        self.region.client("firehose").create_delivery_stream(
            DeliveryStreamName=STREAM,
            DeliveryStreamType="DirectPut",
            ExtendedS3DestinationConfiguration={
                "RoleARN": writer,
                "BucketARN": f"arn:aws:s3:::{self.cold}",
            },
        )

    def environment(self):
        """Return what the stacks tell functions, with the user's credentials."""
        iam = self.region.client("iam")
        iam.create_user(UserName=USER)
        key = iam.create_access_key(UserName=USER)["AccessKey"]
        config = self.region.config
        # A play is quicker than AWS lets anybody be, and pacing has tests of its own.
        raised = json.dumps(dict.fromkeys(DEFAULT_QUOTAS, 1e5))
        return {
            "AWS_ENDPOINT_URL": config.gateway_url,
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            "SSL_CERT_FILE": str(config.ca_path),
            "SITE_REGION": config.region,
            "SITE_LETTER": "b",
            "DOMAIN": DOMAIN,
            "TABLE_REGISTRY": self.tables.registry,
            "TABLE_TELEMETRY": self.telemetry,
            "TABLE_APPLIED": self.tables.applied,
            "TABLE_OPERATIONS": self.operations,
            "TABLE_ESCROW": self.escrow,
            "ESCROW_KEY": self.key,
            "FLEET_GROUP": FLEET,
            "THING_TYPE": DEVICE,
            "PREFIX": PREFIX,
            "MQTT_PORT": str(config.mqtt_port),
            "API_PORT": str(config.https_port),
            "ERROR_BUCKET": self.bucket,
            "FIRMWARE_BUCKET": self.bucket,
            "COLD_STREAM": STREAM,
            "CANARY_SECRET_ID": CANARY,
            "RAISED_QUOTAS": raised,
            # More than any account may let in at once, so that its quotas matter.
            "FLEET_SIZE": "10000000",
        }

    def allow(self, actions):
        """Let the user do this, and nothing else.

        ``dynamodb:GetItem on applied`` is allowed on that table alone.
        """
        by_table = {}
        for one in actions:
            action, _, table = one.partition(" on ")
            by_table.setdefault(table, []).append(action)
        statements = [
            {"Effect": "Allow", "Action": sorted(some), "Resource": self._arn(table)}
            for table, some in sorted(by_table.items())
        ]
        document = {"Version": "2012-10-17", "Statement": statements}
        self.region.client("iam").put_user_policy(
            UserName=USER, PolicyName="role", PolicyDocument=json.dumps(document)
        )

    def _arn(self, table):
        names = {
            "applied": self.tables.applied,
            "escrow": self.escrow,
            "operations": self.operations,
            "registry": self.tables.registry,
            "telemetry": self.telemetry,
        }
        where = f"arn:aws:dynamodb:{self.region.config.region}:{ACCOUNT}"
        return f"{where}:table/{names[table]}" if table else "*"

    def clear(self):
        """Forget what plays have left: a failed one must not help the next."""
        cloud = Cloud.local(self.region)
        empty_tables(cloud, self.tables)
        for table in (self.telemetry, self.operations):
            empty_table(cloud, table, "pk", "sk")
        _Sweepings(self.region.client("iot")).remove()


@contextlib.contextmanager
def open_world(region):
    """Yield a world of a Region, with this process as its user."""
    made = RoleWorld.make(region)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in made.environment().items():
            patch.setenv(name, value)
        patch.setattr(socket, "getaddrinfo", _resolver(region.config))
        _start_cold()
        yield made
    _start_cold()


def _start_cold():
    """Let every function begin anew, as who its environment says."""
    for name, module in sys.modules.items():
        if name.startswith("hotsite.faces.lambdas."):
            for made in vars(module).values():
                getattr(made, "cache_clear", lambda: None)()


def fails(play, world):
    """Say whether a function did not do its work; whatever it was that failed."""
    try:
        play(world)
    except Exception:  # noqa: BLE001 - whatever it is, the work is not done
        return True
    return False


def needed(play, world, actions):
    """Return the actions without which, each by itself, a play fails."""
    found = set()
    for action in sorted(actions):
        world.allow(actions - {action})
        if fails(play, world):
            found.add(action)
    # That it failed without the last one says nothing if it fails now.
    world.allow(actions)
    play(world)
    return found


def _resolver(config):
    """Resolve the site's own names as its functions' resolver does, and no others."""
    ask_the_machine = socket.getaddrinfo
    own = {f"iot.{DOMAIN}", f"iot-b.{DOMAIN}", f"api-b.{DOMAIN}"}

    def getaddrinfo(host, *arguments, **options):
        if host in own:
            return ask_the_machine(config.address, *arguments, **options)
        if isinstance(host, str) and host.endswith(DOMAIN):
            raise socket.gaierror(socket.EAI_NONAME, host)
        return ask_the_machine(host, *arguments, **options)

    return getaddrinfo


class _Sweepings:
    """What is in IoT Core beside what the world was made with."""

    def __init__(self, iot):
        self._iot = iot

    def remove(self):
        iot = self._iot
        for thing in iot.list_things()["things"]:
            name = thing["thingName"]
            for one in iot.list_thing_principals(thingName=name)["principals"]:
                iot.detach_thing_principal(thingName=name, principal=one)
            iot.delete_thing(thingName=name)
        for certificate in iot.list_certificates(pageSize=250)["certificates"]:
            self._certificate(certificate["certificateId"], certificate["status"])
        for group in iot.list_thing_groups()["thingGroups"]:
            if group["groupName"] not in GROUPS:
                iot.delete_thing_group(thingGroupName=group["groupName"])
        for kind in iot.list_thing_types()["thingTypes"]:
            if kind["thingTypeName"] not in TYPES:
                iot.deprecate_thing_type(thingTypeName=kind["thingTypeName"])
                iot.delete_thing_type(thingTypeName=kind["thingTypeName"])
        for policy in iot.list_policies()["policies"]:
            self._policy(policy["policyName"])
        for ca in iot.list_ca_certificates()["certificates"]:
            iot.update_ca_certificate(
                certificateId=ca["certificateId"], newStatus="INACTIVE"
            )
            iot.delete_ca_certificate(certificateId=ca["certificateId"])

    def _certificate(self, name, status):
        iot = self._iot
        if status == "ACTIVE":
            iot.update_certificate(certificateId=name, newStatus="INACTIVE")
        iot.delete_certificate(certificateId=name, forceDelete=True)

    def _policy(self, name):
        iot = self._iot
        if name == POLICY:
            return
        for target in iot.list_targets_for_policy(policyName=name)["targets"]:
            iot.detach_policy(policyName=name, target=target)
        for one in iot.list_policy_versions(policyName=name)["policyVersions"]:
            if not one["isDefaultVersion"]:
                iot.delete_policy_version(
                    policyName=name, policyVersionId=one["versionId"]
                )
        iot.delete_policy(policyName=name)
