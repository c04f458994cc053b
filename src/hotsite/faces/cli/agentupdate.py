"""``hotsite agent update``: ask for firmware once, or tell what the slots hold."""

import argparse
import json
from pathlib import Path
from typing import Any

from hotsite.errors import InvalidInputError

_FILE = "firmware.json"
_EPILOG = """\
DIR holds firmware.json beside device.json: docs/firmware.md. What is found is verified,
written into the slot that does not run, and tried at the agent's next start.

examples:
  hotsite agent update oven-1
  hotsite agent update oven-1 --status --json
"""


def register(verbs: Any) -> None:
    """Add the verb."""
    verb = verbs.add_parser(
        "update",
        help="ask for firmware once",
        description="Ask the owner's API for newer firmware, and bring it as far as "
        "the next start.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("path", type=Path, metavar="DIR")
    verb.add_argument("--status", action="store_true", help="only tell what is there")
    verb.add_argument("--json", action="store_true", help="JSON on stdout")
    verb.set_defaults(run=run)


def is_updating(path: Path) -> bool:
    """Tell whether a device updates itself: ``firmware.json`` is beside the other."""
    folder = path if path.is_dir() else path.parent
    return (folder / _FILE).exists()


def run_agent(options: argparse.Namespace) -> int:
    """Run an agent that updates itself."""
    _, updating = _modules()
    wishes = updating.Wishes(options.json, options.messages)
    code: int = updating.run(options.path, wishes)
    return code


def run(options: argparse.Namespace) -> int:
    """Ask once."""
    firmware, updating = _modules()
    with firmware.open_kit(options.path) as kit:
        said = {} if options.status else updating.update(kit)
        found = firmware.status(kit)
    if options.json:
        print(json.dumps({**said, "slots": found}))
        return 0
    if said:
        offered = f" {said['version']}" if said["version"] else ""
        print(f"{said['reason']}{offered}, while {said['running']} runs")
    for key, value in found.items():
        print(f"{key}: {value}")
    return 0


def _modules() -> tuple[Any, Any]:
    """Return what needs python-tuf, which is an extra."""
    try:
        from hotsite.faces.agent import firmware, updating  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise InvalidInputError(
            f"firmware needs {error.name}; run: pip install 'hotsite[firmware]'"
        ) from error
    return firmware, updating
