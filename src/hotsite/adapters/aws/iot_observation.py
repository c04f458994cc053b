"""What AWS IoT of one Region holds: one key whole, or names page by page."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hotsite.adapters.aws.iot_definitions import group_arn
from hotsite.adapters.aws.iot_things import certificate_arn
from hotsite.core.policies import Place, neutral
from hotsite.core.registry import (
    CaCertificate,
    Certificate,
    CertificateStatus,
    Key,
    Kind,
    Policy,
    Thing,
    ThingGroup,
    ThingType,
)
from hotsite.core.replication import Present
from hotsite.ports import KeyPage

# The most that each list gives at once (botocore model of AWS IoT, MaxResults
# and PageSize).
_PAGE_MAX = 250
_Look = Callable[[Key, Sequence[str]], Present]


class Observer:
    """Looks, and changes nothing."""

    def __init__(self, iot: Any, place: Place) -> None:
        """Take a boto3 client of AWS IoT, its Region and account."""
        self._iot = iot
        self._place = place
        self._looks: Mapping[Kind, _Look] = {
            Kind.THING: self._thing,
            Kind.THING_TYPE: self._type,
            Kind.THING_GROUP: self._group,
            Kind.POLICY: self._policy,
            Kind.CA_CERTIFICATE: self._ca,
        }

    def observe(self, key: Key, certificate_ids: Sequence[str]) -> Present:
        """Return what is there of a key."""
        return self._looks[key.kind](key, certificate_ids)

    def page(self, kind: Kind, token: str | None) -> KeyPage:
        """Return some of the names of a kind."""
        if kind is Kind.SHADOWS:
            return KeyPage(())
        iot = self._iot
        operation, items, name = {
            Kind.THING: (iot.list_things, "things", "thingName"),
            Kind.THING_TYPE: (iot.list_thing_types, "thingTypes", "thingTypeName"),
            Kind.THING_GROUP: (iot.list_thing_groups, "thingGroups", "groupName"),
            Kind.POLICY: (iot.list_policies, "policies", "policyName"),
            Kind.CA_CERTIFICATE: (
                iot.list_ca_certificates,
                "certificates",
                "certificateId",
            ),
        }[kind]
        is_marked = kind in {Kind.POLICY, Kind.CA_CERTIFICATE}
        size, given, next_one = (
            ("pageSize", "marker", "nextMarker")
            if is_marked
            else ("maxResults", "nextToken", "nextToken")
        )
        answer = operation(**{size: _PAGE_MAX}, **({given: token} if token else {}))
        return KeyPage(
            tuple(Key(kind, item[name]) for item in answer[items]),
            answer.get(next_one) or None,
        )

    def _thing(self, key: Key, certificate_ids: Sequence[str]) -> Present:
        try:
            seen = self._iot.describe_thing(thingName=key.name)
        except self._iot.exceptions.ResourceNotFoundException:
            seen = None
        groups: list[str] = []
        attached: list[str] = []
        if seen is not None:
            groups = [
                group["groupName"]
                for page in self._pages(
                    self._iot.list_thing_groups_for_thing, thingName=key.name
                )
                for group in page["thingGroups"]
            ]
            attached = [
                principal.rpartition("/")[2]
                for page in self._pages(
                    self._iot.list_thing_principals, thingName=key.name
                )
                for principal in page["principals"]
                if ":cert/" in principal
            ]
        ids = dict.fromkeys((*certificate_ids, *attached))
        found = [self._certificate(item) for item in ids]
        thing = None
        if seen is not None:
            thing = Thing(
                key.name,
                seen.get("thingTypeName"),
                _pairs(seen),
                tuple(sorted(groups)),
            )
        return Present(
            thing,
            tuple(item for item in found if item),
            frozenset(attached),
            version=seen["version"] if seen else None,
        )

    def _certificate(self, certificate_id: str) -> Certificate | None:
        try:
            found = self._iot.describe_certificate(certificateId=certificate_id)
        except self._iot.exceptions.ResourceNotFoundException:
            return None
        seen = found["certificateDescription"]
        # Statuses that we never write (PENDING_ACTIVATION, REGISTER_INACTIVE…)
        # cannot connect either, so they compare as INACTIVE and are converged.
        known = {status.value: status for status in CertificateStatus}
        status = known.get(seen["status"], CertificateStatus.INACTIVE)
        policies = self._policies_of(certificate_arn(self._place, certificate_id))
        return Certificate(certificate_id, seen["certificatePem"], status, policies)

    def _type(self, key: Key, _: Sequence[str]) -> Present:
        try:
            seen = self._iot.describe_thing_type(thingTypeName=key.name)
        except self._iot.exceptions.ResourceNotFoundException:
            return Present()
        properties = seen.get("thingTypeProperties", {})
        metadata = seen.get("thingTypeMetadata", {})
        return Present(
            ThingType(
                key.name,
                properties.get("thingTypeDescription", ""),
                tuple(sorted(properties.get("searchableAttributes", ()))),
                is_deprecated=bool(metadata.get("deprecated")),
            )
        )

    def _group(self, key: Key, _: Sequence[str]) -> Present:
        try:
            seen = self._iot.describe_thing_group(thingGroupName=key.name)
        except self._iot.exceptions.ResourceNotFoundException:
            return Present()
        properties = seen.get("thingGroupProperties", {})
        group = ThingGroup(
            key.name,
            seen.get("thingGroupMetadata", {}).get("parentGroupName"),
            properties.get("thingGroupDescription", ""),
            _pairs(properties.get("attributePayload", {})),
            self._policies_of(group_arn(self._place, key.name)),
        )
        return Present(group, version=seen.get("version"))

    def _policy(self, key: Key, _: Sequence[str]) -> Present:
        try:
            seen = self._iot.get_policy(policyName=key.name)
        except self._iot.exceptions.ResourceNotFoundException:
            return Present()
        found = self._iot.list_policy_versions(policyName=key.name)["policyVersions"]
        others = (
            item["versionId"] for item in found if not item.get("isDefaultVersion")
        )
        document = neutral(seen["policyDocument"], self._place)
        # Version ids count up (botocore model of AWS IoT, PolicyVersionId).
        return Present(
            Policy(key.name, document), versions=tuple(sorted(others, key=int))
        )

    def _ca(self, key: Key, _: Sequence[str]) -> Present:
        try:
            found = self._iot.describe_ca_certificate(certificateId=key.name)
        except self._iot.exceptions.ResourceNotFoundException:
            return Present()
        seen = found["certificateDescription"]
        return Present(
            CaCertificate(
                key.name,
                seen["certificatePem"],
                is_active=seen["status"] == "ACTIVE",
                registers_devices=seen.get("autoRegistrationStatus") == "ENABLE",
            )
        )

    def _policies_of(self, target: str) -> tuple[str, ...]:
        names: list[str] = []
        marker: dict[str, str] = {}
        while True:
            page = self._iot.list_attached_policies(target=target, **marker)
            names += [policy["policyName"] for policy in page["policies"]]
            if not page.get("nextMarker"):
                return tuple(sorted(names))
            marker = {"marker": page["nextMarker"]}

    def _pages(
        self, operation: Callable[..., dict[str, Any]], **given: str
    ) -> Iterator[dict[str, Any]]:
        token: dict[str, str] = {}
        while True:
            page = operation(**given, **token)
            yield page
            if not page.get("nextToken"):
                return
            token = {"nextToken": page["nextToken"]}


def _pairs(seen: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(seen.get("attributes", {}).items()))
