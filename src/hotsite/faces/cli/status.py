"""``hotsite status``: how far replication is, and what a Region's death would lose."""

import argparse
import contextlib
import json
from typing import Any

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
  hotsite status --local
"""
_NAMES_DEFAULT = 1000


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
    sites.add_arguments(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Look at both Regions; exit 1 when something failed, 3 when one is silent."""
    if options.names < 0:
        raise InvalidInputError(f"--names {options.names}: 0 or more")
    remotes = sites.open_all(options)
    found = {remote.region: _look(remote, options.names or None) for remote in remotes}
    exposures = _exposures(remotes)
    reach_s = remotes[0].outbox_reach_s
    if options.json:
        regions = [_document(region, status) for region, status in found.items()]
        lost = {name: rpo.document(it, reach_s) for name, it in exposures.items()}
        print(json.dumps({"regions": regions, "rpo": lost}))
    else:
        print(registry.status_text(found))
        print(rpo.text(exposures, reach_s))
    whole = [one for one in found.values() if isinstance(one, ReplicationStatus)]
    if len(whole) < len(found):
        return 3
    return 1 if any(status.failed for status in whole) else 0


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
