"""One site seen through its ports: in memory, in a Region process, or on AWS."""

import datetime as dt
import functools
import hashlib
import itertools
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import boto3
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.contract.belongings import WITHIN_S, Belongings
from tests.contract.patience import PatientRegistry
from tests.local.region_world import ACCOUNT, eventually

from hotsite.adapters.aws import csr
from hotsite.adapters.aws.deletion_ledger import DynamoDeletionLedger
from hotsite.adapters.aws.enrolments import DynamoEnrolments
from hotsite.adapters.aws.failures import S3FailedBatches
from hotsite.adapters.aws.iot_registry import IotRegistry
from hotsite.adapters.aws.meter import DynamoMeterReadings, S3ColdWatermarks
from hotsite.adapters.aws.operations import DynamoOperations
from hotsite.adapters.aws.region_tables import (
    DynamoAppliedRecords,
    DynamoCursors,
    DynamoHealthVerdicts,
)
from hotsite.adapters.aws.surroundings import IotSurroundings
from hotsite.adapters.aws.tables import DynamoClaims, DynamoRecords
from hotsite.core.onboarding import Claim, Entry
from hotsite.core.policies import Place
from hotsite.core.registry import (
    Certificate,
    CertificateStatus,
    Record,
    Thing,
    thing_key,
)
from hotsite.flows.replication import Site
from hotsite.ports import (
    AppliedRecords,
    Claims,
    Cursors,
    HealthVerdicts,
    MeterReadings,
    Records,
    Registry,
)
from hotsite.ports.deletions import DeletionLedger
from hotsite.ports.enrolment import Enrolments
from hotsite.ports.unrecorded import Surroundings
from hotsite.sim.clock import SimClock
from hotsite.sim.deletions import SimDeletionLedger
from hotsite.sim.enrolments import SimEnrolments
from hotsite.sim.failures import SimFailedBatches
from hotsite.sim.region_tables import SimColdWatermarks, SimMeterReadings
from hotsite.sim.registry import SimRegistry
from hotsite.sim.surroundings import SimSurroundings
from hotsite.sim.tables import (
    SimAppliedRecords,
    SimClaims,
    SimCursors,
    SimHealthVerdicts,
    SimTables,
)

# Every name that the suite makes begins with it, wherever it runs.
RUN = f"hotsite-contract-{uuid.uuid4().hex[:8]}"
FLEET, HALL = GROUPS = (f"{RUN}-fleet", f"{RUN}-hall")
DEVICE, GATEWAY = TYPES = (f"{RUN}-device", f"{RUN}-gateway")
NOBODY_LISTENS_PORT = 9
# How long a change may take to show: at once here, on AWS five minutes until a
# thing type can be deleted (botocore model of AWS IoT, DeleteThingType).
HERE_S, AWS_S = 5.0, WITHIN_S
# CreatePolicy and others are 10 calls a second (AWS general reference): wait.
ATTEMPTS_MAX = 10
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Ports:
    """The ports of one site; the clock is virtual in every world."""

    records: Records
    claims: Claims
    enrolments: Enrolments
    applied: AppliedRecords
    registry: Registry
    verdicts: HealthVerdicts
    cursors: Cursors
    ledger: DeletionLedger
    surroundings: Surroundings
    readings: MeterReadings
    clock: SimClock
    within_s: float = HERE_S

    @property
    def site(self):
        return Site(self.records, self.applied, self.registry, self.clock)

    def eventually(self, check):
        """Wait until a check holds, which on AWS may take a while."""
        eventually(check, within_s=self.within_s)


@dataclass(frozen=True)
class LocalTables:
    """The tables of one test in a Region."""

    registry: str
    applied: str


@dataclass(frozen=True)
class Cloud:
    """Where the AWS adapters are pointed at: a Region process, or an account.

    Attributes:
        region: AWS Region.
        account_id: 12 digits.
        settings: What else boto3 is told.
        belongings: Who notes what is made, where that matters.
        within_s: How long a change may take to show.
    """

    region: str
    account_id: str
    settings: Mapping[str, str]
    belongings: Belongings | None = None
    within_s: float = HERE_S

    @classmethod
    def local(cls, region, url=None):
        settings = {
            "endpoint_url": url or region.config.gateway_url,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }
        return cls(region.config.region, ACCOUNT, settings)

    @classmethod
    def account(cls, profile, region):
        """An account that the AWS configuration names, and what we make there."""
        session = boto3.Session(profile_name=profile, region_name=region)
        config = Config(connect_timeout=5, retries={"mode": "standard"})
        sts = session.client("sts", config=config)
        account_id = sts.get_caller_identity()["Account"]
        place = f"{session.region_name}:{account_id}"
        made = Belongings(RUN, place, AWS_S)
        settings = {"profile_name": profile}
        return cls(session.region_name, account_id, settings, made, AWS_S)

    def client(self, service):
        profile = self.settings.get("profile_name")
        given = {k: v for k, v in self.settings.items() if k != "profile_name"}
        attempts = ATTEMPTS_MAX if profile else 1
        retries = {"mode": "standard", "total_max_attempts": attempts}
        made = _session(profile).client(
            service,
            region_name=self.region,
            config=Config(connect_timeout=2, retries=retries),
            **given,
        )
        return self.belongings.watch(service, made) if self.belongings else made


@functools.cache
def _session(profile):
    return boto3.Session(profile_name=profile)


def sim_ports():
    clock = SimClock()
    tables = SimTables("here", clock)
    registry = SimRegistry(GROUPS, TYPES, check_csr=csr.check)
    return Ports(
        records=tables,
        claims=SimClaims(tables),
        enrolments=SimEnrolments(tables),
        applied=SimAppliedRecords(),
        registry=registry,
        verdicts=SimHealthVerdicts(),
        cursors=SimCursors(),
        ledger=SimDeletionLedger(),
        surroundings=SimSurroundings(registry),
        readings=SimMeterReadings(),
        clock=clock,
    )


def sim_ports_cut_off():
    ports = sim_ports()
    for port in (
        ports.records,
        ports.applied,
        ports.registry,
        ports.verdicts,
        ports.cursors,
        ports.ledger,
        ports.readings,
    ):
        port.is_reachable = False
    return ports


def make_tables(cloud):
    """New empty tables, with the keys that the infrastructure gives them."""
    number = next(_NUMBERS)
    made = LocalTables(f"{RUN}-registry-{number}", f"{RUN}-applied-{number}")
    make_table(cloud, made.registry, "pk", "sk")
    make_table(cloud, made.applied, "name")
    return made


def make_table(cloud, name, *keys):
    kinds = zip(keys, ("HASH", "RANGE"), strict=False)
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in kinds],
        AttributeDefinitions=[
            {"AttributeName": key, "AttributeType": "S"} for key in keys
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.get_waiter("table_exists").wait(TableName=name)


def make_operations_table(cloud):
    """A new empty table of operations, with the keys of the infrastructure."""
    name = f"{RUN}-operations-{next(_NUMBERS)}"
    make_table(cloud, name, "pk", "sk")
    return name


def empty_tables(cloud, tables):
    """Make tables as if they were new."""
    empty_table(cloud, tables.registry, "pk", "sk")
    empty_table(cloud, tables.applied, "name")


def empty_table(cloud, table, *keys):
    """Make a table as if it was new."""
    dynamodb = cloud.client("dynamodb")
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table, ConsistentRead=True
    )
    for item in [item for page in pages for item in page["Items"]]:
        key = {name: item[name] for name in keys}
        dynamodb.delete_item(TableName=table, Key=key)


def make_bucket(cloud):
    """A new bucket, as the infrastructure makes it for what failed."""
    name = f"{RUN}-failures-{next(_NUMBERS)}"
    # "us-east-1" is the one Region that a constraint cannot name (CreateBucket).
    where = {"LocationConstraint": cloud.region}
    more = {} if cloud.region == "us-east-1" else {"CreateBucketConfiguration": where}
    cloud.client("s3").create_bucket(Bucket=name, **more)
    return name


def prepare_iot(cloud):
    """Make the groups and types that a site stack makes."""
    iot = cloud.client("iot")
    for group in GROUPS:
        iot.create_thing_group(thingGroupName=group)
    for name in TYPES:
        iot.create_thing_type(thingTypeName=name)


def local_ports(region, tables, *, url=None, on_iot_call=None):
    """The AWS adapters against a Region process, or against any other address."""
    return cloud_ports(Cloud.local(region, url), tables, on_iot_call=on_iot_call)


def cloud_ports(cloud, tables, *, on_iot_call=None):
    """The AWS adapters against a Region."""
    dynamodb, iot, clock = cloud.client("dynamodb"), cloud.client("iot"), SimClock()
    if on_iot_call:
        iot.meta.events.register("before-call.iot", on_iot_call)
    stamp = {"origin": cloud.region, "clock": clock}
    place = Place(cloud.region, cloud.account_id)
    data = cloud.client("iot-data")
    registry = IotRegistry(iot, place, data=data, check_csr=csr.check)
    records = DynamoRecords(dynamodb, tables.registry, **stamp)
    return Ports(
        records=records,
        claims=DynamoClaims(dynamodb, tables.registry, **stamp),
        enrolments=DynamoEnrolments(dynamodb, tables.registry, records, **stamp),
        applied=DynamoAppliedRecords(dynamodb, tables.applied),
        registry=PatientRegistry(registry) if cloud.belongings else registry,
        verdicts=DynamoHealthVerdicts(dynamodb, tables.applied),
        cursors=DynamoCursors(dynamodb, tables.applied),
        ledger=DynamoDeletionLedger(dynamodb, tables.applied),
        surroundings=IotSurroundings(iot, place),
        readings=DynamoMeterReadings(dynamodb, tables.applied),
        clock=clock,
        within_s=cloud.within_s,
    )


def cloud_operations(cloud, table):
    """A Region's replica of the operations table, read by the AWS adapter."""
    return DynamoOperations(cloud.client("dynamodb"), table)


def put(region, table, item):
    """Write an item in its wire form, past every check of ours."""
    region.client("dynamodb").put_item(TableName=table, Item=item)


def fresh_name():
    return f"{RUN}-oven-{uuid.uuid4().hex[:12]}"


def make_certificate(status=CertificateStatus.ACTIVE):
    """A certificate that some other Region has issued."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "device")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    der = made.public_bytes(serialization.Encoding.DER)
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    return Certificate(hashlib.sha256(der).hexdigest(), pem, status)


def make_csr(key, algorithm=hashes.SHA256()):  # noqa: B008 - it has no state
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "device")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    request = builder.sign(key, algorithm)
    return request.public_bytes(serialization.Encoding.PEM).decode()


def make_record(name, *certificates):
    thing = Thing(name, DEVICE, (("model", "x1"),), (FLEET,))
    return Record(thing_key(name), thing, tuple(certificates))


def make_entry(name, **changes):
    entry = Entry.of(Claim(name, "s3cret"), {"model": "x1", "batch": "7"})
    fields = {slot: getattr(entry, slot) for slot in entry.__slots__}
    return Entry(**fields | changes)


class SimFailures:
    """Failed batches in memory."""

    def __init__(self):
        self.store = SimFailedBatches()

    def put(self, *keys):
        return self.store.put(keys)


class CloudFailures:
    """Failed batches in a bucket, written as Lambda writes them."""

    def __init__(self, cloud, bucket):
        self.s3, self.bucket = cloud.client("s3"), bucket
        self.store = S3FailedBatches(self.s3, bucket, page_size=3)

    def put(self, *keys):
        records = [stream_record(str(key), n) for n, key in enumerate(keys)]
        return self.put_object(invocation_record(records))

    def put_object(self, document):
        name = f"aws/lambda/{uuid.uuid4()}/shardId-0/2026/11/24/{uuid.uuid4()}"
        self.s3.put_object(Bucket=self.bucket, Key=name, Body=json.dumps(document))
        return name


class SimCold:
    """Cold objects in memory."""

    def __init__(self):
        self.store = SimColdWatermarks()

    def put(self, origin, at_s):
        self.store.put(origin, at_s)

    def without_bucket(self):
        return SimColdWatermarks()


class CloudCold:
    """Cold objects in a bucket, named as Firehose names them."""

    def __init__(self, cloud, bucket):
        self.s3 = cloud.client("s3")
        self.store = S3ColdWatermarks(self.s3, bucket)
        self._bucket = bucket

    def put(self, origin, at_s):
        at = dt.datetime.fromtimestamp(at_s, dt.UTC)
        folder = f"telemetry/region={origin}/{at:date=%Y-%m-%d/hour=%H}"
        name = f"hotsite-telemetry-1-{at:%Y-%m-%d-%H-%M-%S}-{uuid.uuid4()}.parquet"
        self.s3.put_object(Bucket=self._bucket, Key=f"{folder}/{name}", Body=b"PAR1")

    def without_bucket(self):
        return S3ColdWatermarks(self.s3, f"{self._bucket}-gone")


def empty_bucket(cloud, bucket):
    s3 = cloud.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for item in page.get("Contents", ()):
            s3.delete_object(Bucket=bucket, Key=item["Key"])


def stream_record(partition_key, number=1):
    """What a stream tells of one item (Lambda developer guide, example event)."""
    keys = {"pk": {"S": partition_key}, "sk": {"S": "thing"}}
    return {
        "eventName": "MODIFY",
        "dynamodb": {"Keys": keys, "SequenceNumber": str(number)},
    }


def invocation_record(records):
    """What Lambda puts aside (developer guide, "Retain discarded records …")."""
    return {
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:hotsite",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 5,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "version": "1.0",
        "timestamp": "2026-11-24T00:38:06.021Z",
        "DDBStreamBatchInfo": {"shardId": "shardId-0", "batchSize": len(records)},
        "payload": json.dumps({"Records": records}),
    }
