"""The zone file: what the DNS process serves and watches, as one JSON document.

The supervisor writes it from what the CloudFormation templates created; the
process reads it again whenever it changes. Writing is atomic.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hotsite.core.dns import (
    Failover,
    Latency,
    Record,
    Role,
    Routing,
    Simple,
    Weighted,
    Zone,
    normal_name,
)
from hotsite.core.healthcheck import CheckType, HealthCheckConfig, judge
from hotsite.errors import InvalidInputError
from hotsite.local.dns.reading import Reader, read_json

SCHEMA = 1

# Route 53 API, HealthCheckConfig: "Port" may be left out for HTTP (80) and HTTPS.
_PORTS = {"HTTP": 80, "HTTPS": 443, "HTTP_STR_MATCH": 80, "HTTPS_STR_MATCH": 443}
# Route 53 writes characters of names as \ooo (developer guide, "DNS domain name
# format"): "*" comes back as "\052".
_ESCAPE = re.compile(r"\\([0-7]{3})")
_AWS_TTL_S = 60


@dataclass(frozen=True, slots=True)
class ZoneFile:
    """Everything the DNS process serves and watches.

    Attributes:
        zones: The zones that are answered; every other name is REFUSED.
        health_checks: The checks that are probed, and counted by others.

    Raises:
        InvalidInputError: Two zones or checks share a name, a record names an
            unknown check, or a calculated check counts itself or an unknown one.
    """

    zones: tuple[Zone, ...]
    health_checks: tuple[HealthCheckConfig, ...] = ()

    def __post_init__(self) -> None:
        """Check what concerns more than one zone or check."""
        checks = {check.id: check for check in self.health_checks}
        if len(checks) < len(self.health_checks):
            raise InvalidInputError("two health checks share an id")
        if len({zone.name for zone in self.zones}) < len(self.zones):
            raise InvalidInputError("two zones share a name")
        judge(checks, {})
        for zone in self.zones:
            for record in zone.records:
                if record.health_check_id not in {None, *checks}:
                    raise InvalidInputError(
                        f"{record.name} {record.type}: unknown health check "
                        f"{record.health_check_id!r}"
                    )


def region_zone(region: str, address: str, *, ttl_s: int = _AWS_TTL_S) -> Zone:
    """Make the zone of the AWS-shaped names of one Region.

    Only ``<anything>.iot.<region>.amazonaws.com`` and the same under
    ``execute-api`` exist in it, so that a client that would talk to AWS is caught.

    Args:
        region: The AWS Region.
        address: The Region's loopback address.
        ttl_s: TTL of its A records, in seconds.

    Returns:
        The zone ``<region>.amazonaws.com``.
    """
    apex = f"{region}.amazonaws.com"
    return Zone(
        apex,
        tuple(
            Record(f"*.{service}.{apex}", "A", ttl_s, (address,))
            for service in ("iot", "execute-api")
        ),
    )


def zone_from_route53(name: str, sets: Sequence[Mapping[str, object]]) -> Zone:
    """Build a zone from what Route 53 lists.

    Args:
        name: The hosted zone's name.
        sets: ``ResourceRecordSets`` of ``list_resource_record_sets``.

    Returns:
        The zone, with everything that Route 53 would check checked.

    Raises:
        InvalidInputError: A set uses what is not supported here (aliases,
            geolocation, multivalue), or breaks a rule.
    """
    apex = route53_name(name)
    records = tuple(_record_from_route53(Reader(item, f"zone {apex}")) for item in sets)
    return Zone(apex, records)


def route53_name(text: str) -> str:
    """Return a name of the Route 53 API in our form: no escapes, no last dot."""
    return normal_name(_ESCAPE.sub(lambda m: chr(int(m[1], 8)), text))


def health_check_from_route53(
    identifier: str, properties: Mapping[str, object]
) -> HealthCheckConfig:
    """Build a health check from a ``HealthCheckConfig`` of API or CloudFormation.

    Args:
        identifier: Its id: what the records' ``HealthCheckId`` says.
        properties: The properties with every intrinsic function resolved.

    Returns:
        The checked health check.

    Raises:
        InvalidInputError: A value is not allowed, or its type is not supported
            here (CLOUDWATCH_METRIC, RECOVERY_CONTROL).
    """
    reader = Reader(properties, f"health check {identifier!r}")
    kind = reader.text("Type")
    check = HealthCheckConfig(
        id=identifier,
        type=_check_type(kind, reader),
        fqdn=normal_name(reader.text("FullyQualifiedDomainName", "")),
        address=reader.text("IPAddress", ""),
        port=reader.whole("Port", _PORTS.get(kind, 0)),
        path=_path(reader.text("ResourcePath", "/")),
        interval_s=reader.whole("RequestInterval", 30),
        failure_threshold=reader.whole("FailureThreshold", 3),
        is_inverted=reader.flag("Inverted", default=False),
        is_disabled=reader.flag("Disabled", default=False),
        has_sni=reader.flag("EnableSNI", default=True),
        children=reader.texts("ChildHealthChecks"),
        threshold=reader.whole("HealthThreshold", 0),
        search_string=reader.text("SearchString", ""),
    )
    reader.ignore("MeasureLatency", "Regions")
    reader.done()
    return check


def load_zone_file(path: Path) -> ZoneFile:
    """Read a zone file.

    Args:
        path: The file.

    Returns:
        What it says, checked.

    Raises:
        UnreachableError: The file cannot be read.
        InvalidInputError: It says something that Route 53 would not accept.
    """
    reader = read_json(path)
    if reader.whole("schema") != SCHEMA:
        raise InvalidInputError(f"{path}: schema must be {SCHEMA}")
    zones = []
    for part in reader.readers("zones"):
        name = route53_name(part.text("name"))
        records = tuple(_record_from_route53(r) for r in part.readers("records"))
        zones.append(Zone(name, records))
        part.done()
    checks = []
    for part in reader.readers("health_checks"):
        identifier = part.text("Id")
        checks.append(health_check_from_route53(identifier, part.rest()))
    reader.done()
    return ZoneFile(tuple(zones), tuple(checks))


def dump_zone_file(zone_file: ZoneFile, path: Path) -> None:
    """Write a zone file so that a reader sees the old or the new one, whole.

    Args:
        zone_file: What to serve and watch.
        path: Where; a file beside it is used and renamed.
    """
    document = {
        "schema": SCHEMA,
        "zones": [
            {
                "name": zone.name,
                "records": [_record_to_route53(r) for r in zone.records],
            }
            for zone in zone_file.zones
        ],
        "health_checks": [_check_to_route53(c) for c in zone_file.health_checks],
    }
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(json.dumps(document, indent=1) + "\n")
    beside.replace(path)


def _record_from_route53(reader: Reader) -> Record:
    name, kind = route53_name(reader.text("Name")), reader.text("Type")
    reader.where = f"{name} {kind}"
    if reader.has("AliasTarget"):
        raise InvalidInputError(f"{name} {kind}: alias records are not supported")
    values = []
    for part in reader.readers("ResourceRecords"):
        values.append(part.text("Value"))
        part.done()
    identifier = reader.text("SetIdentifier", "") or None
    record = Record(
        name=name,
        type=kind,
        ttl_s=reader.whole("TTL"),
        values=tuple(values),
        routing=_routing(reader),
        set_identifier=identifier,
        health_check_id=reader.text("HealthCheckId", "") or None,
    )
    reader.done()
    return record


def _routing(reader: Reader) -> Routing:
    if reader.has("Failover"):
        word = reader.text("Failover")
        if word not in {role.value for role in Role}:
            raise InvalidInputError(f"{reader.where}: Failover cannot be {word!r}")
        return Failover(Role(word))
    if reader.has("Weight"):
        return Weighted(reader.whole("Weight"))
    if reader.has("Region"):
        return Latency(reader.text("Region"))
    return Simple()


def _record_to_route53(record: Record) -> dict[str, object]:
    document: dict[str, object] = {
        "Name": record.name,
        "Type": record.type,
        "TTL": record.ttl_s,
        "ResourceRecords": [{"Value": value} for value in record.values],
    }
    match record.routing:
        case Failover(role):
            document["Failover"] = role.value
        case Weighted(weight):
            document["Weight"] = weight
        case Latency(region):
            document["Region"] = region
        case Simple():
            pass
    if record.set_identifier is not None:
        document["SetIdentifier"] = record.set_identifier
    if record.health_check_id is not None:
        document["HealthCheckId"] = record.health_check_id
    return document


def _check_to_route53(check: HealthCheckConfig) -> dict[str, object]:
    return {
        "Id": check.id,
        "Type": check.type.value,
        "FullyQualifiedDomainName": check.fqdn,
        "IPAddress": check.address,
        "Port": check.port,
        "ResourcePath": check.path,
        "RequestInterval": check.interval_s,
        "FailureThreshold": check.failure_threshold,
        "Inverted": check.is_inverted,
        "Disabled": check.is_disabled,
        "EnableSNI": check.has_sni,
        "ChildHealthChecks": list(check.children),
        "HealthThreshold": check.threshold,
        "SearchString": check.search_string,
    }


def _check_type(text: str, reader: Reader) -> CheckType:
    if text not in {kind.value for kind in CheckType}:
        raise InvalidInputError(f"{reader.where}: type {text} is not supported")
    return CheckType(text)


def _path(text: str) -> str:
    """Return a resource path with its slash, which Route 53 lets people omit."""
    return text if text.startswith("/") else f"/{text}"
