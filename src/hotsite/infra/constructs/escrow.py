"""Where private keys wait, sealed, for devices that cannot make one; off by default."""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from hotsite.infra.constructs.functions import allow
from hotsite.infra.inputs import SiteInputs, arn

_Table = dynamodb.CfnTable


class Escrow(Construct):
    """A table of this Region alone, and the key that its contents are sealed with.

    No stream, no replica and no point-in-time recovery: each would be a copy that
    outlives the handing over.
    """

    def __init__(self, scope: Construct, inputs: SiteInputs) -> None:
        super().__init__(scope, "Escrow")
        root = f"arn:{cdk.Aws.PARTITION}:iam::{cdk.Aws.ACCOUNT_ID}:root"
        self._key = kms.CfnKey(
            self,
            "Key",
            description=f"{inputs.settings.prefix}: private keys on their way",
            enable_key_rotation=True,
            key_policy={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "OwnersAdministerAndRolesUse",
                        "Effect": "Allow",
                        "Principal": {"AWS": root},
                        "Action": "kms:*",
                        "Resource": "*",
                    }
                ],
            },
        )
        # A stack that goes must not take along what a device is about to fetch.
        self._key.cfn_options.deletion_policy = cdk.CfnDeletionPolicy.RETAIN
        self._key.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
        self._table = inputs.settings.table("escrow")
        _Table(
            self,
            "Table",
            table_name=self._table,
            attribute_definitions=[
                _Table.AttributeDefinitionProperty(
                    attribute_name="name", attribute_type="S"
                )
            ],
            key_schema=[
                _Table.KeySchemaProperty(attribute_name="name", key_type="HASH")
            ],
            billing_mode="PAY_PER_REQUEST",
            sse_specification=_Table.SSESpecificationProperty(
                sse_enabled=True, sse_type="KMS"
            ),
            time_to_live_specification=_Table.TimeToLiveSpecificationProperty(
                enabled=True, attribute_name="expires_at_s"
            ),
        )

    @property
    def variables(self) -> tuple[tuple[str, str], ...]:
        """Return the settings of the function that makes and hands over keys."""
        return ("TABLE_ESCROW", self._table), ("ESCROW_KEY", self._key.attr_arn)

    @property
    def statements(self) -> tuple[iam.PolicyStatement, ...]:
        """Return what that function may do."""
        return (
            allow("iot:CreateKeysAndCertificate", on=["*"]),
            allow("kms:Decrypt", "kms:GenerateDataKey", on=[self._key.attr_arn]),
            allow(
                "dynamodb:DeleteItem",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                on=[arn("dynamodb", f"table/{self._table}")],
            ),
        )
