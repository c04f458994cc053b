"""``hotsite telemetry``: what devices sent, from hot and cold stores."""

import argparse
import importlib
import json
from collections.abc import Sequence
from typing import Any

from hotsite.adapters.aws.hot_series import HotSeries
from hotsite.adapters.clock import SystemClock
from hotsite.core.buckets import cold_bucket
from hotsite.core.series import Window
from hotsite.errors import InvalidInputError, NotReadyError
from hotsite.faces.cli import sites, telemetryredrive
from hotsite.faces.cli.moments import moment, span
from hotsite.faces.cli.sites import Remote
from hotsite.faces.render import series
from hotsite.flows.telemetry_query import (
    COLD,
    HOT,
    Question,
    Source,
    query,
)
from hotsite.ports.series import Reading, SeriesReader

_EPILOG = """\
T is RFC 3339 (2026-11-28T09:30:00Z), or back from now (-15m; s, m, h, d), or now; it
is the time at which a message was published, by the device's clock.

Each kind of store is read in the first site that answers, the active one first.
stderr says which these were, and what may be missing.

exit codes:
  0 a store answered  2 wrong input  3 no store answered

examples:
  hotsite telemetry query oven-1 --from -15m
  hotsite telemetry query oven-1 --from 2026-11-28T09:30:00Z --to -1h --json
  hotsite telemetry query oven-1 --source cold --local
"""
_KINDS = {"hot": (HOT,), "cold": (COLD,), "both": (HOT, COLD)}


class _Parser(argparse.ArgumentParser):
    """Takes ``--from -15m``, which argparse would read as two options."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str], namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        joined: list[str] = []
        for argument in args:
            is_back = argument.startswith("-") and argument[1:2].isdigit()
            if is_back and joined and joined[-1] in {"--from", "--to"}:
                joined[-1] += f"={argument}"
            else:
                joined.append(argument)
        return super().parse_known_args(joined, namespace)


def register(commands: Any) -> None:
    """Add the command and its sub-commands."""
    command = commands.add_parser(
        "telemetry",
        help="show what a device sent",
        description="Telemetry in the hot table and in the cold objects.",
    )
    parts = command.add_subparsers(
        dest="part", metavar="COMMAND", required=True, parser_class=_Parser
    )
    _register_query(parts)
    telemetryredrive.register(parts)


def _register_query(parts: Any) -> None:
    command = parts.add_parser(
        "query",
        help="show a device's telemetry as one series",
        description="Read the hot table, then the cold objects, and show each "
        "message once, in order, with the gaps.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_argument("thing", metavar="THING", help="name of the device's thing")
    command.add_argument("--from", dest="since", metavar="T", help="default: all")
    command.add_argument("--to", dest="until", metavar="T", help="default: all")
    command.add_argument(
        "--late",
        default="24h",
        metavar="SPAN",
        help="look for messages that arrived so long after --to (default 24h)",
    )
    command.add_argument(
        "--source", choices=tuple(_KINDS), default="both", help="default: both"
    )
    command.add_argument(
        "--limit", type=int, metavar="N", help="show the newest N; default: all"
    )
    sites.add_arguments(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show one device's telemetry."""
    question = _question(options, SystemClock().now_s())
    remotes = sites.open_all(options)
    sources = [
        Source(kind, remote.region, reader)
        for kind in _KINDS[options.source]
        for remote in remotes
        for reader in (_reader(kind, remote),)
    ]
    found = query(question, sources)
    for line in series.remarks(found):
        sites.say(line)
    if options.json:
        print(json.dumps(series.document(found)))
    else:
        print("\n".join(series.lines(found)))
    return 0


def _question(options: argparse.Namespace, now_s: float) -> Question:
    if options.limit is not None and options.limit < 1:
        raise InvalidInputError(f"--limit {options.limit}: 1 or more")
    given = (("--from", options.since), ("--to", options.until))
    low, high = (
        None if text is None else moment(text, flag=flag, now_s=now_s)
        for flag, text in given
    )
    if low is not None and high is not None and low > high:
        raise InvalidInputError(f"--from {options.since}: after --to {options.until}")
    window = Window(low, high, span(options.late, flag="--late"))
    return Question(options.thing, window, options.limit)


def _reader(kind: str, remote: Remote) -> SeriesReader:
    if kind == HOT:
        return HotSeries(remote.client("dynamodb"), f"{remote.prefix}-telemetry")
    return _Cold(remote)


class _Cold:
    """The cold reader, made when it is needed: it needs DuckDB and the account."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def read(self, thing: str, window: Window) -> Reading:
        try:
            store = importlib.import_module("hotsite.adapters.aws.cold_store")
        except ModuleNotFoundError as error:
            raise NotReadyError(
                f"cold objects need {error.name}: pip install 'hotsite[telemetry]'"
            ) from error
        remote = self._remote
        bucket = cold_bucket(remote.prefix, remote.account(), remote.region)
        found: Reading = store.ColdSeries(remote.client("s3"), bucket).read(
            thing, window
        )
        return found
