"""Every minute: guard this site, and follow messages through it."""

import logging
from contextlib import suppress
from functools import cache
from typing import Any

from hotsite.adapters.aws.canary import MqttCanary
from hotsite.adapters.aws.canary_identity import read_identity
from hotsite.adapters.aws.metrics import MetricLog
from hotsite.adapters.aws.operations import DynamoOperations
from hotsite.adapters.aws.region_tables import DynamoHealthVerdicts
from hotsite.adapters.aws.resumes import DynamoResumes
from hotsite.adapters.aws.session import client
from hotsite.adapters.clock import SystemClock
from hotsite.adapters.names import ResolvedNames
from hotsite.adapters.sites import HttpsSites
from hotsite.errors import HotsiteError
from hotsite.faces.lambdas import environment, measures
from hotsite.flows.guard import Guard
from hotsite.flows.readiness import TURNED_AWAY_WITHIN_S
from hotsite.flows.rounds import watch

_LOG = logging.getLogger(__name__)


@cache
def _parts() -> tuple[Guard, MqttCanary, MetricLog]:
    settings, clock = environment.read(), SystemClock()
    dynamodb = client("dynamodb", settings.region, read_limit_s=2.0)
    guard = Guard(
        settings.letter,
        DynamoOperations(dynamodb, settings.operations),
        DynamoHealthVerdicts(dynamodb, settings.applied),
        HttpsSites(settings.domain, port=settings.api_port),
        ResolvedNames(settings.domain, settings.witness_name, sites=settings.letters),
        DynamoResumes(dynamodb, settings.applied, clock),
        clock,
        others=settings.others,
    )
    secrets = client("secretsmanager", settings.region)
    canary = MqttCanary(
        read_identity(secrets, settings.canary_secret),
        address=(f"iot-{settings.letter}.{settings.domain}", settings.mqtt_port),
        dynamodb=dynamodb,
        table=settings.telemetry,
    )
    return guard, canary, MetricLog(settings.prefix, clock)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Look again and again until the minute is over; return the last round."""
    guard, canary, metrics = _parts()
    facts: dict[str, Any] = {}
    left_s = lambda: context.get_remaining_time_in_millis() / 1000  # noqa: E731
    rounds_max = int(event.get("rounds", 6))
    for found in watch(guard, canary, left_s, rounds_max=rounds_max):
        decided, verdict = found.decision, found.verdict
        facts = {"action": decided.action.value if decided else "none"}
        facts["reason"] = decided.reason if decided else found.reason
        if verdict is not None:
            facts |= {"healthy": verdict.is_healthy, "canary": verdict.reason}
        _LOG.info("round", extra=facts)
    with suppress(HotsiteError):
        turned_away = guard.resumes.turned_away(TURNED_AWAY_WITHIN_S)
        metrics.put(measures.of_coming(turned_away))
    return facts
