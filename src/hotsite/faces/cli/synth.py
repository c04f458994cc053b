"""``hotsite synth``: write the CloudFormation templates."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from hotsite.faces.cli.files import read_settings

_EPILOG = """\
Synthesis needs no AWS account and no network; it needs Node, from the machine or
from PyPI (make setup sees to it). The same input gives the same bytes.

examples:
  hotsite synth --out build/templates
  hotsite synth --packages
  hotsite synth --release --packages --out build/release/templates
"""


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "synth",
        help="write the CloudFormation templates",
        description="Write one template a stack, made from hotsite.toml.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--config", type=Path, metavar="FILE", help="hotsite.toml")
    command.add_argument(
        "--out", type=Path, default=Path("build/templates"), metavar="DIR"
    )
    command.add_argument(
        "--packages", action="store_true", help="Lambda zips for AWS (arm64), too"
    )
    command.add_argument(
        "--release",
        action="store_true",
        help="with domain and Regions as parameters; reads no hotsite.toml",
    )
    command.add_argument("--json", action="store_true", help="JSON on stdout")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the templates, and the zips where asked for."""
    # The CDK takes seconds to import and no other command needs it.
    from hotsite.infra import packaging, release, synth  # noqa: PLC0415

    if options.release:
        written = [*release.write(options.out)]
    else:
        written = [*synth.synthesise(read_settings(options.config), options.out)]
    if options.packages:
        folder = options.out / "lambdas"
        written += packaging.build_all(packaging.Platform.AWS, folder)
    if options.json:
        print(json.dumps({"written": [str(path) for path in written]}))
    else:
        for path in written:
            size_kb = path.stat().st_size / 1000
            print(f"wrote {path} ({size_kb:.0f} kB)", file=sys.stderr)
    return 0
