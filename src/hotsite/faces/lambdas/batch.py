"""A device's batch: take it apart and store it, what is malformed aside."""

import logging
from functools import cache
from typing import Any

from hotsite.faces.lambdas import environment
from hotsite.faces.lambdas.published import published, stores_of
from hotsite.flows.telemetry import Stores, take_batch

_LOG = logging.getLogger(__name__)


@cache
def _stores() -> Stores:
    return stores_of(environment.read())


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Store one batch; Lambda calls again, and keeps the event, if it fails."""
    taken = take_batch(published(event), _stores())
    if taken.refused:
        facts = {"refused": taken.refused, "reason": taken.reason}
        _LOG.warning("messages refused", extra={"thing": event["thing"], **facts})
    return {"stored": taken.stored, "refused": taken.refused}
