"""Try our agent, the AWS IoT Device SDK v2 and paho; write docs/conformance.md.

Each is run by `hotsite conformance`, one after the other: about ten minutes each.
With --docs, only write the page from the reports that are there.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from hotsite.core import records
from hotsite.core.conformance import Report
from hotsite.faces.render import conformance as render

ROOT = Path(__file__).parents[1]
OUT = Path("build/conformance")
HOTSITE = ".venv/bin/hotsite"
DEVICES = {
    "hotsite agent": ("agent", HOTSITE, "agent", "run", f"{OUT}/agent/device"),
    "AWS SDK v2": ("sdk", ".venv-clients/bin/python", "conformance/aws_sdk_v2.py"),
    "AWS SDK v2, tuned": (
        *("sdk-tuned", ".venv-clients/bin/python", "conformance/aws_sdk_v2.py"),
        "--tuned",
    ),
    "paho": ("paho", ".venv/bin/python", "conformance/paho_device.py"),
    "paho, tuned": (
        *("paho-tuned", ".venv/bin/python", "conformance/paho_device.py"),
        "--tuned",
    ),
}
HEAD = """\
# Conformance: our agent, the AWS IoT Device SDK v2 and paho

Written by `make conformance` from what `hotsite conformance` reported; do not edit.
Each device ran in a local two-Region cloud and was judged by what brokers, name
server and network saw of it, never by what it says. The programs are in
[conformance/](../conformance): stock settings, and *tuned* with what the reports
recommend and the library has. [Device developers](device-developers.md) explains the
checks and the known traps, and how to try your own firmware.

"""


def main():
    """Run, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", action="store_true", help="only write the page")
    parser.add_argument("--only", metavar="NAME,...", default="", help="run only these")
    options = parser.parse_args()
    if not options.docs:
        run(options.only.split(",") if options.only else [])
    reports = [
        (title, report)
        for title, (name, *_) in DEVICES.items()
        if (report := found(name)) is not None
    ]
    if not reports:
        sys.exit("conformance: there is no report; run: make conformance")
    machines = {report.machine for _, report in reports}
    page = f"{HEAD}Machine: {', '.join(sorted(machines))}.\n\n"
    page += render.side_by_side(reports)
    (ROOT / "docs" / "conformance.md").write_text(page, "utf-8")


def run(only):
    """Run each device; a failed check is a result, a dead cloud is not."""
    for name, *command in DEVICES.values():
        if only and name not in only:
            continue
        words = [HOTSITE, "conformance", "--out", f"{OUT}/{name}", "--", *command]
        code = subprocess.run(words, cwd=ROOT, check=False).returncode
        if code not in {0, 1}:
            sys.exit(f"conformance: {name}: exit code {code}")


def found(name):
    """Return a device's report, if there is one."""
    path = ROOT / OUT / name / "conformance.json"
    if not path.exists():
        return None
    return records.read(Report, json.loads(path.read_text()), where=str(path))


if __name__ == "__main__":
    main()
