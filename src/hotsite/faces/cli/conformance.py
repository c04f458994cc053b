"""``hotsite conformance``: try other people's firmware, from outside."""

import argparse
import contextlib
import datetime as dt
import json
import math
import os
import platform
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hotsite.adapters.clock import SystemClock
from hotsite.core import records
from hotsite.core.conformance import (
    Check,
    Finding,
    Phase,
    Report,
    Subject,
    choose,
    judge,
)
from hotsite.core.conformance_checks import CHECKS
from hotsite.core.sightings import write as written
from hotsite.core.telemetry import command_filter
from hotsite.errors import InvalidInputError
from hotsite.faces.cli import clouds
from hotsite.faces.render import conformance as render
from hotsite.flows.conformance import Plan, Played, play
from hotsite.local.conformance import LocalConformance
from hotsite.settings import Settings

_EPILOG = """\
The device is told its names, certificate and topics by the environment
(HOTSITE_THING, HOTSITE_ENDPOINT, HOTSITE_PORT, HOTSITE_CERTIFICATE,
HOTSITE_PRIVATE_KEY, HOTSITE_CA, HOTSITE_TELEMETRY_TOPIC, HOTSITE_COMMAND_FILTER,
HOTSITE_DNS, ...), and by the files DIR/device/device.json and device.env.

exit codes: 0 all passed   1 some failed, or were not observed
            2 wrong usage  3 the local cloud did not answer

examples:
  hotsite conformance -- ./my-firmware --verbose
  hotsite conformance --checks sni,keep-alive -- python3 device.py
  hotsite conformance --wait        # and start the device yourself
"""
# AWS IoT, CreateThing: thingName; without the colon, which no file name needs.
_THING = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_FILES = ("conformance.json", "report.md", "sightings.jsonl", "device.log")


@dataclass(frozen=True, slots=True)
class _Run:
    """What is asked for, checked."""

    command: tuple[str, ...]
    checks: tuple[Check, ...]
    plan: Plan
    folder: Path
    thing: str


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "conformance",
        help="try a device's firmware: does it survive the loss of a Region?",
        description="Start a local two-Region cloud, run a device's program in it, "
        "play faults, and judge what is seen of it from outside.",
        usage="hotsite conformance [options] (--wait | -- COMMAND [ARG...])",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "--out", type=Path, metavar="DIR", default=Path("build/conformance/device")
    )
    command.add_argument(
        "--time-limit",
        type=float,
        metavar="S",
        default=150.0,
        help="longest wait for anything that the device should do",
    )
    names = ", ".join(check.name for check in CHECKS)
    command.add_argument(
        "--checks", default="", metavar="NAME,...", help=f"some of: {names}"
    )
    command.add_argument("--thing", default="device-1", help="the thing's name")
    command.add_argument(
        "--wait", action="store_true", help="wait for a device that you start"
    )
    command.add_argument("--json", action="store_true", help="the report as JSON")
    command.add_argument("program", nargs=argparse.REMAINDER, metavar="COMMAND")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Play with a device, judge it, report."""
    asked = _asked(options)
    began_s = SystemClock().now_s()
    played, findings, notes = _play(asked)
    report = Report(
        device=_shown(asked.command) or f"a device waited for, {asked.thing}",
        command=_shown(("hotsite", *sys.argv[1:])),
        machine=f"{os.cpu_count()} cores, {platform.system()} {platform.release()}",
        made_at=f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC",
        took_s=round(SystemClock().now_s() - began_s, 1),
        findings=findings,
        notes=(*notes, *played.notes),
    )
    document = json.dumps(records.write(report), indent=1)
    (asked.folder / "conformance.json").write_text(document + "\n", "utf-8")
    (asked.folder / "report.md").write_text(render.markdown(report), "utf-8")
    with (asked.folder / "sightings.jsonl").open("w", encoding="utf-8") as file:
        for one in sorted(played.seen, key=lambda sighting: sighting.at_s):
            file.write(json.dumps(written(one)) + "\n")
    print(document if options.json else render.text(report))
    return 0 if report.is_pass else 1


def _asked(options: argparse.Namespace) -> _Run:
    program = options.program
    command = tuple(program[1:] if program[:1] == ["--"] else program)
    if bool(command) == options.wait:
        raise InvalidInputError(
            "conformance: write the device's program behind --, or --wait without one"
        )
    if command and shutil.which(command[0]) is None:
        raise InvalidInputError(f"{command[0]}: there is no such program")
    if not 0 < options.time_limit < math.inf:
        raise InvalidInputError("--time-limit must be above 0")
    if not _THING.fullmatch(options.thing):
        raise InvalidInputError(f"--thing {options.thing!r} is no name of a thing")
    names = [name for name in options.checks.split(",") if name]
    checks = choose(names, CHECKS)
    folder: Path = options.out
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            (folder / name).unlink(missing_ok=True)
        for path in (folder / "cloud").glob("sightings-*.jsonl"):
            path.unlink()
        shutil.rmtree(folder / "device", ignore_errors=True)
    except OSError as error:
        raise InvalidInputError(f"--out {folder}: {error.strerror}") from error
    phases = frozenset(check.phase for check in checks) | {Phase.START}
    plan = Plan(phases, limit_s=options.time_limit)
    return _Run(command, checks, plan, folder, options.thing)


def _play(asked: _Run) -> tuple[Played, tuple[Finding, ...], tuple[str, ...]]:
    with (
        clouds.private_cloud(asked.folder, _say, is_observed=True) as cloud,
        contextlib.closing(
            LocalConformance(cloud, asked.folder, asked.thing, asked.command)
        ) as world,
    ):
        if not asked.command:
            _tell(world, asked.folder)
        played = play(world, SystemClock(), asked.plan, _say)
        subject = Subject(
            asked.thing,
            world.names,
            command_filter(asked.thing),
            float(Settings(cloud.state.domain).dns.ttl_s),
            asked.plan.limit_s,
        )
        notes = (world.inside[1],) if asked.command and world.inside[1] else ()
    return (
        played,
        judge(asked.checks, subject, played.seen, played.kept, played.phases),
        notes,
    )


def _tell(world: LocalConformance, folder: Path) -> None:
    """Say what the device must be told, and where it is written."""
    for name, value in world.environment.items():
        _say(f"{name}={value}")
    _say(f"the same is in {folder / 'device'}; waiting for the device")


def _shown(words: Sequence[str]) -> str:
    return shlex.join(words)


def _say(line: str) -> None:
    print(f"conformance: {line}", file=sys.stderr, flush=True)
