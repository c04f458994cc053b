"""`python -m hotsite.local.issuer CONFIG.json`: who signs the app users' tokens.

A small OpenID provider for one local user: discovery document, key set, sign-in page
and token endpoint over HTTPS. API Gateway accepts only RSA-signed tokens (API Gateway
Developer Guide, "JWT authorizers": "only RSA-based algorithms are supported"),
so tokens are RS256.
"""

import base64
import contextlib
import hmac
import json
import ssl
import sys
import threading
import time
import urllib.parse
import uuid
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from hotsite.errors import HotsiteError
from hotsite.local.records import read
from hotsite.local.signin import Reply, SignIn

TOKEN_S = 3_600
_KEY_BITS = 2_048
_BODY_BYTES_MAX = 16_384
_IDLE_S_MAX = 10.0
# No form-action: Chromium applies it to the redirect behind a form, too.
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; "
    "base-uri 'none'"
)


@dataclass(frozen=True, slots=True)
class IssuerConfig:
    """What the issuer is told when it starts.

    Attributes:
        address: Loopback address to bind.
        port: Port to bind.
        certificate: Path of its certificate chain.
        private_key: Path of that certificate's key.
        audience: Whom the tokens are for.
        scope: What they allow.
        username: The one user; also the client id of client credentials.
        password: Of that user; also the client secret.
    """

    address: str
    port: int
    certificate: str
    private_key: str
    audience: str
    scope: str
    username: str
    password: str

    @property
    def url(self) -> str:
        """Return the issuer's own name, the claim ``iss``."""
        return f"https://{self.address}:{self.port}"


class Issuer:
    """Signs tokens with a key of its own lifetime.

    Args:
        config: Who it is and whom it knows.
    """

    def __init__(self, config: IssuerConfig) -> None:
        self.config = config
        self._key = rsa.generate_private_key(65_537, _KEY_BITS)
        self._key_id = uuid.uuid4().hex
        self.sign_in = SignIn(config.username, config.password)

    def discovery(self) -> dict[str, Any]:
        """Return the provider's metadata (OpenID Connect Discovery 1.0, 3)."""
        url = self.config.url
        return {
            "issuer": url,
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "jwks_uri": f"{url}/jwks.json",
            "grant_types_supported": [
                "authorization_code",
                "password",
                "client_credentials",
            ],
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": [self.config.scope],
        }

    def keys(self) -> dict[str, Any]:
        """Return the public key as a JSON Web Key Set (RFC 7517, 5)."""
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        identity = {"kid": self._key_id, "use": "sig", "alg": "RS256"}
        return {"keys": [{**key, **identity}]}

    def token(
        self, form: dict[str, str], *, now_s: float
    ) -> tuple[int, dict[str, Any]]:
        """Answer a token request (RFC 6749, 4.1.3, 4.3, 4.4 and 5).

        Args:
            form: The request's fields.
            now_s: Seconds since the epoch.

        Returns:
            The HTTP status and the document.
        """
        if form.get("grant_type") == "authorization_code":
            if not self.sign_in.redeem(form, now_s=time.monotonic()):
                return 400, {"error": "invalid_grant"}
            return 200, self._signed(now_s)
        names = {
            "password": ("username", "password"),
            "client_credentials": ("client_id", "client_secret"),
        }.get(form.get("grant_type", ""))
        if names is None:
            return 400, {"error": "unsupported_grant_type"}
        given = ":".join(form.get(name, "") for name in names)
        wanted = f"{self.config.username}:{self.config.password}"
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            if names[0] == "username":
                return 400, {"error": "invalid_grant"}
            return 401, {"error": "invalid_client"}
        return 200, self._signed(now_s)

    def _signed(self, now_s: float) -> dict[str, Any]:
        claims = {
            "iss": self.config.url,
            "sub": self.config.username,
            "aud": self.config.audience,
            "client_id": self.config.username,
            "scope": self.config.scope,
            "iat": int(now_s),
            "exp": int(now_s) + TOKEN_S,
            "jti": str(uuid.uuid4()),
        }
        text = jwt.encode(claims, self._key, "RS256", headers={"kid": self._key_id})
        return {
            "access_token": text,
            "token_type": "Bearer",
            "expires_in": TOKEN_S,
            "scope": self.config.scope,
        }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        config = issuer.config
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(config.certificate, config.private_key)
        super().__init__((config.address, config.port), _Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        # The handshake belongs to the connection's own thread: in the accepting
        # one, a client that says nothing would stop all others.
        request.settimeout(_IDLE_S_MAX)
        try:
            secured = self._tls.wrap_socket(request, server_side=True)
        except OSError:
            self.shutdown_request(request)
            return
        super().process_request_thread(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        del request, client_address
        sys.stderr.write(f"issuer: a request failed: {sys.exc_info()[1]}\n")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        issuer = self.server.issuer
        path, _, query = self.path.partition("?")
        if path == "/authorize":
            self._show(issuer.sign_in.ask(dict(urllib.parse.parse_qsl(query))))
            return
        if self.path == "/.well-known/openid-configuration":
            self._answer(200, issuer.discovery())
        elif self.path == "/jwks.json":
            self._answer(200, issuer.keys())
        else:
            self._answer(404, {"error": "not_found"})

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _BODY_BYTES_MAX:
            self.close_connection = True
            self._answer(400, {"error": "invalid_request"})
            return
        body = self.rfile.read(int(length)).decode(errors="replace")
        path = self.path.partition("?")[0]
        if path not in {"/authorize", "/token"}:
            self._answer(404, {"error": "not_found"})
            return
        form = dict(urllib.parse.parse_qsl(body))
        if path == "/authorize":
            sign_in = self.server.issuer.sign_in
            self._show(sign_in.answer(form, now_s=time.monotonic()))
            return
        form.update(_basic(self.headers.get("Authorization", "")))
        self._answer(*self.server.issuer.token(form, now_s=time.time()))

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 (http.server's name)
        """Keep quiet: requests carry credentials."""

    def _show(self, reply: Reply) -> None:
        body = reply.page.encode()
        self.send_response(reply.status)
        if reply.location:
            self.send_header("Location", reply.location)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Security-Policy", _PAGE_POLICY)
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        # The companion app runs in a browser under another origin.
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(body)


def _basic(header: str) -> dict[str, str]:
    kind, _, value = header.partition(" ")
    if kind.lower() != "basic":
        return {}
    with contextlib.suppress(ValueError):
        user, _, secret = base64.b64decode(value).decode().partition(":")
        return {"client_id": user, "client_secret": secret}
    return {}


def main(arguments: list[str]) -> int:
    """Serve until killed.

    Args:
        arguments: The path of the configuration.

    Returns:
        The exit code: 2 wrong configuration, 3 the port is taken.
    """
    try:
        config = read(IssuerConfig, Path(arguments[0]))
        server = _Server(Issuer(config))
    except HotsiteError as error:
        sys.stderr.write(f"issuer: {error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"issuer: {error}\n")
        return 3
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    sys.stdout.write(json.dumps({"kind": "ready", "url": config.url}) + "\n")
    sys.stdout.flush()
    thread.join()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
