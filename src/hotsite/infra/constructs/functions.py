"""A Lambda of a site: its code, its role, its log, its settings."""

from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from hotsite.infra.inputs import Inputs, arn

LOG_DAYS = 30


@dataclass(frozen=True, slots=True)
class Job:
    """What one function is for.

    Attributes:
        noun: Module in ``hotsite.faces.lambdas`` and name of its zip.
        statements: All that its role may do besides writing its log.
        limit_s: Longest run, in seconds, 1 to 900.
        memory_mb: Memory, 128 to 10,240; CPU share grows with it.
        concurrency_max: How many may run at once; nothing for no limit of its
            own. It is taken from what the account's other functions have.
        variables: Settings that this function alone gets, as (name, value).
    """

    noun: str
    statements: tuple[iam.PolicyStatement, ...]
    limit_s: int = 15
    memory_mb: int = 256
    concurrency_max: int | None = None
    variables: tuple[tuple[str, str], ...] = ()


def allow(*actions: str, on: Sequence[str]) -> iam.PolicyStatement:
    """Return a statement that allows actions on resources.

    Args:
        actions: For example ``dynamodb:GetItem``.
        on: ARNs, or ``*`` where the action knows no resources.
    """
    return iam.PolicyStatement(actions=list(actions), resources=list(on))


def role(
    scope: Construct,
    identifier: str,
    *,
    service: str,
    statements: Sequence[iam.PolicyStatement],
) -> iam.CfnRole:
    """Make a role with one inline policy.

    Inline, because a policy of its own may be attached only after the function
    or rule that needs it has already been made and has failed.

    Args:
        scope: Where it belongs.
        identifier: Its name in the template.
        service: Who may assume it, for example ``lambda.amazonaws.com``.
        statements: What it may do.
    """
    trust = iam.PolicyStatement(
        actions=["sts:AssumeRole"], principals=[iam.ServicePrincipal(service)]
    )
    return iam.CfnRole(
        scope,
        identifier,
        assume_role_policy_document=iam.PolicyDocument(statements=[trust]),
        policies=[
            iam.CfnRole.PolicyProperty(
                policy_name="needs",
                policy_document=iam.PolicyDocument(statements=list(statements)),
            )
        ],
    )


class SiteFunction(Construct):
    """One Lambda; python3.13 on arm64, JSON logs, its own least role."""

    def __init__(self, scope: Construct, job: Job, inputs: Inputs) -> None:
        super().__init__(scope, job.noun.capitalize())
        name = f"{inputs.settings.prefix}-{job.noun}"
        log = logs.CfnLogGroup(
            self,
            "Log",
            log_group_name=f"/aws/lambda/{name}",
            retention_in_days=LOG_DAYS,
        )
        write_log = allow(
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            on=[arn("logs", f"log-group:/aws/lambda/{name}:*")],
        )
        self.role = role(
            self,
            "Role",
            service="lambda.amazonaws.com",
            statements=[*job.statements, write_log],
        )
        self._function = lambda_.CfnFunction(
            self,
            "Function",
            function_name=name,
            runtime="python3.13",
            architectures=["arm64"],
            handler=f"hotsite.faces.lambdas.{job.noun}.handler",
            role=self.role.attr_arn,
            timeout=job.limit_s,
            memory_size=job.memory_mb,
            reserved_concurrent_executions=job.concurrency_max,
            code=lambda_.CfnFunction.CodeProperty(
                s3_bucket=inputs.asset_bucket, s3_key=inputs.asset_key(job.noun)
            ),
            environment=lambda_.CfnFunction.EnvironmentProperty(
                variables={**inputs.environment(), **dict(job.variables)}
            ),
            logging_config=lambda_.CfnFunction.LoggingConfigProperty(
                log_format="JSON", log_group=log.ref
            ),
        )
        self.noun = job.noun
        self.name = self._function.ref
        self.arn = self._function.attr_arn

    def keep_failures(self, queue: str) -> None:
        """Keep what this function could not do, when it is called asynchronously.

        Args:
            queue: ARN of the queue that gets it; the role must allow sending there.
        """
        destination = lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=queue)
        lambda_.CfnEventInvokeConfig(
            self,
            "Failures",
            function_name=self.name,
            qualifier="$LATEST",
            # Lambda's own default (developer guide, "Error handling for asynchronous
            # invocation"), said here because the emulator has no other.
            maximum_retry_attempts=2,
            destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=destination
            ),
        )

    def waits_for(self, resource: cdk.CfnResource) -> None:
        """Create this function only after a resource."""
        self._function.add_resource_dependency(resource)

    def allow_calls(
        self, scope: Construct, identifier: str, *, service: str, source: str
    ) -> lambda_.CfnPermission:
        """Let a service call this function, for one source only."""
        return lambda_.CfnPermission(
            scope,
            identifier,
            action="lambda:InvokeFunction",
            function_name=self.arn,
            principal=service,
            source_arn=source,
        )
