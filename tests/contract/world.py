"""One site seen through its ports, in memory or in a real Region process."""

import datetime as dt
import hashlib
import itertools
import uuid
from dataclasses import dataclass

import boto3
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.local.region_world import ACCOUNT

from hotsite.adapters.aws import csr
from hotsite.adapters.aws.iot_registry import IotRegistry
from hotsite.adapters.aws.region_tables import (
    DynamoAppliedRecords,
    DynamoCursors,
    DynamoHealthVerdicts,
)
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
    Records,
    Registry,
)
from hotsite.sim.clock import SimClock
from hotsite.sim.registry import SimRegistry
from hotsite.sim.tables import (
    SimAppliedRecords,
    SimClaims,
    SimCursors,
    SimHealthVerdicts,
    SimTables,
)

GROUPS = ("fleet", "hall")
TYPES = ("device", "gateway")
NOBODY_LISTENS_PORT = 9
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Ports:
    """Every port of one site; the clock is virtual in both worlds."""

    records: Records
    claims: Claims
    applied: AppliedRecords
    registry: Registry
    verdicts: HealthVerdicts
    cursors: Cursors
    clock: SimClock

    @property
    def site(self):
        return Site(self.records, self.applied, self.registry, self.clock)


@dataclass(frozen=True)
class LocalTables:
    """The tables of one test in the Region process."""

    registry: str
    applied: str


def sim_ports():
    clock = SimClock()
    tables = SimTables("here", clock)
    return Ports(
        records=tables,
        claims=SimClaims(tables),
        applied=SimAppliedRecords(),
        registry=SimRegistry(GROUPS, check_csr=csr.check),
        verdicts=SimHealthVerdicts(),
        cursors=SimCursors(),
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
    ):
        port.is_reachable = False
    return ports


def make_tables(region):
    """New empty tables, with the keys that the infrastructure gives them."""
    number = next(_NUMBERS)
    made = LocalTables(f"registry-{number}", f"applied-{number}")
    _make_table(region, made.registry, "pk", "sk")
    _make_table(region, made.applied, "name")
    return made


def _make_table(region, name, *keys):
    kinds = zip(keys, ("HASH", "RANGE"), strict=False)
    region.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in kinds],
        AttributeDefinitions=[
            {"AttributeName": key, "AttributeType": "S"} for key in keys
        ],
        BillingMode="PAY_PER_REQUEST",
    )


def prepare_iot(region):
    """Make the groups and types that a site stack makes."""
    iot = region.client("iot")
    for group in GROUPS:
        iot.create_thing_group(thingGroupName=group)
    for name in TYPES:
        iot.create_thing_type(thingTypeName=name)


def local_ports(region, tables, *, url=None, on_iot_call=None):
    """The AWS adapters against a Region, or against any other address."""
    url, here = url or region.config.gateway_url, region.config.region

    def client(service):
        return boto3.client(
            service,
            region_name=here,
            endpoint_url=url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(connect_timeout=2, retries={"total_max_attempts": 1}),
        )

    dynamodb, iot, clock = client("dynamodb"), client("iot"), SimClock()
    if on_iot_call:
        iot.meta.events.register("before-call.iot", on_iot_call)
    stamp = {"origin": here, "clock": clock}
    return Ports(
        records=DynamoRecords(dynamodb, tables.registry, **stamp),
        claims=DynamoClaims(dynamodb, tables.registry, **stamp),
        applied=DynamoAppliedRecords(dynamodb, tables.applied),
        registry=IotRegistry(
            iot, Place(here, ACCOUNT), data=client("iot-data"), check_csr=csr.check
        ),
        verdicts=DynamoHealthVerdicts(dynamodb, tables.applied),
        cursors=DynamoCursors(dynamodb, tables.applied),
        clock=clock,
    )


def put(region, table, item):
    """Write an item in its wire form, past every check of ours."""
    region.client("dynamodb").put_item(TableName=table, Item=item)


def fresh_name():
    return f"oven-{uuid.uuid4().hex[:12]}"


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
    thing = Thing(name, "device", (("model", "x1"),), ("fleet",))
    return Record(thing_key(name), thing, tuple(certificates))


def make_entry(name, **changes):
    entry = Entry.of(Claim(name, "s3cret"), {"model": "x1", "batch": "7"})
    fields = {slot: getattr(entry, slot) for slot in entry.__slots__}
    return Entry(**fields | changes)
