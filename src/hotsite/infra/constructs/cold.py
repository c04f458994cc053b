"""Cold telemetry of one site: its bucket, and the streams that fill it."""

from aws_cdk import Aws
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_s3 as s3
from constructs import Construct

from hotsite.core.buckets import cold_bucket
from hotsite.infra.constructs import buckets
from hotsite.infra.constructs.functions import allow, role
from hotsite.infra.inputs import arn
from hotsite.infra.keys import key_arn
from hotsite.settings import Settings, SiteSettings

# The columns of the records, in the words of the rows of the hot table.
COLUMNS = (
    ("pk", "string"),
    ("sk", "string"),
    ("epoch", "bigint"),
    ("seq", "bigint"),
    ("published_at_s", "double"),
    ("received_at_s", "double"),
    ("origin", "string"),
    ("data", "string"),
)
_INTERVAL_S = 60
# What Firehose takes at least when it converts, and what is good for the rest.
_CONVERTED_MB, _RAW_MB = 64, 16
_NOT_READ_DAYS, _ERROR_DAYS, _RAW_DAYS, _NONCURRENT_DAYS = 90, 90, 30, 30
_HOUR = "date=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
_SERDE = "org.apache.hadoop.hive.ql.io.parquet"

_Bucket = s3.CfnBucket
_Stream = firehose.CfnDeliveryStream
_Table = glue.CfnTable


def stream_name(settings: Settings) -> str:
    """Return the name of the delivery stream of messages, the same in both Regions."""
    return f"{settings.prefix}-telemetry"


def may_deliver(settings: Settings) -> iam.PolicyStatement:
    """Return what a topic rule or a function needs to send messages there."""
    stream = arn("firehose", f"deliverystream/{stream_name(settings)}")
    return allow("firehose:PutRecord", "firehose:PutRecordBatch", on=[stream])


def to_cold(settings: Settings, role_arn: str) -> iot.CfnTopicRule.ActionProperty:
    """Return the action of a topic rule that sends a message there.

    Args:
        settings: The owner's settings.
        role_arn: A role of the rule that ``may_deliver``.
    """
    return _to_stream(stream_name(settings), role_arn)


class Cold(Construct):
    """Bucket, schema and delivery stream of one site."""

    def __init__(
        self, scope: Construct, settings: Settings, site: SiteSettings, *, key_id: str
    ) -> None:
        super().__init__(scope, "Cold")
        self._settings, self._region = settings, site.region
        self.key_arn = key_arn(Aws.REGION, key_id)
        self.bucket = self._bucket()
        self._table = self._schema()
        sender = role(
            self,
            "Role",
            service="firehose.amazonaws.com",
            statements=self._needs(),
        )
        self._role_arn = sender.attr_arn
        self._stream(
            "Messages",
            stream_name(settings),
            prefix=f"telemetry/region={site.region}/{_HOUR}",
            conversion=self._conversion(),
        )
        # What no rule understood can be read there, and sent again (AWS IoT Lens,
        # IOTREL13-BP01: a catch-all rule to a raw archive).
        self.raw_stream = self._stream(
            "Raw", f"{settings.prefix}-raw", prefix=f"raw/region={site.region}/{_HOUR}"
        )

    def _bucket(self) -> s3.CfnBucket:
        name = cold_bucket(self._settings.prefix, Aws.ACCOUNT_ID, self._region)
        bucket = _Bucket(
            self,
            "Bucket",
            bucket_name=name,
            bucket_encryption=_encryption(self.key_arn),
            # Replication needs it on both sides (S3, "Requirements for replication").
            versioning_configuration=_Bucket.VersioningConfigurationProperty(
                status="Enabled"
            ),
            lifecycle_configuration=_Bucket.LifecycleConfigurationProperty(
                rules=list(_lifecycle())
            ),
            public_access_block_configuration=buckets.private(),
        )
        buckets.https_only(self, bucket)
        return buckets.kept(bucket)

    def _schema(self) -> glue.CfnTable:
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Aws.ACCOUNT_ID,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self._settings.prefix.replace("-", "_")
            ),
        )
        columns = [_Table.ColumnProperty(name=n, type=t) for n, t in COLUMNS]
        parts = [
            _Table.ColumnProperty(name=name, type="string")
            for name in ("region", "date", "hour")
        ]
        return _Table(
            self,
            "Table",
            catalog_id=Aws.ACCOUNT_ID,
            database_name=database.ref,
            table_input=_Table.TableInputProperty(
                name="telemetry",
                table_type="EXTERNAL_TABLE",
                parameters={"classification": "parquet"},
                partition_keys=parts,
                storage_descriptor=_Table.StorageDescriptorProperty(
                    columns=columns,
                    location=f"s3://{self.bucket.ref}/telemetry/",
                    input_format=f"{_SERDE}.MapredParquetInputFormat",
                    output_format=f"{_SERDE}.MapredParquetOutputFormat",
                    serde_info=_Table.SerdeInfoProperty(
                        serialization_library=f"{_SERDE}.serde.ParquetHiveSerDe"
                    ),
                ),
            ),
        )

    def _needs(self) -> list[iam.PolicyStatement]:
        database = self._settings.prefix.replace("-", "_")
        return [
            allow(
                "s3:GetBucketLocation",
                "s3:ListBucket",
                "s3:ListBucketMultipartUploads",
                on=[self.bucket.attr_arn],
            ),
            allow(
                "s3:AbortMultipartUpload",
                "s3:GetObject",
                "s3:PutObject",
                on=[f"{self.bucket.attr_arn}/*"],
            ),
            allow(
                "glue:GetTable",
                "glue:GetTableVersion",
                "glue:GetTableVersions",
                on=[
                    arn("glue", "catalog"),
                    arn("glue", f"database/{database}"),
                    arn("glue", f"table/{database}/telemetry"),
                ],
            ),
        ]

    def _conversion(self) -> _Stream.DataFormatConversionConfigurationProperty:
        return _Stream.DataFormatConversionConfigurationProperty(
            enabled=True,
            input_format_configuration=_Stream.InputFormatConfigurationProperty(
                deserializer=_Stream.DeserializerProperty(
                    open_x_json_ser_de=_Stream.OpenXJsonSerDeProperty()
                )
            ),
            output_format_configuration=_Stream.OutputFormatConfigurationProperty(
                serializer=_Stream.SerializerProperty(
                    parquet_ser_de=_Stream.ParquetSerDeProperty(compression="SNAPPY")
                )
            ),
            schema_configuration=_Stream.SchemaConfigurationProperty(
                catalog_id=Aws.ACCOUNT_ID,
                database_name=self._table.database_name,
                table_name=self._table.ref,
                region=Aws.REGION,
                role_arn=self._role_arn,
            ),
        )

    def _stream(
        self,
        identifier: str,
        name: str,
        *,
        prefix: str,
        conversion: _Stream.DataFormatConversionConfigurationProperty | None = None,
    ) -> str:
        error = f"errors/region={self._region}/!{{firehose:error-output-type}}/"
        stream = _Stream(
            self,
            identifier,
            delivery_stream_name=name,
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input=(
                _Stream.DeliveryStreamEncryptionConfigurationInputProperty(
                    key_type="AWS_OWNED_CMK"
                )
            ),
            extended_s3_destination_configuration=(
                _Stream.ExtendedS3DestinationConfigurationProperty(
                    bucket_arn=self.bucket.attr_arn,
                    role_arn=self._role_arn,
                    prefix=prefix,
                    error_output_prefix=f"{error}{_HOUR}",
                    buffering_hints=_Stream.BufferingHintsProperty(
                        interval_in_seconds=_INTERVAL_S,
                        size_in_m_bs=_CONVERTED_MB if conversion else _RAW_MB,
                    ),
                    compression_format="UNCOMPRESSED" if conversion else "GZIP",
                    data_format_conversion_configuration=conversion,
                )
            ),
        )
        return stream.ref


def _encryption(key: str) -> s3.CfnBucket.BucketEncryptionProperty:
    default = _Bucket.ServerSideEncryptionByDefaultProperty(
        sse_algorithm="aws:kms", kms_master_key_id=key
    )
    rule = _Bucket.ServerSideEncryptionRuleProperty(
        bucket_key_enabled=True, server_side_encryption_by_default=default
    )
    return _Bucket.BucketEncryptionProperty(server_side_encryption_configuration=[rule])


def _lifecycle() -> tuple[s3.CfnBucket.RuleProperty, ...]:
    """Return the same rules for both sites: what they do is not replicated."""
    return (
        _Bucket.RuleProperty(
            id="seldom-read",
            status="Enabled",
            prefix="telemetry/",
            transitions=[
                _Bucket.TransitionProperty(
                    storage_class="GLACIER_IR", transition_in_days=_NOT_READ_DAYS
                )
            ],
        ),
        *(
            _Bucket.RuleProperty(
                id=f"{noun}-expire",
                status="Enabled",
                prefix=f"{noun}/",
                expiration_in_days=days,
            )
            for noun, days in (("raw", _RAW_DAYS), ("errors", _ERROR_DAYS))
        ),
        _Bucket.RuleProperty(
            id="remains",
            status="Enabled",
            noncurrent_version_expiration=(
                _Bucket.NoncurrentVersionExpirationProperty(
                    noncurrent_days=_NONCURRENT_DAYS
                )
            ),
            abort_incomplete_multipart_upload=(
                _Bucket.AbortIncompleteMultipartUploadProperty(days_after_initiation=7)
            ),
        ),
    )


def _to_stream(name: str, role_arn: str) -> iot.CfnTopicRule.ActionProperty:
    return iot.CfnTopicRule.ActionProperty(
        firehose=iot.CfnTopicRule.FirehoseActionProperty(
            delivery_stream_name=name, role_arn=role_arn, separator="\n"
        )
    )
