"""``hotsite adopt``: say what becomes of a fleet that is there already."""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from hotsite.core.adoption import Adoption, Fleet, plan
from hotsite.errors import InvalidInputError
from hotsite.faces.cli import deploying
from hotsite.faces.cli.failover import add_command
from hotsite.faces.cli.files import read_settings
from hotsite.faces.cli.work import duration_text
from hotsite.ports.adoption import Inventory
from hotsite.settings import Settings

_EPILOG = """\
Reads one Region's AWS IoT Core, and changes nothing, here or anywhere: things, types,
groups, policies, rules and domain names are looked at, and a plan is printed of what
hotsite will manage, what it will leave, and which steps lead there. Where: as hotsite
deploy, what the environment of boto3 points at.

exit codes:
  0 all was read  1 something could not be read, and is named
  2 wrong input  3 no answer

examples:
  hotsite adopt --from eu-central-1
  hotsite adopt --from a --json
"""
_THINGS_MAX = 100_000
Open = Callable[[argparse.Namespace, Settings, str], Inventory]


def _open(options: argparse.Namespace, settings: Settings, region: str) -> Inventory:
    # No other command of the agent's install needs boto3.
    from hotsite.faces.cli import awsworld  # noqa: PLC0415

    del settings
    return awsworld.open_inventory(
        region, options.aws_profile, things_max=options.things_max
    )


def register(commands: Any, open_inventory: Open = _open) -> None:
    """Add the command.

    Args:
        commands: Where to add it.
        open_inventory: Opens what settings and environment point at.
    """
    command = add_command(
        commands, "adopt", "say what becomes of a fleet that is there", _EPILOG
    )
    command.add_argument(
        "--from", dest="source", required=True, metavar="REGION", help="or a, b"
    )
    command.add_argument(
        "--things-max",
        type=int,
        default=_THINGS_MAX,
        metavar="N",
        help=f"stop counting things there (default {_THINGS_MAX:,}; 250 a call)",
    )
    deploying.add_place(command)
    command.set_defaults(run=run, open_inventory=open_inventory)


def run(options: argparse.Namespace) -> int:
    """Print the plan; exit code 1 when something could not be read."""
    if options.things_max < 1:
        raise InvalidInputError(f"--things-max {options.things_max}: 1 or more")
    settings = read_settings(options.config)
    names = {site.letter: site.region for site in settings.sites}
    region = names.get(options.source, options.source)
    if region not in names.values():
        known = ", ".join(f"{a} ({b})" for a, b in names.items())
        raise InvalidInputError(
            f"there is no site {options.source!r}; there are {known}"
        )
    other = next(one for one in names.values() if one != region)
    fleet = options.open_inventory(options, settings, region).read()
    found = plan(fleet, domain=settings.domain, prefix=settings.prefix, standby=other)
    if options.json:
        print(json.dumps({"region": region, **asdict(found), "unread": fleet.unread}))
    else:
        print("\n".join(_lines(fleet, found, other)))
    return 1 if fleet.unread else 0


def _lines(fleet: Fleet, found: Adoption, other: str) -> Iterator[str]:
    yield f"the fleet in {fleet.region}; nothing of it is changed by this"
    yield "hotsite will manage, the same in both Regions:"
    yield from (f"  {line}" for line in found.managed or ("nothing: there is none",))
    if found.left:
        yield "hotsite will leave as it is:"
    for left in found.left:
        yield f"  {len(left.names)} {left.what}: {', '.join(left.names)}"
        yield f"    {left.why}"
    if found.seed_s:
        yield (
            f"registering it in {other} takes {duration_text(found.seed_s)} or more, "
            "by AWS's default quota; ask for more beforehand"
        )
    yield "steps:"
    for number, step in enumerate(found.steps, start=1):
        yield f"  {number}. {step.text}"
        if step.command:
            yield f"     {step.command}"
    yield from (f"not read: {line}" for line in fleet.unread)
