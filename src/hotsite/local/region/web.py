"""The Region's HTTP listeners: the AWS gateway, and HTTPS under the owner's names.

Both serve one ASGI application. HTTPS reaches only deployed HTTP APIs, by the custom
domain name that API Gateway knows or by the API's own AWS-shaped host.
"""

import importlib
import json
import re
import ssl
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from hypercorn.config import Config as HypercornConfig

from hotsite.local.region import tables
from hotsite.local.region.callers import as_tls
from hotsite.local.region.config import RegionConfig
from hotsite.local.region.faults import CREDENTIAL, TABLES_ERROR, Fate, Faults
from hotsite.local.region.mqtt import covered_names, covers
from hotsite.local.region.persistence import Keeper
from hotsite.local.region.registry.quotas import Limits
from hotsite.local.region.service_quotas import TARGET, AccountQuotas

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

# RFC 9110, section 15.5.20: this server is not an authority for that host.
MISDIRECTED_REQUEST = 421
FORBIDDEN = 403
SERVER_ERROR, UNAVAILABLE = 500, 503
# Signed for us-east-1 wherever the caller is (AWS General Reference, "Service
# endpoints and quotas": the services with one global endpoint).
GLOBAL_SERVICES = frozenset({"iam", "route53", "cloudfront", "sts"})
WRONG_REGION = "Credential should be scoped to a valid Region, not "
KEEP_ALIVE_S = 75.0
GRACEFUL_S_MAX = 1.0


class ServerConfig(HypercornConfig):
    """hypercorn's settings: HTTP for the gateway, HTTPS by server name."""

    def __init__(self, config: RegionConfig) -> None:
        super().__init__()
        self._region = config
        first = config.https_certificates[0]
        self.bind = [f"{config.address}:{config.https_port}"]
        self.insecure_bind = [f"{config.address}:{config.gateway_port}"]
        self.certfile = str(first.certificate)
        self.keyfile = str(first.private_key)
        self.keep_alive_timeout = KEEP_ALIVE_S
        self.graceful_timeout = GRACEFUL_S_MAX
        self.loglevel = config.log_level
        self.accesslog = None

    def create_ssl_context(self) -> ssl.SSLContext:
        """Return the context that chooses a certificate by server name."""
        return https_context(self._region)


def https_context(config: RegionConfig) -> ssl.SSLContext:
    """Return the TLS context of the HTTPS listener: a certificate for each name."""
    contexts = []
    for files in config.https_certificates:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(files.certificate, files.private_key)
        contexts.append((covered_names(files), context))

    def choose(
        connection: ssl.SSLObject | ssl.SSLSocket,
        name: str | None,
        _first: ssl.SSLContext,
    ) -> None:
        for names, context in contexts:
            if name is not None and covers(names, name.lower()):
                connection.context = context
                return

    first = contexts[0][1]
    first.sni_callback = choose
    return first


@dataclass(frozen=True, slots=True)
class Gateway:
    """The ASGI application in front of ministack's.

    Attributes:
        config: names the Region and its address.
        region_tables: answers `/_hotsite/tables/`.
        ministack: the AWS APIs and the deployed HTTP APIs.
        keeper: writes down what a request changed before its answer leaves.
        limits: answers `/_hotsite/limits`.
        account: answers Service Quotas, and `/_hotsite/account`, which sets them.
        faults: what fails or hangs on purpose.
    """

    config: RegionConfig
    region_tables: tables.Tables
    ministack: Application
    keeper: Keeper | None = None
    limits: Limits = field(default_factory=Limits)
    account: AccountQuotas | None = None
    faults: Faults = field(default_factory=Faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            fate = self.faults.of_request(scope)
            if fate is not Fate.SERVE:
                await _suffer(fate, scope, receive, send)
                return
        keeper = self.keeper
        if scope["type"] != "http" or keeper is None:
            await self._serve(scope, receive, send)
            return
        marks = keeper.open()

        async def send_kept(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                keeper.close(marks)
            await send(message)

        await self._serve(scope, receive, send_kept)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.ministack(scope, receive, send)
        elif scope["scheme"] == "https":
            await self._serve_api(scope, receive, send)
        elif scope["path"].startswith("/_hotsite/"):
            await self._serve_tables(scope, receive, send)
        elif (region := self._strange_region(scope)) is not None:
            await _refuse_region(scope, send, region)
        elif (target := _target(scope)).startswith(TARGET) and self.account:
            body = await _body(receive)
            await _send_json(send, *self.account.answer(target, body))
        else:
            await self.ministack(as_tls(scope), receive, send)

    def _strange_region(self, scope: Scope) -> str | None:
        # ministack would quietly keep a second Region's state in this process;
        # AWS refuses the signature, and so catches a call to the wrong Region.
        for name, value in scope["headers"]:
            if name == b"authorization":
                match = CREDENTIAL.search(value)
                region, service = (
                    (match[1].decode(), match[2].decode()) if match else ("", "")
                )
                if region and region != self.config.region:
                    return None if service in GLOBAL_SERVICES else region
        return None

    async def _serve_tables(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if scope["path"] == "/_hotsite/limits":
            await _send_json(send, *self.limits.answer(scope["method"], body))
            return
        if scope["path"] == "/_hotsite/account" and self.account:
            await _send_json(send, *self.account.set(body))
            return
        status, document = await tables.answer(
            self.region_tables,
            scope["method"],
            scope["path"],
            parse_qs(scope["query_string"].decode()),
            body,
        )
        await _send_json(send, status, document)

    async def _serve_api(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = _host(scope)
        api = re.fullmatch(
            rf"([a-z0-9]+)\.execute-api\.{re.escape(self.config.region)}\.amazonaws\.com",
            host,
        )
        if api is not None:
            # ministack knows the API by its own host name only.
            internal = f"{api[1]}.execute-api.{self.config.address}".encode()
            scope = dict(scope)
            scope["headers"] = [
                (name, internal if name == b"host" else value)
                for name, value in scope["headers"]
            ]
        elif not _is_custom_domain(host):
            await _send_json(
                send, MISDIRECTED_REQUEST, {"message": f"{host}: not served here"}
            )
            return
        await self.ministack(scope, receive, send)


async def _body(receive: Receive) -> bytes:
    """Return a request's body; nothing of one that was given up half way."""
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def _target(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"x-amz-target":
            return bytes(value)
    return b""


def _host(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"host":
            host: str = value.decode("ascii", "replace").lower()
            return host.rpartition(":")[0] if ":" in host else host
    return ""


def _is_custom_domain(host: str) -> bool:
    # HTTP APIs keep their custom domain names in the REST APIs' store there.
    domains = importlib.import_module("ministack.services.apigateway_v1")
    return domains.find_domain_scope(host) is not None


async def _suffer(fate: Fate, scope: Scope, receive: Receive, send: Send) -> None:
    if fate is Fate.HANG:
        # Until the caller has waited long enough.
        while (await receive())["type"] != "http.disconnect":
            pass
    elif scope["scheme"] == "https":
        await _send_json(send, UNAVAILABLE, {"message": "Service Unavailable"})
    else:
        document = {"__type": TABLES_ERROR, "message": "Internal server error"}
        await _send_json(send, SERVER_ERROR, document)


async def _refuse_region(scope: Scope, send: Send, region: str) -> None:
    code, message = "InvalidSignatureException", WRONG_REGION + region
    content_types = [v for n, v in scope["headers"] if n == b"content-type"]
    if content_types[:1] == [b"application/x-www-form-urlencoded; charset=utf-8"]:
        text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        body = f"<ErrorResponse>{text}</ErrorResponse>".encode()
        await _send(send, FORBIDDEN, b"text/xml", body)
        return
    await _send_json(send, FORBIDDEN, {"__type": code, "message": message})


async def _send_json(send: Send, status: int, document: dict[str, Any]) -> None:
    body = json.dumps(document, separators=(",", ":")).encode()
    await _send(send, status, b"application/json", body)


async def _send(send: Send, status: int, content_type: bytes, body: bytes) -> None:
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
