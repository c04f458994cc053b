"""The canary of a site: every minute through broker, rule and store."""

from aws_cdk import aws_events as events
from constructs import Construct

from hotsite.infra.constructs import permissions
from hotsite.infra.constructs.functions import Job, SiteFunction
from hotsite.infra.constructs.setup import Setup
from hotsite.infra.inputs import SiteInputs

# It runs until the next one starts: two would evict each other's MQTT session,
# because both connect under the canary's one client identifier.
_LIMIT_S = 60


class Canary(Construct):
    """The function and its clock; EventBridge is no faster than a minute."""

    def __init__(self, scope: Construct, inputs: SiteInputs, setup: Setup) -> None:
        super().__init__(scope, "Watch")
        job = Job("canary", permissions.canary(inputs), limit_s=_LIMIT_S)
        function = SiteFunction(self, job, inputs)
        function.waits_for(setup.resource)
        minute = events.CfnRule(
            self,
            "Minute",
            # An operator who lights a pilot light has to find it.
            name=f"{inputs.settings.prefix}-canary",
            schedule_expression="rate(1 minute)",
            state="DISABLED" if inputs.is_off else "ENABLED",
            targets=[
                events.CfnRule.TargetProperty(
                    arn=function.arn,
                    id="canary",
                    # A late canary says nothing about now.
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
            source=minute.attr_arn,
        )
        self.function = function.name
