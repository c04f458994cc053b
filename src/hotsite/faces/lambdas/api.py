"""The onboarding API: one request of API Gateway in, one answer out.

Knows no AWS: whoever holds the ports can serve it. ``openapi.json`` beside this
module is its contract, and is what ``GET /v1/openapi.json`` answers.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hotsite.core import escrow, onboarding
from hotsite.errors import HotsiteError, InvalidInputError
from hotsite.faces.lambdas import http
from hotsite.flows import devices
from hotsite.flows.devices import Office
from hotsite.flows.onboarding import onboard

_CERTIFICATE_ID = re.compile(r"[0-9a-f]{64}")
_LIMIT, _LIMIT_MAX = 10, 25
_DOCUMENT = Path(__file__).with_name("openapi.json")

Event = Mapping[str, Any]
Reply = dict[str, Any]


@cache
def document() -> Mapping[str, Any]:
    """Return the OpenAPI document of this API."""
    found: Mapping[str, Any] = json.loads(_DOCUMENT.read_text(encoding="utf-8"))
    return found


def serve(event: Event, office: Callable[[], Office]) -> Reply:
    """Answer one request.

    Args:
        event: Of an HTTP API, payload 2.0.
        office: Gives the Region that takes it; not asked for what needs none.

    Returns:
        What API Gateway sends back; an error is problem+json.
    """
    try:
        route = str(event.get("routeKey"))
        if route == "GET /v1/openapi.json":
            return http.document(document())
        answer = _ROUTES.get(route)
        if answer is None:
            raise InvalidInputError(f"there is no {route}")
        return answer(event, http.subject(event), office())
    except HotsiteError as error:
        return http.problem(error)


def _enrol(event: Event, subject: str, office: Office) -> Reply:
    office.allowance.spend(subject)
    request = onboarding.parse(http.body(event))
    return http.answer(201, http.onboarded(onboard(request, office.desk, subject)))


def _list(event: Event, subject: str, office: Office) -> Reply:
    query = event.get("queryStringParameters") or {}
    limit, after = query.get("limit", str(_LIMIT)), query.get("after")
    is_number = limit.isascii() and limit.isdecimal() and len(limit) <= 2  # noqa: PLR2004
    if not (is_number and 1 <= int(limit) <= _LIMIT_MAX):
        raise InvalidInputError(f"limit must be 1 to {_LIMIT_MAX}")
    if after is not None:
        onboarding.thing_of(after)
    shelf = devices.browse(subject, office, after=after, limit=int(limit))
    return http.answer(200, http.shelf(shelf))


def _show(event: Event, subject: str, office: Office) -> Reply:
    return http.answer(200, http.device(devices.show(subject, _thing(event), office)))


def _rotate(event: Event, subject: str, office: Office) -> Reply:
    office.allowance.spend(subject)
    body = http.body(event)
    wish = onboarding.wish_of(body)
    if escrow.is_wish(wish) and not (isinstance(body, Mapping) and body.get("token")):
        raise InvalidInputError("token must tell this rotation from the next")
    given = devices.rotate(subject, _thing(event), wish, office)
    return http.answer(201, http.onboarded(given))


def _revoke(event: Event, subject: str, office: Office) -> Reply:
    office.allowance.spend(subject)
    devices.shut_out(subject, _thing(event), office)
    return http.nothing()


def _revoke_one(event: Event, subject: str, office: Office) -> Reply:
    office.allowance.spend(subject)
    devices.shut_out(subject, _thing(event), office, _certificate_id(event))
    return http.nothing()


def _fetch_key(event: Event, subject: str, office: Office) -> Reply:
    office.allowance.spend(subject)
    certificate_id = _certificate_id(event)
    key_pem = devices.fetch_key(subject, _thing(event), certificate_id, office)
    told = {"certificate_id": certificate_id, "private_key": key_pem}
    return http.answer(200, told)


def _certificate_id(event: Event) -> str:
    certificate_id = http.parameter(event, "certificate_id")
    if not _CERTIFICATE_ID.fullmatch(certificate_id):
        raise InvalidInputError("certificate_id must be 64 hex digits, lower case")
    return certificate_id


def _thing(event: Event) -> str:
    return onboarding.thing_of(http.parameter(event, "thing"))


_ROUTES: Mapping[str, Callable[[Event, str, Office], Reply]] = {
    "POST /v1/devices": _enrol,
    "GET /v1/devices": _list,
    "GET /v1/devices/{thing}": _show,
    "DELETE /v1/devices/{thing}": _revoke,
    "POST /v1/devices/{thing}/certificates": _rotate,
    "DELETE /v1/devices/{thing}/certificates/{certificate_id}": _revoke_one,
    "POST /v1/devices/{thing}/certificates/{certificate_id}/key": _fetch_key,
}
