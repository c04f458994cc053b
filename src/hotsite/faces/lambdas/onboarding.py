"""POST /v1/devices: a claim and a CSR in, a certificate out."""

from functools import cache
from typing import Any

from hotsite.adapters.aws import csr
from hotsite.adapters.aws.session import client
from hotsite.adapters.aws.tables import DynamoClaims
from hotsite.adapters.clock import SystemClock
from hotsite.core import onboarding
from hotsite.errors import HotsiteError
from hotsite.faces.lambdas import environment, http
from hotsite.faces.lambdas.site import open_site
from hotsite.flows.onboarding import Desk, onboard
from hotsite.flows.pacing import PacingBudget

# The app waits for the answer, and API Gateway for no more than 30 s.
_BUDGET = PacingBudget(attempt_count_max=3, wait_s_max=6.0)


@cache
def _desk(account_id: str) -> Desk:
    settings = environment.read()
    dynamodb = client("dynamodb", settings.region)
    return Desk(
        claims=DynamoClaims(
            dynamodb, settings.registry, origin=settings.region, clock=SystemClock()
        ),
        site=open_site(settings, account_id, csr.check, budget=_BUDGET),
        names=settings.names,
        ca_pem=settings.device_ca,
        type_name=settings.thing_type,
        group=settings.fleet_group,
    )


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Handle one request of API Gateway (HTTP API, payload 2.0)."""
    try:
        request = onboarding.parse(http.body(event))
        desk = _desk(context.invoked_function_arn.split(":")[4])
        return http.answer(201, http.onboarded(onboard(request, desk)))
    except HotsiteError as error:
        return http.problem(error)
