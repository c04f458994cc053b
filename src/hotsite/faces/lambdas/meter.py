"""The stream of this Region's hot table: what would be lost if the other one died."""

import logging
from functools import cache
from typing import Any

from hotsite.adapters.aws.meter import DynamoMeterReadings, S3ColdWatermarks, arrival_of
from hotsite.adapters.aws.metrics import MetricLog
from hotsite.adapters.aws.session import client
from hotsite.adapters.clock import SystemClock
from hotsite.errors import RetryableError
from hotsite.faces.lambdas import environment, measures
from hotsite.flows.metering import Meter, measure

_LOG = logging.getLogger(__name__)


@cache
def _parts() -> tuple[Meter, MetricLog, str]:
    settings, clock = environment.read(), SystemClock()
    dynamodb, s3 = (client(name, settings.region) for name in ("dynamodb", "s3"))
    meter = Meter(
        DynamoMeterReadings(dynamodb, settings.applied),
        S3ColdWatermarks(s3, settings.cold_bucket),
        clock,
        settings.region,
        settings.others,
    )
    return meter, MetricLog(settings.prefix, clock), f"{settings.prefix}-canary-"


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    """Take in a batch; answer which records to deliver again.

    A batch is one reading and one writing, so either all of it counts or none.
    """
    meter, metrics, canaries = _parts()
    records = event.get("Records", [])
    found = (arrival_of(record, canary_prefix=canaries) for record in records)
    first = records[0]["dynamodb"]["SequenceNumber"] if records else ""
    try:
        exposures = measure((row for row in found if row), meter, batch=first)
    except RetryableError as error:
        _LOG.warning("meter stands still", extra={"reason": str(error)})
        return {"batchItemFailures": [{"itemIdentifier": first}] if first else []}
    for origin, exposure in exposures.items():
        metrics.put(measures.of_exposure(exposure), origin=origin)
    return {"batchItemFailures": []}
