"""Serve the companion app on this machine's loopback address.

Knows the app's files, its configuration and, for a local cloud, whom to pass calls on
to. A browser takes http on a loopback address for a secure context (W3C, Secure
Contexts, 3.1), so Bluetooth and the service worker work without a certificate.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from hotsite.core.companion import AppConfig
from hotsite.errors import NotReadyError, UnreachableError
from hotsite.faces.companion.relay import Asked, Upstream, pass_on

SITE = Path(__file__).with_name("site")
INDEX, CONFIG = "index.html", "config.json"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_BODY_BYTES_MAX = 64 * 1024
_IDLE_S_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Companion:
    """What is served.

    Attributes:
        config: Served as ``config.json``.
        site: The app's folder.
        upstreams: Whom requests are passed on to, by the beginning of their path.
    """

    config: AppConfig
    site: Path = SITE
    upstreams: Mapping[str, Upstream] = field(default_factory=dict)

    def files(self) -> dict[str, bytes]:
        """Return every file of the app by its path.

        Raises:
            NotReadyError: The app has not been built.
        """
        if not (self.site / INDEX).exists():
            raise NotReadyError(
                "the companion app is not built here (it ships in releases); "
                "run: make companion"
            )
        found = {f"/{path.name}": path.read_bytes() for path in self.site.iterdir()}
        config = json.dumps(self.config.document, indent=1).encode()
        return {**found, "/": found[f"/{INDEX}"], f"/{CONFIG}": config}


class Server(ThreadingHTTPServer):
    """The HTTP server of one app.

    Args:
        companion: What is served.
        address: Loopback address.
        port: TCP port, 0 for any.

    Raises:
        NotReadyError: The app has not been built, or the port is taken.
    """

    daemon_threads = True

    def __init__(self, companion: Companion, address: str, port: int) -> None:
        self.companion = companion
        self.files = companion.files()
        try:
            super().__init__((address, port), _Handler)
        except OSError as error:
            raise NotReadyError(f"{address}:{port}: {error.strerror}") from error

    @property
    def url(self) -> str:
        """Return where the app is."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say that a connection broke; browsers hang up all the time."""
        del request, client_address
        sys.stderr.write(f"companion: a connection broke: {sys.exc_info()[1]}\n")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S_MAX
    server: Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        body = self.server.files.get(path)
        if body is None:
            self._pass_on(None)
            return
        kind = _KINDS.get(Path(path if path != "/" else INDEX).suffix, "")
        self._answer(200, body, (("Content-Type", kind),))

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _BODY_BYTES_MAX:
            self.close_connection = True
            self._problem(413, "the body is too long")
            return
        self._pass_on(self.rfile.read(int(length)))

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 (http.server's name)
        """Keep quiet: requests carry credentials."""

    def _pass_on(self, body: bytes | None) -> None:
        path = self.path.partition("?")[0]
        for beginning, upstream in self.server.companion.upstreams.items():
            if path == beginning or path.startswith(f"{beginning}/"):
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, body)
                try:
                    passed = pass_on(asked, upstream)
                except UnreachableError as error:
                    self._problem(502, str(error))
                    return
                self._answer(passed.status, passed.body, passed.headers)
                return
        self._problem(404, "there is no such file")

    def _problem(self, status: int, detail: str) -> None:
        kind = (("Content-Type", "application/problem+json"),)
        self._answer(status, json.dumps({"detail": detail}).encode(), kind)

    def _answer(
        self, status: int, body: bytes, headers: tuple[tuple[str, str], ...]
    ) -> None:
        self.send_response(status)
        own = {name.lower() for name, _ in headers}
        always = (("Cache-Control", "no-cache"), *self.server.companion.config.headers)
        for name, value in (*headers, *always):
            if (name, value) in headers or name.lower() not in own:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
