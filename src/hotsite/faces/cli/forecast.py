"""``hotsite forecast``: what the loss of a Region would cost, before it happens."""

import argparse
import importlib.util
from pathlib import Path
from typing import Any

from hotsite.core.hardship import Follow
from hotsite.errors import NotReadyError
from hotsite.faces.cli.files import read_settings

_EPILOG = """\
The plan is that of hotsite.toml: dns, objectives, outbox and telemetry (fleet_size,
connects_per_s). docs/forecast.md says what is assumed beside it.

exit codes:
  0 the objectives can be met  1 they cannot  2 wrong input

examples:
  hotsite forecast
  hotsite forecast --devices 1000000 --policy own-names --connects-per-s 20000
  hotsite forecast --devices 10000 --fault reset --compare --out build/forecast
"""
_FAULTS = ("black-hole", "reset", "planned")
_POLICIES = tuple(policy.value for policy in Follow)


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "forecast",
        help="foresee RTO, RPO, quota walls and cost, before the disaster",
        description="Foresee the loss of the active Region. Exit 0 when the "
        "objectives can be met, 1 when not.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    numbers = (
        ("--devices", int, "N", "size of the fleet (default: telemetry.fleet_size)"),
        ("--publish-interval", float, "S", "seconds between a device's messages"),
        ("--connects-per-s", float, "R", "CONNECT quota of the standby, if raised"),
        ("--subscribes-per-s", float, "R", "subscription quota of the standby"),
        ("--connections", int, "N", "quota of concurrent connections there"),
        ("--stretch-share", float, "X", "share of resolvers that stretch the TTL"),
        ("--stretch-s", float, "S", "how long those keep an answer (default 300)"),
        ("--activation-s", float, "S", "to switch a pilot light on (default 600)"),
    )
    for flag, kind, name, told in numbers:
        command.add_argument(flag, type=kind, metavar=name, help=told)
    command.add_argument(
        "--policy", choices=_POLICIES, default="dns", help="which names devices know"
    )
    command.add_argument("--fault", choices=_FAULTS, default="black-hole")
    command.add_argument(
        "--compare", action="store_true", help="the strategies, and what they cost"
    )
    command.add_argument("--config", type=Path, metavar="FILE", help="hotsite.toml")
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="write forecast.html and forecast.json"
    )
    command.add_argument("--json", action="store_true", help="JSON on stdout")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Foresee, judge, show."""
    settings = read_settings(options.config)
    if importlib.util.find_spec("numpy") is None:
        raise NotReadyError("a forecast needs numpy: pip install 'hotsite[forecast]'")
    # NumPy takes a tenth of a second to import and no other command needs it.
    from hotsite.faces.cli import foresight  # noqa: PLC0415

    return foresight.show(options, settings)
