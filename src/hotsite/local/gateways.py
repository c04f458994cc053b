"""Clients of AWS APIs for the movers between Regions, who give up soon."""

import functools
from typing import Any

import boto3
from botocore.config import Config

from hotsite.local.pumps import ANSWER_S_MAX, Gateway

# The emulator accepts any secret; boto3 wants one.
_SECRET = "local"  # noqa: S105 (the emulator has no secrets)


def client(service: str, gateway: Gateway, account_id: str) -> Any:
    """Return a client of one Region, which asks once.

    Args:
        service: As boto3 names it.
        gateway: Of the Region.
        account_id: 12 digits.
    """
    return _session().client(
        service,
        region_name=gateway.region,
        endpoint_url=f"http://{gateway.address}:{gateway.port}",
        aws_access_key_id=account_id,
        aws_secret_access_key=_SECRET,
        config=Config(
            connect_timeout=ANSWER_S_MAX,
            read_timeout=ANSWER_S_MAX,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
        ),
    )


@functools.cache
def _session() -> Any:
    """Return the session of all clients, which are made one after the other."""
    return boto3.session.Session()
