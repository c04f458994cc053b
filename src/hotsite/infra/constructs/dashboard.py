"""One page of CloudWatch for each site: what its alarms watch, over time.

It shows this Region alone, from this Region alone: the page of a site has to be there
when the other one is not.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from hotsite.infra.constructs.alarms import (
    FAILED,
    LAG,
    NAMESPACE,
    NOT_READY,
    PENDING,
    REFUSED,
    RPO_HOT,
    Watched,
)
from hotsite.infra.inputs import ReplicationInputs, arn

# ``faces/lambdas/measures.py`` gives these; no alarm looks at them.
RPO_COLD, CERTIFICATE, CALLS = "RpoColdSeconds", "CertificateSeconds", "IotCalls"
_PERIOD_S = 60
# Three beside each other: a dashboard is 24 units wide (CloudWatch API reference,
# "Dashboard body structure and syntax").
_WIDTH, _HEIGHT, _COLUMNS = 8, 6, 3


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a graph.

    Attributes:
        metric: Namespace and name.
        dimension: Name and value; empty for none.
        statistic: For example ``Maximum`` or ``p99``.
    """

    metric: tuple[str, str]
    dimension: tuple[str, ...]
    statistic: str


class Dashboard(Construct):
    """The page of one site."""

    def __init__(
        self,
        scope: Construct,
        inputs: ReplicationInputs,
        watched: Watched,
        alarms: Sequence[str],
    ) -> None:
        super().__init__(scope, "Dashboard")
        graphs = _graphs(inputs, watched)
        widgets: list[object] = [_alarms(alarms)]
        for place, (title, lines) in enumerate(graphs.items(), start=1):
            widgets.append(_graph(place, title, lines))
        body = json.dumps({"widgets": widgets}, separators=(",", ":"))
        cloudwatch.CfnDashboard(
            self,
            "Page",
            dashboard_name=f"{inputs.settings.prefix}-{inputs.site.region}",
            dashboard_body=body,
        )


def _graphs(
    inputs: ReplicationInputs, watched: Watched
) -> dict[str, tuple[_Line, ...]]:
    own = ("Prefix", inputs.settings.prefix)
    mqtt = ("Protocol", "MQTT")
    return {
        "Behind the record, s": (
            _Line((NAMESPACE, LAG), own, "p50"),
            _Line((NAMESPACE, LAG), own, "p99"),
            _Line((NAMESPACE, PENDING), own, "Maximum"),
        ),
        "Lost if the other Region died now, s": (
            _Line((NAMESPACE, RPO_HOT), own, "Maximum"),
            _Line((NAMESPACE, RPO_COLD), own, "Maximum"),
        ),
        "Wrong": (
            _Line((NAMESPACE, FAILED), own, "Maximum"),
            _Line((NAMESPACE, REFUSED), own, "Maximum"),
            _Line((NAMESPACE, NOT_READY), own, "Maximum"),
            _Line(
                ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
                ("QueueName", watched.missed),
                "Maximum",
            ),
        ),
        # AWS IoT developer guide, "AWS IoT metrics and dimensions".
        "Devices that connect, and are throttled": (
            _Line(("AWS/IoT", "Connect.Success"), mqtt, "Sum"),
            _Line(("AWS/IoT", "Connect.Throttle"), mqtt, "Sum"),
        ),
        "Calls of AWS IoT's APIs": (_Line((NAMESPACE, CALLS), own, "Sum"),),
        "Certificates of our names live for, s": (
            _Line((NAMESPACE, CERTIFICATE), own, "Minimum"),
        ),
    }


def _graph(place: int, title: str, lines: tuple[_Line, ...]) -> dict[str, object]:
    return {
        "type": "metric",
        **_at(place),
        "properties": {
            "title": title,
            "region": cdk.Aws.REGION,
            "period": _PERIOD_S,
            "view": "timeSeries",
            "metrics": [
                [*line.metric, *line.dimension, {"stat": line.statistic}]
                for line in lines
            ],
        },
    }


def _alarms(names: Sequence[str]) -> dict[str, object]:
    return {
        "type": "alarm",
        **_at(0),
        "properties": {
            "title": "Alarms",
            "alarms": [arn("cloudwatch", f"alarm:{name}") for name in names],
        },
    }


def _at(place: int) -> dict[str, int]:
    row, column = divmod(place, _COLUMNS)
    return {
        "x": column * _WIDTH,
        "y": row * _HEIGHT,
        "width": _WIDTH,
        "height": _HEIGHT,
    }
