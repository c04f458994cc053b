"""Deploy the synthesised templates into both Regions of a local cloud.

It deploys what it is given and never synthesises. On AWS one stack owns all
replicas of a global table and a hosted zone belongs to no Region; the emulator
has neither, so both are made here.
"""

import functools
import json
import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from hotsite.errors import InvalidInputError, NotReadyError
from hotsite.local import templates
from hotsite.local.plan import Place, Plan, Stack, arrange

ASSET_KEY_PREFIX = "hotsite/"
# What names a site's canary function, which its clock starts within a minute.
CANARY_OUTPUT = "CanaryFunction"
_STACK_S_MAX = 60.0
# Each look costs both sides, on a machine that is busy with what is waited for.
_POLL_S_MIN, _POLL_S_MAX = 0.05, 0.4
_REASON_MAX, _END = 200, 120
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]


@dataclass(frozen=True, slots=True)
class Canary:
    """The function that follows messages through one site.

    Attributes:
        place: The site's Region.
        function: Its name.
    """

    place: Place
    function: str


@dataclass(frozen=True, slots=True)
class Deployed:
    """What the templates made.

    Attributes:
        global_tables: Names of the tables to replicate.
        record_sets: Route 53 answers of both Regions, without SOA and NS.
        health_checks: What the record sets refer to.
        canaries: The functions that look through each site.
        removed: Type of each resource that was taken out, by stack and name.
        took_s: Seconds by stack.
    """

    global_tables: tuple[str, ...]
    record_sets: tuple[Mapping[str, Any], ...]
    health_checks: tuple[templates.HealthCheck, ...]
    canaries: tuple[Canary, ...]
    removed: Mapping[str, str]
    took_s: Mapping[str, float]


def client(place: Place, service: str, *, account_id: str) -> Any:
    """Return a boto3 client for one Region that never waits long.

    Args:
        place: The Region.
        service: Such as ``iot``.
        account_id: The emulator takes the account from the access key.
    """
    # Clients may be used by any thread, and sessions made clients of by one at a time
    # (boto3 guide, "Session"); a session of its own reads a service's model anew.
    with _making:
        return _session().client(
            service,
            region_name=place.region,
            endpoint_url=place.gateway_url,
            aws_access_key_id=account_id,
            aws_secret_access_key="local",  # noqa: S106 (the emulator has no secrets)
            config=Config(
                connect_timeout=2,
                read_timeout=60,
                retries={"max_attempts": 1},
                s3={"addressing_style": "path"},
            ),
        )


_making = threading.Lock()


@functools.cache
def _session() -> Any:
    return boto3.session.Session()


def deploy(plan: Plan) -> Deployed:
    """Deploy everything, the Regions side by side.

    Args:
        plan: What to deploy.

    Raises:
        InvalidInputError: A template is unreadable or lacks a parameter value.
        NotReadyError: A stack failed, or a Region stopped answering.
    """
    shared, regional = arrange(plan)
    try:
        return _deploy(plan, shared, regional)
    except (BotoCoreError, ClientError, OSError) as error:
        raise NotReadyError(f"deployment: {_cut(str(error))}") from error


def _deploy(plan: Plan, shared: Sequence[Stack], regional: Sequence[Stack]) -> Deployed:
    with ThreadPoolExecutor(len(plan.places)) as pool:
        zones = dict(pool.map(lambda place: _prepare(plan, place), plan.places))
        done: dict[str, _Created] = {}
        for stack in shared:
            done[stack.name] = _create(plan, stack, zones, done)
            for table in stack.global_tables:
                _replicate(plan, table)
        groups = [[s for s in regional if s.place == place] for place in plan.places]
        for group in pool.map(
            lambda stacks: [_create(plan, stack, zones, done) for stack in stacks],
            groups,
        ):
            done.update({each.stack.name: each for each in group})
        records = list(pool.map(lambda p: _records(plan, p, zones), plan.places))
    return Deployed(
        global_tables=tuple(t for stack in shared for t in stack.global_tables),
        record_sets=tuple(each for part in records for each in part),
        health_checks=tuple(each for stack in done.values() for each in stack.checks),
        canaries=tuple(
            Canary(each.stack.place, each.outputs[CANARY_OUTPUT])
            for each in done.values()
            if CANARY_OUTPUT in each.outputs
        ),
        removed={
            f"{stack}/{name}": kind
            for stack, each in done.items()
            for name, kind in each.removed
        },
        took_s={stack: each.took_s for stack, each in done.items()},
    )


def wake(plan: Plan, canary: Canary) -> None:
    """Start a canary now, as its clock will within a minute of its creation.

    Args:
        plan: What was deployed.
        canary: The function.

    Raises:
        NotReadyError: The Region did not take the call.
    """
    try:
        client(canary.place, "lambda", account_id=plan.account_id).invoke(
            FunctionName=canary.function, InvocationType="Event", Payload=b"{}"
        )
    except (BotoCoreError, ClientError) as error:
        raise NotReadyError(f"canary {canary.function}: {error}") from error


@dataclass(frozen=True, slots=True)
class _Created:
    stack: Stack
    outputs: Mapping[str, str]
    checks: tuple[templates.HealthCheck, ...]
    removed: tuple[tuple[str, str], ...]
    took_s: float


def _prepare(plan: Plan, place: Place) -> tuple[str, str]:
    """Upload the Lambda code and make the hosted zone; return its identifier."""
    store = client(place, "s3", account_id=plan.account_id)
    bucket = asset_bucket(plan, place)
    store.create_bucket(
        Bucket=bucket,
        CreateBucketConfiguration={"LocationConstraint": place.region},
    )
    for path in sorted(Path(plan.assets).glob("*.zip")):
        store.put_object(
            Bucket=bucket, Key=f"{ASSET_KEY_PREFIX}{path.name}", Body=path.read_bytes()
        )
    zones = client(place, "route53", account_id=plan.account_id)
    zone = zones.create_hosted_zone(Name=plan.domain, CallerReference=plan.domain)
    return place.letter, str(zone["HostedZone"]["Id"]).rpartition("/")[2]


def asset_bucket(plan: Plan, place: Place) -> str:
    """Return the bucket that the Lambda code is uploaded to."""
    return f"hotsite-assets-{plan.account_id}-{place.region}"


def _create(
    plan: Plan, stack: Stack, zones: Mapping[str, str], done: Mapping[str, _Created]
) -> _Created:
    began_s = time.monotonic()
    reduced = templates.reduce(stack.template, region=stack.place.region)
    outputs: Mapping[str, str] = {}
    if not reduced.is_empty:
        known = {each.name: each.value for each in plan.parameters}
        known["HostedZoneId"] = zones[stack.place.letter]
        known["AssetBucket"] = asset_bucket(plan, stack.place)
        known["AssetKeyPrefix"] = ASSET_KEY_PREFIX
        for need in stack.needs:
            known[need.parameter] = done[need.stack].outputs[need.output]
        formation = client(stack.place, "cloudformation", account_id=plan.account_id)
        try:
            formation.create_stack(
                StackName=stack.name,
                TemplateBody=json.dumps(reduced.template, separators=(",", ":")),
                Parameters=_parameters(stack, known),
                Capabilities=_CAPABILITIES,
            )
        except ClientError as error:
            raise _failed(stack, error.response["Error"]["Message"]) from error
        outputs = _await_stack(formation, stack)
    return _Created(
        stack=stack,
        outputs=outputs,
        checks=reduced.resolve(outputs),
        removed=reduced.removed,
        took_s=round(time.monotonic() - began_s, 3),
    )


def _parameters(stack: Stack, known: Mapping[str, str]) -> list[dict[str, str]]:
    wanted: Mapping[str, Any] = stack.template.get("Parameters", {})
    lacking = [k for k, v in wanted.items() if k not in known and "Default" not in v]
    if lacking:
        raise InvalidInputError(
            f"{stack.name}: the local cloud has no value for {', '.join(lacking)}"
        )
    return [
        {"ParameterKey": name, "ParameterValue": known[name]}
        for name in wanted
        if name in known
    ]


def _await_stack(formation: Any, stack: Stack) -> Mapping[str, str]:
    deadline_s, pause_s = time.monotonic() + _STACK_S_MAX, _POLL_S_MIN
    while time.monotonic() < deadline_s:
        found = formation.describe_stacks(StackName=stack.name)["Stacks"][0]
        status = found["StackStatus"]
        if status == "CREATE_COMPLETE":
            outputs = found.get("Outputs", ())
            return {each["OutputKey"]: each["OutputValue"] for each in outputs}
        if not status.endswith("_IN_PROGRESS") or status.startswith("ROLLBACK"):
            raise _failed(stack, _reason(formation, stack.name))
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _POLL_S_MAX)
    raise _failed(stack, f"not complete after {_STACK_S_MAX:.0f} s")


def _failed(stack: Stack, reason: str) -> NotReadyError:
    return NotReadyError(f"stack {stack.name} in {stack.place.region}: {_cut(reason)}")


def _cut(text: str) -> str:
    """Return a text as one short line: a refusal may hold all that was refused.

    The rule that was broken is at its end (``Value '...' at 'templateBody' failed
    to satisfy constraint: ...``).
    """
    line = " ".join(text.split())
    if len(line) <= _REASON_MAX:
        return line
    return f"{line[: _REASON_MAX - _END]}… {line[-_END:]}"


def _reason(formation: Any, name: str) -> str:
    events: Sequence[Mapping[str, Any]] = formation.describe_stack_events(
        StackName=name
    )["StackEvents"]
    for event in reversed(events):
        if event["ResourceStatus"].endswith("_FAILED"):
            why = event.get("ResourceStatusReason", "no reason given")
            return f"{event['LogicalResourceId']} ({event['ResourceType']}): {why}"
    return "it failed without an event that says why"


def _replicate(plan: Plan, table: str) -> None:
    """Create the replicas of a table, which one stack owns on AWS."""
    source, *replicas = plan.places
    database = client(source, "dynamodb", account_id=plan.account_id)
    description = database.describe_table(TableName=table)["Table"]
    expiry = database.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    body = {
        "table": description,
        "time_to_live_attribute": expiry.get("AttributeName"),
    }
    for place in replicas:
        request = urllib.request.Request(  # noqa: S310 (an address of our own)
            f"{place.gateway_url}/_hotsite/tables/replicas",
            data=json.dumps(body, default=str).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 (an address of our own)
            answer.read()


def _records(
    plan: Plan, place: Place, zones: Mapping[str, str]
) -> list[Mapping[str, Any]]:
    names = client(place, "route53", account_id=plan.account_id)
    pages = names.get_paginator("list_resource_record_sets")
    return [
        record
        for page in pages.paginate(HostedZoneId=zones[place.letter])
        for record in page["ResourceRecordSets"]
        if record["Type"] not in {"SOA", "NS"}
    ]
