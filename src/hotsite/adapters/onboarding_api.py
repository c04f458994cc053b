"""Call the onboarding API as the companion app does: by the owner's names.

Knows no AWS endpoint and no AWS credentials; what it trusts and which token it
shows come from outside. An attempt is short, because the failover name leads to
another Region a few seconds later.
"""

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hotsite.adapters import https
from hotsite.adapters.resolver import Resolver
from hotsite.core.names import is_aws_name
from hotsite.core.onboarding import Answer, Names, Request
from hotsite.core.registry import Certificate
from hotsite.errors import (
    AlreadyUsedError,
    HotsiteError,
    InvalidInputError,
    PermanentError,
    RefusedError,
    UnreachableError,
)

_Value = TypeVar("_Value")
# API Gateway's longest integration: after it no answer comes.
# https://docs.aws.amazon.com/general/latest/gr/apigateway.md
GATEWAY_LIMIT_S = 29.0
_REFUSALS: dict[int, type[HotsiteError]] = {
    400: InvalidInputError,
    401: RefusedError,
    403: RefusedError,
    409: AlreadyUsedError,
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the API is, and what it takes to talk to it.

    Attributes:
        name: A name of the owner: ``api.``, or one site's ``api-a.``.
        port: TCP port of HTTPS.
        resolver: Who is asked where the name leads.
        context: What is trusted.
        token: The user's JSON Web Token; never logged.
        patience_s: How long one attempt waits, above 0. Short where another attempt
            may reach the other Region; up to ``GATEWAY_LIMIT_S`` where none may.
    """

    name: str
    port: int
    resolver: Resolver
    context: ssl.SSLContext
    token: str = field(repr=False)
    patience_s: float = 8.0

    def __post_init__(self) -> None:
        """Refuse what would tie an app to one Region for good."""
        if is_aws_name(self.name):
            raise InvalidInputError(
                f"{self.name} is an AWS endpoint; apps call the owner's names only"
            )


def onboard(request: Request, endpoint: Endpoint) -> tuple[Answer, str]:
    """Send one claim and CSR.

    Args:
        request: What the device shows.
        endpoint: Where to.

    Returns:
        The answer, and the site that gave it: the name at the end of the
        CNAME chain, or the address.

    Raises:
        InvalidInputError: The API says that the request is malformed.
        RefusedError: The API refuses the token or the claim.
        AlreadyUsedError: Another key took the claim.
        UnreachableError: No answer, or one that says to try again.
        PermanentError: Any other refusal.
    """
    claim = {"id": request.claim.claim_id, "secret": request.claim.secret}
    return _ask("/v1/devices", {"claim": claim, "csr": request.csr_pem}, endpoint)


def rotate(thing: str, csr_pem: str, endpoint: Endpoint) -> tuple[Answer, str]:
    """Ask for another certificate of a device that is the user's already.

    Args:
        thing: Name of the device.
        csr_pem: The signing request of its next key.
        endpoint: Where to.

    Returns:
        The answer, and the site that gave it, as ``onboard``.

    Raises:
        InvalidInputError: The API says that the request is malformed.
        RefusedError: The API refuses the token, or the device is not the user's.
        UnreachableError: No answer, or one that says to try again.
        PermanentError: Any other refusal.
    """
    return _ask(f"/v1/devices/{thing}/certificates", {"csr": csr_pem}, endpoint)


def _ask(path: str, body: Mapping[str, Any], endpoint: Endpoint) -> tuple[Answer, str]:
    resolved = asyncio.run(endpoint.resolver.resolve(endpoint.name))
    status, text = _post(endpoint, resolved.address, path, json.dumps(body))
    document = _parsed(text, status, endpoint.name)
    if status not in {200, 201}:
        said = document.get("detail") or document.get("message") or text[:200]
        kind = _REFUSALS.get(status, PermanentError)
        is_passing = status >= 500 or status == 429  # noqa: PLR2004
        raise (UnreachableError if is_passing else kind)(
            f"{endpoint.name} answered {status}: {said}"
        )
    return _answer(document, endpoint.name), resolved.site


def _post(endpoint: Endpoint, address: str, path: str, body: str) -> tuple[int, str]:
    place = https.Place(
        endpoint.name, address, endpoint.port, endpoint.context, endpoint.patience_s
    )
    headers = {
        "authorization": f"Bearer {endpoint.token}",
        "content-type": "application/json",
    }
    reply, text = https.ask(place, "POST", path, headers, body)
    return reply.status, text.decode(errors="replace")


def _parsed(text: str, status: int, name: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise UnreachableError(f"{name} answered {status} without JSON") from error
    if not isinstance(document, dict):
        raise UnreachableError(f"{name} answered {status} with another document")
    return document


def _answer(document: Mapping[str, Any], name: str) -> Answer:
    try:
        iot = document["iot"]
        return Answer(
            thing_name=_checked(str, document["thing"]),
            certificate=Certificate(
                _checked(str, document["certificate_id"]),
                _checked(str, document["certificate"]),
            ),
            ca_pem=_checked(str, document["ca"]),
            names=Names(
                iot=tuple(_checked(str, one) for one in _checked(list, iot["names"])),
                api=_checked(str, document["api"]),
                port=_checked(int, iot["port"]),
            ),
        )
    except (KeyError, TypeError) as error:
        raise UnreachableError(
            f"{name} gave an answer of another shape: {error}"
        ) from error


def _checked(kind: type[_Value], value: object) -> _Value:
    """Return a value of a kind; what else came in is the server's to know."""
    if not isinstance(value, kind):
        raise TypeError(f"{type(value).__name__} instead of {kind.__name__}")
    return value
