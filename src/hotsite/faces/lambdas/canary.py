"""Every minute: follow messages through broker, rule and store of this site."""

import logging
from functools import cache
from typing import Any

from hotsite.adapters.aws.canary import MqttCanary, read_identity
from hotsite.adapters.aws.region_tables import DynamoHealthVerdicts
from hotsite.adapters.aws.session import client
from hotsite.adapters.clock import SystemClock
from hotsite.faces.lambdas import environment
from hotsite.flows.health import Patience, check

_LOG = logging.getLogger(__name__)
# EventBridge schedules no faster than once a minute, so one run looks often.
_EVERY_S = 10.0


@cache
def _parts() -> tuple[MqttCanary, DynamoHealthVerdicts]:
    settings = environment.read()
    dynamodb = client("dynamodb", settings.region)
    name = f"iot-{settings.letter}.{settings.domain}"
    secrets = client("secretsmanager", settings.region)
    canary = MqttCanary(
        read_identity(secrets, settings.canary_secret),
        address=(name, settings.mqtt_port),
        dynamodb=dynamodb,
        table=settings.telemetry,
    )
    return canary, DynamoHealthVerdicts(dynamodb, settings.applied)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Look again and again until the minute is over; return the last verdict."""
    clock, (canary, verdicts) = SystemClock(), _parts()
    rounds = int(event.get("rounds", 6))
    while True:
        verdict = check(canary, verdicts, clock, Patience())
        facts = {"healthy": verdict.is_healthy, "reason": verdict.reason}
        _LOG.info("canary verdict", extra=facts)
        rounds -= 1
        if rounds <= 0 or context.get_remaining_time_in_millis() < 2000 * _EVERY_S:
            return facts
        clock.sleep(_EVERY_S)
