"""GET /v1/firmware/{proxy+}: signed files, from the bucket of this Region."""

import base64
from functools import cache
from typing import Any

from hotsite.adapters.aws.firmware_bucket import S3FirmwareFiles
from hotsite.adapters.aws.session import client
from hotsite.errors import HotsiteError
from hotsite.faces.lambdas import environment, http
from hotsite.flows.firmware_serving import serve


@cache
def _files() -> S3FirmwareFiles:
    settings = environment.read()
    return S3FirmwareFiles(client("s3", settings.region), settings.firmware_bucket)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer with a file or a part of it; anybody may ask."""
    del context
    name = (event.get("pathParameters") or {}).get("proxy", "")
    # API Gateway makes the names of headers lower case (payload format 2.0).
    wanted = (event.get("headers") or {}).get("range")
    try:
        served = serve(_files(), name, wanted)
    except HotsiteError as error:
        return http.problem(error)
    return {
        "statusCode": served.status,
        "headers": {"content-type": "application/octet-stream", **served.headers},
        "isBase64Encoded": True,
        "body": base64.b64encode(served.content).decode(),
    }


# Before the first call, while Lambda gives the init phase a whole CPU.
if environment.is_lambda():
    _files()
