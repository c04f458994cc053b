"""``hotsite status``: how far replication is, and what a Region's death would lose."""

import argparse
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from rich.console import Console
from rich.live import Live
from rich.text import Text

from hotsite.adapters.aws.meter import DynamoMeterReadings
from hotsite.adapters.clock import SystemClock
from hotsite.core import records
from hotsite.core.metering import Exposure
from hotsite.errors import InvalidInputError, RetryableError
from hotsite.faces.cli import sites
from hotsite.faces.cli.sites import Remote
from hotsite.faces.render import registry, rpo
from hotsite.flows.metering import rpo_now
from hotsite.flows.replication_status import ReplicationStatus, replication_status

_EPILOG = """\
It reads each Region's own tables and makes no call to IoT Core; a Region that is
dead is said to be, and the other one is shown. What would be lost if a Region died
now is measured by the other one, so it is told of a dead Region, too.

exit codes:
  0 nothing has failed  1 a record can never be applied  3 a Region did not answer

examples:
  hotsite status
  hotsite status --names 100000 --json
  hotsite status --watch --local
"""
_NAMES_DEFAULT = 1000
_WATCH_EVERY_S = 5.0


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "status",
        help="how far replication is in each Region, and what failed",
        description=(
            "Names, applied, pending and failed with reasons, lag; and what would be "
            "lost if a Region died now."
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
        "--watch",
        action="store_true",
        help=f"look again every {_WATCH_EVERY_S:.0f} s, until Ctrl-C",
    )
    sites.add_arguments(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Look at both Regions; exit 1 when something failed, 3 when one is silent."""
    if options.names < 0:
        raise InvalidInputError(f"--names {options.names}: 0 or more")
    if options.watch and options.json:
        raise InvalidInputError("--watch is for people: leave --json away")
    remotes = sites.open_all(options)
    if options.watch:
        _watch(remotes, options.names or None)
    found = _look_at_all(remotes, options.names or None)
    if options.json:
        print(json.dumps(_documents(found)))
    else:
        print(_text(found))
    whole = [one for one in found.statuses.values() if not isinstance(one, str)]
    if len(whole) < len(found.statuses):
        return 3
    return 1 if any(status.failed for status in whole) else 0


@dataclass(frozen=True, slots=True)
class _Found:
    """What one look found.

    Attributes:
        statuses: By Region: how far it is, or why nothing is known.
        exposures: By Region: what would be lost of it.
        reach_s: How far back devices can send again, in seconds.
    """

    statuses: Mapping[str, ReplicationStatus | str]
    exposures: Mapping[str, Exposure]
    reach_s: float


def _look_at_all(remotes: tuple[Remote, ...], names_max: int | None) -> _Found:
    statuses = {remote.region: _look(remote, names_max) for remote in remotes}
    return _Found(statuses, _exposures(remotes), remotes[0].outbox_reach_s)


def _watch(remotes: tuple[Remote, ...], names_max: int | None) -> NoReturn:
    """Show it again and again, in place on a terminal, until Ctrl-C."""
    console, clock = Console(soft_wrap=True), SystemClock()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            text = _text(_look_at_all(remotes, names_max))
            if console.is_terminal:
                live.update(Text(text), refresh=True)
            else:
                print(text, flush=True)
            clock.sleep(_WATCH_EVERY_S)


def _text(found: _Found) -> str:
    said = rpo.text(found.exposures, found.reach_s)
    return f"{registry.status_text(found.statuses)}\n{said}"


def _documents(found: _Found) -> dict[str, Any]:
    regions = [_document(name, status) for name, status in found.statuses.items()]
    lost = {
        name: rpo.document(one, found.reach_s) for name, one in found.exposures.items()
    }
    return {"regions": regions, "rpo": lost}


def _look(remote: Remote, names_max: int | None) -> ReplicationStatus | str:
    try:
        return replication_status(remote.intake().site, names_max=names_max)
    except RetryableError as error:
        return str(error)


def _exposures(remotes: tuple[Remote, ...]) -> dict[str, Exposure]:
    """Say what would be lost of each Region, by what the others have seen."""
    found = {remote.region: Exposure() for remote in remotes}
    for survivor in remotes:
        others = [name for name in found if name != survivor.region]
        table = survivor.tables[1]
        readings = DynamoMeterReadings(survivor.client("dynamodb"), table)
        # A Region that is silent measures nothing; it was said above to be silent.
        with contextlib.suppress(RetryableError):
            found |= rpo_now(readings, SystemClock(), others)
    return {remote.region: found[remote.region] for remote in remotes}


def _document(region: str, status: ReplicationStatus | str) -> dict[str, Any]:
    if isinstance(status, str):
        return {"region": region, "error": status}
    return {"region": region, **records.write(status)}
