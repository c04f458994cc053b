"""GET /healthz: the cached deep verdict, for Route 53's checkers."""

from functools import cache
from typing import Any

from hotsite.adapters.aws.region_tables import DynamoHealthVerdicts
from hotsite.adapters.aws.session import client
from hotsite.adapters.clock import SystemClock
from hotsite.faces.lambdas import environment, http
from hotsite.flows.health import Patience, serve


@cache
def _verdicts() -> DynamoHealthVerdicts:
    settings = environment.read()
    # Route 53 waits 2 s in all, so a slow table must fail fast here.
    dynamodb = client("dynamodb", settings.region, read_limit_s=1.0)
    return DynamoHealthVerdicts(dynamodb, settings.applied)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer 200 or 503 with the reason; never look deeper than the cache."""
    del event, context
    said = serve(_verdicts(), SystemClock(), Patience())
    document = {"healthy": said.is_healthy, "reason": said.reason}
    return http.answer(said.status_code, document)


# Before the first call: Lambda gives the init phase up to 10 s and a whole CPU
# (Lambda developer guide, "Lambda runtime environment"), while Route 53 waits 2 s.
if environment.is_lambda():
    _verdicts()
