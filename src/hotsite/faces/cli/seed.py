"""``hotsite seed``: bring an existing fleet into the record."""

import argparse
import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from hotsite.adapters.clock import SystemClock
from hotsite.core import records
from hotsite.core.apis import calls_of_observation
from hotsite.core.progress import Costs, progress
from hotsite.core.quota import SHARE
from hotsite.core.registry import Kind
from hotsite.core.seeding import LeftOut, SeedReport, Shard
from hotsite.errors import HotsiteError, InvalidInputError
from hotsite.faces.cli import sites, work
from hotsite.faces.render import registry
from hotsite.flows.seed import SeedOptions, SeedProgress, seed, seed_definitions
from hotsite.flows.sight import Intake

_EPILOG = """\
Nothing in IoT Core of the Region is changed, and what the record knows already is
left as it is. The other Region becomes equal while the seeding runs, at the pace of
its own quotas: hotsite status shows how far it is.

Stopped or killed, the same command goes on where it was.

exit codes:
  0 all is recorded  1 something could not be, and is named
  2 wrong input  3 a Region did not answer  130 interrupted

examples:
  hotsite seed --from eu-central-1
  hotsite seed --from a --local
"""
_WORKERS_MAX = 16
_GOES_ON = "what is done is kept: the same command goes on from here"
Part = Callable[[Intake, SeedOptions], Iterator[SeedProgress]]
# Looking at a thing, at its shadows, and at whose its certificate is.
_MORE_CALLS = {"ListPrincipalThings": 1.0}


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "seed",
        help="bring an existing fleet into the record",
        description="Read the registry of one Region and write a record of each "
        "thing, group, policy, type, CA certificate and shadow.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "--from", dest="source", required=True, metavar="REGION", help="or a, b"
    )
    command.add_argument(
        "--workers", type=int, default=4, metavar="N", help="side by side, default 4"
    )
    command.add_argument(
        "--no-strays",
        action="store_true",
        help="do not look for certificates of no thing (a call for each)",
    )
    sites.add_arguments(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Seed; exit 1 when something could not be brought over."""
    if not 1 <= options.workers <= _WORKERS_MAX:
        raise InvalidInputError(f"--workers {options.workers}: 1 to {_WORKERS_MAX}")
    remote = sites.open_one(options, options.source)
    clock = SystemClock()
    limits = remote.limits()
    costs, began_s = _costs(limits), clock.now_s()

    def show(states: Mapping[str, SeedProgress]) -> str:
        return _line(states, clock.now_s() - began_s, costs)

    def job(index: int, part: Part) -> Iterator[SeedProgress]:
        shard = Shard(index, options.workers)
        settings = SeedOptions(shard=shard, is_telling_strays=not options.no_strays)
        return part(remote.intake(limits), settings)

    _ended({"worker 0": partial(job, 0, seed_definitions)}, show)
    jobs = {
        f"worker {index}": partial(job, index, seed) for index in range(options.workers)
    }
    report = joined([end.report for end in _ended(jobs, show)])
    if options.json:
        print(json.dumps({"region": remote.region, **records.write(report)}))
    else:
        print(registry.seed_text(remote.region, report))
    return 1 if report.failed.count or report.pending.count else 0


def _ended(
    jobs: Mapping[str, work.Job[SeedProgress]],
    show: Callable[[Mapping[str, SeedProgress]], str],
) -> list[SeedProgress]:
    """Run workers side by side; return where each one ended."""
    try:
        ended = work.Work(jobs, show).run()
    except KeyboardInterrupt:
        sites.say(_GOES_ON)
        raise
    for end in ended.values():
        if isinstance(end, HotsiteError):
            sites.say(_GOES_ON)
            raise end
    return [end for end in ended.values() if isinstance(end, SeedProgress)]


def joined(reports: Sequence[SeedReport]) -> SeedReport:
    """Return the reports of several workers as one.

    Args:
        reports: One or more, of the same Region.
    """
    found: dict[str, Any] = {}
    for field in dataclasses.fields(SeedReport):
        values = [getattr(report, field.name) for report in reports]
        if field.name == "begun_at_s":
            found[field.name] = min(values)
        elif field.name == "ended_at_s":
            found[field.name] = max(values)
        elif isinstance(values[0], LeftOut):
            found[field.name] = _all_left_out(values)
        else:
            found[field.name] = sum(values)
    return SeedReport(**found)


def _all_left_out(parts: Sequence[LeftOut]) -> LeftOut:
    # A certificate that several things share is met by the workers of each.
    names = tuple(dict.fromkeys(name for part in parts for name in part.names))
    told = sum(len(part.names) for part in parts)
    return LeftOut(sum(part.count for part in parts) - told + len(names), names)


def _costs(limits: Mapping[str, float]) -> Costs:
    calls: dict[str, float] = dict(_MORE_CALLS)
    for kind in (Kind.THING, Kind.SHADOWS):
        for api, count in calls_of_observation(kind, 1).items():
            calls[api] = calls.get(api, 0.0) + count
    rates = {api: limit * SHARE for api, limit in limits.items()}
    return Costs(calls, rates)


def _line(states: Mapping[str, SeedProgress], elapsed_s: float, costs: Costs) -> str:
    """Return where all workers stand, as one."""
    if not states:
        return ""
    slowest = min(states.values(), key=lambda state: state.progress.done)
    totals = [state.progress.total for state in states.values()]
    known = [total for total in totals if total is not None]
    found = progress(
        slowest.progress.stage,
        done=sum(state.progress.done for state in states.values()),
        total=sum(known) if len(known) == len(totals) else None,
        elapsed_s=elapsed_s,
        costs=costs,
    )
    return work.progress_text(found)
