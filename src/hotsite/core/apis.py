"""How often each API of AWS IoT may be called, and which API a step calls.

Every figure is "AWS IoT Core endpoints and quotas" of the AWS General Reference
(https://docs.aws.amazon.com/general/latest/gr/iot-core.html, read 2026), tables
"AWS IoT Core API throttling limits" and "AWS IoT Core Device Shadow actions".
They are the defaults of an account; most can be raised.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from hotsite.core.registry import Kind
from hotsite.core.replication import Verb
from hotsite.errors import InvalidInputError

# All four calls of the shadow API count against one quota of the account.
SHADOW_API = "DeviceShadow"

# Footnote "select AWS Regions" of the tables of rules and broker: where the broker's
# default quotas are the small ones.
BROKER_SELECT_REGIONS = frozenset(
    {
        "ap-east-1",
        "ap-southeast-5",
        "ca-central-1",
        "cn-northwest-1",
        "eu-north-1",
        "eu-south-2",
        "eu-west-3",
        "me-central-1",
        "me-south-1",
        "us-gov-east-1",
        "us-gov-west-1",
        "us-west-1",
    }
)
# The throttling table prints a second column without a list of its Regions. The
# union with the list under the table of shadows is the careful reading.
SELECT_REGIONS = BROKER_SELECT_REGIONS | {"sa-east-1"}


@dataclass(frozen=True, slots=True)
class ApiQuota:
    """Default calls a second of one API, by account and Region.

    Attributes:
        usual_per_s: In most Regions.
        select_per_s: In ``SELECT_REGIONS``.
    """

    usual_per_s: int
    select_per_s: int


def _table() -> Mapping[str, ApiQuota]:
    rows = {
        "5": "CreateDynamicThingGroup",
        "10": "CreateKeysAndCertificate CreatePolicy CreatePolicyVersion"
        " DeleteCACertificate DeleteCertificate DeletePolicy DeletePolicyVersion"
        " DescribeCACertificate DescribeCertificate DescribeEndpoint GetPolicy"
        " ListCACertificates ListCertificates ListPolicies ListPolicyVersions"
        " ListPrincipalThings ListTargetsForPolicy ListThingGroups ListThingTypes"
        " ListThings RegisterCACertificate RegisterCertificate"
        " RegisterCertificateWithoutCA RegisterThing SetDefaultPolicyVersion"
        " TagResource UpdateCACertificate UpdateCertificate"
        " UpdateThingGroupsForThing",
        "15": "AttachPolicy CreateCertificateFromCsr CreateThingType DeleteThingGroup"
        " DeleteThingType DeprecateThingType DetachPolicy GetPolicyVersion"
        " ListAttachedPolicies UpdateThingGroup UpdateThingType",
        "20": "ListThingPrincipals ListThingPrincipalsV2",
        "25": "CreateThingGroup ListThingsInThingGroup",
        "100": "DescribeThingGroup",
        "100/50": "AttachThingPrincipal CreateThing DeleteThing DescribeThingType"
        " DetachThingPrincipal ListThingGroupsForThing RemoveThingFromThingGroup"
        " UpdateThing",
        "100/60": "AddThingToThingGroup",
        "350": "DescribeThing",
        "4000/400": SHADOW_API,
    }
    found = {}
    for figures, apis in rows.items():
        usual, _, select = figures.partition("/")
        for api in apis.split():
            found[api] = ApiQuota(int(usual), int(select or usual))
    return found


DEFAULT_QUOTAS = _table()

API_OF: Mapping[Verb, str] = {
    Verb.REGISTER_CERTIFICATE: "RegisterCertificateWithoutCA",
    Verb.UPDATE_CERTIFICATE: "UpdateCertificate",
    Verb.CREATE_THING_TYPE: "CreateThingType",
    Verb.DEPRECATE_THING_TYPE: "DeprecateThingType",
    Verb.CREATE_THING_GROUP: "CreateThingGroup",
    Verb.UPDATE_THING_GROUP: "UpdateThingGroup",
    Verb.CREATE_POLICY: "CreatePolicy",
    Verb.DELETE_POLICY_VERSION: "DeletePolicyVersion",
    Verb.CREATE_POLICY_VERSION: "CreatePolicyVersion",
    Verb.REGISTER_CA_CERTIFICATE: "RegisterCACertificate",
    Verb.UPDATE_CA_CERTIFICATE: "UpdateCACertificate",
    Verb.ATTACH_POLICY: "AttachPolicy",
    Verb.CREATE_THING: "CreateThing",
    Verb.UPDATE_THING: "UpdateThing",
    Verb.ATTACH_CERTIFICATE: "AttachThingPrincipal",
    Verb.REMOVE_FROM_GROUP: "RemoveThingFromThingGroup",
    Verb.ADD_TO_GROUP: "AddThingToThingGroup",
    Verb.UPDATE_SHADOW: SHADOW_API,
    Verb.DETACH_POLICY: "DetachPolicy",
    Verb.DETACH_CERTIFICATE: "DetachThingPrincipal",
    Verb.DELETE_CERTIFICATE: "DeleteCertificate",
    Verb.DELETE_SHADOW: SHADOW_API,
    Verb.DELETE_THING: "DeleteThing",
    Verb.DELETE_CA_CERTIFICATE: "DeleteCACertificate",
    Verb.DELETE_THING_GROUP: "DeleteThingGroup",
    Verb.DELETE_POLICY: "DeletePolicy",
    Verb.DELETE_THING_TYPE: "DeleteThingType",
}

ISSUE_API = "CreateCertificateFromCsr"

PAGE_API_OF: Mapping[Kind, str] = {
    Kind.THING_TYPE: "ListThingTypes",
    Kind.POLICY: "ListPolicies",
    Kind.THING_GROUP: "ListThingGroups",
    Kind.CA_CERTIFICATE: "ListCACertificates",
    Kind.THING: "ListThings",
}

_OBSERVATIONS: Mapping[Kind, Mapping[str, int]] = {
    Kind.THING_TYPE: {"DescribeThingType": 1},
    Kind.POLICY: {"GetPolicy": 1, "ListPolicyVersions": 1},
    Kind.THING_GROUP: {"DescribeThingGroup": 1, "ListAttachedPolicies": 1},
    Kind.CA_CERTIFICATE: {"DescribeCACertificate": 1},
    Kind.THING: {
        "DescribeThing": 1,
        "ListThingGroupsForThing": 1,
        "ListThingPrincipals": 1,
    },
    # The list of named shadows; each shadow is a part.
    Kind.SHADOWS: {SHADOW_API: 1},
}

# What each certificate of a thing, or each of its shadows, adds.
_PART_OBSERVATIONS: Mapping[Kind, Mapping[str, int]] = {
    Kind.THING: {"DescribeCertificate": 1, "ListAttachedPolicies": 1},
    Kind.SHADOWS: {SHADOW_API: 1},
}


def default_limits(region: str) -> dict[str, float]:
    """Return how often each API may be called in a Region by default.

    Args:
        region: AWS Region.

    Returns:
        Calls a second by API name.
    """
    is_select = region in SELECT_REGIONS
    return {
        api: float(quota.select_per_s if is_select else quota.usual_per_s)
        for api, quota in DEFAULT_QUOTAS.items()
    }


def limits_of(region: str, raised: str, *, where: str) -> dict[str, float]:
    """Return how often each API may be called by an account in a Region.

    Args:
        region: AWS Region.
        raised: JSON object of API names and calls a second, where the account has
            more than the default; empty for nowhere.
        where: What an error message begins with.

    Returns:
        Calls a second by API name.

    Raises:
        InvalidInputError: What is raised makes no sense.
    """
    limits = default_limits(region)
    try:
        document = json.loads(raised or "{}")
    except json.JSONDecodeError as error:
        raise InvalidInputError(f"{where}: is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidInputError(f"{where}: is not a JSON object")
    for api, limit in document.items():
        if api not in limits:
            raise InvalidInputError(f"{where}: no quota is known for {api!r}")
        if isinstance(limit, bool) or not isinstance(limit, int | float) or limit <= 0:
            raise InvalidInputError(f"{where}: {api} must be a number above 0")
        limits[api] = float(limit)
    return limits


def calls_of_observation(kind: Kind, part_count: int = 0) -> dict[str, int]:
    """Return what it costs to look at one key.

    Args:
        kind: What the key names.
        part_count: Certificates of a thing, or shadows, that are looked at.

    Returns:
        Calls by API name, none of them 0.
    """
    calls = dict(_OBSERVATIONS[kind])
    for api, count in _PART_OBSERVATIONS.get(kind, {}).items():
        calls[api] = calls.get(api, 0) + count * part_count
    return {api: count for api, count in calls.items() if count}
