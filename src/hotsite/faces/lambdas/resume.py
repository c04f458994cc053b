"""A device that has come from elsewhere asks what this site holds of it."""

import logging
from functools import cache
from typing import Any

from hotsite.adapters.aws.courier import IotCourier
from hotsite.adapters.aws.resumes import DynamoResumes
from hotsite.adapters.aws.session import client
from hotsite.adapters.clock import SystemClock
from hotsite.faces.lambdas import environment
from hotsite.faces.lambdas.published import archive_of, hot_of, published
from hotsite.flows import resume

_LOG = logging.getLogger(__name__)


@cache
def _desk() -> resume.Desk:
    settings, clock = environment.read(), SystemClock()
    dynamodb = client("dynamodb", settings.region)
    return resume.Desk(
        hot=hot_of(settings),
        archive=archive_of(settings),
        courier=IotCourier(client("iot-data", settings.region)),
        clock=clock,
        throttle_spread_s=settings.throttle_spread_s,
        notes=DynamoResumes(dynamodb, settings.applied, clock),
        region=settings.region,
    )


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer one question; what is none goes to the error archive."""
    given = resume.resume(published(event), _desk())
    facts = {"thing": event["thing"], "answered": given is not None}
    _LOG.info("resume", extra=facts)
    return facts
