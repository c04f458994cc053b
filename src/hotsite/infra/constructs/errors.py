"""The error archive: whatever no store took, whole, with its reason and its time.

A queue lies before the bucket, because an error action writes where its action does
not, and because S3 has no place for a reason that has yet to be found out.
"""

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from hotsite.infra.constructs import permissions
from hotsite.infra.constructs.buckets import kept_bucket
from hotsite.infra.constructs.functions import Job, SiteFunction
from hotsite.infra.constructs.transport import queue_policy
from hotsite.infra.inputs import TelemetryInputs

# The longest that SQS keeps a message: 14 days (SQS API, MessageRetentionPeriod).
_KEEP_S = 1_209_600
_KEEP_DAYS = 90
_LIMIT_S = 30
# Six times the function's time (Lambda developer guide, "Using Lambda with Amazon
# SQS").
_HIDDEN_S = 6 * _LIMIT_S
# The largest message of AWS IoT Core is 128 KB, in base64 171 KB; a function is
# called with 6 MB at most (Lambda quotas, "Invocation payload").
_BATCH_MAX = 10
_WORKERS_MAX = 2


class ErrorArchive(Construct):
    """Queue, function and bucket; nothing in it stops anything else."""

    def __init__(self, scope: Construct, inputs: TelemetryInputs) -> None:
        super().__init__(scope, "Archive")
        bucket = kept_bucket(self, "Refused", days=_KEEP_DAYS)
        queue = sqs.CfnQueue(
            self,
            "Failed",
            visibility_timeout=_HIDDEN_S,
            message_retention_period=_KEEP_S,
            sqs_managed_sse_enabled=True,
        )
        queue_policy(self, "FailedPolicy", queue)
        self.bucket = bucket.ref
        self.bucket_arn = bucket.attr_arn
        self.queue = queue.ref
        self.queue_arn = queue.attr_arn
        self.variables = (("ERROR_BUCKET", bucket.ref),)
        statements = permissions.errors(queue=queue.attr_arn, bucket=bucket.attr_arn)
        job = Job("errors", statements, limit_s=_LIMIT_S, variables=self.variables)
        function = SiteFunction(self, job, inputs)
        lambda_.CfnEventSourceMapping(
            self,
            "Source",
            function_name=function.arn,
            event_source_arn=queue.attr_arn,
            batch_size=_BATCH_MAX,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(
                maximum_concurrency=_WORKERS_MAX
            ),
        )
