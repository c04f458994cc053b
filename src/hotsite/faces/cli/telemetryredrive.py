"""``hotsite telemetry redrive``: replay what the stores refused, if it is valid now."""

import argparse
import json
import random
from typing import Any

from hotsite.adapters.aws.cold_stream import FirehoseColdStream
from hotsite.adapters.aws.error_archive import S3ErrorArchive
from hotsite.adapters.aws.hot_table import DynamoHotStore
from hotsite.adapters.clock import SystemClock
from hotsite.core.arrivals import Origin
from hotsite.faces.cli import sites
from hotsite.faces.cli.files import read_settings
from hotsite.faces.cli.sites import Remote
from hotsite.flows.telemetry import Stores
from hotsite.flows.telemetry_redrive import Redriven, redrive
from hotsite.settings import TelemetrySettings

_EPILOG = """\
The error archive of each Region has what no store took: malformed messages, and good
ones that came while a store failed. What is valid now is stored as if it had come
through, with the time at which it came; the rest stays, with its reason. Again is safe.

exit codes:
  0 nothing waits any longer  1 something stays  3 a Region did not answer

examples:
  hotsite telemetry redrive --dry-run
  hotsite telemetry redrive --region b --local
"""
_STACK = "telemetry"
_BUCKET = "ErrorBucket"


def register(parts: Any) -> None:
    """Add the command to those of telemetry."""
    command = parts.add_parser(
        "redrive",
        help="store what was refused and is valid now",
        description="Replay the error archive of a Region into its stores.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--region", metavar="REGION", help="or a, b; default: both")
    command.add_argument(
        "--dry-run", action="store_true", help="say what would be done, change nothing"
    )
    sites.add_arguments(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Redrive one Region or both; exit 1 when something stays."""
    kept = TelemetrySettings()
    if options.local is None:
        kept = read_settings(options.config).telemetry
    found = {}
    for remote in sites.selected(options):
        stores = stores_of(remote, hot_days=kept.hot_days)
        found[remote.region] = tuple(redrive(stores, is_trial=options.dry_run))
    if options.json:
        regions = [_document(region, each) for region, each in found.items()]
        print(json.dumps({"dry_run": options.dry_run, "regions": regions}))
    else:
        for region, each in found.items():
            print("\n".join(_lines(region, each, is_trial=options.dry_run)))
    return 0 if all(one.is_done for each in found.values() for one in each) else 1


def stores_of(remote: Remote, *, hot_days: int) -> Stores:
    """Return where a site keeps telemetry, seen from outside.

    Args:
        remote: The site.
        hot_days: How long its hot table keeps a message, in days.

    Raises:
        HotsiteError: The Region does not answer, or has no telemetry stack.
    """
    bucket = remote.output(_BUCKET, noun=_STACK)
    name = f"{remote.prefix}-telemetry"
    return Stores(
        hot=DynamoHotStore(remote.client("dynamodb"), name),
        cold=FirehoseColdStream(remote.client("firehose"), name),
        archive=S3ErrorArchive(remote.client("s3"), bucket),
        origin=Origin(remote.region, hot_days),
        clock=SystemClock(),
        uniform=random.SystemRandom().random,
    )


def _lines(region: str, found: tuple[Redriven, ...], *, is_trial: bool) -> list[str]:
    stay = [each for each in found if not each.is_done]
    stored = sum(each.stored for each in found)
    word = "would be stored" if is_trial else "stored"
    done = f"{len(found) - len(stay):,} of {len(found):,} refusals worked off"
    head = f"{region}: {done}, {stored:,} messages {word}"
    return [head, *(f"  stays {each.name}: {each.reason}" for each in stay)]


def _document(region: str, found: tuple[Redriven, ...]) -> dict[str, Any]:
    return {
        "region": region,
        "refusals": [
            {
                "name": each.name,
                "is_done": each.is_done,
                "stored": each.stored,
                "reason": each.reason,
            }
            for each in found
        ],
    }
