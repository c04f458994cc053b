"""The hot table's stream, read by the one function that measures the RPO."""

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from hotsite.infra.constructs import permissions
from hotsite.infra.constructs.functions import Job, SiteFunction
from hotsite.infra.inputs import TelemetryInputs

# A shard takes 1,000 writes a second (DynamoDB developer guide, "Partitions"), so
# a batch is what a full one gives in a second.
_BATCH_MAX = 1_000
# Each batch is one reading and one writing of one item, however many rows.
_WINDOW_S = 2
_LIMIT_S = 30
_RETRIES_MAX = 3
# What is older says nothing about now; the shortest that Lambda takes
# (Lambda API, MaximumRecordAgeInSeconds).
_AGE_S_MAX = 60


class Meter(Construct):
    """The function and its event source.

    It begins at LATEST and gives up soon, both of which lose rows: the next
    heartbeat says again how far the other Region's rows have come.
    """

    def __init__(self, scope: Construct, inputs: TelemetryInputs) -> None:
        super().__init__(scope, "Meter")
        statements = permissions.meter(inputs, stream=inputs.stream_arn)
        function = SiteFunction(
            self, Job("meter", statements, limit_s=_LIMIT_S), inputs
        )
        lambda_.CfnEventSourceMapping(
            self,
            "Stream",
            function_name=function.arn,
            event_source_arn=inputs.stream_arn,
            starting_position="LATEST",
            enabled=inputs.compute.choose(on=True, off=False),
            batch_size=_BATCH_MAX,
            maximum_batching_window_in_seconds=_WINDOW_S,
            function_response_types=["ReportBatchItemFailures"],
            maximum_retry_attempts=_RETRIES_MAX,
            maximum_record_age_in_seconds=_AGE_S_MAX,
        )
        self.function = function.name
