"""The queue of what rules and functions could not handle: into the archive."""

import logging
from functools import cache
from typing import Any

from hotsite.adapters.aws.error_archive import S3ErrorArchive
from hotsite.adapters.aws.refusals import refusal_of
from hotsite.errors import HotsiteError
from hotsite.faces.lambdas import environment
from hotsite.faces.lambdas.published import archive_of
from hotsite.flows.refusals import keep

_LOG = logging.getLogger(__name__)


@cache
def _archive() -> S3ErrorArchive:
    return archive_of(environment.read())


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Keep each one; answer which could not be kept, so that they come again."""
    late = []
    for record in event.get("Records", []):
        sent_at_s = int(record["attributes"]["SentTimestamp"]) / 1000
        try:
            kept = keep(refusal_of(record["body"], sent_at_s=sent_at_s), _archive())
            facts = {"topic": kept.topic, "reason": kept.reason}
            _LOG.warning("telemetry refused", extra=facts)
        except HotsiteError as error:
            _LOG.warning("not archived", extra={"reason": str(error)})
            late.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": late}
