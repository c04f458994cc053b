"""``hotsite companion``: what a person does before a device."""

from typing import Any

from hotsite.faces.cli import (
    companionfirmware,
    companionhost,
    companiononboard,
    companionserve,
)


def register(commands: Any) -> None:
    """Add the command; each verb is a module of its own."""
    command = commands.add_parser("companion", help="bring devices from the box in")
    verbs = command.add_subparsers(dest="verb", metavar="VERB", required=True)
    companiononboard.register(verbs)
    companionfirmware.register(verbs)
    companionserve.register(verbs)
    companionhost.register(verbs)
