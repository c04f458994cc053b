"""From MQTT into the hot table; what fails goes to a queue."""

from aws_cdk import aws_iot as iot
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from hotsite.infra.constructs.functions import allow, role
from hotsite.infra.inputs import TelemetryInputs, arn

# The longest that SQS keeps a message: 14 days (SQS API, MessageRetentionPeriod).
_KEEP_S = 1_209_600
_SQL = (
    "SELECT sk, epoch, seq, published_at_s, data, topic(2) AS pk FROM 'dt/+/telemetry'"
)


class Telemetry(Construct):
    """The topic rule of device messages and its error queue."""

    def __init__(self, scope: Construct, inputs: TelemetryInputs) -> None:
        super().__init__(scope, "Telemetry")
        table = inputs.settings.table("telemetry")
        # A rule's errors belong on another service than its action's (AWS IoT
        # Lens, IOTREL13-BP01): a table that throttles cannot hold them either.
        errors = sqs.CfnQueue(
            self,
            "Errors",
            message_retention_period=_KEEP_S,
            sqs_managed_sse_enabled=True,
        )
        sender = role(
            self,
            "Role",
            service="iot.amazonaws.com",
            statements=[
                allow("dynamodb:PutItem", on=[arn("dynamodb", f"table/{table}")]),
                allow("sqs:SendMessage", on=[errors.attr_arn]),
            ],
        )
        store = iot.CfnTopicRule.ActionProperty(
            dynamo_d_bv2=iot.CfnTopicRule.DynamoDBv2ActionProperty(
                put_item=iot.CfnTopicRule.PutItemInputProperty(table_name=table),
                role_arn=sender.attr_arn,
            )
        )
        keep_error = iot.CfnTopicRule.ActionProperty(
            sqs=iot.CfnTopicRule.SqsActionProperty(
                queue_url=errors.ref, role_arn=sender.attr_arn, use_base64=False
            )
        )
        iot.CfnTopicRule(
            self,
            "Rule",
            # The same in both Regions: Basic Ingest topics name the rule.
            rule_name=f"{inputs.settings.prefix.replace('-', '_')}_telemetry",
            topic_rule_payload=iot.CfnTopicRule.TopicRulePayloadProperty(
                sql=_SQL,
                aws_iot_sql_version="2016-03-23",
                rule_disabled=False,
                actions=[store],
                error_action=keep_error,
            ),
        )
        self.error_queue = errors.ref
