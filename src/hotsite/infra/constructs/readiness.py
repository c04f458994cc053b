"""Whether this site could take the fleet, asked every half hour from inside."""

from aws_cdk import aws_events as events
from constructs import Construct

from hotsite.infra.constructs import permissions
from hotsite.infra.constructs.functions import Job, SiteFunction
from hotsite.infra.inputs import SiteInputs

# A thousand names at two reads each, four handshakes, and two lists of quotas.
_LIMIT_S = 120


class Readiness(Construct):
    """The function and its clock; ``constructs/alarms.py`` has the alarm."""

    def __init__(self, scope: Construct, inputs: SiteInputs) -> None:
        super().__init__(scope, "Readiness")
        job = Job(
            "readiness",
            permissions.readiness(inputs),
            limit_s=_LIMIT_S,
            variables=_variables(inputs),
        )
        function = SiteFunction(self, job, inputs)
        clock = events.CfnRule(
            self,
            "Clock",
            schedule_expression="rate(30 minutes)",
            state="ENABLED",
            targets=[
                events.CfnRule.TargetProperty(
                    arn=function.arn,
                    id="readiness",
                    retry_policy=events.CfnRule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=600, maximum_retry_attempts=2
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


def _variables(inputs: SiteInputs) -> tuple[tuple[str, str], ...]:
    settings = inputs.settings
    size = settings.telemetry.fleet_size
    return (
        ("FLEET_SIZE", "" if size is None else str(size)),
        ("RTO_S", f"{settings.objectives.rto_s:g}"),
    )
