"""What copies one site's cold objects into the other sites' buckets."""

from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from hotsite.infra import packaging
from hotsite.infra.constructs.functions import allow, role
from hotsite.infra.inputs import arn
from hotsite.settings import Settings, SiteSettings

_LIMIT_S = 180


@dataclass(frozen=True, slots=True)
class CopiesInputs:
    """What is copied, and to where.

    Attributes:
        settings: The owner's settings.
        site: Whose objects they are.
        bucket: The site's bucket.
        key_arn: What it is encrypted with.
        replica: The other site's bucket.
        replica_key_arn: What that one is encrypted with.
        more: Where there are more than two sites: each further bucket, and what it
            is encrypted with.
    """

    settings: Settings
    site: SiteSettings
    bucket: str
    key_arn: str
    replica: str
    replica_key_arn: str
    more: tuple[tuple[str, str], ...] = ()


class Copies(Construct):
    """A role for Amazon S3, and the site's setup function told to use it."""

    def __init__(self, scope: Construct, inputs: CopiesInputs) -> None:
        super().__init__(scope, "Copies")
        copier = role(
            self, "Role", service="s3.amazonaws.com", statements=_needs(inputs)
        )
        cdk.CfnResource(
            self,
            "Resource",
            type="Custom::HotsiteCopies",
            properties={
                "ServiceToken": arn(
                    "lambda", f"function:{inputs.settings.prefix}-setup"
                ),
                "ServiceTimeout": _LIMIT_S,
                "Bucket": inputs.bucket,
                # Its own messages only: what came from the other site stays.
                "Prefix": f"telemetry/region={inputs.site.region}/",
                "ReplicaBucket": inputs.replica,
                "ReplicaKeyArn": inputs.replica_key_arn,
                "RoleArn": copier.attr_arn,
                "Version": packaging.asset_name("setup"),
                **_further(inputs),
            },
        )


def _further(inputs: CopiesInputs) -> dict[str, Any]:
    if not inputs.more:
        return {}
    return {
        "More": [{"Bucket": bucket, "KeyArn": key} for bucket, key in inputs.more],
    }


def _needs(inputs: CopiesInputs) -> tuple[iam.PolicyStatement, ...]:
    """Return what S3 needs (user guide, "Setting up permissions for replication")."""
    source = f"arn:{cdk.Aws.PARTITION}:s3:::{inputs.bucket}"
    replicas = [(inputs.replica, inputs.replica_key_arn), *inputs.more]
    buckets = [f"arn:{cdk.Aws.PARTITION}:s3:::{bucket}" for bucket, _ in replicas]
    return (
        allow("s3:GetReplicationConfiguration", "s3:ListBucket", on=[source]),
        allow(
            "s3:GetObjectVersionAcl",
            "s3:GetObjectVersionForReplication",
            "s3:GetObjectVersionTagging",
            on=[f"{source}/*"],
        ),
        allow(
            "s3:ReplicateObject",
            "s3:ReplicateTags",
            on=[f"{bucket}/*" for bucket in buckets],
        ),
        allow("kms:Decrypt", on=[inputs.key_arn]),
        allow("kms:Encrypt", on=[key for _, key in replicas]),
    )
