"""Put an object into a bucket of this Region, as services of AWS do for their users.

Over HTTP, so that what was delivered is kept before it is forgotten here. The SDK is
loaded with the first object: it takes a sixth of a Region's start.
"""

import functools
import importlib
from typing import Any

from hotsite.errors import UnreachableError
from hotsite.local.region.config import RegionConfig


def put(config: RegionConfig, bucket: str, key: str, body: bytes) -> None:
    """Put one object.

    Args:
        config: of this Region.
        bucket: its name.
        key: of the object.
        body: of the object.

    Raises:
        UnreachableError: it was not taken.
    """
    errors = importlib.import_module("botocore.exceptions")
    try:
        _client(config).put_object(Bucket=bucket, Key=key, Body=body)
    except (errors.BotoCoreError, errors.ClientError) as error:
        raise UnreachableError(f"{bucket}: {error}") from error


@functools.cache
def _client(config: RegionConfig) -> Any:
    session = importlib.import_module("boto3.session").Session()
    settings = importlib.import_module("botocore.config").Config(
        s3={"addressing_style": "path"}
    )
    return session.client(
        "s3",
        region_name=config.region,
        endpoint_url=config.gateway_url,
        aws_access_key_id=config.access_key_id,
        aws_secret_access_key=config.secret_access_key,
        config=settings,
    )
