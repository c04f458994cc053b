"""``hotsite report``: render a drill again from its journal alone."""

import argparse
import json
from pathlib import Path
from typing import Any

from hotsite.adapters import journal
from hotsite.core.verdict import judge
from hotsite.faces import render


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "report",
        help="render a drill's report again from its journal",
        description="Read DIR/journal.jsonl; write verdict.json and report.html anew.",
        epilog="example:\n  hotsite report build/drills/region-loss",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("dir", type=Path, metavar="DIR")
    command.add_argument("--json", action="store_true", help="the verdict as JSON")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Recompute the verdict; exit 0 when it is a pass."""
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
    events = journal.read(folder / "journal.jsonl").events
    verdict = judge(events)
    document = json.dumps(verdict.to_json(), indent=1)
    (folder / "verdict.json").write_text(document + "\n", encoding="utf-8")
    html = render.report_html(events)
    (folder / "report.html").write_text(html, encoding="utf-8")
    print(document if is_json else render.report_text(events))
    return 0 if verdict.is_pass else 1
