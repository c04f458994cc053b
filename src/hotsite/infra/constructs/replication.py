"""The registry replica's stream, read by the one function that applies it."""

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from hotsite.infra.constructs import permissions
from hotsite.infra.constructs.buckets import kept_bucket
from hotsite.infra.constructs.functions import Job, SiteFunction
from hotsite.infra.inputs import ReplicationInputs

_KEEP_DAYS = 90
_RETRIES_MAX = 10
# A stream keeps 24 h: give a batch up, and write it down, while its records can
# still be read (Lambda developer guide, "DynamoDB streams: error handling").
_AGE_S_MAX = 23 * 3600
# Four calls a new device at 10 registrations a second, the IoT default quota:
# a batch of 100 ends well within the function's time.
_BATCH_MAX = 100
_LIMIT_S = 60


class Replicator(Construct):
    """Replicator, its event source, and the bucket for what it could not apply."""

    def __init__(self, scope: Construct, inputs: ReplicationInputs) -> None:
        super().__init__(scope, "Apply")
        # S3, because it gets the whole batch; a queue would get only sequence
        # numbers of records that the stream forgets within the day.
        failures = kept_bucket(self, "Failures", days=_KEEP_DAYS)
        job = Job(
            "replicator",
            permissions.replicator(
                inputs, stream=inputs.stream_arn, failures=failures.attr_arn
            ),
            limit_s=_LIMIT_S,
        )
        function = SiteFunction(self, job, inputs)
        mapping = lambda_.CfnEventSourceMapping(
            self,
            "Stream",
            function_name=function.arn,
            event_source_arn=inputs.stream_arn,
            starting_position="TRIM_HORIZON",
            batch_size=_BATCH_MAX,
            maximum_batching_window_in_seconds=0,
            bisect_batch_on_function_error=True,
            function_response_types=["ReportBatchItemFailures"],
            maximum_retry_attempts=_RETRIES_MAX,
            maximum_record_age_in_seconds=_AGE_S_MAX,
            # Counts what goes to the bucket; nothing else tells of it in time.
            metrics_config=lambda_.CfnEventSourceMapping.MetricsConfigProperty(
                metrics=["EventCount"]
            ),
            destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(
                    destination=failures.attr_arn
                )
            ),
        )
        self.failures = failures.ref
        self.function = function.name
        self.stream = mapping.ref
