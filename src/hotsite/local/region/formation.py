"""CloudFormation in a Region that is deployed into as AWS is, by whole templates.

The types that ministack lacks, or works otherwise with: each is made here, or stands
for nothing on this machine for the reason that ``local/templates.py`` gives. A global
table's replica is made in the other Region's process, whose API is asked for it.
"""
# ruff: noqa: SLF001 - ministack offers no public look-ups; install() checks the version.

import hashlib
import importlib
import itertools
import json
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from hotsite.local import templates
from hotsite.local.region.config import RegionConfig
from hotsite.local.region.patch import Function, Patch

Properties = Mapping[str, Any]
Made = tuple[str, dict[str, Any]]

_REPLICA_KEY = "AWS::KMS::ReplicaKey"
_ANSWER_S_MAX = 10.0
_WHOLE_NUMBERS = ("FailureThreshold", "HealthThreshold", "Port", "RequestInterval")
_SWITCHES = ("Disabled", "EnableSNI", "Inverted", "MeasureLatency")
_TABLE_LOOKUP = "AWS::DynamoDB::Table"


def patches(config: RegionConfig) -> tuple[Patch, ...]:
    """List what a Region needs that templates are deployed into as they are."""
    if not config.peers:
        return ()
    numbers = itertools.count()

    def zone_id() -> str:
        seed = f"{config.account_id} {next(numbers)}".encode()
        return f"Z{hashlib.sha256(seed).hexdigest()[:13].upper()}"

    return (
        Patch(
            "services.cloudformation.provisioners:_RESOURCE_HANDLERS",
            "Lacks health checks and replica keys, and leaves the replicas of global"
            " tables out.",
            Types(config).added_to,
        ),
        Patch(
            "services.cloudformation.changesets:_IMPORT_LOOKUPS",
            "Finds no existing global table to import.",
            _with_global_tables,
        ),
        Patch(
            "services.cloudformation.provisioners:s3_bucket_name_conflict",
            "Calls the name of a bucket taken that the same change imports.",
            _unless_imported,
        ),
        Patch(
            "services.route53:_zone_id",
            "Draws identifiers; Route 53 belongs to no Region, so each Region's process"
            " must know a zone by the same one.",
            lambda _original: zone_id,
        ),
    )


class Types:
    """Makers of the resource types that ministack lacks.

    Args:
        config: Of the Region, and where the others are.
    """

    def __init__(self, config: RegionConfig) -> None:
        self._config = config

    def added_to(self, handlers: dict[str, Any]) -> dict[str, Any]:
        """Add them to ministack's own list, which other modules hold as well."""
        for kind in templates.MISSING:
            handlers[kind] = _whole(_nothing, _nothing_deleted)
        check = _whole(self._make_check, self._delete_check)
        handlers[templates.HEALTH_CHECK] = check
        handlers[_REPLICA_KEY] = _whole(self._make_replica_key, _nothing_deleted)
        tables = handlers[templates.GLOBAL_TABLE]
        handlers[templates.GLOBAL_TABLE] = {
            **tables,
            "create": self._with_replicas(tables["create"]),
            "import": handlers[_TABLE_LOOKUP]["import"],
        }
        return handlers

    def _make_check(self, name: str, properties: Properties, _stack: str) -> Made:
        """Make a health check that Route 53's API lists, and our checkers ask."""
        route53 = importlib.import_module("ministack.services.route53")
        identifier = templates.health_check_id(self._config.region, name)
        wanted = dict(properties["HealthCheckConfig"])
        for key in _WHOLE_NUMBERS:
            if key in wanted:
                wanted[key] = int(wanted[key])
        for key in _SWITCHES:
            if key in wanted:
                # As XML has it: ministack writes Python's True, which no client reads.
                wanted[key] = str(wanted[key]).lower()
        with route53._lock:
            version = route53._health_checks.get(identifier, {}).get("version", 0)
            route53._health_checks[identifier] = {
                "id": identifier,
                "caller_reference": identifier,
                "config": wanted,
                "version": version + 1,
            }
        return identifier, {"HealthCheckId": identifier}

    def _delete_check(self, identifier: str, _properties: Properties) -> None:
        route53 = importlib.import_module("ministack.services.route53")
        with route53._lock:
            route53._health_checks.pop(identifier, None)

    def _make_replica_key(
        self, _name: str, properties: Properties, _stack: str
    ) -> Made:
        """Stand for a key of the primary's identifier; nothing is encrypted here."""
        identifier = str(properties["PrimaryKeyArn"]).rpartition("/")[2]
        where = f"{self._config.region}:{self._config.account_id}"
        arn = f"arn:aws:kms:{where}:key/{identifier}"
        return identifier, {"Arn": arn, "KeyId": identifier}

    def _with_replicas(self, make: Function) -> Function:
        def create(name: str, properties: Properties, stack: str) -> Made:
            found: Made = make(name, properties, stack)
            regions = {one["Region"] for one in properties.get("Replicas", ())}
            for region, url in self._config.peers:
                if region in regions:
                    _make_replica(url, found[0])
            return found

        return create


def _whole(make: Callable[..., Made], delete: Callable[..., None]) -> dict[str, Any]:
    def update(
        _identifier: str, _old: Properties, new: Properties, stack: str, name: str
    ) -> Made:
        return make(name, new, stack)

    return {
        "create": make,
        "update": update,
        "update_with_logical_id": True,
        "delete": delete,
    }


def _nothing(name: str, _properties: Properties, stack: str) -> Made:
    return f"{stack}-{name}", {}


def _nothing_deleted(_identifier: str, _properties: Properties) -> None:
    """Delete nothing: nothing was made."""


def _make_replica(url: str, table: str) -> None:
    dynamodb = importlib.import_module("ministack.services.dynamodb")
    _status, _headers, answer = dynamodb._describe_table({"TableName": table})
    body = {"table": json.loads(answer)["Table"]}
    request = urllib.request.Request(  # noqa: S310 - an address of our own
        f"{url}/_hotsite/tables/replicas",
        data=json.dumps(body, default=str).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=_ANSWER_S_MAX) as answered:  # noqa: S310 - an address of our own
        answered.read()


def _unless_imported(conflict: Function) -> Function:
    formation = importlib.import_module("ministack.services.cloudformation")

    def find(name: str) -> str | None:
        imported = (
            one
            for change in formation._change_sets.values()
            for one in change.get("_import_existing", {}).values()
        )
        if any(one.get("BucketName") == name for one in imported):
            return None
        found: str | None = conflict(name)
        return found

    return find


def _with_global_tables(lookups: dict[str, Any]) -> dict[str, Any]:
    lookups[templates.GLOBAL_TABLE] = lookups[_TABLE_LOOKUP]
    return lookups
