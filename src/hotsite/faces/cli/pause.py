"""``hotsite pause`` and ``hotsite resume``: leave the sites as they are, or not."""

import argparse
import json
import math
import sys
from collections.abc import Callable
from typing import Any

from hotsite.core.operations import Pause
from hotsite.errors import InvalidInputError
from hotsite.faces.cli.control import Open, open_control
from hotsite.faces.cli.failover import add_command
from hotsite.faces.cli.sites import add_arguments
from hotsite.flows.pausing import say

_EPILOG = """\
While paused no guard takes over, and planned failovers and failbacks are refused.
Route 53 goes on to lead the fleet to the site that is healthy, and a forced failover
goes through. It is written in every Region that answers.

examples:
  hotsite pause --because "work on the network" --for 3600
  hotsite resume
"""


def register(
    commands: Any,
    open_control: Open = open_control,
    add_world: Callable[..., None] = add_arguments,
) -> None:
    """Add both commands; the arguments are those of ``failover.register``."""
    pause = add_command(commands, "pause", "keep the sites as they are", _EPILOG)
    pause.add_argument("--because", required=True, metavar="TEXT", help="why")
    pause.add_argument(
        "--for",
        dest="for_s",
        type=float,
        metavar="SECONDS",
        help="end by itself after so many seconds (default: never)",
    )
    pause.set_defaults(is_paused=True)
    resume = add_command(commands, "resume", "end a pause", _EPILOG)
    resume.set_defaults(is_paused=False, because="", for_s=None)
    for command in (pause, resume):
        add_world(command)
        command.set_defaults(run=run, open_control=open_control)


def run(options: argparse.Namespace) -> int:
    """Write it; exit 3 when a Region did not answer, so that somebody looks."""
    for_s = options.for_s
    if for_s is not None and not (for_s > 0 and math.isfinite(for_s)):
        raise InvalidInputError(f"--for {for_s:g}: seconds, more than 0")
    opened = options.open_control(options, lambda _line: None)
    control = opened.control
    until_s = None if for_s is None else control.clock.now_s() + for_s
    pause = Pause(options.is_paused, until_s, control.by, options.because)
    replicas = {letter: desk.operations for letter, desk in control.desks.items()}
    said = say(pause, replicas, control.clock)
    if options.json:
        document = {"paused": pause.is_paused, "until_s": pause.until_s}
        silent = dict(said.silent)
        print(json.dumps({**document, "written": list(said.written), "silent": silent}))
    else:
        what = "paused" if pause.is_paused else "resumed"
        print(f"{what} in {', '.join(opened.regions[one] for one in said.written)}")
    for letter, why in said.silent.items():
        line = f"{opened.regions[letter]} gets it once it answers: {why}"
        print(line, file=sys.stderr, flush=True)
    return 3 if said.silent else 0
