"""All that the Lambdas may do: one function a function, each as small as it goes.

Which IoT actions know resources is from the Service Authorization Reference,
"Actions, resources, and condition keys for AWS IoT"; the others take ``*``.
"""

from aws_cdk import aws_iam as iam

from hotsite.infra.constructs.functions import allow
from hotsite.infra.inputs import SiteInputs, arn

Statements = tuple[iam.PolicyStatement, ...]


def onboarding(inputs: SiteInputs) -> Statements:
    """Issue certificates, write records, and apply them in this Region."""
    return (
        allow("iot:CreateCertificateFromCsr", on=["*"]),
        allow(
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            on=[_table(inputs, "registry")],
        ),
        *_apply(inputs),
    )


def replicator(inputs: SiteInputs, *, stream: str, failures: str) -> Statements:
    """Read the stream, apply records, keep what failed.

    Args:
        inputs: The site's inputs.
        stream: ARN of this Region's stream of the registry.
        failures: ARN of the bucket that keeps failed batches.
    """
    things, certificates = [arn("iot", "thing/*")], [arn("iot", "cert/*")]
    return (
        allow(
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
            on=[stream],
        ),
        allow("dynamodb:ListStreams", on=["*"]),
        allow("dynamodb:Query", on=[_table(inputs, "registry")]),
        allow("s3:ListBucket", on=[failures]),
        allow("s3:PutObject", on=[f"{failures}/*"]),
        allow("iot:DeleteThing", on=things),
        allow("iot:DeleteCertificate", on=certificates),
        *_apply(inputs),
    )


def health(inputs: SiteInputs) -> Statements:
    """Read the last verdict."""
    return (allow("dynamodb:GetItem", on=[_table(inputs, "applied")]),)


def canary(inputs: SiteInputs) -> Statements:
    """Read its own key, look for its message, write the verdict."""
    return (
        allow("secretsmanager:GetSecretValue", on=[_secret(inputs)]),
        allow("dynamodb:GetItem", on=[_table(inputs, "telemetry")]),
        allow("dynamodb:PutItem", on=[_table(inputs, "applied")]),
    )


def setup(inputs: SiteInputs) -> Statements:
    """Look up, attach the fleet's policy, and make the canary."""
    thing = arn("iot", f"thing/{inputs.canary_thing}")
    group = arn("iot", f"thinggroup/{inputs.settings.fleet_group}")
    return (
        allow("dynamodb:DescribeTable", on=[_table(inputs, "registry")]),
        allow(
            "iot:AttachThingPrincipal",
            "iot:CreateKeysAndCertificate",
            "iot:DescribeEndpoint",
            "iot:DescribeEventConfigurations",
            "iot:DetachThingPrincipal",
            "iot:ListThingPrincipals",
            "iot:UpdateEventConfigurations",
            on=["*"],
        ),
        # IAM could narrow these two to the group; the local cloud checks them on
        # * only, and both get the same template (docs/limits.md).
        allow("iot:AttachPolicy", "iot:DetachPolicy", on=["*"]),
        allow("iot:CreateThing", "iot:DeleteThing", on=[thing]),
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
    )


def _apply(inputs: SiteInputs) -> Statements:
    things, certificates = [arn("iot", "thing/*")], [arn("iot", "cert/*")]
    groups = [arn("iot", "thinggroup/*")]
    return (
        allow(
            "iot:AttachThingPrincipal",
            "iot:DetachThingPrincipal",
            "iot:ListAttachedPolicies",
            "iot:ListThingPrincipals",
            "iot:RegisterCertificateWithoutCA",
            on=["*"],
        ),
        allow(
            "iot:CreateThing",
            "iot:DescribeThing",
            "iot:ListThingGroupsForThing",
            "iot:UpdateThing",
            on=things,
        ),
        allow("iot:DescribeCertificate", "iot:UpdateCertificate", on=certificates),
        allow(
            "iot:AddThingToThingGroup",
            "iot:RemoveThingFromThingGroup",
            on=[*things, *groups],
        ),
        allow("dynamodb:GetItem", "dynamodb:PutItem", on=[_table(inputs, "applied")]),
    )


def _table(inputs: SiteInputs, noun: str) -> str:
    return arn("dynamodb", f"table/{inputs.settings.table(noun)}")


def _secret(inputs: SiteInputs) -> str:
    # Secrets Manager ends the ARN in six characters of its own choice.
    return arn("secretsmanager", f"secret:{inputs.canary_secret}-??????")
