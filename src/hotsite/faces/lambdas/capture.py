"""The queue of what others changed in IoT Core of this Region: take it in."""

import json
import logging
from functools import cache
from typing import Any

from hotsite.adapters.aws.metrics import MetricLog
from hotsite.adapters.aws.queue import RetryQueue
from hotsite.adapters.aws.session import client
from hotsite.faces.lambdas import environment, measures
from hotsite.faces.lambdas.site import clients_of, intake_of, layout_of
from hotsite.flows.hearing import Message, hear
from hotsite.flows.sight import SETTLE_S, Intake

_LOG = logging.getLogger(__name__)


@cache
def _parts(account_id: str) -> tuple[Intake, RetryQueue, MetricLog]:
    settings = environment.read()
    layout = layout_of(settings, account_id)
    intake = intake_of(clients_of(settings.region), layout)
    queue = RetryQueue(client("sqs", settings.region))
    return intake, queue, MetricLog(settings.prefix, intake.site.clock)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take in a batch; answer which messages to deliver again, and when."""
    intake, queue, metrics = _parts(context.invoked_function_arn.split(":")[4])
    records = {record["messageId"]: record for record in event.get("Records", [])}
    messages = [Message(id_, _parsed(one["body"])) for id_, one in records.items()]
    found = hear(messages, intake)
    for taken in found.taken:
        facts = {"subject": taken.subject, "reason": taken.reason}
        _LOG.info("change heard", extra={**facts, "changed": taken.is_changed})
    metrics.put(measures.of_hearing(found))
    queue.delay([records[id_] for id_ in found.late_ids], delay_s=int(SETTLE_S) + 1)
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in found.late_ids]}


def _parsed(body: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
