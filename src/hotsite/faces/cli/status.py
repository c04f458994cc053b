"""``hotsite status``: could each site take the fleet now, and what would be lost."""

import argparse
import contextlib
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console
from rich.live import Live

from hotsite.adapters.aws.meter import DynamoMeterReadings
from hotsite.adapters.aws.operations import DynamoOperations
from hotsite.adapters.aws.region_tables import DynamoHealthVerdicts
from hotsite.adapters.aws.resumes import DynamoResumes
from hotsite.adapters.aws.service_quotas import ServiceQuotas
from hotsite.adapters.clock import SystemClock
from hotsite.core.metering import Exposure, least
from hotsite.core.sampling import Sample
from hotsite.core.site_facts import Sampled, SiteFacts, Unknown
from hotsite.core.site_readiness import Level, ReadinessPolicy
from hotsite.errors import InvalidInputError, RetryableError
from hotsite.faces.cli import sites
from hotsite.faces.cli.outside import Outside, open_outside
from hotsite.faces.cli.sites import Remote
from hotsite.faces.render import readiness
from hotsite.faces.render.readiness import Found
from hotsite.flows.metering import rpo_now
from hotsite.flows.readiness import Depth, Post, connected, look, proven
from hotsite.ports.readiness import Keys

_EPILOG = """\
A site is judged point by point: what its canary saw, what its switch says, what is
paused or under way, how far its registry is, what would be lost of it, its quotas
against the fleet and the other site's, its names and their certificates, and some
devices drawn at random. Nothing is changed; looking at a device takes about seven
calls within the quotas of IoT Core. A site that is silent is said to be, and the
other one is shown.

How many devices can connect: without keys hotsite can only say how many are
registered (certificate ACTIVE and attached, a policy of its own or through a group).
--keys DIR lets devices whose keys are there connect for real, at the site that is not
active; a second connection at the active one would end the device's own.

exit codes:
  0 ready  1 something is not ready  3 a site did not answer

examples:
  hotsite status
  hotsite status --names 100000 --json
  hotsite status --connect --keys devices/ --devices 300
  hotsite status --watch --local
"""
_NAMES_DEFAULT, _DEVICES_DEFAULT = 1000, 20
_WATCH_EVERY_S = 5.0


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "status",
        help="could each site take the fleet now, and what would be lost",
        description=(
            "Whether each site is ready to take the fleet, point by point; how far "
            "replication is; and what would be lost if a Region died now."
        ),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "--names",
        type=int,
        default=_NAMES_DEFAULT,
        metavar="N",
        help=f"look at N names, 0 for all (default {_NAMES_DEFAULT:,})",
    )
    command.add_argument(
        "--devices",
        type=int,
        default=_DEVICES_DEFAULT,
        metavar="N",
        help=f"look at N devices, 0 for none (default {_DEVICES_DEFAULT})",
    )
    command.add_argument("--seed", type=int, default=0, metavar="S", help="of the draw")
    command.add_argument(
        "--connect",
        action="store_true",
        help="connect as each site's canary, from here",
    )
    command.add_argument(
        "--keys", type=Path, metavar="DIR", help="devices that may connect for real"
    )
    command.add_argument(
        "--watch",
        action="store_true",
        help=f"look again every {_WATCH_EVERY_S:.0f} s, until Ctrl-C",
    )
    sites.add_arguments(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Look at both sites; exit 1 when one is not ready, 3 when one is silent."""
    for flag in ("names", "devices"):
        value = getattr(options, flag)
        if value < 0:
            raise InvalidInputError(f"--{flag} {value}: 0 or more")
    if options.watch and options.json:
        raise InvalidInputError("--watch is for people: leave --json away")
    watch = _Watch(sites.open_all(options), open_outside(options), options)
    if options.watch:
        _show(watch.look)
    found = watch.look()
    print(
        json.dumps(readiness.document(found)) if options.json else readiness.text(found)
    )
    if any(facts.silence for facts in found.facts):
        return 3
    return 1 if found.level is Level.NOT_READY else 0


@dataclass(frozen=True, slots=True)
class _Watch:
    """What it takes to look, again and again."""

    remotes: tuple[Remote, ...]
    outside: Outside
    options: argparse.Namespace

    def look(self) -> Found:
        """Look at all sites at once."""
        posts = [self._post(remote) for remote in self.remotes]
        with ThreadPoolExecutor(len(posts)) as pool:
            facts = tuple(pool.map(self._looked, self.remotes, posts))
        exposures = _exposures(self.remotes)
        facts = tuple(replace(one, exposure=exposures[one.region]) for one in facts)
        sizes = [one.things for one in facts if one.things]
        fleet = self.outside.fleet
        if fleet.size is None and sizes:
            fleet = replace(fleet, size=max(sizes))
        policy = ReadinessPolicy(fleet, reach_s=self.remotes[0].outbox_reach_s)
        return Found(facts, policy)

    def _post(self, remote: Remote) -> Post | Unknown:
        """Return what a site is looked at with; clients are made one by one."""
        try:
            intake = remote.intake()
        except RetryableError as error:
            return Unknown(str(error))
        dynamodb = remote.client("dynamodb")
        return Post(
            remote.letter,
            remote.region,
            self.outside.domain,
            intake,
            DynamoHealthVerdicts(dynamodb, remote.tables[1]),
            DynamoOperations(dynamodb, remote.operations),
            ServiceQuotas(remote.client("service-quotas"), remote.region),
            self.outside.doors,
            DynamoResumes(dynamodb, remote.tables[1], SystemClock()),
        )

    def _looked(self, remote: Remote, post: Post | Unknown) -> SiteFacts:
        if isinstance(post, Unknown):
            now_s = SystemClock().now_s()
            return SiteFacts(remote.letter, remote.region, now_s, post, post, post)
        options = self.options
        sample = Sample(options.devices, options.seed) if options.devices else None
        facts = look(post, Depth(options.names or None, sample))
        if facts.silence is not None:
            return facts
        if options.connect:
            connect = self.outside.canary(remote)
            canary = connected(connect, post.verdicts, SystemClock())
            facts = replace(facts, canary=canary)
        if options.keys is not None:
            keys = self.outside.keys(options.keys)
            facts = replace(facts, proven=self._proven(facts, keys))
        return facts

    def _proven(self, facts: SiteFacts, keys: Keys) -> Sampled | Unknown:
        said = facts.standing(ReadinessPolicy().fence)
        if said is None or said.epoch.active == facts.site:
            why = "not tried: it would end the connections that the devices have"
            return Unknown(why)
        size = self.options.devices or len(keys.names())
        sample = Sample(size, self.options.seed)
        return proven(keys, self.outside.iot_name(facts.site), sample)


def _show(look_again: Callable[[], Found]) -> NoReturn:
    """Show it again and again, in place on a terminal, until Ctrl-C."""
    console, clock = Console(), SystemClock()
    with Live(console=console, auto_refresh=False, screen=console.is_terminal) as live:
        while True:
            found = look_again()
            if console.is_terminal:
                live.update(readiness.view(found, console.width), refresh=True)
            else:
                print(readiness.text(found), flush=True)
            clock.sleep(_WATCH_EVERY_S)


def _exposures(remotes: tuple[Remote, ...]) -> Mapping[str, Exposure]:
    """Say what would be lost of each Region, by what the others have seen."""
    found: dict[str, list[Exposure]] = {remote.region: [] for remote in remotes}
    for survivor in remotes:
        others = [name for name in found if name != survivor.region]
        table = survivor.tables[1]
        readings = DynamoMeterReadings(survivor.client("dynamodb"), table)
        # A Region that is silent measures nothing; it is said to be silent.
        with contextlib.suppress(RetryableError):
            for name, one in rpo_now(readings, SystemClock(), others).items():
                found[name].append(one)
    return {
        name: seen[0] if len(seen) == 1 else least(seen) for name, seen in found.items()
    }
