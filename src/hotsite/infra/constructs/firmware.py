"""Firmware of one site: its bucket, and who answers devices and apps from it."""

from aws_cdk import Aws
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_s3 as s3
from constructs import Construct

from hotsite.core.buckets import firmware_bucket
from hotsite.infra.constructs import buckets
from hotsite.infra.constructs.functions import Job, SiteFunction, allow
from hotsite.infra.inputs import FirmwareInputs, arn

# The emulator knows a greedy variable by this name only.
_ROUTE = "GET /v1/firmware/{proxy+}"
_LIMIT_S = 10
# Its part of what the account may run at once: a fleet that updates leaves the rest.
_CONCURRENCY_MAX = 20
_NONCURRENT_DAYS, _TRASH_DAYS = 90, 7

_Bucket = s3.CfnBucket


class Firmware(Construct):
    """Bucket, function and route."""

    def __init__(self, scope: Construct, inputs: FirmwareInputs) -> None:
        super().__init__(scope, "Firmware")
        self._inputs = inputs
        self.bucket = self._bucket()
        job = Job(
            "firmware",
            (
                allow("s3:GetObject", on=[f"{self.bucket.attr_arn}/*"]),
                # Without it S3 says 403 for what is not there.
                allow("s3:ListBucket", on=[self.bucket.attr_arn]),
            ),
            limit_s=_LIMIT_S,
            memory_mb=512,
            concurrency_max=_CONCURRENCY_MAX,
            variables=(("FIRMWARE_BUCKET", self.bucket.ref),),
        )
        self._route(SiteFunction(self, job, inputs))

    def _bucket(self) -> s3.CfnBucket:
        inputs = self._inputs
        bucket = _Bucket(
            self,
            "Bucket",
            bucket_name=firmware_bucket(
                inputs.settings.prefix, Aws.ACCOUNT_ID, inputs.site.region
            ),
            bucket_encryption=buckets.encrypted(),
            versioning_configuration=_Bucket.VersioningConfigurationProperty(
                status="Enabled"
            ),
            lifecycle_configuration=_lifecycle(),
            public_access_block_configuration=buckets.private(),
        )
        buckets.https_only(self, bucket)
        return buckets.kept(bucket)

    def _route(self, function: SiteFunction) -> None:
        api = self._inputs.api_id
        integration = apigateway.CfnIntegration(
            self,
            "Integration",
            api_id=api,
            integration_type="AWS_PROXY",
            integration_uri=function.arn,
            payload_format_version="2.0",
        )
        apigateway.CfnRoute(
            self,
            "Route",
            api_id=api,
            route_key=_ROUTE,
            target=f"integrations/{integration.ref}",
            # What is signed is for everybody who has a device, and a device has no
            # token; see docs/adr/0017-firmware.md.
            authorization_type="NONE",
        )
        function.allow_calls(
            self,
            "Permission",
            service="apigateway.amazonaws.com",
            source=arn("execute-api", f"{api}/*/GET/v1/firmware/*"),
        )


def _lifecycle() -> s3.CfnBucket.LifecycleConfigurationProperty:
    """Return that what is published stays, and what was written over goes one day."""
    return _Bucket.LifecycleConfigurationProperty(
        rules=[
            _Bucket.RuleProperty(
                status="Enabled",
                noncurrent_version_expiration=(
                    _Bucket.NoncurrentVersionExpirationProperty(
                        noncurrent_days=_NONCURRENT_DAYS
                    )
                ),
                abort_incomplete_multipart_upload=(
                    _Bucket.AbortIncompleteMultipartUploadProperty(
                        days_after_initiation=_TRASH_DAYS
                    )
                ),
            )
        ]
    )
