"""CloudFormation's custom resource: finish a site, answer with what it needs."""

import json
import logging
import time
import urllib.request
from typing import Any

from hotsite.adapters.aws.session import client
from hotsite.adapters.aws.site_setup import Clients, Wish, establish, remove
from hotsite.errors import RetryableError
from hotsite.faces.lambdas import environment

_LOG = logging.getLogger(__name__)
# Detaching a certificate and activating a replica end within seconds.
_TRIES = 8
_PAUSE_S = 5.0
_ANSWER_LIMIT_S = 10
# CloudFormation keeps 4,096 bytes of an answer in all.
_REASON_LENGTH = 1000


def handler(event: dict[str, Any], context: Any) -> None:
    """Handle Create, Update or Delete; answer whatever happens.

    A custom resource that does not answer blocks its stack until the time limit.
    """
    answer: dict[str, Any] = {"Status": "SUCCESS"}
    try:
        wish = _wish(event["ResourceProperties"], context.invoked_function_arn)
        answer["Data"] = _perform(event["RequestType"], wish)
    except Exception as error:  # noqa: BLE001 - no answer would block the stack
        _LOG.exception("setup failed")
        reason = f"{type(error).__name__}: {error}"
        answer = {"Status": "FAILED", "Reason": reason[:_REASON_LENGTH]}
    _respond(event, answer)


def _wish(properties: dict[str, str], function_arn: str) -> Wish:
    settings = environment.read()
    return Wish(
        account_id=function_arn.split(":")[4],
        region=settings.region,
        registry=settings.registry,
        fleet_group=settings.fleet_group,
        fleet_policy=properties["FleetPolicy"],
        thing_type=settings.thing_type,
        canary_thing=properties["CanaryThing"],
        canary_secret=settings.canary_secret,
    )


def _perform(request: str, wish: Wish) -> dict[str, str]:
    services = ("dynamodb", "iot", "secretsmanager")
    clients = Clients(*(client(service, wish.region) for service in services))
    for _ in range(_TRIES - 1):
        try:
            return _once(request, wish, clients)
        except RetryableError as error:
            _LOG.info("setup waits", extra={"reason": str(error)})
            time.sleep(_PAUSE_S)
    return _once(request, wish, clients)


def _once(request: str, wish: Wish, clients: Clients) -> dict[str, str]:
    if request == "Delete":
        remove(wish, clients)
        return {}
    facts = establish(wish, clients)
    return {
        "RegistryStreamArn": facts.registry_stream_arn,
        "DataEndpoint": facts.data_endpoint,
    }


def _respond(event: dict[str, Any], answer: dict[str, Any]) -> None:
    same = ("StackId", "RequestId", "LogicalResourceId")
    document = {
        **{key: event[key] for key in same},
        # One name for ever: another would make CloudFormation delete the "old" one.
        "PhysicalResourceId": "hotsite-setup",
        **answer,
    }
    request = urllib.request.Request(  # noqa: S310 - CloudFormation chose the URL
        event["ResponseURL"],
        data=json.dumps(document).encode(),
        method="PUT",
        # S3 signed this URL for no content type (CloudFormation user guide).
        headers={"content-type": ""},
    )
    with urllib.request.urlopen(request, timeout=_ANSWER_LIMIT_S):  # noqa: S310 - the same
        _LOG.info("setup answered", extra={"status": document["Status"]})
