"""``hotsite agent``: the reference device."""

import argparse
from pathlib import Path
from typing import Any

_EPILOG = """\
PATH is a JSON file (or a folder with device.json in it):
  {"thing": "oven-1", "endpoints": ["iot.fleet.example.com"], "port": 8883,
   "certificate": "oven-1.pem", "private_key": "oven-1.key", "ca": "ca.pem"}

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


def run(options: argparse.Namespace) -> int:
    """Run until interrupted, or until enough messages were acknowledged."""
    # Only this command needs the agent's modules; the others start faster.
    from hotsite.faces.agent import runner  # noqa: PLC0415

    return runner.run(
        options.path, is_json=options.json, message_count=options.messages
    )
