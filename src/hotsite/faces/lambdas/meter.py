"""The stream of this Region's hot table: what would be lost if the other one died."""

import logging
from functools import cache
from typing import Any

from hotsite.adapters.aws.meter import DynamoMeterReadings, S3ColdWatermarks, arrival_of
from hotsite.adapters.aws.metrics import MetricLog
from hotsite.adapters.aws.session import client
from hotsite.adapters.clock import SystemClock
from hotsite.core.buckets import cold_bucket
from hotsite.errors import RetryableError
from hotsite.faces.lambdas import environment, measures
from hotsite.flows.metering import Meter, measure

_LOG = logging.getLogger(__name__)


@cache
def _parts(account_id: str) -> tuple[Meter, MetricLog, str]:
    settings, clock = environment.read(), SystemClock()
    bucket = cold_bucket(settings.prefix, account_id, settings.region)
    meter = Meter(
        DynamoMeterReadings(client("dynamodb", settings.region), settings.applied),
        S3ColdWatermarks(client("s3", settings.region), bucket),
        clock,
        settings.region,
    )
    return meter, MetricLog(settings.prefix, clock), f"{settings.prefix}-canary-"


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take in a batch; answer which records to deliver again.

    A batch is one reading and one writing, so either all of it counts or none.
    """
    meter, metrics, canaries = _parts(context.invoked_function_arn.split(":")[4])
    records = event.get("Records", [])
    found = (arrival_of(record, canary_prefix=canaries) for record in records)
    first = records[0]["dynamodb"]["SequenceNumber"] if records else ""
    try:
        exposures = measure((row for row in found if row), meter, batch=first)
    except RetryableError as error:
        _LOG.warning("meter stands still", extra={"reason": str(error)})
        return {"batchItemFailures": [{"itemIdentifier": first}] if first else []}
    for exposure in exposures.values():
        metrics.put(measures.of_exposure(exposure))
    return {"batchItemFailures": []}
