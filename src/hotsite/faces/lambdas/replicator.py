"""The stream of this Region's registry replica: apply each name that changed."""

import logging
from functools import cache
from typing import Any

from hotsite.adapters.aws.metrics import MetricLog
from hotsite.core.registry import key_in
from hotsite.faces.lambdas import environment, measures
from hotsite.faces.lambdas.site import open_site
from hotsite.flows.replication import Site, apply_all

_LOG = logging.getLogger(__name__)


@cache
def _parts(account_id: str) -> tuple[Site, MetricLog]:
    settings = environment.read()
    site = open_site(settings, account_id)
    return site, MetricLog(settings.prefix, site.clock)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Apply a batch; answer which records to deliver again.

    ``ReportBatchItemFailures``: the lowest failed sequence number and all after
    it come again (Lambda developer guide, DynamoDB streams).
    """
    site, metrics = _parts(context.invoked_function_arn.split(":")[4])
    records = [record["dynamodb"] for record in event.get("Records", [])]
    keys = [key_in(record["Keys"]["pk"]["S"]) for record in records]
    outcomes = apply_all((key for key in keys if key), site)
    for outcome in outcomes:
        facts = {"key": str(outcome.key), "reason": outcome.reason}
        _LOG.info("record applied", extra={**facts, "calls": outcome.call_count})
    late = {outcome.key for outcome in outcomes if outcome.is_retryable}
    failed = [record for record, key in zip(records, keys, strict=True) if key in late]
    metrics.put(measures.of_batch(outcomes, failed, site.clock.now_s()))
    sequence_numbers = [record["SequenceNumber"] for record in failed]
    return {
        "batchItemFailures": [{"itemIdentifier": name} for name in sequence_numbers]
    }
