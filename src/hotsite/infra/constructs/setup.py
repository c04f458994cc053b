"""What CloudFormation cannot say: a custom resource, once per deploy."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from hotsite.infra import packaging
from hotsite.infra.constructs import permissions
from hotsite.infra.constructs.functions import Job, SiteFunction
from hotsite.infra.inputs import SiteInputs

_LIMIT_S = 120


class Setup(Construct):
    """Looks up this Region's streams and endpoint, and finishes the fleet.

    A replica's stream ARN ends in the time of its creation, and the Data-ATS
    endpoint is the account's: both exist only at deploy time, in this Region.
    """

    def __init__(
        self,
        scope: Construct,
        inputs: SiteInputs,
        *,
        after: Sequence[cdk.CfnResource],
    ) -> None:
        super().__init__(scope, "Setup")
        secret = secretsmanager.CfnSecret(
            self,
            "CanarySecret",
            name=inputs.canary_secret,
            description="Certificate and key of this site's canary",
        )
        job = Job("setup", permissions.setup(inputs), limit_s=_LIMIT_S)
        function = SiteFunction(self, job, inputs)
        self._resource = cdk.CfnResource(
            self,
            "Resource",
            type="Custom::HotsiteSetup",
            properties={
                "ServiceToken": function.arn,
                "ServiceTimeout": _LIMIT_S + 60,
                "CanaryThing": inputs.canary_thing,
                "FleetPolicy": inputs.policy_name,
                # Changed code runs again: CloudFormation calls a custom resource
                # only when one of its properties differs.
                "Version": packaging.asset_name("setup"),
            },
        )
        for resource in (secret, *after):
            self._resource.add_resource_dependency(resource)

    @property
    def resource(self) -> cdk.CfnResource:
        """Return what must come after the setup depends on."""
        return self._resource

    @property
    def stream_arn(self) -> str:
        """Return the stream of this Region's replica of the registry."""
        return self._resource.get_att("RegistryStreamArn").to_string()

    @property
    def telemetry_stream_arn(self) -> str:
        """Return the stream of this Region's replica of the hot table."""
        return self._resource.get_att("TelemetryStreamArn").to_string()

    @property
    def data_endpoint(self) -> str:
        """Return the Data-ATS endpoint of this Region."""
        return self._resource.get_att("DataEndpoint").to_string()
