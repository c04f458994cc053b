"""``hotsite init``: write a commented ``hotsite.toml``."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from hotsite.errors import InvalidInputError
from hotsite.faces.cli.files import SETTINGS_FILE

_TEMPLATE = """\
# What hotsite knows about your fleet. Keys that are commented out show defaults.

# Your own domain, delegated to a Route 53 public hosted zone. Devices and apps
# hold names below it only: iot., iot-a., iot-b., api. - never an AWS endpoint.
domain = "fleet.example.com"

# First part of the names of tables, stacks and policies.
# prefix = "hotsite"

# "hot-site": a second live Region that waits. "active-active": both hold devices, one
# commands them. "pilot-light": a cheap one, activated when needed.
# strategy = "hot-site"

# The active Region first, then the standby.
[[sites]]
letter = "a"
region = "eu-central-1"

[[sites]]
letter = "b"
region = "eu-west-1"
# weight = 100            # 0 to 255, of each site, where both are active

# Further standbys take over when all before them are sick: "c", then "d".
# [[sites]]
# letter = "c"
# region = "eu-west-2"

# What every drill is judged against.
[objectives]
rto_s = 60.0       # 99 % of the fleet's telemetry is stored again within this time
rpo_messages = 0   # acknowledged messages that may be missing afterwards

[dns]
# ttl_s = 10              # 1 to 60
# interval_s = 10         # health checks: 10 or 30
# failure_threshold = 2   # 1 to 10; 1 flaps in a brown-out
# sharing = "weighted"    # or "latency": how two active sites share the fleet

# How far back your devices can send again what was acknowledged. `hotsite status`
# judges by it what a Region's death would lose; half of it raises an alarm.
[outbox]
# reach_s = 420

# Who signs the tokens of your companion app's users (OpenID Connect).
[issuer]
url = "https://issuer.example.com/"
audience = "hotsite"

# [app]
# origins = ["https://app.example.com"]   # pages that may call the API from a browser

# [onboarding]
# custody = "device"   # "escrow" makes keys for devices that cannot; read its warning

# [telemetry]
# hot_days = 30           # how long the hot table keeps a message
# fleet_size = 100000     # N, and
# connects_per_s = 3000   # R: a throttled fleet spreads its attempts over N / R

# Signatures of firmware have to outlive renewal + signing RTO + publishing.
# [firmware]
# renewal_interval_h = 24 # how often `hotsite firmware sign` runs
# signing_rto_h = 72      # how long nobody may be able to sign
# publish_lag_h = 24      # until both Regions have it
# timestamp_days = 7      # 168 h for the 120 h above
# snapshot_days = 14
# targets_days = 90
# root_days = 365
"""


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "init",
        help="write a commented hotsite.toml",
        description="Write a commented hotsite.toml; one that is there is kept.",
        epilog="example:\n  hotsite init my-fleet",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("dir", nargs="?", default=".", type=Path, metavar="DIR")
    command.add_argument("--json", action="store_true", help="JSON on stdout")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the file, never over one that is there."""
    path = options.dir / SETTINGS_FILE
    try:
        options.dir.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(_TEMPLATE)
    except FileExistsError as error:
        raise InvalidInputError(f"{path}: is there already; it was kept") from error
    except OSError as error:
        raise InvalidInputError(f"{path}: {error.strerror}") from error
    if options.json:
        print(json.dumps({"written": str(path)}))
    else:
        print(f"wrote {path}; set domain in it, then: hotsite synth", file=sys.stderr)
    return 0
