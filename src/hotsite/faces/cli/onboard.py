"""``hotsite onboard``: one device through the API, as the companion app does it."""

import argparse
import json
import ssl
import sys
from pathlib import Path
from typing import Any

from hotsite.adapters import onboarding_api
from hotsite.adapters.resolver import DnsResolver, Resolver, SystemResolver
from hotsite.core import onboarding
from hotsite.core.onboarding import Answer, Request
from hotsite.errors import InvalidInputError
from hotsite.faces.cli.files import read_json, read_text

_EPILOG = """\
The claim is a JSON file: {"id": "oven-1", "secret": "..."}; the token comes from a
file too, so that neither is ever in the list of processes.

example:
  eval "$(hotsite local env)"
  hotsite onboard oven-1.csr --claim oven-1.claim.json --key oven-1.key \\
    --api "$HOTSITE_API" --ca "$HOTSITE_CA" --dns "$HOTSITE_DNS" \\
    --token-file "$HOTSITE_TOKEN_FILE"
"""
# What the agent looks for in a folder.
_DEVICE = "device.json"


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "onboard",
        help="onboard one device through the API",
        description="Send a claim and a CSR to the onboarding API; write what it "
        "answers beside the CSR.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("csr", type=Path, metavar="CSR", help="PEM signing request")
    command.add_argument("--claim", type=Path, required=True, metavar="FILE")
    add_api_arguments(command)
    command.add_argument("--out", type=Path, metavar="FILE", help="default: CSR.json")
    command.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="the CSR's private key: write, beside it, what `hotsite agent run` "
        "takes; the key itself is not read",
    )
    command.add_argument("--json", action="store_true", help="the answer as JSON")
    command.set_defaults(run=run)


def add_api_arguments(command: argparse.ArgumentParser) -> None:
    """Add where the API is, and what it takes to talk to it."""
    command.add_argument("--token-file", type=Path, required=True, metavar="FILE")
    command.add_argument("--api", required=True, metavar="HOST[:PORT]")
    command.add_argument("--ca", type=Path, metavar="FILE", help="trust this CA only")
    command.add_argument(
        "--dns", metavar="ADDRESS:PORT", help="ask this name server instead"
    )


def api_endpoint(options: argparse.Namespace) -> onboarding_api.Endpoint:
    """Return what ``add_api_arguments`` asked for.

    Raises:
        InvalidInputError: One of the values is wrong.
    """
    host, _, port = options.api.partition(":")
    if port and not port.isdigit():
        raise InvalidInputError(f"--api {options.api}: the port is not a number")
    return onboarding_api.Endpoint(
        name=host,
        port=int(port or 443),
        resolver=resolver(options.dns),
        context=_trust(options.ca),
        token=read_text(options.token_file).strip(),
    )


def answer_document(answer: Answer) -> dict[str, Any]:
    """Return the API's answer as the API says it."""
    return {
        "thing": answer.thing_name,
        "certificate_id": answer.certificate.certificate_id,
        "certificate": answer.certificate.pem,
        "ca": answer.ca_pem,
        "iot": {"names": list(answer.names.iot), "port": answer.names.port},
        "api": answer.names.api,
    }


def run(options: argparse.Namespace) -> int:
    """Onboard, then keep the answer where the CSR is."""
    claim = onboarding.claim_of(read_json(options.claim), where=str(options.claim))
    endpoint = api_endpoint(options)
    request = Request(claim, read_text(options.csr))
    path = options.out or options.csr.with_suffix(".json")
    if options.key is not None and path == options.key.parent / _DEVICE:
        raise InvalidInputError(f"--out: {path} is what --key writes for the agent")
    answer, site = onboarding_api.onboard(request, endpoint)
    document = answer_document(answer)
    try:
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        if options.key is not None:
            _equip(answer, options.key, options.dns)
    except OSError as error:
        raise InvalidInputError(
            f"{error.filename}: {error.strerror}; {answer.thing_name} is onboarded: "
            "the same command with another --out gives the same answer"
        ) from error
    if options.json:
        print(json.dumps(document))
    else:
        names = ", ".join(answer.names.iot)
        print(
            f"{answer.thing_name} is onboarded by {site}; wrote {path}", file=sys.stderr
        )
        print(f"it connects to {names} on port {answer.names.port}", file=sys.stderr)
    return 0


def _equip(answer: Answer, key: Path, name_server: str | None) -> None:
    """Write what the reference agent and other MQTT clients take, beside a key."""
    device: dict[str, Any] = {
        "thing": answer.thing_name,
        "endpoints": list(answer.names.iot),
        "port": answer.names.port,
        "certificate": "certificate.pem",
        "private_key": key.name,
        "ca": "ca.pem",
    }
    if name_server is not None:
        address, _, port = name_server.partition(":")
        device["resolver"] = {"address": address, "port": int(port)}
    for name, text in (
        ("certificate.pem", answer.certificate.pem),
        ("ca.pem", answer.ca_pem),
        (_DEVICE, json.dumps(device, indent=1) + "\n"),
    ):
        (key.parent / name).write_text(text, encoding="utf-8")


def resolver(name_server: str | None) -> Resolver:
    """Return who is asked: the machine's resolver, or one name server."""
    if name_server is None:
        return SystemResolver()
    address, _, port = name_server.partition(":")
    if not port.isdigit():
        raise InvalidInputError(f"--dns {name_server}: write ADDRESS:PORT")
    return DnsResolver(address, int(port))


def _trust(path: Path | None) -> ssl.SSLContext:
    if path is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=read_text(path))
    except ssl.SSLError as error:
        raise InvalidInputError(f"{path}: is not a PEM certificate") from error
