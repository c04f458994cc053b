"""Map between HTTP API events (payload 2.0) and our values."""

import base64
import binascii
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hotsite.core.enrolment import DeviceView
from hotsite.core.onboarding import Answer, subject_of
from hotsite.core.standing import SwitchAnswer
from hotsite.errors import (
    AlreadyUsedError,
    HotsiteError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    RetryableError,
    TooOftenError,
    UnsafePlanError,
)
from hotsite.flows.devices import Shelf

_LOG = logging.getLogger(__name__)
PROBLEM = "urn:hotsite:problem:"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem, as apps know it; RFC 9457, section 3.1.

    Attributes:
        name: Last part of its ``type``, which never changes.
        status: HTTP status.
        title: What it is, for a person.
        wait_s: What ``retry-after`` says, or nothing.
    """

    name: str
    status: int
    title: str
    wait_s: int | None = None


_INTERNAL = Kind("internal", 500, "We failed")
KINDS: tuple[tuple[type[HotsiteError], Kind], ...] = (
    (InvalidInputError, Kind("invalid-request", 400, "The request is malformed")),
    (RefusedError, Kind("refused", 403, "This is not for you")),
    (NotFoundError, Kind("not-found", 404, "There is no such thing")),
    (AlreadyUsedError, Kind("already-used", 409, "The claim was used before")),
    (
        UnsafePlanError,
        Kind("too-many-certificates", 409, "There is no room for another certificate"),
    ),
    (TooOftenError, Kind("too-many-requests", 429, "You ask too often", 1)),
    (RetryableError, Kind("try-again", 503, "Not now", 1)),
    (HotsiteError, _INTERNAL),
)
# What a Region or a table said may name resources: callers get it only when it is
# about their own input.
_HIDDEN = {
    500: "the site could not do it, and will not the next time",
    503: "the site could not do it now; try again",
}


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


def subject(event: Mapping[str, Any]) -> str:
    """Return the user of a request: ``sub`` of the token that API Gateway checked.

    Raises:
        RefusedError: There is none.
    """
    found: Any = event.get("requestContext")
    for name in ("authorizer", "jwt", "claims", "sub"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return subject_of(found)


def parameter(event: Mapping[str, Any], name: str) -> str:
    """Return a part of the path; empty where there is none."""
    return str((event.get("pathParameters") or {}).get(name, ""))


def answer(status: int, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON answer."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": json.dumps(document),
    }


def document(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON answer that anybody may keep for an hour."""
    reply = answer(200, content)
    reply["headers"]["cache-control"] = "public, max-age=3600"
    return reply


def nothing() -> dict[str, Any]:
    """Return the answer to what was done and has nothing to say."""
    return {"statusCode": 204, "headers": {"cache-control": "no-store"}, "body": ""}


def problem(error: HotsiteError) -> dict[str, Any]:
    """Return an error as problem+json (RFC 9457), and log its kind."""
    kind = next(kind for errors, kind in KINDS if isinstance(error, errors))
    facts = {"status": kind.status, "kind": kind.name, "reason": str(error)}
    _LOG.warning("request refused", extra=facts)
    reply = answer(
        kind.status,
        {
            "type": f"{PROBLEM}{kind.name}",
            "title": kind.title,
            "status": kind.status,
            "detail": _HIDDEN.get(kind.status, str(error)),
        },
    )
    reply["headers"]["content-type"] = "application/problem+json"
    if kind.wait_s is not None:
        reply["headers"]["retry-after"] = str(kind.wait_s)
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


def device(view: DeviceView) -> dict[str, Any]:
    """Return the document of a device, as its owner sees it."""
    seen = view.last_seen
    return {
        "thing": view.thing,
        "status": view.standing.value,
        "enrolled_at_s": view.enrolled_at_s,
        "attributes": dict(view.attributes),
        "certificates": [
            {"certificate_id": certificate_id, "status": status.value}
            for certificate_id, status in view.certificates
        ],
        "last_seen": seen and {"at_s": seen.at_s, "region": seen.region},
    }


def shelf(found: Shelf) -> dict[str, Any]:
    """Return the document of some of a user's devices."""
    return {
        "devices": [device(one) for one in found.devices],
        "next": found.next_after,
    }
