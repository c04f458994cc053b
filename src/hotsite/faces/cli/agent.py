"""``hotsite agent``: the reference device."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from hotsite.adapters import device_key
from hotsite.errors import InvalidInputError
from hotsite.faces.cli import agentmake

_EPILOG = """\
PATH is a JSON file (or a folder with device.json in it):
  {"thing": "oven-1", "endpoints": ["iot.fleet.example.com"], "port": 8883,
   "certificate": "oven-1.pem", "private_key": "oven-1.key", "ca": "ca.pem"}
All keys and their defaults are in docs/device.md.

example:
  hotsite agent run oven-1/ --messages 10 --json
"""


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("agent", help="the reference device")
    verbs = command.add_subparsers(dest="verb", metavar="VERB", required=True)
    run_verb = verbs.add_parser(
        "run",
        help="connect, publish, survive",
        description="Connect as one device, publish a reading now and then, and "
        "come back in the other Region when this one dies.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run_verb.add_argument("path", type=Path, metavar="PATH")
    run_verb.add_argument(
        "--messages", type=int, metavar="N", help="stop after N are acknowledged"
    )
    run_verb.add_argument("--json", action="store_true", help="events as JSON lines")
    run_verb.set_defaults(run=run)

    new_verb = verbs.add_parser(
        "new",
        help="make a device's key and signing request",
        description="Make DIR with device.key (readable by you alone) and request.csr; "
        "the key never leaves it.",
        epilog="example:\n  hotsite agent new oven-1",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    new_verb.add_argument("path", type=Path, metavar="DIR", help="named as the thing")
    new_verb.add_argument("--json", action="store_true", help="JSON on stdout")
    new_verb.set_defaults(run=new)
    agentmake.register(verbs)


def new(options: argparse.Namespace) -> int:
    """Make a device's folder; a key that is there already is kept."""
    folder: Path = options.path
    key, csr = folder / "device.key", folder / "request.csr"
    if key.exists():
        raise InvalidInputError(f"{key}: is there already; it was kept")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made = device_key.make(folder.absolute().name)
        made.save(key)
        csr.write_text(made.csr_pem, "ascii")
    except OSError as error:
        raise InvalidInputError(f"{folder}: {error.strerror}") from error
    if options.json:
        print(json.dumps({"key": str(key), "csr": str(csr)}))
    else:
        print(f"wrote {key} and {csr}", file=sys.stderr)
    return 0


def run(options: argparse.Namespace) -> int:
    """Run until interrupted, or until enough messages were acknowledged."""
    # Only this command needs the agent's modules; the others start faster.
    from hotsite.faces.agent import runner  # noqa: PLC0415

    return runner.run(
        options.path, is_json=options.json, message_count=options.messages
    )
