"""The site stack: what devices and apps meet in one Region; once in each."""

import aws_cdk as cdk
from constructs import Construct

from hotsite.infra.constructs.api import Api
from hotsite.infra.constructs.domain import Domain
from hotsite.infra.constructs.fleet import Fleet
from hotsite.infra.constructs.health import Canary
from hotsite.infra.constructs.names import Names, Targets
from hotsite.infra.constructs.readiness import Readiness
from hotsite.infra.constructs.setup import Setup
from hotsite.infra.constructs.tables import Applied
from hotsite.infra.inputs import declare
from hotsite.infra.stack import RegionStack
from hotsite.settings import Settings, SiteSettings


class SiteStack(RegionStack):
    """One Region's half; it knows nothing of the other stack."""

    def __init__(
        self, scope: Construct, name: str, settings: Settings, site: SiteSettings
    ) -> None:
        super().__init__(scope, name, region=site.region)
        inputs = declare(self, settings, site)
        Applied(self, inputs)
        fleet = Fleet(self, inputs)
        Domain(self, inputs)
        setup = Setup(self, inputs, after=fleet.parts)
        api = Api(self, inputs)
        canary = Canary(self, inputs, setup)
        targets = Targets(setup.data_endpoint, api.shared_target, api.own_target)
        names = Names(self, inputs, targets)
        readiness = Readiness(self, inputs)
        outputs = {
            "ApiId": api.identifier,
            "CanaryFunction": canary.function,
            "DataEndpoint": setup.data_endpoint,
            "HealthCheckId": names.check,
            "ReadinessFunction": readiness.function,
            "RegistryStreamArn": setup.stream_arn,
            "TelemetryStreamArn": setup.telemetry_stream_arn,
        }
        for key, value in outputs.items():
            cdk.CfnOutput(self, key, value=value)
