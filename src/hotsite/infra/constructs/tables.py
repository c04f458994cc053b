"""This Region's own table: what it has applied, and its last health verdict."""

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from hotsite.infra.inputs import SiteInputs


class Applied(Construct):
    """The one table that is not global, so that no stream plays ping-pong."""

    def __init__(self, scope: Construct, inputs: SiteInputs) -> None:
        super().__init__(scope, "Applied")
        dynamodb.CfnTable(
            self,
            "Table",
            table_name=inputs.settings.table("applied"),
            attribute_definitions=[
                dynamodb.CfnTable.AttributeDefinitionProperty(
                    attribute_name="name", attribute_type="S"
                )
            ],
            key_schema=[
                dynamodb.CfnTable.KeySchemaProperty(
                    attribute_name="name", key_type="HASH"
                )
            ],
            billing_mode="PAY_PER_REQUEST",
            sse_specification=dynamodb.CfnTable.SSESpecificationProperty(
                sse_enabled=True, sse_type="KMS"
            ),
            point_in_time_recovery_specification=(
                dynamodb.CfnTable.PointInTimeRecoverySpecificationProperty(
                    point_in_time_recovery_enabled=True
                )
            ),
        )
