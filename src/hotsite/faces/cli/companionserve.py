"""``hotsite companion serve``: the companion app on this machine."""

import argparse
import json
import os
import ssl
import sys
import urllib.parse
from pathlib import Path
from typing import Any

from hotsite.core import companion
from hotsite.core.companion import SOFT_AP, AppConfig
from hotsite.errors import InvalidInputError
from hotsite.faces.cli.files import read_json
from hotsite.faces.companion.relay import Upstream
from hotsite.faces.companion.server import Companion, Server
from hotsite.local.client import LocalCloud

_ADDRESS = "127.0.0.1"
_PORT = 8088
_SCOPE = "devices:write"
_EPILOG = """\
Without --config it serves the app of the local cloud that is up: calls go to that
cloud by the owner's names, through its own name server, and people sign in at its
issuer. With --config it serves the app of any other cloud; a browser then calls
api.<domain> itself. The file:
  {"api": "https://api.example.com",
   "sign_in": {"authorization_endpoint": "https://auth.example.com/oauth2/authorize",
               "token_endpoint": "https://auth.example.com/oauth2/token",
               "client_id": "...", "scope": "devices:write"}}

examples:
  hotsite local up --detach && hotsite companion serve
  hotsite companion serve --config config.json --port 8090
"""


def register(parts: Any) -> None:
    """Add the sub-command."""
    part = parts.add_parser(
        "serve",
        help="serve the companion app on this machine",
        description="Serve the companion app (an installable web app) on a loopback "
        "address, until Ctrl-C.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    part.add_argument("--name", default="local", help="of the local cloud")
    part.add_argument(
        "--dir", type=Path, metavar="DIR", help="its folder; default: .hotsite/NAME"
    )
    part.add_argument(
        "--config", type=Path, metavar="FILE", help="of another cloud than a local one"
    )
    part.add_argument(
        "--port", type=int, default=_PORT, help=f"0 for any (default {_PORT})"
    )
    part.add_argument(
        "--soft-ap",
        default=SOFT_AP,
        metavar="URL",
        help=f"where a device answers on its own Wi-Fi (default {SOFT_AP})",
    )
    part.add_argument("--json", action="store_true", help="where it is, as JSON")
    part.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    if not 0 <= options.port < 1 << 16:
        raise InvalidInputError(f"--port {options.port}: write 0 to 65535")
    document: dict[str, str] = {}
    if options.config is not None:
        served = Companion(
            companion.parse(read_json(options.config), where=str(options.config))
        )
    else:
        folder: Path = options.dir or Path(".hotsite") / options.name
        local = LocalCloud.open(folder)
        served = of_local(local, soft_ap=options.soft_ap)
        password = _write_password(local)
        document = {"username": local.state.username, "password_file": str(password)}
    with Server(served, _ADDRESS, options.port) as server:
        if options.json:
            print(json.dumps({"url": server.url, **document}), flush=True)
        _say(f"the app is at {server.url}; Ctrl-C ends it")
        if document:
            _say(
                f"sign in as {document['username']}; the password is in "
                f"{document['password_file']}"
            )
        server.serve_forever(poll_interval=0.2)
    return 0


def of_local(local: LocalCloud, *, soft_ap: str = SOFT_AP) -> Companion:
    """Return the app of a local cloud, whose calls are passed on to it.

    Args:
        local: The cloud.
        soft_ap: Where a device answers on its own Wi-Fi.
    """
    state = local.state
    context = ssl.create_default_context(cafile=state.ca)
    issuer = urllib.parse.urlsplit(state.issuer_url)
    desk = Upstream(f"api.{state.domain}", state.https_port, context, local.resolver)
    door = Upstream(str(issuer.hostname), int(issuer.port or 443), context)
    return Companion(
        AppConfig(
            api=".",
            authorization_endpoint="./authorize",
            token_endpoint="./token",  # noqa: S106 - an address
            client_id=state.username,
            scope=_SCOPE,
            soft_ap=soft_ap,
        ),
        upstreams={"/v1": desk, "/authorize": door, "/token": door},
    )


def _write_password(local: LocalCloud) -> Path:
    """Put the test user's password where only the owner of the files reads it."""
    path = local.folder / "password"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{local.state.password}\n")
    return path


def _say(text: str) -> None:
    print(f"companion: {text}", file=sys.stderr, flush=True)
