"""The data stack: the global tables, all replicas owned by the active Region.

CloudFormation cannot coordinate replicas across stacks, so one stack owns them
(``AWS::DynamoDB::GlobalTable``, template reference): do not deploy it twice.
"""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from hotsite.infra.keys import key_arn, key_id_parameter
from hotsite.infra.stack import RegionStack
from hotsite.settings import Settings

_Table = dynamodb.CfnGlobalTable


class DataStack(RegionStack):
    """Registry, telemetry and operations, in all Regions."""

    def __init__(self, scope: Construct, name: str, settings: Settings) -> None:
        super().__init__(scope, name, region=settings.active.region)
        self._settings = settings
        self._key_id = key_id_parameter(self)
        self._table("registry")
        # Not on the registry: whether a replicated expiry can be told from a
        # deletion is not documented, and a deletion there removes devices.
        for noun in ("telemetry", "operations"):
            table = self._table(noun)
            table.time_to_live_specification = _Table.TimeToLiveSpecificationProperty(
                enabled=True, attribute_name="expires_at_s"
            )

    def _table(self, noun: str) -> dynamodb.CfnGlobalTable:
        table = _Table(
            self,
            noun.capitalize(),
            table_name=self._settings.table(noun),
            attribute_definitions=[
                _Table.AttributeDefinitionProperty(
                    attribute_name=key, attribute_type="S"
                )
                for key in ("pk", "sk")
            ],
            key_schema=[
                _Table.KeySchemaProperty(attribute_name="pk", key_type="HASH"),
                _Table.KeySchemaProperty(attribute_name="sk", key_type="RANGE"),
            ],
            billing_mode="PAY_PER_REQUEST",
            stream_specification=_Table.StreamSpecificationProperty(
                stream_view_type="NEW_AND_OLD_IMAGES"
            ),
            sse_specification=_Table.SSESpecificationProperty(
                sse_enabled=True, sse_type="KMS"
            ),
            replicas=[self._replica(site.region) for site in self._settings.sites],
        )
        table.cfn_options.deletion_policy = cdk.CfnDeletionPolicy.RETAIN
        table.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
        return table

    def _replica(
        self, region: str
    ) -> dynamodb.CfnGlobalTable.ReplicaSpecificationProperty:
        return _Table.ReplicaSpecificationProperty(
            region=region,
            deletion_protection_enabled=True,
            point_in_time_recovery_specification=(
                _Table.PointInTimeRecoverySpecificationProperty(
                    point_in_time_recovery_enabled=True
                )
            ),
            sse_specification=_Table.ReplicaSSESpecificationProperty(
                kms_master_key_id=key_arn(region, self._key_id)
            ),
        )
