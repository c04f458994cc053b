"""What a topic rule hands to a function, and the ports of telemetry behind it."""

import base64
import random
from typing import Any

from hotsite.adapters.aws.cold_stream import FirehoseColdStream
from hotsite.adapters.aws.error_archive import S3ErrorArchive
from hotsite.adapters.aws.hot_table import DynamoHotStore
from hotsite.adapters.aws.session import client
from hotsite.adapters.clock import SystemClock
from hotsite.core.arrivals import Origin
from hotsite.faces.lambdas.environment import Environment
from hotsite.flows.telemetry import Published, Stores


def published(event: dict[str, Any]) -> Published:
    """Return what a device has published.

    Args:
        event: What the rule selected: the payload in base64, so that it comes byte
            for byte, and the thing of the topic.
    """
    payload = base64.b64decode(event["payload"])
    return Published(event["thing"], payload, event["at_ms"] / 1000)


def archive_of(settings: Environment) -> S3ErrorArchive:
    """Return the error archive of this Region."""
    return S3ErrorArchive(client("s3", settings.region), settings.error_bucket)


def hot_of(settings: Environment) -> DynamoHotStore:
    """Return this Region's replica of the hot table."""
    dynamodb = client("dynamodb", settings.region)
    return DynamoHotStore(dynamodb, settings.telemetry)


def stores_of(settings: Environment) -> Stores:
    """Return where this site keeps telemetry."""
    cold = None
    if settings.cold_stream:
        firehose = client("firehose", settings.region)
        cold = FirehoseColdStream(firehose, settings.cold_stream)
    return Stores(
        hot=hot_of(settings),
        cold=cold,
        archive=archive_of(settings),
        origin=Origin(settings.region, settings.hot_days),
        clock=SystemClock(),
        uniform=random.SystemRandom().random,
    )
