"""What a site's constructs are given: settings, and parameters of the template.

Whatever differs between AWS and the local cloud is a parameter with a default
that is right on AWS, so that both deploy the same bytes.
"""

from dataclasses import dataclass

import aws_cdk as cdk
from constructs import Construct

from hotsite.infra import packaging
from hotsite.settings import Settings, SiteSettings


@dataclass(frozen=True, slots=True)
class SiteInputs:
    """Everything that the constructs of one site read.

    Attributes:
        settings: The owner's settings.
        site: Which site this is.
        hosted_zone_id: Route 53 zone of the owner's domain.
        asset_bucket: Bucket in this Region that holds the Lambda zips.
        asset_key_prefix: What their keys start with; empty or ending in ``/``.
        mqtt_port: Port of MQTT over TLS that devices are told.
        health_check_port: Port that Route 53's checkers ask.
        jwt_issuer: Issuer of the app users' tokens.
        jwt_audience: What the tokens must be for.
        jwt_scope: Scope that a token must carry to onboard a device.
        device_ca: PEM that devices must trust; empty where public roots do.
    """

    settings: Settings
    site: SiteSettings
    hosted_zone_id: str
    asset_bucket: str
    asset_key_prefix: str
    mqtt_port: str
    health_check_port: float
    jwt_issuer: str
    jwt_audience: str
    jwt_scope: str
    device_ca: str

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

    def asset_key(self, function: str) -> str:
        """Return the S3 key of a function's zip."""
        return self.asset_key_prefix + packaging.asset_name(function)


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

    def text(name: str, description: str, default: str | None = None) -> str:
        return cdk.CfnParameter(
            scope, name, type="String", description=description, default=default
        ).value_as_string

    return SiteInputs(
        settings=settings,
        site=site,
        hosted_zone_id=text("HostedZoneId", "Route 53 zone of the domain"),
        asset_bucket=text("AssetBucket", "Bucket here with the Lambda zips"),
        asset_key_prefix=text("AssetKeyPrefix", "Start of the zips' keys", ""),
        mqtt_port=text("MqttPort", "Port of MQTT over TLS", "8883"),
        health_check_port=cdk.CfnParameter(
            scope,
            "HealthCheckPort",
            type="Number",
            description="Port of the health check",
            default=443,
        ).value_as_number,
        jwt_issuer=text("JwtIssuer", "Issuer of the tokens", settings.issuer.url),
        jwt_audience=text(
            "JwtAudience", "What the tokens must be for", settings.issuer.audience
        ),
        jwt_scope=text("JwtScope", "Scope that onboarding needs", "devices:write"),
        device_ca=text("DeviceCa", "PEM that devices must trust, if private", ""),
    )
