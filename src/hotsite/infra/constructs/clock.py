"""What runs a function again and again: an EventBridge rule with a rate."""

from dataclasses import dataclass

from aws_cdk import aws_events as events
from constructs import Construct

from hotsite.infra.constructs.functions import SiteFunction


@dataclass(frozen=True, slots=True)
class Beat:
    """How often, and what becomes of a call that is late.

    Attributes:
        rate: As EventBridge spells it, ``1 minute`` at the least.
        age_s_max: A call that could not be made for so many seconds is dropped.
        retries_max: How often it is tried again until then.
        name: Of the rule; None where nobody has to find it.
        state: Whether it runs, as EventBridge spells it.
    """

    rate: str
    age_s_max: int = 60
    retries_max: int = 0
    name: str | None = None
    state: str = "ENABLED"


def run_regularly(
    scope: Construct, identifier: str, function: SiteFunction, beat: Beat
) -> None:
    """Let a function run, and let the rule call it.

    Args:
        scope: Where the rule and its permission belong.
        identifier: Of the rule in the template.
        function: What runs.
        beat: How often.
    """
    rule = events.CfnRule(
        scope,
        identifier,
        name=beat.name,
        schedule_expression=f"rate({beat.rate})",
        state=beat.state,
        targets=[
            events.CfnRule.TargetProperty(
                arn=function.arn,
                id=function.noun,
                retry_policy=events.CfnRule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=beat.age_s_max,
                    maximum_retry_attempts=beat.retries_max,
                ),
            )
        ],
    )
    function.allow_calls(
        scope, "Permission", service="events.amazonaws.com", source=rule.attr_arn
    )
