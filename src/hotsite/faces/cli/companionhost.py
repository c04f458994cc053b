"""``hotsite companion host``: what serves the companion app to people, as files."""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from hotsite.core import companion
from hotsite.errors import InvalidInputError
from hotsite.faces.cli.files import read_json, read_settings
from hotsite.faces.companion.server import SITE
from hotsite.settings import Settings

_EPILOG = """\
Writes a CloudFormation template (S3 behind CloudFront, app.<domain>, in us-east-1)
and the folder that goes into its bucket, config.json among it. Nothing is deployed:
docs/companion.md has the commands. --config is what "hotsite companion serve" takes.

examples:
  hotsite companion host --config config.json
  hotsite companion host --config config.json --out build/app --json
"""


def register(parts: Any) -> None:
    """Add the sub-command."""
    part = parts.add_parser(
        "host",
        help="write what serves the companion app to people",
        description="Write the template and the files that serve the companion app "
        "from S3 and CloudFront.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    part.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="the app's own"
    )
    part.add_argument("--settings", type=Path, metavar="FILE", help="hotsite.toml")
    part.add_argument(
        "--out", type=Path, default=Path("build/app"), metavar="DIR", help="build/app"
    )
    part.add_argument("--json", action="store_true", help="JSON on stdout")
    part.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check everything, then write."""
    # The CDK takes seconds to import and few commands need it.
    from hotsite.infra import synth  # noqa: PLC0415

    where = str(options.config)
    config = companion.parse(read_json(options.config), where=where)
    settings = read_settings(options.settings)
    _check(settings, config, where)
    synth.prepare_node()
    from hotsite.infra import hosting  # noqa: PLC0415

    site: Path = options.out / "site"
    shutil.copytree(SITE, site, dirs_exist_ok=True)
    document = json.dumps(config.document, indent=1)
    (site / "config.json").write_text(f"{document}\n", encoding="utf-8")
    template = options.out / "template.json"
    hosting.synthesise(settings, config.headers, template)
    if options.json:
        print(json.dumps({"template": str(template), "site": str(site)}))
    print(
        f"wrote {template} and {site}: for https://{settings.app_name}", file=sys.stderr
    )
    return 0


def _check(settings: Settings, config: companion.AppConfig, where: str) -> None:
    origin = f"https://{settings.app_name}"
    if origin not in settings.app_origins:
        raise InvalidInputError(
            f"hotsite.toml: [app] origins lacks {origin}: the API would not let it in"
        )
    if config.api != f"https://{settings.api_name}":
        raise InvalidInputError(
            f"{where}: api must be https://{settings.api_name}, of hotsite.toml"
        )
    if not (SITE / "index.html").is_file():
        raise InvalidInputError("the companion app is not built: make companion")
