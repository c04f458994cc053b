"""The stream of this Region's registry replica: apply each name that changed."""

import logging
from functools import cache
from typing import Any

from hotsite.core.registry import key_in
from hotsite.faces.lambdas import environment
from hotsite.faces.lambdas.site import open_site
from hotsite.flows.replication import Site, apply_all

_LOG = logging.getLogger(__name__)


@cache
def _site(account_id: str) -> Site:
    return open_site(environment.read(), account_id)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Apply a batch; answer which records to deliver again.

    ``ReportBatchItemFailures``: the lowest failed sequence number and all after
    it come again (Lambda developer guide, DynamoDB streams).
    """
    site = _site(context.invoked_function_arn.split(":")[4])
    records = event.get("Records", [])
    keys = [key_in(record["dynamodb"]["Keys"]["pk"]["S"]) for record in records]
    outcomes = apply_all((key for key in keys if key), site)
    for outcome in outcomes:
        facts = {"key": str(outcome.key), "reason": outcome.reason}
        _LOG.info("record applied", extra={**facts, "calls": outcome.call_count})
    retryable = {outcome.key for outcome in outcomes if outcome.is_retryable}
    failures = [
        {"itemIdentifier": record["dynamodb"]["SequenceNumber"]}
        for record, key in zip(records, keys, strict=True)
        if key in retryable
    ]
    return {"batchItemFailures": failures}
