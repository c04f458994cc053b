"""GET /switch: whether this site is active, for Route 53's checkers and the peer."""

import logging
from functools import cache
from typing import Any

from hotsite.adapters.aws.operations import DynamoOperations
from hotsite.adapters.aws.session import client
from hotsite.adapters.clock import SystemClock
from hotsite.core.standing import FencePolicy
from hotsite.errors import HotsiteError
from hotsite.faces.lambdas import environment, http
from hotsite.flows.switch import serve

_LOG = logging.getLogger(__name__)


@cache
def _operations() -> tuple[DynamoOperations, str]:
    settings = environment.read()
    # Route 53 and the other site wait 2 s in all, so a slow table must fail fast.
    dynamodb = client("dynamodb", settings.region, read_limit_s=1.0)
    return DynamoOperations(dynamodb, settings.operations), settings.letter


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer 200 when this site is active and sure of it, 404 when it is not."""
    del event, context
    operations, letter = _operations()
    try:
        said = serve(operations, letter, SystemClock(), FencePolicy())
    except HotsiteError as error:
        # To checkers as good as "no"; to the other site as good as silence.
        _LOG.warning("switch cannot be told", extra={"reason": str(error)})
        return http.answer(503, {"title": type(error).__name__})
    return http.answer(said.status_code, http.switched(said))


# Before the first call: Lambda gives the init phase up to 10 s and a whole CPU
# (Lambda developer guide, "Lambda runtime environment"), while Route 53 waits 2 s.
if environment.is_lambda():
    _operations()
