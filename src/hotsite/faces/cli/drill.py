"""``hotsite drill``: play a scenario, judge it, report it."""

import argparse
import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from hotsite.adapters.clock import SystemClock
from hotsite.adapters.journal import JournalWriter
from hotsite.core import scenario as scenarios
from hotsite.core.journal import DrillEnded
from hotsite.core.scenario import Scenario
from hotsite.core.strategy import Strategy
from hotsite.disasters.failover.course import SimCourseWorld
from hotsite.errors import InvalidInputError
from hotsite.faces.cli import files, report, sites
from hotsite.faces.cli.clouds import kept_cloud, private_cloud
from hotsite.faces.cli.control import of_cloud
from hotsite.faces.render.progress import progress
from hotsite.flows.churn import play_churn
from hotsite.flows.control import Control
from hotsite.flows.course import play_course
from hotsite.flows.drill import play
from hotsite.local import upkeep
from hotsite.local.churn import LocalChurnWorld
from hotsite.local.client import LocalCloud
from hotsite.local.course import LocalCourseWorld
from hotsite.local.world import LocalWorld
from hotsite.ports import Clock, Journal, World
from hotsite.ports.churn import ChurnWorld
from hotsite.ports.course import CourseWorld
from hotsite.sim.churn import SimChurnWorld
from hotsite.sim.clock import SimClock
from hotsite.sim.world import SimWorld

_EPILOG = """\
worlds:
  local  two live Regions on this machine: real sockets, real processes, real kills
  sim    the same scenario in virtual time, in a second; its figures are arithmetic

examples:
  hotsite drill drills/region-loss.toml
  hotsite drill drills/region-freeze.toml --devices 300 --seed 3 --out build/freeze
  hotsite drill drills/registry-churn.toml --local && hotsite verify --local
"""
_FILES = ("journal.jsonl", "verdict.json", "report.html")


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "drill",
        help="play a scenario: lose a Region and measure",
        description="Play a scenario; write journal.jsonl, verdict.json and "
        "report.html. Exit 0 when the objectives were met, 1 when not.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("scenario", type=Path, metavar="SCENARIO")
    command.add_argument("--world", choices=("sim", "local", "aws"), default="local")
    command.add_argument("--devices", type=int, metavar="N", help="size of the fleet")
    command.add_argument("--seed", type=int, metavar="S", help="of every random choice")
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="default: build/drills/SCENARIO"
    )
    command.add_argument(
        "--local",
        nargs="?",
        const=sites.LOCAL,
        metavar="NAME",
        help="play in a local cloud that is up; what the drill hurt returns",
    )
    command.add_argument("--json", action="store_true", help="the verdict as JSON")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Play, judge, report."""
    text = files.read_text(options.scenario)
    scenario = _scenario(options)
    if options.world == "aws":
        raise InvalidInputError(
            "--world aws: drills on AWS are not built yet; see docs/limits.md"
        )
    if options.local is not None and options.world != "local":
        raise InvalidInputError(f"--local: a local cloud is no world {options.world}")
    if options.local is not None and scenario.course is not None:
        raise InvalidInputError(
            f"--local: {scenario.name} hurts more than can be mended after it; without"
            " --local it gets a cloud of its own"
        )
    folder = options.out or Path("build/drills") / scenario.name
    _make_room(folder)
    if scenario.course is not None:
        _play_course(scenario, text, options.world, folder)
    elif scenario.churn is not None:
        _play_churn(scenario, text, options, folder)
    else:
        _play(scenario, text, options, folder)
    return report.write(folder, is_json=options.json)


def _scenario(options: argparse.Namespace) -> Scenario:
    source = str(options.scenario)
    scenario = scenarios.parse(files.read_toml(options.scenario), source=source)
    if options.devices is not None:
        scenario = replace(scenario, devices=options.devices)
    if options.seed is not None:
        scenario = replace(scenario, seed=options.seed)
    scenarios.check(scenario, source=source)
    return scenario


def _make_room(folder: Path) -> None:
    """Move an earlier drill's files aside: a journal is never replaced."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = [folder / name for name in _FILES if (folder / name).exists()]
        if there:
            aside = folder / "earlier"
            number = 1 + sum(1 for _ in aside.glob("*"))
            (aside / str(number)).mkdir(parents=True)
            for path in there:
                path.rename(aside / str(number) / path.name)
        # Keys and outboxes of an earlier fleet: its messages are not this one's.
        if (folder / "world").exists():
            shutil.rmtree(folder / "world")
    except OSError as error:
        raise InvalidInputError(f"--out {folder}: {error.strerror}") from error


def _play(
    scenario: Scenario, text: str, options: argparse.Namespace, folder: Path
) -> None:
    with (
        _opened(options, scenario, folder) as (there, clock),
        _written(folder, clock) as journal,
    ):
        is_local = options.world == "local"
        book = _foretold(journal, scenario) if is_local else journal
        play(scenario, text, there, book, clock)


@contextlib.contextmanager
def _written(folder: Path, clock: Clock) -> Iterator[JournalWriter]:
    """Write the journal of what is played in the block, and show it."""
    path = folder / "journal.jsonl"
    with (
        progress() as view,
        JournalWriter(path, clock.now_s(), clock, listener=view.event) as journal,
    ):
        try:
            yield journal
        except KeyboardInterrupt:
            journal.write(DrillEnded("interrupted"))
            raise


def _foretold(journal: JournalWriter, scenario: Scenario) -> Journal:
    """Return the journal, with what is forecast of the drill written into it."""
    # NumPy takes a tenth of a second to import and most commands do not need it.
    from hotsite.faces.cli import drillforecast  # noqa: PLC0415

    found = drillforecast.foresee(scenario)
    return journal if found is None else drillforecast.Foretold(journal, found)


def _play_churn(
    scenario: Scenario, text: str, options: argparse.Namespace, folder: Path
) -> None:
    with (
        _opened_to_churn(options, scenario, folder) as (there, clock),
        _written(folder, clock) as journal,
    ):
        play_churn(scenario, text, there, journal, clock)


def _play_course(scenario: Scenario, text: str, world: str, folder: Path) -> None:
    with (
        _opened_course(world, scenario, folder) as (there, clock),
        _written(folder, clock) as journal,
    ):
        play_course(scenario, text, there, journal, clock)


@contextlib.contextmanager
def _opened_course(
    name: str, scenario: Scenario, folder: Path
) -> Iterator[tuple[CourseWorld, Clock]]:
    is_pilot = scenario.strategy is Strategy.PILOT_LIGHT
    if name == "sim":
        if scenario.strategy is Strategy.ACTIVE_ACTIVE:
            raise InvalidInputError(
                "--world sim: a course with two active sites is played in local only"
            )
        world = SimCourseWorld(
            seed=scenario.seed, devices=scenario.devices, is_pilot=is_pilot
        )
        try:
            yield world, world.clock
        finally:
            world.estate.close()
        return
    with _local_world(folder, scenario) as (cloud, base):
        local = LocalCourseWorld(base, cloud, partial(_operating, cloud))
        try:
            yield local, SystemClock()
        finally:
            local.close()


def _operating(cloud: LocalCloud, tell: Callable[[str], None]) -> Control:
    return of_cloud(cloud, tell).control


@contextlib.contextmanager
def _opened_to_churn(
    options: argparse.Namespace, scenario: Scenario, folder: Path
) -> Iterator[tuple[ChurnWorld, Clock]]:
    if options.world == "sim":
        virtual = SimClock()
        yield SimChurnWorld(virtual, seed=scenario.seed), virtual
        return
    with _local_world(folder, scenario, options.local) as (cloud, base):
        intakes = {site.region: site.intake() for site in sites.of_cloud(cloud)}
        yield LocalChurnWorld(base, cloud, intakes), SystemClock()


@contextlib.contextmanager
def _opened(
    options: argparse.Namespace, scenario: Scenario, folder: Path
) -> Iterator[tuple[World, Clock]]:
    if options.world == "sim":
        virtual = SimClock()
        is_shared = scenario.strategy is Strategy.ACTIVE_ACTIVE
        yield SimWorld(virtual, seed=scenario.seed, is_shared=is_shared), virtual
        return
    with _local_world(folder, scenario, options.local) as (_, world):
        yield world, SystemClock()


@contextlib.contextmanager
def _local_world(
    folder: Path, scenario: Scenario, name: str | None = None
) -> Iterator[tuple[LocalCloud, LocalWorld]]:
    strategy = scenario.strategy
    with contextlib.ExitStack() as stack:
        if name is None:
            there = private_cloud(folder, _say, strategy=strategy)
        else:
            there = kept_cloud(sites.local_cloud(name), _say, strategy=strategy)
        cloud = stack.enter_context(there)
        if name is not None:
            upkeep.refuse_known(cloud, scenario.things[0])
        world = LocalWorld(cloud, folder / "world")
        try:
            yield cloud, world
        finally:
            world.close()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
