"""What copies one site's cold objects into the other site's bucket."""

from dataclasses import dataclass

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
    """

    settings: Settings
    site: SiteSettings
    bucket: str
    key_arn: str
    replica: str
    replica_key_arn: str


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
            },
        )


def _needs(inputs: CopiesInputs) -> tuple[iam.PolicyStatement, ...]:
    """Return what S3 needs (user guide, "Setting up permissions for replication")."""
    source = f"arn:{cdk.Aws.PARTITION}:s3:::{inputs.bucket}"
    replica = f"arn:{cdk.Aws.PARTITION}:s3:::{inputs.replica}"
    return (
        allow("s3:GetReplicationConfiguration", "s3:ListBucket", on=[source]),
        allow(
            "s3:GetObjectVersionAcl",
            "s3:GetObjectVersionForReplication",
            "s3:GetObjectVersionTagging",
            on=[f"{source}/*"],
        ),
        allow("s3:ReplicateObject", "s3:ReplicateTags", on=[f"{replica}/*"]),
        allow("kms:Decrypt", on=[inputs.key_arn]),
        allow("kms:Encrypt", on=[inputs.replica_key_arn]),
    )
