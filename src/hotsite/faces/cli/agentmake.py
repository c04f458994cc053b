"""``hotsite agent make|provision|reset``: a device from the factory to the owner."""

import argparse
import csv
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from hotsite.adapters import pan_vault
from hotsite.adapters.pan_security import make_verifier
from hotsite.adapters.pan_vault import DirectoryVault
from hotsite.core import onboarding
from hotsite.core.label import CSV_COLUMNS, TRANSPORTS, Label, device_name, make_pop
from hotsite.core.provisioning import Custody, DeviceIdentity
from hotsite.errors import InvalidInputError
from hotsite.faces.cli.files import read_json

_MAKE_EPILOG = """\
The claim is what `hotsite local claim` writes, {"id": "oven-1", "secret": "..."}; its
id becomes the serial number. The code of the label goes to stdout or into --labels,
and is not kept on the device.

example:
  hotsite agent make oven-1 --domain fleet.example.com --claim oven-1/claim.json \\
    --labels labels.csv
"""
_PROVISION_EPILOG = """\
--wifi listens on the address of the device's own Wi-Fi; --ble takes `bluez` (the
system's Bluetooth), or a controller of its own as bumble names them (usb:0,
hci-socket:0, serial:...). When new credentials have connected they replace the old
ones, and the agent goes on.

examples:
  hotsite agent provision oven-1 --wifi 192.168.4.1:80
  hotsite agent provision oven-1 --ble bluez
"""
_RAW = argparse.RawDescriptionHelpFormatter


def register(verbs: Any) -> None:
    """Add the three verbs to ``hotsite agent``."""
    _register_make(verbs)
    _register_provision(verbs)
    verb = verbs.add_parser(
        "reset",
        help="bring a device back to how it left the factory",
        description="Delete keys, certificates, names and undelivered messages of "
        "DIR; who it is stays, and so do counted wrong codes.",
        epilog="example:\n  hotsite agent reset oven-1",
        formatter_class=_RAW,
    )
    verb.add_argument("path", type=Path, metavar="DIR")
    verb.add_argument("--json", action="store_true", help="JSON on stdout")
    verb.set_defaults(run=reset)


def _register_make(verbs: Any) -> None:
    verb = verbs.add_parser(
        "make",
        help="make a device as a factory does, with its label",
        description="Make DIR with who the device is, and print its label.",
        epilog=_MAKE_EPILOG,
        formatter_class=_RAW,
    )
    verb.add_argument("path", type=Path, metavar="DIR")
    verb.add_argument("--domain", required=True, help="the owner's; no other is obeyed")
    verb.add_argument("--claim", type=Path, required=True, metavar="FILE")
    verb.add_argument("--model", default="reference")
    verb.add_argument(
        "--custody",
        choices=[custody.value for custody in Custody],
        default=Custody.DEVICE.value,
        help="who makes the key pair (default: device)",
    )
    verb.add_argument("--transport", choices=TRANSPORTS, default="ble")
    verb.add_argument("--address", default="", metavar="HOST:PORT", help="for the CSV")
    verb.add_argument(
        "--dns", metavar="ADDRESS:PORT", help="the name server the device will ask"
    )
    verb.add_argument("--labels", type=Path, metavar="CSV", help="append the label")
    verb.add_argument("--json", action="store_true", help="JSON on stdout")
    verb.set_defaults(run=make)


def _register_provision(verbs: Any) -> None:
    verb = verbs.add_parser(
        "provision",
        help="let phones provision devices, then run them",
        description="Answer phones over Wi-Fi or Bluetooth LE, and keep the device "
        "connected with the last credentials that worked.",
        epilog=_PROVISION_EPILOG,
        formatter_class=_RAW,
    )
    verb.add_argument("paths", type=Path, nargs="+", metavar="DIR")
    verb.add_argument("--wifi", metavar="ADDRESS:PORT", help="listen there (HTTP)")
    verb.add_argument("--ble", metavar="ADAPTER", help="bluez, or as bumble names it")
    verb.add_argument(
        "--once", action="store_true", help="stop when each delivered a message"
    )
    verb.add_argument("--json", action="store_true", help="events as JSON lines")
    verb.set_defaults(run=provision)


def make(options: argparse.Namespace) -> int:
    """Make a device's directory, then tell its label: never the other way round."""
    claim = onboarding.claim_of(read_json(options.claim), where=str(options.claim))
    serial, pop = claim.claim_id, make_pop(secrets.randbelow)
    label = Label(
        serial, device_name(serial), pop, options.transport, address=options.address
    )
    salt, verifier = make_verifier(label.username, pop)
    identity = DeviceIdentity(
        serial,
        options.model,
        _domain(options.domain),
        claim,
        salt,
        verifier,
        label.username,
        Custody(options.custody),
    )
    extras = {"resolver": _server(options.dns)} if options.dns else {}
    if options.labels is not None:
        _open_labels(options.labels).close()
    pan_vault.write_identity(options.path, identity, extras)
    if options.labels is not None:
        _append(options.labels, label)
    if options.json:
        said: dict[str, Any] = {"device": str(options.path), "serial": serial}
        shown = {"label": json.loads(label.qr())} if options.labels is None else {}
        print(json.dumps(said | shown))
    elif options.labels is None:
        print(label.qr())
    print(f"{serial}: wrote {options.path / pan_vault.IDENTITY}", file=sys.stderr)
    return 0


def provision(options: argparse.Namespace) -> int:
    """Serve phones until asked to stop."""
    # Only this command needs the agent's modules; the others start faster.
    from hotsite.faces.agent.provision import Doors, run  # noqa: PLC0415

    http = None
    if options.wifi is not None:
        server = _server(options.wifi, flag="--wifi")
        http = (server["address"], server["port"])
    doors = Doors(http, options.ble)
    return run(options.paths, doors, is_json=options.json, is_once=options.once)


def reset(options: argparse.Namespace) -> int:
    """Forget everything but who the device is."""
    identity = pan_vault.read_identity(options.path)
    DirectoryVault(options.path, {}).reset()
    if options.json:
        print(json.dumps({"serial": identity.serial, "state": "new"}))
    else:
        print(f"{identity.serial}: as it left the factory", file=sys.stderr)
    return 0


def _domain(text: str) -> str:
    domain = text.lower().strip(".")
    if "." not in domain or "/" in domain or " " in domain:
        raise InvalidInputError(f"--domain {text}: write it as fleet.example.com")
    return domain


def _server(text: str, flag: str = "--dns") -> dict[str, Any]:
    address, _, port = text.rpartition(":")
    if not address or not port.isdigit():
        raise InvalidInputError(f"{flag} {text}: write ADDRESS:PORT")
    return {"address": address, "port": int(port)}


def _open_labels(path: Path) -> Any:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise InvalidInputError(f"--labels {path}: {error.strerror}") from error
    return os.fdopen(descriptor, "a", encoding="utf-8", newline="")


def _append(path: Path, label: Label) -> None:
    row = {name: getattr(label, name) for name in CSV_COLUMNS}
    with _open_labels(path) as file:
        writer = csv.DictWriter(file, CSV_COLUMNS, lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(row)
