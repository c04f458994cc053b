"""What wakes somebody: replication that is late, stuck, refused, or has given up."""

from dataclasses import dataclass

from aws_cdk import Aws, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from hotsite.infra.constructs.transport import refusal
from hotsite.infra.inputs import ReplicationInputs, arn

# ``adapters/aws/metrics.py`` writes these; a test holds the two together.
NAMESPACE = "Hotsite"
LAG, PENDING, FAILED, REFUSED = (
    "ReplicationLag",
    "OldestPending",
    "FailedNames",
    "RefusedDeletions",
)
RPO_HOT = "RpoHotSeconds"
NOT_READY = "NotReady"
TURNED_AWAY = "TurnedAwayDevices"
_PERIOD_S = 60
# The readiness sweep runs each half hour: none in an hour means that it died.
_READINESS_S = 3600
# As many as count as observers (core.standing.FencePolicy).
_TURNED_AWAY_MAX = 2
# All that can be asked of a topic: ``sns:*`` has more, which Amazon SNS refuses in a
# topic's policy ("Policy statement action out of service scope").
_OF_TOPICS = tuple(
    f"sns:{verb}"
    for verb in (
        "AddPermission",
        "DeleteTopic",
        "GetTopicAttributes",
        "ListSubscriptionsByTopic",
        "Publish",
        "RemovePermission",
        "SetTopicAttributes",
        "Subscribe",
    )
)


@dataclass(frozen=True, slots=True)
class Watched:
    """What alarms look at that other constructs made.

    Attributes:
        replicator: Name of the function.
        stream: Identifier of its event source mapping.
        missed: Name of the queue of changes that could not be taken in.
    """

    replicator: str
    stream: str
    missed: str


@dataclass(frozen=True, slots=True)
class _Alarm:
    """One alarm.

    Attributes:
        identifier: In the template, and last part of its name.
        says: What it means, for whoever is woken.
        metric: Namespace and name.
        dimension: Name and value.
        threshold: Above it is alarm.
        statistic: For example ``Maximum`` or ``p99``.
        periods: How many periods in a row.
        missing: What no value in a period means, as CloudWatch spells it. By
            default that nothing to replicate is no trouble.
        period_s: Length of a period, in seconds.
    """

    identifier: str
    says: str
    metric: tuple[str, str]
    dimension: tuple[str, str]
    threshold: float
    statistic: str = "Maximum"
    periods: int = 3
    missing: str = "notBreaching"
    period_s: int = _PERIOD_S


class Alarms(Construct):
    """One CloudWatch alarm for each way in which replication fails."""

    def __init__(
        self, scope: Construct, inputs: ReplicationInputs, watched: Watched
    ) -> None:
        super().__init__(scope, "Alarms")
        self._inputs = inputs
        # The owner subscribes to it: mail, chat or pager.
        topic = sns.CfnTopic(
            self, "Topic", topic_name=f"{inputs.settings.prefix}-alarms"
        )
        self.topic = topic.ref
        self._let_in(topic)
        alarms = _alarms(inputs, watched)
        self.names = tuple(self._name(alarm) for alarm in alarms)
        for alarm in alarms:
            self._make(alarm)

    def _let_in(self, topic: sns.CfnTopic) -> None:
        """Let alarms and the owner in, and nobody without TLS.

        A policy takes the place of the one that Amazon SNS gives a new topic, which
        lets in the owner and, by a key that it calls deprecated, services of his
        (developer guide, "Example cases for Amazon SNS access control").
        """
        here = {"aws:SourceAccount": Aws.ACCOUNT_ID}
        publish = iam.PolicyStatement(
            actions=["sns:Publish"],
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            resources=[topic.ref],
            conditions={
                "StringEquals": here,
                "ArnLike": {"aws:SourceArn": arn("cloudwatch", "alarm:*")},
            },
        )
        own = iam.PolicyStatement(
            actions=list(_OF_TOPICS),
            principals=[iam.AccountRootPrincipal()],
            resources=[topic.ref],
        )
        sns.CfnTopicPolicy(
            self,
            "Policy",
            topics=[topic.ref],
            policy_document=iam.PolicyDocument(
                statements=[publish, own, refusal(*_OF_TOPICS, on=[topic.ref])]
            ),
        )

    def _name(self, alarm: _Alarm) -> str:
        return f"{self._inputs.settings.prefix}-{alarm.identifier}"

    def _make(self, alarm: _Alarm) -> None:
        namespace, metric = alarm.metric
        name, value = alarm.dimension
        is_percentile = alarm.statistic.startswith("p")
        cloudwatch.CfnAlarm(
            self,
            alarm.identifier,
            alarm_name=self._name(alarm),
            alarm_description=alarm.says,
            namespace=namespace,
            metric_name=metric,
            dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)],
            statistic=None if is_percentile else alarm.statistic,
            extended_statistic=alarm.statistic if is_percentile else None,
            period=alarm.period_s,
            evaluation_periods=alarm.periods,
            threshold=alarm.threshold,
            comparison_operator="GreaterThanThreshold",
            treat_missing_data=alarm.missing,
            alarm_actions=[self.topic],
        )


def _alarms(inputs: ReplicationInputs, watched: Watched) -> tuple[_Alarm, ...]:
    return (*_own_alarms(inputs), *_site_alarms(inputs), *_service_alarms(watched))


def _own_alarms(inputs: ReplicationInputs) -> tuple[_Alarm, ...]:
    """Return those on what the functions of replication measure themselves."""
    prefix = ("Prefix", inputs.settings.prefix)
    return (
        _Alarm(
            "lag",
            "99 % of the changed names must be applied within a minute.",
            (NAMESPACE, LAG),
            prefix,
            threshold=60,
            statistic="p99",
        ),
        _Alarm(
            "pending",
            "A changed name waits for more than five minutes: hotsite status.",
            (NAMESPACE, PENDING),
            prefix,
            threshold=300,
        ),
        _Alarm(
            "failed",
            "A record can never be applied here: hotsite status says why.",
            (NAMESPACE, FAILED),
            prefix,
            threshold=0,
            periods=1,
        ),
        _Alarm(
            "refused",
            "More was deleted here than is taken over: hotsite verify has the list.",
            (NAMESPACE, REFUSED),
            prefix,
            threshold=0,
            periods=1,
        ),
    )


def _site_alarms(inputs: ReplicationInputs) -> tuple[_Alarm, ...]:
    """Return those on whether a site could be lost, or taken to, right now.

    A pilot light that is off measures neither, and that is no news.
    """
    chosen = inputs.compute.choose(on="breaching", off="notBreaching")
    missing = Token.as_string(chosen)
    prefix = ("Prefix", inputs.settings.prefix)
    return (
        _Alarm(
            "rpo",
            "If the other Region died now, half of the devices' outbox would go.",
            (NAMESPACE, RPO_HOT),
            prefix,
            threshold=inputs.settings.outbox.reach_s / 2,
            # A meter that stands still must not look like a small figure.
            missing=missing,
        ),
        _Alarm(
            "ready",
            "This site could not take the fleet now: hotsite status says why.",
            (NAMESPACE, NOT_READY),
            prefix,
            threshold=0,
            periods=1,
            missing=missing,
            period_s=_READINESS_S,
        ),
        _Alarm(
            "turned-away",
            "Devices come here because the other site does not let them in.",
            (NAMESPACE, TURNED_AWAY),
            prefix,
            threshold=_TURNED_AWAY_MAX,
        ),
    )


def _service_alarms(watched: Watched) -> tuple[_Alarm, ...]:
    """Return those on what Lambda and SQS measure."""
    return (
        _Alarm(
            "stream",
            "The replicator is behind its stream, which forgets after 24 hours.",
            ("AWS/Lambda", "IteratorAge"),
            ("FunctionName", watched.replicator),
            threshold=300_000,
        ),
        _Alarm(
            "given-up",
            "A batch went to the failure bucket: hotsite redrive.",
            ("AWS/Lambda", "OnFailureDestinationDeliveredEventCount"),
            ("EventSourceMappingUUID", watched.stream),
            threshold=0,
            statistic="Sum",
            periods=1,
        ),
        _Alarm(
            "missed",
            "A change could not be taken in; the sweep finds it later.",
            ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
            ("QueueName", watched.missed),
            threshold=0,
            periods=1,
        ),
    )
