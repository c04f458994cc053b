"""The HTTP API of a site: onboarding for the app, health for Route 53."""

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_logs as logs
from constructs import Construct

from hotsite.infra.constructs import permissions
from hotsite.infra.constructs.domain import certificate
from hotsite.infra.constructs.escrow import Escrow
from hotsite.infra.constructs.functions import LOG_DAYS, Job, SiteFunction
from hotsite.infra.inputs import SiteInputs, arn

# In the order of openapi.json, by the first part of their names in the template; a
# test compares the two.
_WRITES = {
    "Onboarding": "POST /v1/devices",
    "Rotate": "POST /v1/devices/{thing}/certificates",
    "Revoke": "DELETE /v1/devices/{thing}",
    "RevokeOne": "DELETE /v1/devices/{thing}/certificates/{certificate_id}",
    "FetchKey": "POST /v1/devices/{thing}/certificates/{certificate_id}/key",
}
_READS = {"List": "GET /v1/devices", "Show": "GET /v1/devices/{thing}"}
_DOCUMENT = {"Document": "GET /v1/openapi.json"}
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
# All users together; what one may is counted by the function (UserRatePerS). A
# device is one write, and IoT Core certifies 15 a second.
_WRITES_PER_S, _WRITES_BURST = 20, 100
_READS_PER_S, _READS_BURST = 50, 100
_PREFLIGHT_S = 3600


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
            # Tokens are sent on purpose, never by the browser: no credentials.
            cors_configuration=apigateway.CfnApi.CorsProperty(
                allow_origins=inputs.app_origins,
                allow_methods=["DELETE", "GET", "POST"],
                allow_headers=["authorization", "content-type", "range"],
                expose_headers=["content-range", "retry-after"],
                max_age=_PREFLIGHT_S,
            ),
        )
        self._routes: list[apigateway.CfnRoute] = []
        onboarding = self._onboarding_job()
        # Route 53 waits 2 s for the answer (health checks, "How Route 53
        # determines whether an endpoint is healthy").
        health = Job("health", permissions.health(inputs), limit_s=3)
        self._onboarding(self._integrate(onboarding, "*/v1/*"))
        target = self._integrate(health, f"GET{HEALTH_PATH}")
        self._route("Health", f"GET {HEALTH_PATH}", target)
        switch = Job("switch", permissions.switch(inputs), limit_s=3)
        target = self._integrate(switch, f"GET{SWITCH_PATH}")
        self._route("Switch", f"GET {SWITCH_PATH}", target)
        stage = self._stage()
        settings = inputs.settings
        names = (settings.api_name, settings.own_api_name(inputs.site))
        brought = inputs.api_certificate
        served = certificate(self, inputs, *names, brought=brought)
        self.shared_target, self.own_target = (
            self._domain_name(identifier, name, served, stage)
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

    def _onboarding_job(self) -> Job:
        inputs = self._inputs
        statements = permissions.onboarding(inputs)
        rate = ("USER_RATE_PER_S", inputs.user_rate_per_s)
        variables: tuple[tuple[str, str], ...] = (rate,)
        if inputs.settings.onboarding.custody == "escrow":
            escrow = Escrow(self, inputs)
            statements += escrow.statements
            variables += escrow.variables
        return Job("onboarding", statements, memory_mb=512, variables=variables)

    def _onboarding(self, target: str) -> None:
        write, read = self._inputs.jwt_scope, self._inputs.jwt_read_scope
        authorizer = self._authorizer()
        for noun, key in _WRITES.items():
            self._route(noun, key, target, authorizer=authorizer, scopes=[write])
        for noun, key in _READS.items():
            # Any one of them is enough, and who may write may look.
            self._route(noun, key, target, authorizer=authorizer, scopes=[read, write])
        for noun, key in _DOCUMENT.items():
            self._route(noun, key, target)

    def _integrate(self, job: Job, path: str) -> str:
        """Make a function that may be called for a path; return a route's target."""
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
        function.allow_calls(
            self,
            f"{noun}Permission",
            service="apigateway.amazonaws.com",
            source=arn("execute-api", f"{self._api.ref}/*/{path}"),
        )
        return f"integrations/{integration.ref}"

    def _route(
        self,
        noun: str,
        key: str,
        target: str,
        *,
        authorizer: str | None = None,
        scopes: list[str] | None = None,
    ) -> None:
        route = apigateway.CfnRoute(
            self,
            f"{noun}Route",
            api_id=self._api.ref,
            route_key=key,
            target=target,
            authorization_type="JWT" if authorizer else "NONE",
            authorizer_id=authorizer,
            authorization_scopes=scopes,
        )
        self._routes.append(route)

    def _stage(self) -> apigateway.CfnStage:
        # Under this prefix the log's resource policy cannot outgrow its limit
        # (CloudWatch Logs user guide, "Enabling logging from AWS services").
        name = f"/aws/vendedlogs/{self._inputs.settings.prefix}-api"
        log = logs.CfnLogGroup(
            self, "AccessLog", log_group_name=name, retention_in_days=LOG_DAYS
        )
        stage = apigateway.CfnStage(
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
            route_settings={
                **dict.fromkeys(
                    _WRITES.values(), _throttle(_WRITES_PER_S, _WRITES_BURST)
                ),
                **dict.fromkeys(_READS.values(), _throttle(_READS_PER_S, _READS_BURST)),
            },
        )
        # A stage refuses settings of a route that is not there yet.
        for route in self._routes:
            stage.add_dependency(route)
        return stage

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


def _throttle(rate_per_s: int, burst: int) -> dict[str, int]:
    return {"ThrottlingBurstLimit": burst, "ThrottlingRateLimit": rate_per_s}
