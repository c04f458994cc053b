"""The account that boto3's environment points at: AWS, or what stands in for it."""

from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
import dns.resolver
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from hotsite.adapters.aws.account import AwsAccount
from hotsite.adapters.aws.compute import AwsCompute
from hotsite.adapters.aws.fleet_inventory import IotInventory
from hotsite.adapters.aws.operations import DynamoOperations
from hotsite.adapters.aws.packages import BucketPackages
from hotsite.adapters.aws.stacks import CloudFormationStacks
from hotsite.adapters.clock import SystemClock
from hotsite.errors import InvalidInputError
from hotsite.faces.cli.deployworld import ASSET_KEY_PREFIX, World
from hotsite.flows.deployment import Pace
from hotsite.ports.adoption import Inventory
from hotsite.ports.deployment import Packages
from hotsite.ports.operations import Compute, Operations
from hotsite.settings import Settings

# CloudFormation of AWS throttles who asks often; a stand-in on this machine does not.
_LOOK_S, _LOOK_NEAR_S = 3.0, 0.3
_LOOPBACK = "http://127."
_FIRST = "us-east-1"


def open_world(settings: Settings, profile: str | None, name_server: str) -> World:
    """Return the account of a profile, or of the environment.

    Args:
        settings: Which Regions.
        profile: Of the AWS configuration; None for the default.
        name_server: ``ADDRESS:PORT`` to ask instead of the system's; may be empty.

    Raises:
        InvalidInputError: There is no such profile, or the name server is wrong.
    """
    open_client = _opener(profile)

    def packages(region: str, bucket: str) -> Packages:
        store = open_client("s3", region)
        return BucketPackages(store, bucket, region, prefix=ASSET_KEY_PREFIX)

    def compute(region: str) -> Compute:
        events, lambdas = open_client("events", region), open_client("lambda", region)
        return AwsCompute(events, lambdas, settings.prefix)

    def operations(region: str) -> Operations:
        table = settings.table("operations")
        return DynamoOperations(open_client("dynamodb", region), table)

    regions = [site.region for site in settings.sites]
    formations = {each: open_client("cloudformation", each) for each in regions}
    is_near = formations[regions[0]].meta.endpoint_url.startswith(_LOOPBACK)
    return World(
        account=AwsAccount(open_client, home_of(regions[0]), _resolver(name_server)),
        stacks={
            region: CloudFormationStacks(formation)
            for region, formation in formations.items()
        },
        packages=packages,
        compute=compute,
        operations=operations,
        clock=SystemClock(),
        pace=Pace(look_every_s=_LOOK_NEAR_S if is_near else _LOOK_S),
    )


def home_of(region: str) -> str:
    """Return where to ask what belongs to no Region.

    A Region that nobody has heard of has no endpoint that could say so; the first one
    of AWS can. A new one, which boto3 does not know yet, is asked about there as well.
    """
    known = boto3.session.Session().get_available_regions("sts")
    return region if region in known else _FIRST


def open_inventory(region: str, profile: str | None, *, things_max: int) -> Inventory:
    """Return what a Region's AWS IoT Core holds.

    Args:
        region: AWS Region.
        profile: Of the AWS configuration; None for the default.
        things_max: How many things to count before it is enough.

    Raises:
        InvalidInputError: There is no such profile.
    """
    iot = _opener(profile)("iot", region)
    return IotInventory(iot, region, things_max=things_max)


def _opener(profile: str | None) -> Callable[[str, str], Any]:
    try:
        session = boto3.session.Session(profile_name=profile)
    except BotoCoreError as error:
        raise InvalidInputError(f"--aws-profile: {error}") from error

    @cache
    def open_client(service: str, region: str) -> Any:
        config = Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"mode": "standard", "max_attempts": 6},
            s3={"addressing_style": "path"},
        )
        return session.client(service, region_name=region, config=config)

    return open_client


def _resolver(name_server: str) -> dns.resolver.Resolver | None:
    if not name_server:
        return None
    address, _, port = name_server.rpartition(":")
    if not port.isdigit():
        raise InvalidInputError(f"HOTSITE_DNS {name_server!r}: write ADDRESS:PORT")
    found = dns.resolver.Resolver(configure=False)
    found.nameservers, found.port = [address], int(port)
    return found
