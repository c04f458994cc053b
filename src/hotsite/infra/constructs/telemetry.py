"""From MQTT into the hot table; what fails, and what is no message, to the archive."""

from collections.abc import Sequence

from aws_cdk import aws_iot as iot
from aws_cdk import aws_logs as logs
from constructs import Construct

from hotsite.infra.constructs import permissions
from hotsite.infra.constructs.errors import ErrorArchive
from hotsite.infra.constructs.functions import (
    LOG_DAYS,
    Job,
    SiteFunction,
    allow,
    role,
)
from hotsite.infra.inputs import TelemetryInputs, arn

Action = iot.CfnTopicRule.ActionProperty
_SQL_VERSION = "2016-03-23"
_DAY_S = 86_400
# ``core/telemetry.py`` has the same limit; a test holds the two together.
DATA_BYTES_MAX = 16_384
_LIVE = "dt/+/telemetry"
# ``sk`` is '%010d#%012d' of epoch and seq, which this language cannot write. But it
# can put a 1 before both halves and compare with a sum: a string, a fraction or a
# number that is too large on either side makes the two differ or Undefined.
_SAID = "'1' + replace(sk, '#', '#1')"
_MEANT = "(10000000000 + epoch) + '#' + (1000000000000 + seq)"
# A string is equal to no number (developer guide, "= operator": different types).
_IS_OBJECT = "regexp_matches(data, '^[{]')"
IS_MESSAGE = (
    f"{_SAID} = {_MEANT} AND seq >= 1"
    " AND published_at_s = published_at_s * 1"
    f" AND {_IS_OBJECT} AND numbytes(data) <= {DATA_BYTES_MAX}"
    " AND (isUndefined(thing) OR thing = topic(2))"
)
# Not "NOT (...)": what is Undefined stays Undefined, and no rule would fire. One of
# the two is true for each message; a test plays them against each other.
IS_NO_MESSAGE = (
    f"isUndefined({_SAID}) OR isUndefined({_MEANT}) OR {_SAID} <> {_MEANT}"
    " OR seq < 1 OR isUndefined(published_at_s * 1)"
    " OR published_at_s <> published_at_s * 1 OR isUndefined(data)"
    f" OR isNull(data) OR NOT {_IS_OBJECT} OR numbytes(data) > {DATA_BYTES_MAX}"
    " OR thing <> topic(2)"
)
# In base64 a payload comes byte for byte, also when it is no JSON at all.
_WHOLE = (
    "SELECT encode(*, 'base64') AS payload, topic() AS topic, topic(2) AS thing,"
    " timestamp() AS at_ms"
)


def row_sql(region: str, *, hot_days: int) -> str:
    """Return the statement that makes a row of a message.

    Args:
        region: AWS Region of the site: where the message arrived.
        hot_days: How long the hot table keeps it.
    """
    now_s = "timestamp() / 1000"
    row = (
        "sk, epoch, seq, published_at_s, data, topic(2) AS pk,"
        f" '{region}' AS origin, {now_s} AS received_at_s,"
        f" {now_s} + {hot_days * _DAY_S} AS expires_at_s"
    )
    return f"SELECT {row} FROM '{_LIVE}' WHERE {IS_MESSAGE}"  # noqa: S608 - no database


class Telemetry(Construct):
    """The topic rules of device messages, and the functions behind them."""

    def __init__(
        self,
        scope: Construct,
        inputs: TelemetryInputs,
        archive: ErrorArchive,
        *,
        also: Sequence[Action] = (),
        cold_stream: str | None = None,
    ) -> None:
        """Make the rules.

        Args:
            scope: The telemetry stack.
            inputs: What it reads.
            archive: Where errors go.
            also: What else becomes of each live message, beside its row.
            cold_stream: Name of the stream that gets the messages of batches.
        """
        super().__init__(scope, "Telemetry")
        self._inputs = inputs
        self._archive = archive
        name = f"/hotsite/{inputs.settings.prefix}-telemetry-errors"
        self._log = logs.CfnLogGroup(
            self, "Log", log_group_name=name, retention_in_days=LOG_DAYS
        )
        self._sender = self._role()
        self._live(also)
        batch = Job(
            "batch",
            permissions.batch(
                inputs,
                queue=archive.queue_arn,
                bucket=archive.bucket_arn,
                cold_stream=cold_stream,
            ),
            limit_s=30,
            memory_mb=512,
            variables=(*archive.variables, ("COLD_STREAM", cold_stream or "")),
        )
        resume = Job(
            "resume",
            permissions.resume(
                inputs, queue=archive.queue_arn, bucket=archive.bucket_arn
            ),
            variables=archive.variables,
        )
        self.batch = self._behind_a_rule(batch)
        self.resume = self._behind_a_rule(resume)

    def _role(self) -> str:
        table = self._inputs.settings.table("telemetry")
        statements = [
            allow("dynamodb:PutItem", on=[arn("dynamodb", f"table/{table}")]),
            allow("sqs:SendMessage", on=[self._archive.queue_arn]),
            allow(
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
                on=[self._log.attr_arn],
            ),
        ]
        made = role(self, "Role", service="iot.amazonaws.com", statements=statements)
        return made.attr_arn

    def _to_queue(self) -> Action:
        return Action(
            sqs=iot.CfnTopicRule.SqsActionProperty(
                queue_url=self._archive.queue,
                role_arn=self._sender,
                use_base64=False,
            )
        )

    def _to_log(self) -> Action:
        return Action(
            cloudwatch_logs=iot.CfnTopicRule.CloudwatchLogsActionProperty(
                log_group_name=self._log.ref, role_arn=self._sender
            )
        )

    def _live(self, also: Sequence[Action]) -> None:
        settings = self._inputs.settings
        store = Action(
            dynamo_d_bv2=iot.CfnTopicRule.DynamoDBv2ActionProperty(
                put_item=iot.CfnTopicRule.PutItemInputProperty(
                    table_name=settings.table("telemetry")
                ),
                role_arn=self._sender,
            )
        )
        sql = row_sql(self._inputs.site.region, hot_days=settings.telemetry.hot_days)
        # A rule's errors belong on another service than its action's (AWS IoT
        # Lens, IOTREL13-BP01): a table that throttles cannot hold them either.
        self._rule("telemetry", sql, [store, *also], self._to_queue())
        self._rule(
            "refused",
            f"{_WHOLE} FROM '{_LIVE}' WHERE {IS_NO_MESSAGE}",
            [self._to_queue()],
            self._to_log(),
        )

    def _behind_a_rule(self, job: Job) -> str:
        function = SiteFunction(self, job, self._inputs)
        function.keep_failures(self._archive.queue_arn)
        call = Action(
            lambda_=iot.CfnTopicRule.LambdaActionProperty(function_arn=function.arn)
        )
        sql = f"{_WHOLE} FROM 'dt/+/{job.noun}'"
        rule = self._rule(job.noun, sql, [call], self._to_queue())
        function.allow_calls(
            self,
            f"{job.noun.capitalize()}Permission",
            service="iot.amazonaws.com",
            source=rule.attr_arn,
        )
        return function.name

    def _rule(
        self, noun: str, sql: str, actions: Sequence[Action], error_action: Action
    ) -> iot.CfnTopicRule:
        # The same in both Regions: Basic Ingest topics name the rule.
        name = f"{self._inputs.settings.prefix.replace('-', '_')}_{noun}"
        return iot.CfnTopicRule(
            self,
            "Rule" if noun == "telemetry" else f"{noun.capitalize()}Rule",
            rule_name=name,
            topic_rule_payload=iot.CfnTopicRule.TopicRulePayloadProperty(
                sql=sql,
                aws_iot_sql_version=_SQL_VERSION,
                rule_disabled=False,
                actions=list(actions),
                error_action=error_action,
            ),
        )
