"""``hotsite companion``: the app that brings devices online."""

import argparse
from typing import Any

from hotsite.faces.cli import companionserve

_EPILOG = """\
examples:
  hotsite companion serve
  hotsite companion serve --config config.json
"""


def register(commands: Any) -> None:
    """Add the command and its sub-commands."""
    command = commands.add_parser(
        "companion",
        help="the app that brings devices online",
        description="The companion app: a person with a phone brings a device online.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = command.add_subparsers(dest="part", metavar="COMMAND", required=True)
    companionserve.register(parts)
