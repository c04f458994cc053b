"""All that the Lambdas may do: one function a function, each as small as it goes.

Which IoT actions know resources is from the Service Authorization Reference,
"Actions, resources, and condition keys for AWS IoT", as cfn-lint ships it; the
others take ``*``. Where the local cloud checks an action on another resource
than AWS does, both are named, because both get the same template.
"""

from aws_cdk import Aws
from aws_cdk import aws_iam as iam

from hotsite.core.buckets import cold_bucket
from hotsite.infra.constructs import registry_actions
from hotsite.infra.constructs.functions import allow
from hotsite.infra.inputs import Inputs, SiteInputs, arn

Statements = tuple[iam.PolicyStatement, ...]


def onboarding(inputs: SiteInputs) -> Statements:
    """Issue certificates, write records, let things in, and look who was heard.

    What else a record asks for, ``flows/restraint.py`` leaves to the replicator.
    """
    return (
        allow("dynamodb:Query", on=[_table(inputs, "telemetry")]),
        allow("iot:CreateCertificateFromCsr", on=["*"]),
        allow(
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
            on=[_table(inputs, "registry")],
        ),
        *registry_actions.look_at_things(),
        *registry_actions.let_in(),
        _applied(inputs),
    )


def replicator(inputs: Inputs, *, stream: str, failures: str) -> Statements:
    """Read the stream, apply records, keep what failed.

    Args:
        inputs: The site's inputs.
        stream: ARN of this Region's stream of the registry.
        failures: ARN of the bucket that keeps failed batches.
    """
    return (
        allow(
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
            on=[stream],
        ),
        allow("dynamodb:ListStreams", on=["*"]),
        # It writes revocations that it meets, and nothing else.
        allow("dynamodb:Query", "dynamodb:UpdateItem", on=[_table(inputs, "registry")]),
        allow("s3:ListBucket", on=[failures]),
        allow("s3:PutObject", on=[f"{failures}/*"]),
        *registry_actions.look(),
        *registry_actions.change_things(),
        *registry_actions.change_the_rest(),
        _applied(inputs),
    )


def capture(inputs: Inputs, *, queue: str) -> Statements:
    """Read what was told, look at IoT Core, and write records.

    Args:
        inputs: The site's inputs.
        queue: ARN of the queue that it reads.
    """
    return (
        _read_queue(queue),
        # A message that comes too early is shown again sooner than the queue would.
        allow("sqs:ChangeMessageVisibility", "sqs:GetQueueUrl", on=[queue]),
        # A revocation is an update, so that the first one stays.
        allow(
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
            on=[_table(inputs, "registry")],
        ),
        *registry_actions.look(),
        _applied(inputs),
    )


def sweeper(inputs: Inputs) -> Statements:
    """Compare the whole table with the whole registry, and repair both."""
    return (
        allow(
            "dynamodb:DeleteItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:Scan",
            "dynamodb:UpdateItem",
            on=[_table(inputs, "registry")],
        ),
        # The place where a pass stands, when it is over.
        allow("dynamodb:DeleteItem", on=[_table(inputs, "applied")]),
        allow(
            "iot:ListCACertificates",
            "iot:ListPolicies",
            "iot:ListThingGroups",
            "iot:ListThings",
            "iot:ListThingTypes",
            on=["*"],
        ),
        *registry_actions.look(),
        *registry_actions.change_things(),
        *registry_actions.change_the_rest(),
        _applied(inputs),
    )


def health(inputs: SiteInputs) -> Statements:
    """Read the last verdict."""
    return (allow("dynamodb:GetItem", on=[_table(inputs, "applied")]),)


def switch(inputs: SiteInputs) -> Statements:
    """Read who is active."""
    return (allow("dynamodb:Query", on=[_table(inputs, "operations")]),)


def readiness(inputs: SiteInputs) -> Statements:
    """Read what status reads, keep what was said last, add to the journal."""
    return (
        allow("dynamodb:Query", "dynamodb:Scan", on=[_table(inputs, "registry")]),
        allow("dynamodb:GetItem", "dynamodb:PutItem", on=[_table(inputs, "applied")]),
        allow(
            # Which Region the other replica is in.
            "dynamodb:DescribeTable",
            "dynamodb:PutItem",
            "dynamodb:Query",
            on=[_table(inputs, "operations")],
        ),
        # It knows no resources (Service Authorization Reference, Service Quotas).
        allow("servicequotas:ListServiceQuotas", on=["*"]),
    )


def canary(inputs: SiteInputs) -> Statements:
    """Read its own key, look for its message, write the verdict; guard the site."""
    return (
        allow("secretsmanager:GetSecretValue", on=[_secret(inputs)]),
        allow("dynamodb:GetItem", on=[_table(inputs, "telemetry")]),
        allow(
            "dynamodb:BatchGetItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            on=[_table(inputs, "applied")],
        ),
        allow(
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            on=[_table(inputs, "operations")],
        ),
    )


def meter(inputs: Inputs, *, stream: str) -> Statements:
    """Read the hot table's stream, look at names of cold objects, keep readings.

    Args:
        inputs: The site's inputs.
        stream: ARN of this Region's stream of the hot table.
    """
    bucket = cold_bucket(inputs.settings.prefix, Aws.ACCOUNT_ID, inputs.site.region)
    return (
        allow(
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
            on=[stream],
        ),
        allow("dynamodb:ListStreams", on=["*"]),
        allow("dynamodb:GetItem", "dynamodb:PutItem", on=[_table(inputs, "applied")]),
        allow("s3:ListBucket", on=[f"arn:{Aws.PARTITION}:s3:::{bucket}"]),
    )


def setup(inputs: SiteInputs) -> Statements:
    """Look up, attach the fleet's policy, and make the canary."""
    thing = arn("iot", f"thing/{inputs.canary_thing}")
    group = arn("iot", f"thinggroup/{inputs.settings.fleet_group}")
    return (
        allow(
            "dynamodb:DescribeTable",
            on=[_table(inputs, "registry"), _table(inputs, "telemetry")],
        ),
        allow(
            "iot:CreateKeysAndCertificate",
            "iot:DescribeEndpoint",
            "iot:DescribeEventConfigurations",
            "iot:UpdateEventConfigurations",
            on=["*"],
        ),
        # IAM could narrow these two to the group; the local cloud checks them on
        # * only, and both get the same template (docs/limits.md).
        allow("iot:AttachPolicy", "iot:DetachPolicy", on=["*"]),
        allow(
            "iot:AttachThingPrincipal",
            "iot:DetachThingPrincipal",
            on=[arn("iot", "cert/*"), thing],
        ),
        allow(
            "iot:CreateThing", "iot:DeleteThing", "iot:ListThingPrincipals", on=[thing]
        ),
        allow("iot:AddThingToThingGroup", on=[thing, group]),
        allow(
            "iot:DeleteCertificate",
            "iot:DescribeCertificate",
            "iot:UpdateCertificate",
            on=[arn("iot", "cert/*")],
        ),
        allow(
            "secretsmanager:GetSecretValue",
            "secretsmanager:PutSecretValue",
            on=[_secret(inputs)],
        ),
        *_copies(inputs),
    )


def _copies(inputs: SiteInputs) -> Statements:
    """Return what telling the cold bucket to replicate needs."""
    prefix, region = inputs.settings.prefix, inputs.site.region
    bucket = cold_bucket(prefix, Aws.ACCOUNT_ID, region)
    roles = f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role"
    return (
        allow(
            "s3:PutReplicationConfiguration",
            on=[f"arn:{Aws.PARTITION}:s3:::{bucket}"],
        ),
        allow("iam:PassRole", on=[f"{roles}/{prefix}-copies-{region}-*"]),
    )


def errors(*, queue: str, bucket: str) -> Statements:
    """Read what could not be handled, and keep it.

    Args:
        queue: ARN of the queue that it reads.
        bucket: ARN of the bucket of refusals.
    """
    return (_read_queue(queue), _refuse(bucket))


def batch(
    inputs: Inputs, *, queue: str, bucket: str, cold_stream: str | None
) -> Statements:
    """Store messages, and keep what is none.

    Args:
        inputs: The site's inputs.
        queue: ARN of the queue of what the function could not do.
        bucket: ARN of the bucket of refusals.
        cold_stream: Name of the cold path's stream, where there is one.
    """
    stream = arn("firehose", f"deliverystream/{cold_stream}")
    cold = allow("firehose:PutRecordBatch", on=[stream])
    return (
        allow("dynamodb:BatchWriteItem", on=[_table(inputs, "telemetry")]),
        *((cold,) if cold_stream else ()),
        allow("sqs:SendMessage", on=[queue]),
        _refuse(bucket),
    )


def resume(inputs: Inputs, *, queue: str, bucket: str) -> Statements:
    """Look at what is stored of a device, and tell it; keep what is no question.

    Args:
        inputs: The site's inputs.
        queue: ARN of the queue of what the function could not do.
        bucket: ARN of the bucket of refusals.
    """
    return (
        allow("dynamodb:Query", on=[_table(inputs, "telemetry")]),
        allow("dynamodb:PutItem", on=[_table(inputs, "applied")]),
        allow("iot:Publish", on=[arn("iot", "topic/cmd/*/resume")]),
        allow("sqs:SendMessage", on=[queue]),
        _refuse(bucket),
    )


def _refuse(bucket: str) -> iam.PolicyStatement:
    return allow("s3:PutObject", on=[f"{bucket}/errors/*"])


def _read_queue(queue: str) -> iam.PolicyStatement:
    """Return what Lambda itself needs (AWSLambdaSQSQueueExecutionRole)."""
    return allow(
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        on=[queue],
    )


def _applied(inputs: Inputs) -> iam.PolicyStatement:
    """Return what applied lines, cursors and shared quotas need."""
    return allow(
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        on=[_table(inputs, "applied")],
    )


def _table(inputs: Inputs, noun: str) -> str:
    return arn("dynamodb", f"table/{inputs.settings.table(noun)}")


def _secret(inputs: SiteInputs) -> str:
    # Secrets Manager ends the ARN in six characters of its own choice.
    return arn("secretsmanager", f"secret:{inputs.canary_secret}-??????")
