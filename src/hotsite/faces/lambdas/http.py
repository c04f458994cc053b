"""Map between HTTP API events (payload 2.0) and our values."""

import base64
import binascii
import json
import logging
from collections.abc import Mapping
from typing import Any

from hotsite.core.onboarding import Answer
from hotsite.core.standing import SwitchAnswer
from hotsite.errors import (
    AlreadyUsedError,
    HotsiteError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    RetryableError,
)

_LOG = logging.getLogger(__name__)
_STATUS: tuple[tuple[type[HotsiteError], int], ...] = (
    (InvalidInputError, 400),
    (RefusedError, 403),
    (NotFoundError, 404),
    (AlreadyUsedError, 409),
    (RetryableError, 503),
)


def body(event: Mapping[str, Any]) -> object:
    """Return the JSON document of a request.

    Raises:
        InvalidInputError: There is none, or it is not JSON in UTF-8.
    """
    text = event.get("body") or ""
    try:
        if event.get("isBase64Encoded"):
            text = base64.b64decode(text, validate=True).decode()
        return json.loads(text)
    except (ValueError, binascii.Error, RecursionError) as error:
        raise InvalidInputError("the body is not a JSON document") from error


def answer(status: int, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON answer."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": json.dumps(document),
    }


def problem(error: HotsiteError) -> dict[str, Any]:
    """Return an error as problem+json (RFC 9457), and log its kind."""
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    _LOG.warning("request refused", extra={"status": status, "reason": str(error)})
    # What a Region or a table said may name resources: callers get it only when
    # it is about their own input.
    is_theirs = status < 500  # noqa: PLR2004
    detail = str(error) if is_theirs else "the site could not do it now; try again"
    reply = answer(status, {"title": type(error).__name__, "detail": detail})
    reply["headers"]["content-type"] = "application/problem+json"
    if status == 503:  # noqa: PLR2004
        reply["headers"]["retry-after"] = "1"
    return reply


def switched(said: SwitchAnswer) -> dict[str, Any]:
    """Return the document of ``GET /switch``, which anybody may read.

    Who decided and why stays in the table: an operator writes it for operators.
    """
    epoch = said.epoch
    return {
        "epoch": epoch.number,
        "active": epoch.active,
        "since_s": epoch.since_s,
        "is_forced": epoch.is_forced,
        "is_on": said.is_on,
        "now_s": said.now_s,
    }


def onboarded(given: Answer) -> dict[str, Any]:
    """Return the document of a device that was onboarded."""
    return {
        "thing": given.thing_name,
        "certificate_id": given.certificate.certificate_id,
        "certificate": given.certificate.pem,
        "ca": given.ca_pem,
        "iot": {"names": list(given.names.iot), "port": given.names.port},
        "api": given.names.api,
    }
