"""What others change in IoT Core: told to a queue, taken in by one function.

Registry events and shadows come by topic rules, API calls that have no event by
EventBridge from CloudTrail. A queue lies between, so that a flood becomes
batches, what must wait waits, and what fails again and again is kept.
"""

from typing import Any

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from hotsite.infra.constructs import permissions
from hotsite.infra.constructs.functions import (
    LOG_DAYS,
    Job,
    SiteFunction,
    allow,
    role,
)
from hotsite.infra.constructs.transport import queue_policy
from hotsite.infra.inputs import ReplicationInputs

_LIMIT_S = 60
# A queue must hide a message for at least as long as its function may run, and
# AWS advises six times that (Lambda developer guide, "Using Lambda with Amazon
# SQS"). What must be tried again sooner is shown again by the function itself.
_HIDDEN_S = 6 * _LIMIT_S
# Most events are echoes of what hotsite itself does: by then it has done it.
_DELAY_S = 5
_TRIES_MAX = 10
_KEEP_S = 1_209_600
_BATCH_MAX = 100
_WINDOW_S = 1
# The least that an event source takes (Lambda API, ScalingConfig): few look at
# a time, because all share one small quota of looks.
_WORKERS_MAX = 2

# Named one by one: $aws/events/# would also bring each connection of the fleet.
_EVENTS = ("thing", "thingType", "thingGroup", "thingGroupMembership")
_WHOLE = "SELECT *, topic() AS topic FROM"
_STATE = "SELECT current.state AS state, topic() AS topic FROM"
_DELETED = "SELECT topic() AS topic FROM"
_TOPICS = {
    **{f"event_{noun}": f"{_WHOLE} '$aws/events/{noun}/#'" for noun in _EVENTS},
    "shadow": f"{_STATE} '$aws/things/+/shadow/update/documents'",
    "shadow_named": f"{_STATE} '$aws/things/+/shadow/name/+/update/documents'",
    "shadow_deleted": f"{_DELETED} '$aws/things/+/shadow/delete/accepted'",
    "shadow_named_deleted": (
        f"{_DELETED} '$aws/things/+/shadow/name/+/delete/accepted'"
    ),
}
# What the registry has no event for; ``core/events.py`` reads the same calls.
CALLS = (
    "AttachPolicy",
    "AttachPrincipalPolicy",
    "AttachThingPrincipal",
    "CreatePolicy",
    "CreatePolicyVersion",
    "DeleteCACertificate",
    "DeletePolicy",
    "DeletePolicyVersion",
    "DetachPolicy",
    "DetachPrincipalPolicy",
    "DetachThingPrincipal",
    "RegisterCACertificate",
    "RegisterThing",
    "SetDefaultPolicyVersion",
    "UpdateCACertificate",
    "UpdateCertificate",
)
# The sessions of our own functions are named after them.
_OURS = ("replicator", "onboarding", "sweeper", "setup")


class Capture(Construct):
    """Topic rules, an EventBridge rule, the queue, and the function behind."""

    def __init__(self, scope: Construct, inputs: ReplicationInputs) -> None:
        super().__init__(scope, "Changes")
        self._inputs = inputs
        self._prefix = inputs.settings.prefix
        missed = sqs.CfnQueue(
            self,
            "Missed",
            message_retention_period=_KEEP_S,
            sqs_managed_sse_enabled=True,
        )
        queue_policy(self, "MissedPolicy", missed)
        self._queue = sqs.CfnQueue(
            self,
            "Told",
            delay_seconds=_DELAY_S,
            visibility_timeout=_HIDDEN_S,
            message_retention_period=_KEEP_S,
            sqs_managed_sse_enabled=True,
            redrive_policy={
                "deadLetterTargetArn": missed.attr_arn,
                "maxReceiveCount": _TRIES_MAX,
            },
        )
        self._listen_to_topics()
        self._listen_to_calls()
        self._read()
        self.missed_name = missed.attr_queue_name
        self.missed = missed.ref

    def _listen_to_topics(self) -> None:
        name = f"/hotsite/{self._prefix}-capture-errors"
        log = logs.CfnLogGroup(
            self, "Errors", log_group_name=name, retention_in_days=LOG_DAYS
        )
        sender = role(
            self,
            "Role",
            service="iot.amazonaws.com",
            statements=[
                allow("sqs:SendMessage", on=[self._queue.attr_arn]),
                allow(
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                    on=[log.attr_arn],
                ),
            ],
        )
        tell = iot.CfnTopicRule.ActionProperty(
            sqs=iot.CfnTopicRule.SqsActionProperty(
                queue_url=self._queue.ref, role_arn=sender.attr_arn, use_base64=False
            )
        )
        keep_error = iot.CfnTopicRule.ActionProperty(
            cloudwatch_logs=iot.CfnTopicRule.CloudwatchLogsActionProperty(
                log_group_name=log.ref, role_arn=sender.attr_arn
            )
        )
        for noun, sql in _TOPICS.items():
            iot.CfnTopicRule(
                self,
                noun.title().replace("_", ""),
                rule_name=f"{self._prefix.replace('-', '_')}_{noun}",
                topic_rule_payload=iot.CfnTopicRule.TopicRulePayloadProperty(
                    sql=sql,
                    aws_iot_sql_version="2016-03-23",
                    rule_disabled=False,
                    actions=[tell],
                    error_action=keep_error,
                ),
            )

    def _listen_to_calls(self) -> None:
        ours = [f"/{self._prefix}-{noun}" for noun in _OURS]
        pattern: dict[str, Any] = {
            "source": ["aws.iot"],
            "detail-type": ["AWS API Call via CloudTrail"],
            "detail": {
                "eventSource": ["iot.amazonaws.com"],
                "eventName": list(CALLS),
                "userIdentity": {"arn": [{"anything-but": {"suffix": ours}}]},
            },
        }
        rule = events.CfnRule(
            self,
            "Calls",
            event_pattern=pattern,
            state="ENABLED",
            targets=[
                events.CfnRule.TargetProperty(arn=self._queue.attr_arn, id="told")
            ],
        )
        told = iam.PolicyStatement(
            actions=["sqs:SendMessage"],
            principals=[iam.ServicePrincipal("events.amazonaws.com")],
            resources=[self._queue.attr_arn],
            conditions={"ArnEquals": {"aws:SourceArn": rule.attr_arn}},
        )
        queue_policy(self, "FromEvents", self._queue, told)

    def _read(self) -> None:
        job = Job(
            "capture",
            permissions.capture(self._inputs, queue=self._queue.attr_arn),
            limit_s=_LIMIT_S,
        )
        function = SiteFunction(self, job, self._inputs)
        lambda_.CfnEventSourceMapping(
            self,
            "Queue",
            function_name=function.arn,
            event_source_arn=self._queue.attr_arn,
            batch_size=_BATCH_MAX,
            maximum_batching_window_in_seconds=_WINDOW_S,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(
                maximum_concurrency=_WORKERS_MAX
            ),
        )
        self.function = function.name
