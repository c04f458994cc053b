"""``ports.deployment.Account``: what an account has before anything is deployed.

Reads alone. What the caller may not read, or a Region does not offer, is named as
unread and is no fact.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dns.exception
import dns.resolver
from botocore.exceptions import ClientError

from hotsite.adapters.aws.service_quotas import ServiceQuotas
from hotsite.adapters.aws.session import translated
from hotsite.core.account import Owner, RegionFacts, Taken, ZoneFacts
from hotsite.core.stacks import Resource
from hotsite.errors import HotsiteError, NotFoundError, RefusedError

Open = Callable[[str, str], Any]
# Route 53 answers in one place, whichever Region asks.
_DNS_LIMIT_S = 5.0
_RECORDS_MAX = 5_000
_ABSENT = frozenset(
    {
        "404",
        "NoSuchBucket",
        "NotFound",
        "NotFoundException",
        "ResourceNotFoundException",
    }
)
# How each kind of name is looked up: service, operation, and what it is called there.
_LOOKUPS: Mapping[str, tuple[str, str, str]] = {
    "AWS::DynamoDB::GlobalTable": ("dynamodb", "describe_table", "TableName"),
    "AWS::DynamoDB::Table": ("dynamodb", "describe_table", "TableName"),
    "AWS::IoT::DomainConfiguration": (
        "iot",
        "describe_domain_configuration",
        "domainConfigurationName",
    ),
    "AWS::IoT::Policy": ("iot", "get_policy", "policyName"),
    "AWS::IoT::ThingGroup": ("iot", "describe_thing_group", "thingGroupName"),
    "AWS::IoT::ThingType": ("iot", "describe_thing_type", "thingTypeName"),
    "AWS::KinesisFirehose::DeliveryStream": (
        "firehose",
        "describe_delivery_stream",
        "DeliveryStreamName",
    ),
    "AWS::Lambda::Function": ("lambda", "get_function", "FunctionName"),
    "AWS::S3::Bucket": ("s3", "head_bucket", "Bucket"),
}


class AwsAccount:
    """Implements ``ports.deployment.Account``.

    Args:
        open_client: Gives a client of a service in a Region.
        home: Region that global services are asked through.
        resolver: Asks the world; None for the system's own.
    """

    def __init__(
        self,
        open_client: Open,
        home: str,
        resolver: dns.resolver.Resolver | None = None,
    ) -> None:
        self._open = open_client
        self._home = home
        self._resolver = resolver
        self._owner: Owner | None = None

    def owner(self) -> Owner:
        """Return whose credentials these are."""
        if self._owner is None:
            with translated("look up the AWS account"):
                found = self._open("sts", self._home).get_caller_identity()
            self._owner = Owner(str(found["Account"]), str(found["Arn"]))
        return self._owner

    def zone(self, domain: str) -> ZoneFacts:
        """Return what Route 53 and the world say of a domain."""
        names = self._open("route53", self._home)
        with translated(f"look up the hosted zone of {domain}"):
            zones = [
                zone
                for zone in names.list_hosted_zones_by_name(DNSName=domain)[
                    "HostedZones"
                ]
                if zone["Name"].rstrip(".").lower() == domain
            ]
            if not zones:
                return ZoneFacts(domain)
            zones.sort(key=lambda zone: bool(_is_private(zone)))
            identifier = str(zones[0]["Id"]).rpartition("/")[2]
            servers = names.get_hosted_zone(Id=identifier).get("DelegationSet", {})
            records = self._records(names, identifier)
        return ZoneFacts(
            domain=domain,
            id=identifier,
            is_private=_is_private(zones[0]),
            name_servers=tuple(servers.get("NameServers", ())),
            delegated=self._asked(domain, "NS"),
            cas=tuple(_issuers(self._asked(domain, "CAA") or ())),
            records=records,
        )

    def region(self, region: str) -> RegionFacts:
        """Return what a Region allows; one that cannot be used is not asked."""
        status = self._opt_in(region)
        if status in {"unknown", "not-opted-in"}:
            return RegionFacts(
                region,
                is_there=status != "unknown",
                is_open=status != "not-opted-in",
            )
        unread: list[str] = []
        limits = _read(
            unread, ServiceQuotas(self._open("service-quotas", region), region).read
        )
        things = _read(unread, lambda: self._has_things(region))
        runs = _read(unread, lambda: self._free_runs(region))
        return RegionFacts(
            region,
            limits=limits or (),
            has_things=bool(things),
            free_runs=runs,
            unread=tuple(unread),
        )

    def taken(self, region: str, wanted: Sequence[Resource]) -> tuple[Taken, ...]:
        """Return which of the wanted names something has already."""
        return tuple(self._taken(region, wanted))

    def _records(self, names: Any, zone: str) -> frozenset[str]:
        pages = names.get_paginator("list_resource_record_sets").paginate(
            HostedZoneId=zone, PaginationConfig={"MaxItems": _RECORDS_MAX}
        )
        return frozenset(
            str(record["Name"]).rstrip(".").lower()
            for page in pages
            for record in page["ResourceRecordSets"]
        )

    def _asked(self, name: str, kind: str) -> tuple[str, ...] | None:
        """Ask the world; nothing is an answer, None is none."""
        try:
            resolver = self._resolver or dns.resolver.Resolver()
            answer = resolver.resolve(name, kind, lifetime=_DNS_LIMIT_S)
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            return ()
        except dns.exception.DNSException:
            return None
        return tuple(record.to_text() for record in answer)

    def _opt_in(self, region: str) -> str:
        """Return ``opted-in``, ``not-opted-in``, or ``unknown`` for no such Region.

        DescribeRegions says it of all Regions, wherever it is asked.
        """
        try:
            with translated("list the Regions of the account"):
                found = self._open("ec2", self._home).describe_regions(AllRegions=True)
        except RefusedError:
            return "opted-in"
        statuses = {
            one["RegionName"]: one.get("OptInStatus", "opted-in")
            for one in found["Regions"]
        }
        return str(statuses.get(region, "unknown"))

    def _taken(self, region: str, wanted: Sequence[Resource]) -> Iterator[Taken]:
        account_id = self.owner().account_id
        for one in wanted:
            if not one.title or one.kind not in _LOOKUPS:
                continue
            title = one.title.replace("{AccountId}", account_id)
            service, operation, name = _LOOKUPS[one.kind]
            call = getattr(self._open(service, region), operation)
            if _is_there(call, {name: title}, f"look up {title} in {region}"):
                yield Taken(one.kind, title)

    def _has_things(self, region: str) -> bool:
        with translated(f"list things in {region}"):
            found = self._open("iot", region).list_things(maxResults=1)
        return bool(found["things"])

    def _free_runs(self, region: str) -> int:
        with translated(f"read how many functions may run at once in {region}"):
            found = self._open("lambda", region).get_account_settings()
        return int(found["AccountLimit"]["UnreservedConcurrentExecutions"])


def _is_there(call: Callable[..., Any], name: Mapping[str, str], what: str) -> bool:
    try:
        with translated(what):
            try:
                call(**name)
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                if code in _ABSENT:
                    return False
                # A bucket of another account's.
                if code in {"403", "Forbidden"} and "Bucket" in name:
                    return True
                raise
    except NotFoundError:
        return False
    return True


def _read(unread: list[str], ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except HotsiteError as error:
        unread.append(f"could not {error}")
        return None


def _is_private(zone: Mapping[str, Any]) -> bool:
    return bool(zone.get("Config", {}).get("PrivateZone"))


def _issuers(records: Sequence[str]) -> Iterator[str]:
    """Yield whom CAA records allow to issue (RFC 8659, section 4.2)."""
    for record in records:
        _flags, tag, value = record.split(maxsplit=2)
        if tag.lower() == "issue":
            yield value.strip('"').partition(";")[0].strip() or "nobody"
