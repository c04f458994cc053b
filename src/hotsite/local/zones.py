"""`python -m hotsite.local.zones CONFIG.json`: what Route 53 is told, DNS answers.

Route 53 belongs to no Region, and each Region's process has one of its own. Here both
are read, again and again, and what they have together is what the DNS server serves
and watches. What a dead Region had said stays, as it does on AWS.
"""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from hotsite.errors import HotsiteError
from hotsite.local import gateways, records
from hotsite.local.dns.client import DnsControl
from hotsite.local.dns.zonefile import (
    ZoneFile,
    dump_zone_file,
    health_check_from_route53,
    region_zone,
    zone_from_route53,
)
from hotsite.local.pumps import Gateway

_LOOK_EVERY_S = 0.7
Records = Mapping[tuple[str, str, str], Mapping[str, Any]]
Checks = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ZonesConfig:
    """What this process is told when it starts.

    Attributes:
        domain: The owner's.
        account_id: 12 digits; the access key.
        gateways: The Regions.
        zone_path: File that the DNS server reads.
        dns_control: Path of the DNS server's socket.
    """

    domain: str
    account_id: str
    gateways: tuple[Gateway, ...]
    zone_path: str
    dns_control: str


@dataclass(frozen=True, slots=True)
class Told:
    """What one Region's Route 53 has been told.

    Attributes:
        records: By name, type and set identifier.
        checks: Configurations by identifier.
    """

    records: Records = field(default_factory=dict)
    checks: Checks = field(default_factory=dict)


def zone_file(config: ZonesConfig, told: Mapping[str, Told]) -> ZoneFile:
    """Return what DNS serves when the Regions have been told this.

    A record that names a check which nobody has made is left out until it is made.

    Args:
        config: Of the cloud.
        told: By Region.
    """
    sets: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    checks: dict[str, Mapping[str, Any]] = {}
    for each in told.values():
        sets.update(each.records)
        checks.update(each.checks)
    # A calculated check counts others, of which some may not be there yet.
    whole = {
        name: one
        for name, one in checks.items()
        if set(one.get("ChildHealthChecks", ())) <= checks.keys()
    }
    served = [
        one
        for one in sets.values()
        if "HealthCheckId" not in one or one["HealthCheckId"] in whole
    ]
    regions = [region_zone(one.region, one.address) for one in config.gateways]
    return ZoneFile(
        (zone_from_route53(config.domain, served), *regions),
        tuple(health_check_from_route53(name, one) for name, one in whole.items()),
    )


def read_told(route53: Any, domain: str) -> Told:
    """Read one Region's Route 53.

    Args:
        route53: A client.
        domain: The zone's name.
    """
    found: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for zone in route53.list_hosted_zones()["HostedZones"]:
        if zone["Name"].rstrip(".") != domain:
            continue
        pages = route53.get_paginator("list_resource_record_sets")
        for page in pages.paginate(HostedZoneId=zone["Id"]):
            for one in page["ResourceRecordSets"]:
                if one["Type"] != "SOA":
                    key = (one["Name"], one["Type"], one.get("SetIdentifier", ""))
                    found[key] = one
    pages = route53.get_paginator("list_health_checks")
    checks = {
        one["Id"]: one["HealthCheckConfig"]
        for page in pages.paginate()
        for one in page["HealthChecks"]
    }
    return Told(found, checks)


class Reader:
    """Reads both Regions, and tells the DNS server what changed.

    Args:
        config: Of the cloud.
    """

    def __init__(self, config: ZonesConfig) -> None:
        self._config = config
        self._clients = {
            each.region: gateways.client("route53", each, config.account_id)
            for each in config.gateways
        }
        self._told: dict[str, Told] = {}
        self._shown: ZoneFile | None = None

    def step(self) -> bool:
        """Look once; say whether something changed."""
        for region, route53 in self._clients.items():
            try:
                self._told[region] = read_told(route53, self._config.domain)
            except (BotoCoreError, ClientError):
                # What it had said stays.
                continue
        found = zone_file(self._config, self._told)
        if found == self._shown:
            return False
        dump_zone_file(found, Path(self._config.zone_path))
        DnsControl(Path(self._config.dns_control)).reload()
        self._shown = found
        return True


def main(arguments: list[str]) -> int:
    """Read and tell until killed.

    Args:
        arguments: The path of the configuration.

    Returns:
        The exit code: 2 wrong configuration.
    """
    try:
        reader = Reader(records.read(ZonesConfig, Path(arguments[0])))
    except HotsiteError as error:
        sys.stderr.write(f"zones: {error}\n")
        return 2
    sys.stdout.write(json.dumps({"kind": "ready"}) + "\n")
    sys.stdout.flush()
    while True:
        try:
            reader.step()
        except HotsiteError as error:
            sys.stderr.write(f"zones: {error}\n")
        time.sleep(_LOOK_EVERY_S)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
