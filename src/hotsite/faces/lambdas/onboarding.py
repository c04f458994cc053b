"""The onboarding API of a site: ``/v1``, as ``openapi.json`` says."""

from functools import cache
from typing import Any

from hotsite.adapters.aws import csr
from hotsite.adapters.aws.enrolments import (
    DynamoAllowance,
    DynamoEnrolments,
    DynamoLastMessages,
)
from hotsite.adapters.aws.session import client
from hotsite.adapters.aws.tables import DynamoClaims
from hotsite.adapters.clock import SystemClock
from hotsite.faces.lambdas import api, environment
from hotsite.faces.lambdas.environment import Environment
from hotsite.faces.lambdas.site import (
    Clients,
    clients_of,
    layout_of,
    open_site,
    records_of,
)
from hotsite.flows.devices import Office
from hotsite.flows.onboarding import Desk
from hotsite.flows.pacing import PacingBudget
from hotsite.ports.escrow import Escrow

# The app waits for the answer, and API Gateway for no more than 30 s.
_BUDGET = PacingBudget(attempt_count_max=3, wait_s_max=6.0)
# What one user may ask at once: a box of devices, as fast as a tool goes.
_BURST_S = 20.0


@cache
def _office(account_id: str) -> Office:
    settings = environment.read()
    clients = clients_of(settings.region)
    return Office(
        desk=_desk(settings, clients, account_id),
        enrolments=DynamoEnrolments(
            clients.dynamodb,
            settings.registry,
            records_of(clients, layout_of(settings, account_id)),
            origin=settings.region,
            clock=SystemClock(),
        ),
        last_messages=DynamoLastMessages(clients.dynamodb, settings.telemetry),
        allowance=DynamoAllowance(
            clients.dynamodb,
            settings.applied,
            clock=SystemClock(),
            rate_per_s=settings.user_rate_per_s,
            burst_s=_BURST_S,
        ),
    )


def _desk(settings: Environment, clients: Clients, account_id: str) -> Desk:
    return Desk(
        claims=DynamoClaims(
            clients.dynamodb,
            settings.registry,
            origin=settings.region,
            clock=SystemClock(),
        ),
        site=open_site(settings, account_id, budget=_BUDGET),
        names=settings.names,
        ca_pem=settings.device_ca,
        type_name=settings.thing_type,
        group=settings.fleet_group,
        check_csr=csr.check_for,
        escrow=_escrow(settings, clients) if settings.escrow else None,
    )


def _escrow(settings: Environment, clients: Clients) -> Escrow:
    # Loaded where it is used: most sites make no keys, and a cold start waits.
    from hotsite.adapters.aws.escrow import EscrowClients, KmsEscrow  # noqa: PLC0415

    kms = client("kms", settings.region)
    return KmsEscrow(
        EscrowClients(clients.dynamodb, clients.iot, kms),
        settings.escrow,
        settings.escrow_key,
        clock=SystemClock(),
    )


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Handle one request of API Gateway (HTTP API, payload 2.0)."""
    account_id = context.invoked_function_arn.split(":")[4]
    return api.serve(event, lambda: _office(account_id))
