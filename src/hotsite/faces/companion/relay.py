"""Pass a browser's request on to a local cloud, by the owner's names.

A browser on this machine neither asks the cloud's name server nor trusts its
authority, and telling it to takes an administrator. So the app calls who serves it,
and that one asks DNS anew each time: when a Region dies, the next call reaches the
other one, as it does in the field.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from hotsite.adapters import https
from hotsite.adapters.resolver import Resolver

# Longer than the app's own patience with one attempt.
_ANSWER_S_MAX = 10.0
_TO = ("authorization", "content-type", "accept", "range")
_BACK = (
    "content-type",
    "content-range",
    "location",
    "cache-control",
    "retry-after",
    "referrer-policy",
    "content-security-policy",
)


@dataclass(frozen=True, slots=True)
class Upstream:
    """Whom requests are passed on to.

    Attributes:
        name: The owner's name, or an address.
        port: TCP port of HTTPS.
        context: What is trusted.
        resolver: Who knows where the name leads; nothing for an address.
    """

    name: str
    port: int
    context: ssl.SSLContext
    resolver: Resolver | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """What came back.

    Attributes:
        status: Of HTTP.
        headers: Those that a browser needs.
        body: The content.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser wants.

    Attributes:
        method: ``GET``, ``POST`` or ``DELETE``.
        path: With the query.
        headers: By name, lower case.
        body: The content, or nothing.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None = None


def pass_on(asked: Asked, upstream: Upstream) -> Passed:
    """Send a request once; the app decides about another try.

    Raises:
        UnreachableError: The name leads nowhere, or nobody answers there.
    """
    address = upstream.name
    if upstream.resolver is not None:
        resolved = asyncio.run(upstream.resolver.resolve(upstream.name))
        address = resolved.address
    place = https.Place(
        upstream.name, address, upstream.port, upstream.context, _ANSWER_S_MAX
    )
    sent = {name: asked.headers[name] for name in _TO if name in asked.headers}
    reply, body = https.ask(place, asked.method, asked.path, sent, asked.body)
    kept = ((name, reply.headers.get(name, "")) for name in _BACK)
    headers = tuple((name, value) for name, value in kept if value)
    return Passed(reply.status, headers, body)
