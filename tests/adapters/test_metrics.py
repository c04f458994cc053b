"""Metrics as lines of a log, in the form that CloudWatch understands."""

import io
import json

from hotsite.adapters.aws import metrics
from hotsite.adapters.aws.metrics import Metric, MetricLog, Unit, lines
from hotsite.infra.constructs import alarms
from hotsite.sim.clock import SimClock

LAG = Metric("ReplicationLag", Unit.SECONDS, (0.5, 2.0))


def test_a_line_says_what_the_format_asks_for():
    # CloudWatch user guide, "Specification: Embedded metric format".
    calls = Metric("IotCalls", Unit.COUNT, (4,))
    (line,) = lines("hotsite", 1_700_000_000.25, [LAG, calls])
    assert json.loads(line) == {
        "_aws": {
            "Timestamp": 1_700_000_000_250,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Hotsite",
                    "Dimensions": [["Prefix"]],
                    "Metrics": [
                        {"Name": "ReplicationLag", "Unit": "Seconds"},
                        {"Name": "IotCalls", "Unit": "Count"},
                    ],
                }
            ],
        },
        "Prefix": "hotsite",
        "ReplicationLag": [0.5, 2.0],
        "IotCalls": [4],
    }


def test_nothing_measured_is_no_line():
    assert lines("hotsite", 1.0, [Metric("ReplicationLag", Unit.SECONDS, ())]) == ()
    assert lines("hotsite", 1.0, []) == ()


def test_more_values_than_a_line_holds_take_more_lines():
    many = Metric("ReplicationLag", Unit.SECONDS, tuple(map(float, range(250))))
    once = Metric("IotCalls", Unit.COUNT, (7,))
    found = [json.loads(line) for line in lines("hotsite", 1.0, [many, once])]
    assert [len(part["ReplicationLag"]) for part in found] == [100, 100, 50]
    assert [part.get("IotCalls") for part in found] == [[7], None, None]
    values = [value for part in found for value in part["ReplicationLag"]]
    assert values == list(many.values)


def test_the_log_gets_whole_lines():
    out = io.StringIO()
    log = MetricLog("hotsite", SimClock(5.0), out)
    log.put([LAG])
    log.put([LAG])
    assert [json.loads(line)["_aws"]["Timestamp"] for line in out.getvalue().split()]


def test_alarms_look_at_the_metrics_that_are_written():
    assert alarms.NAMESPACE == metrics.NAMESPACE
