"""What a site's constructs are given: settings, and parameters of the template.

Whatever differs between AWS and the local cloud is a parameter with a default
that is right on AWS, so that both deploy the same bytes.
"""

from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from hotsite.infra import packaging
from hotsite.settings import Settings, SiteSettings

# Nothing, or an ARN as ACM gives it (API reference, RequestCertificate).
_CERTIFICATE = r"(arn:[\w-]+:acm:[\w-]+:\d{12}:certificate/[\w-]+)?"


@dataclass(frozen=True, slots=True)
class Compute:
    """Whether a site's canary and meter are on; a standby's may be off, a pilot light.

    Attributes:
        condition: When they are; None where they always are.
    """

    condition: cdk.CfnCondition | None = None

    def choose(self, *, on: object, off: object) -> Any:
        """Return a property's value: one of two, if the template's user may choose."""
        if self.condition is None:
            return on
        return cdk.Fn.condition_if(self.condition.logical_id, on, off)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the functions of every stack of a site need.

    Attributes:
        settings: The owner's settings.
        site: Which site this is.
        asset_bucket: Bucket in this Region that holds the Lambda zips.
        asset_key_prefix: What their keys start with; empty or ending in ``/``.
        raised_quotas: JSON of API names and calls a second, where the account
            has more than AWS gives by default.
        compute: Whether this site's compute is on.
    """

    settings: Settings
    site: SiteSettings
    asset_bucket: str
    asset_key_prefix: str
    raised_quotas: str
    compute: Compute

    def asset_key(self, function: str) -> str:
        """Return the S3 key of a function's zip."""
        return self.asset_key_prefix + packaging.asset_name(function)

    def environment(self) -> dict[str, str]:
        """Return the only settings that a Lambda gets."""
        settings, site = self.settings, self.site
        return {
            "DOMAIN": settings.domain,
            "FLEET_GROUP": settings.fleet_group,
            "PREFIX": settings.prefix,
            "RAISED_QUOTAS": self.raised_quotas,
            "SITE_LETTER": site.letter,
            **_letters(settings),
            "SITE_REGION": site.region,
            "TABLE_APPLIED": settings.table("applied"),
            "TABLE_OPERATIONS": settings.table("operations"),
            "TABLE_REGISTRY": settings.table("registry"),
            "TABLE_TELEMETRY": settings.table("telemetry"),
            "THING_TYPE": settings.thing_type,
        }


@dataclass(frozen=True, slots=True)
class SiteInputs(Inputs):
    """Everything that the constructs of the site stack read.

    Attributes:
        hosted_zone_id: Route 53 zone of the owner's domain.
        mqtt_port: Port of MQTT over TLS that devices are told.
        health_check_port: Port that Route 53's checkers and the other site ask.
        jwt_issuer: Issuer of the app users' tokens.
        jwt_audience: What the tokens must be for.
        jwt_scope: Scope that a token must carry to onboard a device.
        jwt_read_scope: Scope that is enough to look at one's devices.
        device_ca: PEM that devices must trust; empty where public roots do.
        app_origins: Where browsers may call the API from.
        user_rate_per_s: How many changes a second one user may ask for.
        mqtt_certificate: ARN of the owner's own for the MQTT names; empty to make one.
        api_certificate: The same for the API's names.
    """

    hosted_zone_id: str
    mqtt_port: str
    health_check_port: float
    jwt_issuer: str
    jwt_audience: str
    jwt_scope: str
    jwt_read_scope: str
    device_ca: str
    app_origins: list[str]
    user_rate_per_s: str
    mqtt_certificate: str
    api_certificate: str

    @property
    def is_active(self) -> bool:
        """Return whether the failover names answer this site first."""
        return self.site == self.settings.active

    @property
    def policy_name(self) -> str:
        """Return the name of the fleet's IoT policy."""
        return self.settings.fleet_group

    @property
    def canary_thing(self) -> str:
        """Return the name of this site's canary."""
        return f"{self.settings.prefix}-canary-{self.site.region}"

    @property
    def canary_secret(self) -> str:
        """Return the name of the secret with the canary's certificate and key."""
        return f"{self.settings.prefix}/canary"

    def environment(self) -> dict[str, str]:
        """Return the only settings that a Lambda gets."""
        return {
            # Named, because a dataclass with slots is another class than super().
            **Inputs.environment(self),
            "API_PORT": cdk.Token.as_string(self.health_check_port),
            "CANARY_SECRET_ID": self.canary_secret,
            "DEVICE_CA": self.device_ca,
            "MQTT_PORT": self.mqtt_port,
            "WITNESS_NAME": self.settings.witness_name,
        }


@dataclass(frozen=True, slots=True)
class ReplicationInputs(Inputs):
    """Everything that the constructs of the replication stack read.

    Attributes:
        stream_arn: This Region's stream of the registry table.
    """

    stream_arn: str


@dataclass(frozen=True, slots=True)
class TelemetryInputs(Inputs):
    """Everything that the constructs of the telemetry stack read.

    Attributes:
        stream_arn: This Region's stream of the hot table.
    """

    stream_arn: str

    def environment(self) -> dict[str, str]:
        """Return the only settings that a Lambda gets."""
        telemetry = self.settings.telemetry
        spread_s = telemetry.throttle_spread_s
        return {
            **Inputs.environment(self),
            "HOT_DAYS": str(telemetry.hot_days),
            "THROTTLE_SPREAD_S": "" if spread_s is None else f"{spread_s:.3f}",
        }


@dataclass(frozen=True, slots=True)
class FirmwareInputs(Inputs):
    """Everything that the constructs of the firmware stack read.

    Attributes:
        api_id: The site's HTTP API, which gets a route.
    """

    api_id: str


def _letters(settings: Settings) -> dict[str, str]:
    """Return what tells a function of more sites than the two that each fleet has."""
    if settings.is_pair:
        return {}
    return {"SITE_LETTERS": ",".join(site.letter for site in settings.sites)}


def arn(service: str, resource: str) -> str:
    """Return an ARN in the stack's own account and Region.

    Args:
        service: For example ``dynamodb``.
        resource: For example ``table/hotsite-registry``.
    """
    account = f"{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}"
    return f"arn:{cdk.Aws.PARTITION}:{service}:{account}:{resource}"


def declare(scope: Construct, settings: Settings, site: SiteSettings) -> SiteInputs:
    """Declare the parameters of a site's template.

    Args:
        scope: The site's stack.
        settings: The owner's settings.
        site: Which site it is.

    Returns:
        What its constructs read.
    """
    return SiteInputs(
        **_common(scope, settings, site),
        hosted_zone_id=_text(scope, "HostedZoneId", "Route 53 zone of the domain"),
        mqtt_port=_text(scope, "MqttPort", "Port of MQTT over TLS", "8883"),
        health_check_port=cdk.CfnParameter(
            scope,
            "HealthCheckPort",
            type="Number",
            description="Port of the health check",
            default=443,
        ).value_as_number,
        jwt_issuer=_text(
            scope, "JwtIssuer", "Issuer of the tokens", settings.issuer.url
        ),
        jwt_audience=_text(
            scope,
            "JwtAudience",
            "What the tokens must be for",
            settings.issuer.audience,
        ),
        jwt_scope=_text(
            scope, "JwtScope", "Scope that onboarding needs", "devices:write"
        ),
        jwt_read_scope=_text(
            scope, "JwtReadScope", "Scope that looking needs", "devices:read"
        ),
        device_ca=_text(
            scope, "DeviceCa", "PEM that devices must trust, if private", ""
        ),
        app_origins=_origins(scope, settings),
        user_rate_per_s=_text(
            scope, "UserRatePerS", "Changes a second of one user of the API", "5"
        ),
        mqtt_certificate=_certificate(scope, "MqttCertificateArn", "iot", site),
        api_certificate=_certificate(scope, "ApiCertificateArn", "api", site),
    )


def _certificate(scope: Construct, name: str, noun: str, site: SiteSettings) -> str:
    names = f"{noun}. and {noun}-{site.letter}."
    return cdk.CfnParameter(
        scope,
        name,
        type="String",
        description=f"Certificate of yours here for {names}; empty makes one",
        default="",
        allowed_pattern=_CERTIFICATE,
    ).value_as_string


def _compute(scope: Construct, settings: Settings, site: SiteSettings) -> Compute:
    """Declare that the standby may be a pilot light; no other site may.

    Two active sites have no such parameter: who is served by a site needs it on.
    """
    if not settings.may_be_off(site):
        return Compute()
    chosen = cdk.CfnParameter(
        scope,
        "Compute",
        type="String",
        description="off: a pilot light, whose canary and meter wait to be switched on",
        allowed_values=["on", "off"],
        default="off" if settings.is_off(site) else "on",
    )
    is_on = cdk.Fn.condition_equals(chosen.value_as_string, "on")
    return Compute(cdk.CfnCondition(scope, "IsOn", expression=is_on))


def _origins(scope: Construct, settings: Settings) -> list[str]:
    return cdk.CfnParameter(
        scope,
        "AppOrigins",
        type="CommaDelimitedList",
        description="Where browsers may call the API from",
        default=",".join(settings.app_origins),
    ).value_as_list


def declare_replication(
    scope: Construct, settings: Settings, site: SiteSettings
) -> ReplicationInputs:
    """Declare the parameters of a replication template.

    Args:
        scope: The replication stack.
        settings: The owner's settings.
        site: Which site it is of.

    Returns:
        What its constructs read.
    """
    return ReplicationInputs(
        **_common(scope, settings, site),
        stream_arn=_text(
            scope, "RegistryStreamArn", "Stream of the registry table here"
        ),
    )


def declare_telemetry(
    scope: Construct, settings: Settings, site: SiteSettings
) -> TelemetryInputs:
    """Declare the parameters of a telemetry template.

    Args:
        scope: The telemetry stack.
        settings: The owner's settings.
        site: Which site it is of.

    Returns:
        What its constructs read.
    """
    return TelemetryInputs(
        **_common(scope, settings, site),
        stream_arn=_text(
            scope, "TelemetryStreamArn", "Stream of the telemetry table here"
        ),
    )


def declare_firmware(
    scope: Construct, settings: Settings, site: SiteSettings
) -> FirmwareInputs:
    """Declare the parameters of a firmware template.

    Args:
        scope: The firmware stack.
        settings: The owner's settings.
        site: Which site it is of.

    Returns:
        What its constructs read.
    """
    return FirmwareInputs(
        **_common(scope, settings, site, may_wait=False),
        api_id=_text(scope, "ApiId", "The site's HTTP API"),
    )


def _common(
    scope: Construct, settings: Settings, site: SiteSettings, *, may_wait: bool = True
) -> dict[str, Any]:
    """Declare what every template of functions has, by the names in ``Inputs``.

    Args:
        scope: The stack.
        settings: The owner's settings.
        site: Which site it is of.
        may_wait: Whether something in it is off in a pilot light.
    """
    return {
        "settings": settings,
        "site": site,
        "asset_bucket": _text(scope, "AssetBucket", "Bucket here with the Lambda zips"),
        "asset_key_prefix": _text(
            scope, "AssetKeyPrefix", "Start of the zips' keys", ""
        ),
        "raised_quotas": _text(
            scope,
            "RaisedQuotas",
            'IoT calls a second, where raised: {"CreateThing": 200}',
            "",
        ),
        "compute": _compute(scope, settings, site) if may_wait else Compute(),
    }


def _text(
    scope: Construct, name: str, description: str, default: str | None = None
) -> str:
    return cdk.CfnParameter(
        scope, name, type="String", description=description, default=default
    ).value_as_string
