"""The owner's MQTT names in this Region: server certificate, TLS, and where to."""

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_iot as iot
from constructs import Construct

from hotsite.infra.inputs import SiteInputs

# TLS 1.2 and 1.3; IoT Core's own default, pinned so that a later default cannot
# lock old devices out (AWS IoT developer guide, "Transport security").
_TLS = "IoTSecurityPolicy_TLS13_1_2_2022_10"


def certificate(scope: Construct, inputs: SiteInputs, *names: str, brought: str) -> str:
    """Return a certificate's ARN: the owner's own, or of one that is made.

    What is made is validated by ACM in the owner's zone, and renewed.
    IoT Core takes RSA-2048 and P-256 and at most four names (AWS IoT developer
    guide, "Creating and configuring customer managed domains").

    Args:
        scope: Where it belongs.
        inputs: The site's inputs.
        names: 1 to 4 names under the owner's domain; the first is the subject.
        brought: ARN of the owner's own; empty where there is none.
    """
    is_made = cdk.CfnCondition(
        scope,
        "MakesCertificate",
        expression=cdk.Fn.condition_equals(brought, ""),
    )
    made = acm.CfnCertificate(
        scope,
        "Certificate",
        domain_name=names[0],
        subject_alternative_names=list(names[1:]),
        key_algorithm="RSA_2048",
        validation_method="DNS",
        domain_validation_options=[
            acm.CfnCertificate.DomainValidationOptionProperty(
                domain_name=name, hosted_zone_id=inputs.hosted_zone_id
            )
            for name in names
        ],
    )
    made.cfn_options.condition = is_made
    chosen = cdk.Fn.condition_if(is_made.logical_id, made.ref, brought)
    return cdk.Token.as_string(chosen)


class Domain(Construct):
    """``iot.`` and this site's own name, both served in this Region."""

    def __init__(self, scope: Construct, inputs: SiteInputs) -> None:
        super().__init__(scope, "Domain")
        settings = inputs.settings
        shared, own = settings.iot_name, settings.own_iot_name(inputs.site)
        brought = inputs.mqtt_certificate
        served = certificate(self, inputs, shared, own, brought=brought)
        first = self._configuration("Shared", shared, inputs, served)
        second = self._configuration("Own", own, inputs, served)
        # CreateDomainConfiguration: 1 call a second, fixed (AWS IoT quotas).
        second.add_resource_dependency(first)

    def _configuration(
        self,
        identifier: str,
        name: str,
        inputs: SiteInputs,
        served: str,
    ) -> iot.CfnDomainConfiguration:
        label = name.partition(".")[0]
        return iot.CfnDomainConfiguration(
            self,
            identifier,
            domain_configuration_name=f"{inputs.settings.prefix}-{label}",
            domain_name=name,
            server_certificate_arns=[served],
            service_type="DATA",
            tls_config=iot.CfnDomainConfiguration.TlsConfigProperty(
                security_policy=_TLS
            ),
        )
