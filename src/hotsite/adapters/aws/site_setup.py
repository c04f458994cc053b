"""What CloudFormation cannot say about a site, done with API calls.

Everything here looks first and changes only what differs, so it may run any
number of times: CloudFormation calls it at each deploy that touches it, and
again after a failure. It decides nothing about a fleet, only about the site.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hotsite.adapters.aws.session import translated
from hotsite.errors import NotReadyError

# Registry events that the capture function listens to. There is no CloudFormation
# type for event configurations. POLICY and CERTIFICATE are types, too, but no event
# of theirs is documented ("Registry events"); CloudTrail tells of these calls.
EVENTS = ("THING", "THING_GROUP", "THING_GROUP_MEMBERSHIP", "THING_TYPE")


@dataclass(frozen=True, slots=True)
class Wish:
    """How a site must be.

    Attributes:
        account_id: 12 digits.
        region: The site's Region.
        registry: Name of the registry table.
        telemetry: Name of the hot table.
        fleet_group: Thing group of the fleet.
        fleet_policy: IoT policy that must hang on the group.
        thing_type: Thing type of the fleet.
        canary_thing: Name of the site's canary.
        canary_secret: Secret that keeps its certificate and key.
    """

    account_id: str
    region: str
    registry: str
    telemetry: str
    fleet_group: str
    fleet_policy: str
    thing_type: str
    canary_thing: str
    canary_secret: str

    def arn(self, resource: str) -> str:
        """Return the ARN of an IoT resource of this site."""
        return f"arn:aws:iot:{self.region}:{self.account_id}:{resource}"


@dataclass(frozen=True, slots=True)
class Clients:
    """The boto3 clients of one Region."""

    dynamodb: Any
    iot: Any
    secrets: Any


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rest of the stack needs and only the Region knows.

    Attributes:
        registry_stream_arn: Stream of this Region's replica of the registry.
        telemetry_stream_arn: The same of the hot table.
        data_endpoint: The Data-ATS endpoint.
    """

    registry_stream_arn: str
    telemetry_stream_arn: str
    data_endpoint: str


def establish(wish: Wish, clients: Clients) -> Facts:
    """Make a site as it must be.

    Args:
        wish: How it must be.
        clients: The Region's clients.

    Returns:
        What the rest of the stack needs.

    Raises:
        NotReadyError: A table has no replica with a stream here yet.
        HotsiteError: A call failed; running again is safe.
    """
    streams = {}
    for name in (wish.registry, wish.telemetry):
        with translated(f"look up the stream of {name}"):
            table = clients.dynamodb.describe_table(TableName=name)
        streams[name] = stream_of(table)
    with translated("look up the data endpoint"):
        answer = clients.iot.describe_endpoint(endpointType="iot:Data-ATS")
    with translated("enable registry events"):
        enabled = clients.iot.describe_event_configurations()
        missing = missing_events(enabled)
        if missing:
            clients.iot.update_event_configurations(
                eventConfigurations={name: {"Enabled": True} for name in missing}
            )
    with translated("attach the fleet's policy to its group"):
        # Attaching again succeeds; no error for it is declared (botocore model).
        clients.iot.attach_policy(policyName=wish.fleet_policy, target=_group_arn(wish))
    with translated("make the canary"):
        _make_canary(wish, clients)
    return Facts(
        registry_stream_arn=streams[wish.registry],
        telemetry_stream_arn=streams[wish.telemetry],
        data_endpoint=answer["endpointAddress"],
    )


def remove(wish: Wish, clients: Clients) -> None:
    """Take back what ``establish`` made; what is gone already is fine.

    Registry events stay enabled: they belong to the account, and others may
    listen to them by now.

    Args:
        wish: How the site was.
        clients: The Region's clients.

    Raises:
        HotsiteError: A call failed; running again is safe.
    """
    iot = clients.iot
    with translated("remove the canary"):
        try:
            found = iot.list_thing_principals(thingName=wish.canary_thing)
        except iot.exceptions.ResourceNotFoundException:
            found = {"principals": []}
        for principal in found["principals"]:
            iot.detach_thing_principal(thingName=wish.canary_thing, principal=principal)
        iot.delete_thing(thingName=wish.canary_thing)
        kept = certificate_id_of(_secret(wish, clients))
        if kept is not None:
            _delete_certificate(iot, kept)
    with translated("detach the fleet's policy from its group"):
        try:
            iot.detach_policy(policyName=wish.fleet_policy, target=_group_arn(wish))
        except iot.exceptions.ResourceNotFoundException:
            return


def stream_of(description: Mapping[str, Any]) -> str:
    """Return the stream's ARN from the answer of DescribeTable.

    Raises:
        NotReadyError: The table is not active, or has no stream.
    """
    table = description["Table"]
    arn = table.get("LatestStreamArn")
    if table.get("TableStatus") != "ACTIVE" or not arn:
        raise NotReadyError(
            f"table {table.get('TableName')} has no active replica with a stream here"
        )
    return str(arn)


def missing_events(description: Mapping[str, Any]) -> tuple[str, ...]:
    """Return which of ``EVENTS`` an answer of DescribeEventConfigurations lacks."""
    found = description.get("eventConfigurations", {})
    return tuple(name for name in EVENTS if not found.get(name, {}).get("Enabled"))


def certificate_id_of(secret: str) -> str | None:
    """Return the certificate in the canary's secret, or nothing.

    Args:
        secret: The secret's text; anything that ``establish`` did not write
            counts as nothing.
    """
    try:
        document = json.loads(secret)
    except ValueError:
        return None
    found = document.get("certificate_id") if isinstance(document, dict) else None
    return found if isinstance(found, str) else None


def _make_canary(wish: Wish, clients: Clients) -> None:
    iot = clients.iot
    # Repeating this with the same type succeeds (AWS IoT API, CreateThing).
    iot.create_thing(thingName=wish.canary_thing, thingTypeName=wish.thing_type)
    certificate_id = certificate_id_of(_secret(wish, clients))
    if certificate_id is None or not _is_active(iot, certificate_id):
        certificate_id = _issue(wish, clients)
    iot.attach_thing_principal(
        thingName=wish.canary_thing, principal=wish.arn(f"cert/{certificate_id}")
    )
    iot.add_thing_to_thing_group(
        thingName=wish.canary_thing, thingGroupName=wish.fleet_group
    )


def _issue(wish: Wish, clients: Clients) -> str:
    """Issue a certificate; its key goes into the secret and nowhere else."""
    made = clients.iot.create_keys_and_certificate(setAsActive=True)
    document = {
        "thing_name": wish.canary_thing,
        "certificate_id": made["certificateId"],
        "certificate_pem": made["certificatePem"],
        "private_key_pem": made["keyPair"]["PrivateKey"],
    }
    clients.secrets.put_secret_value(
        SecretId=wish.canary_secret, SecretString=json.dumps(document)
    )
    return str(made["certificateId"])


def _secret(wish: Wish, clients: Clients) -> str:
    secrets = clients.secrets
    try:
        answer = secrets.get_secret_value(SecretId=wish.canary_secret)
    except secrets.exceptions.ResourceNotFoundException:
        # CloudFormation makes it without a value.
        return ""
    return str(answer.get("SecretString", ""))


def _is_active(iot: Any, certificate_id: str) -> bool:
    try:
        found = iot.describe_certificate(certificateId=certificate_id)
    except iot.exceptions.ResourceNotFoundException:
        return False
    return bool(found["certificateDescription"]["status"] == "ACTIVE")


def _delete_certificate(iot: Any, certificate_id: str) -> None:
    try:
        iot.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")
        # Detaching ends seconds later (AWS IoT API, DetachThingPrincipal): a
        # certificate still attached is refused, and the caller runs again.
        iot.delete_certificate(certificateId=certificate_id, forceDelete=True)
    except iot.exceptions.ResourceNotFoundException:
        return


def _group_arn(wish: Wish) -> str:
    return wish.arn(f"thinggroup/{wish.fleet_group}")
