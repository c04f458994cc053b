"""``hotsite failover`` and ``hotsite failback``: move the fleet to the other site."""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from hotsite.core import records
from hotsite.core.epoch import SITES
from hotsite.core.operations import Kind, Operation
from hotsite.errors import InvalidInputError
from hotsite.faces.cli.control import Open, Opened, open_control
from hotsite.faces.cli.sites import add_arguments
from hotsite.flows.failover import Plan, Request, operate, plan

_EPILOG = """\
--planned asks both sites, waits until nothing is behind, and moves every device at a
pace that the target admits. --forced is for a dead site: it writes one item in the
target's Region, calls nothing of the other one, and DNS follows within half a minute.
Neither calls a control plane of AWS IoT or Route 53. A pilot light is lit first. A
command that was killed goes on when it is run again.

exit codes:
  0 the fleet is led to the target  1 --dry-run: something speaks against it
  2 refused, all reasons in one line  3 a step is not done: run it again

examples:
  hotsite failover --to eu-west-1 --dry-run
  hotsite failover --to b --planned
  hotsite failover --to b --forced --force-because "a is dark since 10:00"
"""
_BACK_EPILOG = """\
First says what was created, changed, revoked and deleted while the site was away, and
what of it cannot be applied there. Then as a planned failover: nothing is moved
before both sites have what the other one wrote, and between two cohorts the site's
health is looked at.

examples:
  hotsite failback --dry-run
  hotsite failback
"""


def register(
    commands: Any,
    open_control: Open = open_control,
    add_world: Callable[..., None] = add_arguments,
) -> None:
    """Add both commands.

    Args:
        commands: Where to add them.
        open_control: Opens the world that the options point at; AWS or a local
            cloud by default.
        add_world: Adds the options that it reads.
    """
    there = add_command(commands, "failover", "make the other site active", _EPILOG)
    there.add_argument(
        "--to", required=True, metavar="SITE", help="its letter or its Region"
    )
    how = there.add_mutually_exclusive_group()
    how.add_argument(
        "--planned",
        dest="kind",
        action="store_const",
        const=Kind.PLANNED,
        help="both sites live; every device is moved (the default)",
    )
    how.add_argument(
        "--forced",
        dest="kind",
        action="store_const",
        const=Kind.FORCED,
        help="the other site is dead; nothing of it is called",
    )
    there.set_defaults(kind=Kind.PLANNED)
    back = add_command(commands, "failback", "lead the fleet home", _BACK_EPILOG)
    back.set_defaults(kind=Kind.FAILBACK, to=SITES[0])
    for command in (there, back):
        command.add_argument(
            "--dry-run", action="store_true", help="say what would be done, and why not"
        )
        command.add_argument(
            "--force-because",
            metavar="TEXT",
            help="do it although something speaks against it; recorded with the reason",
        )
        add_world(command)
        command.set_defaults(run=run, open_control=open_control)


def run(options: argparse.Namespace) -> int:
    """Carry out what was asked for, or say what it would be."""
    because = options.force_because
    if because is not None and not because.strip():
        raise InvalidInputError("--force-because: say why")
    opened: Opened = options.open_control(options, _say)
    request = Request(options.kind, opened.letter(options.to), because)
    if options.dry_run:
        return _show(plan(request, opened.control), opened, is_json=options.json)
    operation = operate(request, opened.control)
    if options.json:
        print(json.dumps({"operation": records.write(operation)}))
    else:
        print(_text(operation, opened))
    return 0


def add_command(commands: Any, name: str, what: str, epilog: str) -> Any:
    """Add a command of one sentence, and return its parser."""
    return commands.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _show(found: Plan, opened: Opened, *, is_json: bool) -> int:
    if is_json:
        print(json.dumps(_document(found)))
    else:
        print("\n".join(_lines(found, opened)))
    return 1 if found.refused else 0


def _document(found: Plan) -> dict[str, Any]:
    return {
        "kind": found.request.kind.value,
        "target": found.request.target,
        "epoch": records.write(found.book.newest),
        "objections": [records.write(one) for one in found.objections],
        "refused": bool(found.refused),
        "steps": list(found.steps),
        "resumes": found.resumed.id if found.resumed else None,
        "drain_s": found.drain_s,
        "while_away": str(found.absence) if found.absence else None,
    }


def _lines(found: Plan, opened: Opened) -> list[str]:
    request = found.request
    where = f"{request.target} ({opened.regions[request.target]})"
    lines = [f"{request.kind.value} to {where}; now {found.book.newest} holds"]
    if found.resumed is not None:
        lines.append(f"goes on with {found.resumed.id}")
    lines.append(f"steps: {', '.join(found.steps)}")
    if found.drain_s is not None:
        lines.append(f"moving the fleet takes {found.drain_s:.0f} s or more")
    if found.absence is not None:
        lines.append(f"while it was away: {found.absence}")
    for one in found.objections:
        how = "may be overridden" if one.may_override else "cannot be overridden"
        lines.append(f"against it: {one.text} ({how})")
    lines.append("it would be refused" if found.refused else "nothing is in its way")
    return lines


def _text(operation: Operation, opened: Opened) -> str:
    where = f"{operation.target} ({opened.regions[operation.target]})"
    return f"{where} is active since epoch {operation.epoch}: {operation.id} is done"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
