"""``hotsite redrive``: work through the batches that a replicator gave up on."""

import argparse
import json
from typing import Any

from hotsite.adapters.aws.failures import S3FailedBatches
from hotsite.faces.cli import sites
from hotsite.faces.cli.sites import Remote
from hotsite.faces.render import registry
from hotsite.flows.redrive import Redriven, redrive

_EPILOG = """\
A batch only names what to look at: what is applied is the record as it is now. A
batch is deleted when all its names came to an end.

exit codes:
  0 nothing is left  1 some batches are kept  3 a Region did not answer

examples:
  hotsite redrive
  hotsite redrive --region b --local
"""
_OUTPUT = "FailureBucket"


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "redrive",
        help="apply what the replicator has put aside",
        description="Read the failed batches of a Region, apply every name in them, "
        "and delete those that are worked off.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--region", metavar="REGION", help="or a, b; default: both")
    sites.add_arguments(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Redrive one Region or both; exit 1 when some batches are kept."""
    found = {}
    for remote in sites.selected(options):
        found[remote.region] = _redriven(remote)
    if options.json:
        regions = [_document(region, batches) for region, batches in found.items()]
        print(json.dumps({"regions": regions}))
    else:
        for region, batches in found.items():
            print(registry.redriven_text(region, batches))
    is_done = all(batch.is_deleted for batches in found.values() for batch in batches)
    return 0 if is_done else 1


def _redriven(remote: Remote) -> tuple[Redriven, ...]:
    store = S3FailedBatches(remote.client("s3"), remote.output(_OUTPUT))
    found = []
    try:
        for batch in redrive(store, remote.intake().site):
            found.append(batch)
            word = "worked off" if batch.is_deleted else f"kept: {batch.reason}"
            sites.say(f"{remote.region}: {batch.name}: {word}")
    except KeyboardInterrupt:
        sites.say("what is done is done: the same command goes on with the rest")
        raise
    return tuple(found)


def _document(region: str, batches: tuple[Redriven, ...]) -> dict[str, Any]:
    return {
        "region": region,
        "batches": [
            {
                "name": batch.name,
                "is_deleted": batch.is_deleted,
                "reason": batch.reason,
                "keys": [
                    {
                        "key": str(outcome.key),
                        "reason": outcome.reason,
                        "failure": outcome.failure,
                    }
                    for outcome in batch.outcomes
                ],
            }
            for batch in batches
        ],
    }
