"""The raw archive: whatever a device publishes, as it came."""

from aws_cdk import aws_iot as iot
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from hotsite.infra.constructs.functions import allow, role
from hotsite.infra.constructs.transport import queue_policy
from hotsite.infra.inputs import arn
from hotsite.settings import Settings

# The longest that SQS keeps a message: 14 days (SQS API, MessageRetentionPeriod).
_KEEP_S = 1_209_600
# Base64, because a payload need not be JSON (AWS IoT SQL, function ``encode``).
_SQL = (
    "SELECT topic() AS topic, clientid() AS client_id, timestamp() AS received_at_ms,"
    " encode(*, 'base64') AS payload FROM 'dt/#'"
)


class Archive(Construct):
    """A topic rule for everything below ``dt/``, and the queue of its errors."""

    def __init__(self, scope: Construct, settings: Settings, *, stream: str) -> None:
        super().__init__(scope, "Archive")
        errors = sqs.CfnQueue(
            self,
            "Errors",
            message_retention_period=_KEEP_S,
            sqs_managed_sse_enabled=True,
        )
        queue_policy(self, "ErrorsPolicy", errors)
        sender = role(
            self,
            "Role",
            service="iot.amazonaws.com",
            statements=[
                allow(
                    "firehose:PutRecord",
                    on=[arn("firehose", f"deliverystream/{stream}")],
                ),
                allow("sqs:SendMessage", on=[errors.attr_arn]),
            ],
        )
        action = iot.CfnTopicRule.ActionProperty
        iot.CfnTopicRule(
            self,
            "Rule",
            rule_name=f"{settings.prefix.replace('-', '_')}_archive",
            topic_rule_payload=iot.CfnTopicRule.TopicRulePayloadProperty(
                sql=_SQL,
                aws_iot_sql_version="2016-03-23",
                rule_disabled=False,
                actions=[
                    action(
                        firehose=iot.CfnTopicRule.FirehoseActionProperty(
                            delivery_stream_name=stream,
                            role_arn=sender.attr_arn,
                            separator="\n",
                        )
                    )
                ],
                error_action=action(
                    sqs=iot.CfnTopicRule.SqsActionProperty(
                        queue_url=errors.ref, role_arn=sender.attr_arn, use_base64=False
                    )
                ),
            ),
        )
