"""CloudWatch metrics without a call: lines of the embedded metric format.

A Lambda writes them to its log, and CloudWatch Logs makes metrics of them.
Source: CloudWatch user guide, "Specification: Embedded metric format"; its
limits are 100 values of a metric and 100 metrics in one line.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TextIO

from hotsite.ports import Clock

NAMESPACE = "Hotsite"
_VALUES_MAX = 100


class Unit(Enum):
    """What a value counts, as CloudWatch spells it (API, MetricDatum)."""

    SECONDS = "Seconds"
    COUNT = "Count"


@dataclass(frozen=True, slots=True)
class Metric:
    """Some values of one metric.

    Attributes:
        name: For example ``ReplicationLag``.
        unit: What they count.
        values: In no order; an empty one is not written.
    """

    name: str
    unit: Unit
    values: tuple[float, ...]


class MetricLog:
    """Writes metrics as lines, by default to where Lambda reads them."""

    def __init__(self, prefix: str, clock: Clock, out: TextIO | None = None) -> None:
        """Take what tells deployments apart, the clock, and where to write.

        Args:
            prefix: Of the deployment: the one dimension of every metric.
            clock: Gives the time of each line.
            out: Where to write; standard output by default.
        """
        self._prefix = prefix
        self._clock = clock
        self._out = out

    def put(self, metrics: Sequence[Metric]) -> None:
        """Write metrics, in as many lines as their values need."""
        out = sys.stdout if self._out is None else self._out
        for line in lines(self._prefix, self._clock.now_s(), metrics):
            out.write(f"{line}\n")
        out.flush()


def lines(prefix: str, now_s: float, metrics: Sequence[Metric]) -> tuple[str, ...]:
    """Return metrics as lines of the embedded metric format.

    Args:
        prefix: Value of the dimension ``Prefix``.
        now_s: When, in seconds since the epoch.
        metrics: At most 100, each with its own name.

    Returns:
        No line when there is no value.
    """
    found, start = [], 0
    while part := [
        (metric, metric.values[start : start + _VALUES_MAX])
        for metric in metrics
        if metric.values[start : start + _VALUES_MAX]
    ]:
        definitions = [
            {"Name": metric.name, "Unit": metric.unit.value} for metric, _ in part
        ]
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [["Prefix"]],
            "Metrics": definitions,
        }
        document = {
            "_aws": {"Timestamp": int(now_s * 1000), "CloudWatchMetrics": [directive]},
            "Prefix": prefix,
            **{metric.name: list(values) for metric, values in part},
        }
        found.append(json.dumps(document, separators=(",", ":")))
        start += _VALUES_MAX
    return tuple(found)
