"""``hotsite verify``: compare the record with IoT Core of each Region."""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from hotsite.adapters.clock import SystemClock
from hotsite.core import records
from hotsite.core.progress import Progress
from hotsite.core.sampling import Sample
from hotsite.core.sweeping import Mode, Report
from hotsite.errors import HotsiteError, InvalidInputError, RetryableError
from hotsite.faces.cli import sites, work
from hotsite.faces.cli.sites import Remote
from hotsite.faces.render import registry
from hotsite.flows.sweep import SweepOptions, SweepProgress, sweep, sweep_sample
from hotsite.ports import Clock

_EPILOG = """\
By default nothing is changed anywhere: it is a report.

  --repair            takes what others changed into the record, and applies what
                      is missing; deletions only within the limit
  --repair --restore  makes IoT Core equal to the record instead: what others made
                      or changed there is removed or changed back
  --delete-limit N    for one list of deletions of one Region that is longer than
                      the limit, and meant; without --repair it shows the list,
                      with it the list is taken over if it has N names at most

exit codes:
  0 equal  1 drift  2 refused, or wrong input  3 a Region did not answer

examples:
  hotsite verify
  hotsite verify --sample 300 --region b --local
  hotsite verify --repair --wait 120
  hotsite verify --delete-limit 0 --region a
  hotsite verify --repair --delete-limit 140 --region a
"""
_PAUSE_S = 5.0
_PARITY, _DRIFT, _REFUSED, _NO_ANSWER = 0, 1, 2, 3

End = SweepProgress | HotsiteError


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to do in every Region.

    Attributes:
        mode: What to do about a difference.
        sample: How many names to look at; nothing for all.
        seed: Of the draw.
        is_going_on: True to go on where an earlier pass stopped.
        deletion_count_max: How many deletions may be taken over, or nothing.
    """

    mode: Mode
    sample: int | None
    seed: int
    is_going_on: bool
    deletion_count_max: int | None


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "verify",
        help="compare the record with IoT Core of each Region; repair",
        description="Compare every recorded name with IoT Core, and every name in "
        "IoT Core with the record.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--region", metavar="REGION", help="or a, b; default: both")
    command.add_argument("--repair", action="store_true", help="change the record")
    command.add_argument(
        "--restore", action="store_true", help="with --repair: change IoT Core instead"
    )
    command.add_argument(
        "--delete-limit",
        type=int,
        metavar="N",
        help="show all deletions; with --repair: take them over, N at most",
    )
    command.add_argument(
        "--sample", type=int, metavar="N", help="N names at random, with what it proves"
    )
    command.add_argument("--seed", type=int, default=0, metavar="S", help="of the draw")
    command.add_argument(
        "--wait",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="look again until all is equal, for so long at most",
    )
    command.add_argument(
        "--resume", action="store_true", help="go on where an interrupted one stopped"
    )
    sites.add_arguments(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare, and repair where asked to."""
    _check(options)
    mode = Mode.ADOPT if options.repair else Mode.REPORT
    plan = _Plan(
        mode=Mode.RESTORE if options.restore else mode,
        sample=options.sample,
        seed=options.seed,
        is_going_on=options.resume,
        deletion_count_max=options.delete_limit,
    )
    found = sites.selected(options)
    clock = SystemClock()
    give_up_s = clock.now_s() + options.wait
    ends = _looked(found, plan)
    while code(ends) == _DRIFT and clock.now_s() + _PAUSE_S < give_up_s:
        clock.sleep(_PAUSE_S)
        ends = _looked(found, plan)
    return _told(ends, options, clock)


def _check(options: argparse.Namespace) -> None:
    """Refuse options that make no sense together."""
    if options.restore and not options.repair:
        raise InvalidInputError("--restore changes IoT Core: add --repair to mean it")
    if options.wait < 0:
        raise InvalidInputError(f"--wait {options.wait:g}: 0 seconds or more")
    if options.sample is not None and options.resume:
        raise InvalidInputError("--sample looks once and keeps no place to --resume")
    if options.sample is not None and options.sample < 1:
        raise InvalidInputError(f"--sample {options.sample}: 1 or more")
    if options.delete_limit is None:
        return
    if options.delete_limit < 0:
        raise InvalidInputError(f"--delete-limit {options.delete_limit}: 0 or more")
    if options.region is None:
        raise InvalidInputError("--delete-limit is for one Region: add --region")
    for name in ("restore", "sample", "wait"):
        # What is restored deletes nothing in the record, a sample has no list, and
        # a second pass would take a list that nobody has seen.
        if getattr(options, name):
            raise InvalidInputError(f"--delete-limit is for one list: not --{name}")


def code(ends: Mapping[str, End]) -> int:
    """Return the exit code that several Regions make together."""
    reports = [end.report for end in ends.values() if isinstance(end, SweepProgress)]
    errors = [end for end in ends.values() if isinstance(end, HotsiteError)]
    if any(not isinstance(error, RetryableError) for error in errors):
        return _REFUSED
    if errors:
        return _NO_ANSWER
    if any(report.refused and report.mode is not Mode.REPORT for report in reports):
        return _REFUSED
    return _PARITY if all(report.is_equal for report in reports) else _DRIFT


def _looked(found: Sequence[Remote], plan: _Plan) -> dict[str, End]:
    jobs = {remote.region: partial(_job, remote, plan) for remote in found}
    try:
        return work.Work(jobs, _line).run()
    except KeyboardInterrupt:
        if plan.sample is None:
            sites.say("go on from here with: --resume")
        raise


def _job(remote: Remote, plan: _Plan) -> Iterator[SweepProgress]:
    intake = remote.intake(remote.limits())
    if plan.sample is not None:
        sample = Sample(plan.sample, plan.seed)
        report = sweep_sample(intake, sample, SweepOptions(mode=plan.mode))
        done = Progress("sample", report.looked_at, report.looked_at)
        yield SweepProgress(done, report, is_complete=True)
        return
    cursor = f"verify-{plan.mode.value}"
    if not plan.is_going_on:
        intake.cursors.write(cursor, None)
    options = SweepOptions(
        mode=plan.mode, cursor=cursor, deletion_count_max=plan.deletion_count_max
    )
    yield from sweep(intake, options)


def _line(states: Mapping[str, SweepProgress]) -> str:
    return "; ".join(
        f"{region} {work.progress_text(state.progress)}"
        for region, state in states.items()
    )


def _told(ends: Mapping[str, End], options: argparse.Namespace, clock: Clock) -> int:
    exit_code = code(ends)
    if options.json:
        regions = [_document(name, end, options) for name, end in ends.items()]
        verdict = ("parity", "drift", "refused", "unreachable")[exit_code]
        document = {"verdict": verdict, "at_s": clock.now_s(), "regions": regions}
        print(json.dumps(document))
        return exit_code
    for name, end in ends.items():
        if isinstance(end, SweepProgress):
            is_listing = options.delete_limit is not None
            told = registry.sweep_text(
                name, end.report, sample=options.sample, is_listing=is_listing
            )
            print(told)
        else:
            sites.say(f"{name}: {end}")
    return exit_code


def _document(name: str, end: End, options: argparse.Namespace) -> dict[str, Any]:
    if isinstance(end, HotsiteError):
        return {"region": name, "error": str(end)}
    report: Report = end.report
    document = {"region": name, "is_equal": report.is_equal, **records.write(report)}
    if options.sample is not None:
        document["share_of_bad_max"] = registry.share_of_bad_max(report)
    return document
