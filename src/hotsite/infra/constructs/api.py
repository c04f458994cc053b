"""The HTTP API of a site: onboarding for the app, health for Route 53."""

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_logs as logs
from constructs import Construct

from hotsite.infra.constructs import permissions
from hotsite.infra.constructs.domain import certificate
from hotsite.infra.constructs.functions import LOG_DAYS, Job, SiteFunction
from hotsite.infra.inputs import SiteInputs, arn

_ONBOARD = "POST /v1/devices"
HEALTH_PATH = "/healthz"
SWITCH_PATH = "/switch"
_ACCESS_LOG = (
    '{"at":"$context.requestTimeEpoch","id":"$context.requestId",'
    '"route":"$context.routeKey","status":"$context.status",'
    '"host":"$context.domainName","address":"$context.identity.sourceIp",'
    '"took_ms":"$context.responseLatency","error":"$context.error.message"}'
)
# Above what IoT Core certifies in a second (15), below what would hurt others in
# the account; 16 health checkers at 10 s need 2 of it for each of two paths.
_RATE_PER_S = 100
_BURST = 200


class Api(Construct):
    """HTTP API, its functions, its custom domain names."""

    def __init__(self, scope: Construct, inputs: SiteInputs) -> None:
        super().__init__(scope, "Api")
        self._inputs = inputs
        # Apps and checkers use the owner's names only, so AWS's own is off.
        self._api = apigateway.CfnApi(
            self,
            "Http",
            name=f"{inputs.settings.prefix}-onboarding",
            protocol_type="HTTP",
            disable_execute_api_endpoint=True,
        )
        onboarding = Job("onboarding", permissions.onboarding(inputs), memory_mb=512)
        # Route 53 waits 2 s for the answer (health checks, "How Route 53
        # determines whether an endpoint is healthy").
        health = Job("health", permissions.health(inputs), limit_s=3)
        self._route(onboarding, _ONBOARD, self._authorizer())
        self._route(health, f"GET {HEALTH_PATH}", None)
        switch = Job("switch", permissions.switch(inputs), limit_s=3)
        self._route(switch, f"GET {SWITCH_PATH}", None)
        stage = self._stage()
        settings = inputs.settings
        names = (settings.api_name, settings.own_api_name(inputs.site))
        served = certificate(self, inputs, *names)
        self.shared_target, self.own_target = (
            self._domain_name(identifier, name, served.ref, stage)
            for identifier, name in zip(("Shared", "Own"), names, strict=True)
        )
        self.identifier = self._api.ref

    def _authorizer(self) -> str:
        inputs = self._inputs
        return apigateway.CfnAuthorizer(
            self,
            "Tokens",
            api_id=self._api.ref,
            name="tokens",
            authorizer_type="JWT",
            identity_source=["$request.header.Authorization"],
            jwt_configuration=apigateway.CfnAuthorizer.JWTConfigurationProperty(
                audience=[inputs.jwt_audience], issuer=inputs.jwt_issuer
            ),
        ).ref

    def _route(self, job: Job, key: str, authorizer: str | None) -> None:
        function = SiteFunction(self, job, self._inputs)
        noun = job.noun.capitalize()
        integration = apigateway.CfnIntegration(
            self,
            f"{noun}Integration",
            api_id=self._api.ref,
            integration_type="AWS_PROXY",
            integration_uri=function.arn,
            payload_format_version="2.0",
        )
        apigateway.CfnRoute(
            self,
            f"{noun}Route",
            api_id=self._api.ref,
            route_key=key,
            target=f"integrations/{integration.ref}",
            authorization_type="JWT" if authorizer else "NONE",
            authorizer_id=authorizer,
            authorization_scopes=[self._inputs.jwt_scope] if authorizer else None,
        )
        method, _, path = key.partition(" ")
        source = f"{self._api.ref}/*/{method}{path}"
        function.allow_calls(
            self,
            f"{noun}Permission",
            service="apigateway.amazonaws.com",
            source=arn("execute-api", source),
        )

    def _stage(self) -> apigateway.CfnStage:
        # Under this prefix the log's resource policy cannot outgrow its limit
        # (CloudWatch Logs user guide, "Enabling logging from AWS services").
        name = f"/aws/vendedlogs/{self._inputs.settings.prefix}-api"
        log = logs.CfnLogGroup(
            self, "AccessLog", log_group_name=name, retention_in_days=LOG_DAYS
        )
        return apigateway.CfnStage(
            self,
            "Stage",
            api_id=self._api.ref,
            stage_name="$default",
            auto_deploy=True,
            access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=log.attr_arn, format=_ACCESS_LOG
            ),
            default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
                throttling_burst_limit=_BURST, throttling_rate_limit=_RATE_PER_S
            ),
        )

    def _domain_name(
        self, identifier: str, name: str, served: str, stage: apigateway.CfnStage
    ) -> str:
        domain = apigateway.CfnDomainName(
            self,
            f"{identifier}Name",
            domain_name=name,
            domain_name_configurations=[
                apigateway.CfnDomainName.DomainNameConfigurationProperty(
                    certificate_arn=served,
                    endpoint_type="REGIONAL",
                    # Not 1.3 alone: Route 53's checkers promise no more than 1.2.
                    security_policy="TLS_1_2",
                )
            ],
        )
        apigateway.CfnApiMapping(
            self,
            f"{identifier}Mapping",
            api_id=self._api.ref,
            domain_name=domain.ref,
            stage=stage.ref,
        )
        return domain.attr_regional_domain_name
