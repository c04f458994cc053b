"""The key of the records: one multi-Region key, a replica in each standby.

The replica's ARN differs from the primary's in the Region alone (KMS developer
guide, "Multi-Region keys"), so every stack computes the ARN that it needs and
none refers to another.
"""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct

from hotsite.infra.stack import RegionStack
from hotsite.settings import Settings, SiteSettings


def key_arn(region: str, key_id: str) -> str:
    """Return the ARN of the key, or its replica, in a Region.

    Args:
        region: AWS Region.
        key_id: ``mrk-...``, the same in all Regions.
    """
    return f"arn:{cdk.Aws.PARTITION}:kms:{region}:{cdk.Aws.ACCOUNT_ID}:key/{key_id}"


class KeyStack(RegionStack):
    """The primary key, in the active Region."""

    def __init__(self, scope: Construct, name: str, settings: Settings) -> None:
        super().__init__(scope, name, region=settings.active.region)
        key = kms.CfnKey(
            self,
            "Key",
            description=f"{settings.prefix}: the system of record",
            multi_region=True,
            enable_key_rotation=True,
            key_policy=_policy(),
        )
        _keep(key)
        _alias(self, settings, key.ref)
        cdk.CfnOutput(self, "KeyId", value=key.ref)


class KeyReplicaStack(RegionStack):
    """The replica, in the Region of a standby."""

    def __init__(
        self, scope: Construct, name: str, settings: Settings, site: SiteSettings
    ) -> None:
        super().__init__(scope, name, region=site.region)
        key_id = key_id_parameter(self)
        replica = kms.CfnReplicaKey(
            self,
            "Key",
            description=f"{settings.prefix}: the system of record",
            primary_key_arn=key_arn(settings.active.region, key_id),
            key_policy=_policy(),
        )
        _keep(replica)
        _alias(self, settings, replica.ref)


def key_id_parameter(stack: cdk.Stack) -> str:
    """Declare the parameter that carries the key's identifier."""
    return cdk.CfnParameter(
        stack, "KeyId", type="String", description="Identifier of the key, mrk-..."
    ).value_as_string


def _policy() -> dict[str, Any]:
    """Return a policy like that of DynamoDB's own key.

    Policies of multi-Region keys are independent, so each key states it. Access
    to the data is decided on tables and buckets; the key only insists on them.
    """
    account = cdk.Aws.ACCOUNT_ID
    root = f"arn:{cdk.Aws.PARTITION}:iam::{account}:root"
    use = ["Encrypt", "Decrypt", "ReEncrypt*", "GenerateDataKey*", "CreateGrant"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OwnersAdminister",
                "Effect": "Allow",
                "Principal": {"AWS": root},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Sid": "TablesAndBucketsOfThisAccountUse",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": [*(f"kms:{name}" for name in use), "kms:DescribeKey"],
                "Resource": "*",
                "Condition": {
                    "StringEquals": {"kms:CallerAccount": account},
                    "StringLike": {
                        "kms:ViaService": [
                            "dynamodb.*.amazonaws.com",
                            "s3.*.amazonaws.com",
                        ]
                    },
                },
            },
        ],
    }


def _keep(key: cdk.CfnResource) -> None:
    key.cfn_options.deletion_policy = cdk.CfnDeletionPolicy.RETAIN
    key.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN


def _alias(stack: cdk.Stack, settings: Settings, key: str) -> None:
    kms.CfnAlias(
        stack, "Alias", alias_name=f"alias/{settings.prefix}", target_key_id=key
    )
