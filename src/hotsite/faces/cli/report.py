"""``hotsite report``: render a drill, or an outage, from its journal alone."""

import argparse
import json
from pathlib import Path
from typing import Any

from hotsite.adapters import journal, outage_journal
from hotsite.adapters.aws.operations import DynamoOperations
from hotsite.adapters.clock import SystemClock
from hotsite.core import outage as outages
from hotsite.core import records
from hotsite.core.operations import Entry
from hotsite.core.outage import Outage
from hotsite.core.verdict import judge
from hotsite.errors import InvalidInputError, RetryableError, UnreachableError
from hotsite.faces import render
from hotsite.faces.cli import sites
from hotsite.faces.cli.moments import moment, span
from hotsite.faces.cli.sites import Remote
from hotsite.faces.render import outage as outage_render

_EPILOG = """\
With DIR it reads DIR/journal.jsonl, of a drill or of an outage, and writes the rest of
the folder anew. With --outage it reads the journal of operations of all Regions: who
was active when, who decided and why, what was overridden. A Region that does not
answer is named as a gap, and the other one's lines are shown.

exit codes:
  0 objectives met; of an outage: written  1 a drill missed its objectives
  2 wrong input  3 no Region answered

examples:
  hotsite report build/drills/region-loss
  hotsite report --outage --since 2h --out build/outage
  hotsite report --outage --local
"""
_SINCE = "24h"
_JOURNAL, _PAGE = "journal.jsonl", "report.html"


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "report",
        help="render a drill or an outage from its journal",
        description="Render a drill again from its journal, or an outage from the "
        "journal of operations of all Regions.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("dir", type=Path, metavar="DIR", nargs="?")
    command.add_argument(
        "--outage", action="store_true", help="what the sites wrote down themselves"
    )
    command.add_argument(
        "--since",
        default=_SINCE,
        metavar="T",
        help=f"from when on: RFC 3339, or a span back from now (default {_SINCE})",
    )
    command.add_argument(
        "--out", type=Path, metavar="DIR", help=f"write {_JOURNAL} and {_PAGE} there"
    )
    sites.add_arguments(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write what was asked for."""
    if options.outage:
        if options.dir is not None:
            raise InvalidInputError("--outage reads the Regions: without DIR")
        return _outage(options)
    if options.dir is None:
        raise InvalidInputError("report: a folder with a journal, or --outage")
    if outage_journal.is_one(options.dir / _JOURNAL):
        found = outage_journal.read(options.dir / _JOURNAL)
        return _told(found, options.dir, is_json=options.json)
    return write(options.dir, is_json=options.json)


def write(folder: Path, *, is_json: bool) -> int:
    """Write the verdict and the report beside a journal, and print them.

    Args:
        folder: Where ``journal.jsonl`` is.
        is_json: Print the verdict's JSON rather than the text.

    Returns:
        0 when the objectives were met, 1 when not.

    Raises:
        InvalidInputError: There is no journal, or it is malformed.
    """
    events = journal.read(folder / _JOURNAL).events
    verdict = judge(events)
    document = json.dumps(verdict.to_json(), indent=1)
    (folder / "verdict.json").write_text(document + "\n", encoding="utf-8")
    html = render.report_html(events)
    (folder / _PAGE).write_text(html, encoding="utf-8")
    print(document if is_json else render.report_text(events))
    return 0 if verdict.is_pass else 1


def _outage(options: argparse.Namespace) -> int:
    now_s = SystemClock().now_s()
    since_s = _since_s(options.since, now_s)
    remotes = sites.open_all(options)
    regions = {remote.letter: remote.region for remote in remotes}
    read = {remote.letter: _entries(remote, since_s) for remote in remotes}
    if all(isinstance(one, str) for one in read.values()):
        raise UnreachableError("; ".join(map(str, read.values())))
    found = outages.gather(read, regions, since_s=since_s, now_s=now_s)
    return _told(found, options.out, is_json=options.json)


def _since_s(text: str, now_s: float) -> float:
    """Return from when on; a span has no sign: argparse would take it for a flag."""
    if text[:1].isdigit() and text[-1:].isalpha() and text[-1:] != "Z":
        return now_s - span(text, flag="--since")
    return moment(text, flag="--since", now_s=now_s)


def _entries(remote: Remote, since_s: float) -> tuple[Entry, ...] | str:
    operations = DynamoOperations(remote.client("dynamodb"), remote.operations)
    try:
        return operations.entries(since_s)
    except RetryableError as error:
        return str(error)


def _told(found: Outage, folder: Path | None, *, is_json: bool) -> int:
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            text = "\n".join(outage_journal.lines(found)) + "\n"
            (folder / _JOURNAL).write_text(text, encoding="utf-8")
            page = outage_render.html(found)
            (folder / _PAGE).write_text(page, encoding="utf-8")
        except OSError as error:
            raise InvalidInputError(f"--out {folder}: {error.strerror}") from error
        sites.say(f"wrote {folder / _JOURNAL} and {folder / _PAGE}")
    if is_json:
        print(json.dumps(_document(found)))
    else:
        print(outage_render.text(found), end="")
    return 0


def _document(found: Outage) -> dict[str, Any]:
    return {
        "regions": dict(found.regions),
        "since_s": found.since_s,
        "read_at_s": found.read_at_s,
        "gaps": list(outages.gaps(found)),
        "figures": records.write(outages.figures(found)),
        "epochs": [records.write(turn) for turn in outages.turns(found)],
        "lines": [
            {**records.write(line.entry), "seen_in": list(line.seen_in)}
            for line in found.lines
        ],
    }
