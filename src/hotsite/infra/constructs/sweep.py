"""The table against the registry, bit by bit, for ever: the net below events."""

from aws_cdk import aws_events as events
from constructs import Construct

from hotsite.infra.constructs import permissions
from hotsite.infra.constructs.functions import Job, SiteFunction
from hotsite.infra.inputs import ReplicationInputs

# A worker's lease on a name outlives every function that may hold it, so none
# may run longer than this (``flows/replication.py``, WORKER_S_MAX).
_LIMIT_S = 60


class Sweep(Construct):
    """The function and its clock; it goes on where it stopped."""

    def __init__(self, scope: Construct, inputs: ReplicationInputs) -> None:
        super().__init__(scope, "Sweep")
        job = Job(
            "sweeper",
            permissions.sweeper(inputs),
            limit_s=_LIMIT_S,
            memory_mb=512,
            # EventBridge may deliver an event twice (user guide, "Event retry
            # policy"), and two sweeps would only fight for the same names.
            concurrency_max=1,
        )
        function = SiteFunction(self, job, inputs)
        clock = events.CfnRule(
            self,
            "Clock",
            schedule_expression="rate(5 minutes)",
            state="ENABLED",
            targets=[
                events.CfnRule.TargetProperty(
                    arn=function.arn,
                    id="sweeper",
                    # The next run goes on where this one would have begun.
                    retry_policy=events.CfnRule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=60, maximum_retry_attempts=0
                    ),
                )
            ],
        )
        function.allow_calls(
            self,
            "Permission",
            service="events.amazonaws.com",
            source=clock.attr_arn,
        )
        self.function = function.name
