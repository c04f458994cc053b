"""CloudFormation's custom resource: finish a site, answer with what it needs."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from hotsite.adapters.aws import cold_copies
from hotsite.adapters.aws.session import client
from hotsite.adapters.aws.site_setup import Clients, Wish, establish, remove
from hotsite.faces.lambdas import custom_resource, environment


def handler(event: dict[str, Any], context: Any) -> None:
    """Handle Create, Update or Delete."""
    account_id = context.invoked_function_arn.split(":")[4]
    once = partial(_perform, event, account_id)
    # Detaching a certificate or activating a replica ends within seconds.
    work = partial(custom_resource.retried, once, tries=8, pause_s=5.0)
    custom_resource.answer(event, "hotsite-setup", work)


def _perform(event: Mapping[str, Any], account_id: str) -> dict[str, str]:
    if event["ResourceType"] == "Custom::HotsiteCopies":
        return _copy(event)
    settings, properties = environment.read(), event["ResourceProperties"]
    wish = Wish(
        account_id=account_id,
        region=settings.region,
        registry=settings.registry,
        telemetry=settings.telemetry,
        fleet_group=settings.fleet_group,
        fleet_policy=properties["FleetPolicy"],
        thing_type=settings.thing_type,
        canary_thing=properties["CanaryThing"],
        canary_secret=settings.canary_secret,
    )
    services = ("dynamodb", "iot", "secretsmanager")
    clients = Clients(*(client(service, wish.region) for service in services))
    if event["RequestType"] == "Delete":
        remove(wish, clients)
        return {}
    facts = establish(wish, clients)
    return {
        "DataEndpoint": facts.data_endpoint,
        "RegistryStreamArn": facts.registry_stream_arn,
        "TelemetryStreamArn": facts.telemetry_stream_arn,
    }


def _copy(event: Mapping[str, Any]) -> dict[str, str]:
    properties = event["ResourceProperties"]
    names = ("Bucket", "Prefix", "ReplicaBucket", "ReplicaKeyArn", "RoleArn")
    more = tuple((one["Bucket"], one["KeyArn"]) for one in properties.get("More", ()))
    wish = cold_copies.CopiesWish(*(properties[name] for name in names))
    wish = replace(wish, more=more)
    s3 = client("s3", environment.read().region)
    if event["RequestType"] == "Delete":
        cold_copies.remove(wish, s3)
    else:
        cold_copies.establish(wish, s3)
    return {}
