"""``hotsite local``: the two-Region cloud on this machine: up, down, look, use."""

import argparse
import contextlib
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from hotsite.core.apis import limits_of
from hotsite.core.epoch import LETTERS, SITES
from hotsite.core.strategy import Strategy
from hotsite.errors import (
    HotsiteError,
    InvalidInputError,
)
from hotsite.faces.cli import clouds, localclaim, localstatus
from hotsite.local import cloud, faults, launcher, namespace, network
from hotsite.local.client import LocalCloud
from hotsite.local.cloud import CloudState
from hotsite.local.region.config import DELIVERY_S

_EPILOG = """\
examples:
  hotsite local up --detach
  eval "$(hotsite local env --site b)" && aws iot list-things
  hotsite local exec -- mosquitto_pub -h iot.hotsite.test -p 8883 ...
  hotsite local down
"""
_KINDS = (
    "of a Region: kill, freeze, thaw, return, broker (MQTT accepts, never answers), "
    "tables (DynamoDB fails), brown-out (a share fails or hangs), control-plane (AWS "
    "IoT's and Route 53's never answer), unseen (by health checkers); of all: "
    "partition (between the Regions), dns-freeze (answers stay)"
)
_FAULT_EXAMPLES = """\
fault kill a
  hotsite local fault brown-out a --share 0.2
  hotsite local fault partition"""
_SITE = "letter or name of the Region; none for partition and dns-freeze"


def register(subparsers: Any) -> None:
    """Add the command and its sub-commands."""
    command = subparsers.add_parser(
        "local",
        help="the two-Region cloud on this machine",
        description="Two Regions, DNS with health checks, replication and a token "
        "issuer, as real processes on loopback addresses.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = command.add_subparsers(dest="part", metavar="COMMAND", required=True)
    for name, function, says, example in _commands():
        part = parts.add_parser(
            name,
            help=says,
            description=f"{says}.",
            epilog=f"example:\n  hotsite local {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        part.add_argument("--name", default="local", help="of the cloud")
        part.add_argument(
            "--dir", type=Path, metavar="DIR", help="default: .hotsite/NAME"
        )
        part.add_argument("--json", action="store_true", help="one JSON document")
        part.set_defaults(run=function)
        _add_flags(part, name)


def _add_up_flags(part: argparse.ArgumentParser) -> None:
    part.add_argument("--detach", action="store_true", help="return when ready")
    part.add_argument("--domain", default=clouds.DOMAIN)
    part.add_argument("--dns-port", type=int, default=network.DNS_PORT)
    part.add_argument(
        "--block", type=int, default=1, help="first address block: 127.0.BLOCK"
    )
    part.add_argument(
        "--raised-quotas",
        default="",
        metavar="JSON",
        help='IoT calls a second beyond AWS\'s defaults: {"ListThings": 100}',
    )
    part.add_argument(
        "--delivery",
        type=float,
        default=DELIVERY_S,
        metavar="SECONDS",
        help=f"how long cold telemetry waits for more (default {DELIVERY_S:g})",
    )
    part.add_argument(
        "--sites",
        type=int,
        default=len(SITES),
        metavar="N",
        help="Regions: 2, or 3 or 4 with further standbys (default 2)",
    )
    part.add_argument(
        "--strategy",
        choices=tuple(Strategy),
        type=Strategy,
        default=Strategy.HOT_SITE,
        help="what the standby is (default hot-site); a pilot light is off until "
        "hotsite failover lights it",
    )
    part.add_argument(
        "--empty",
        action="store_true",
        help="deploy nothing: two Regions and a domain, for hotsite deploy",
    )


def _add_flags(part: argparse.ArgumentParser, name: str) -> None:
    """Add what only one of the sub-commands takes."""
    if name == "up":
        _add_up_flags(part)
    elif name == "env":
        part.add_argument("--site", choices=LETTERS, default="a")
    elif name == "fault":
        part.add_argument("kind", metavar="KIND", choices=faults.KINDS, help=_KINDS)
        part.add_argument("site", metavar="SITE", nargs="?", default="", help=_SITE)
        part.add_argument(
            "--share",
            type=float,
            default=0.0,
            help="of brown-out: what fails or hangs, above 0 up to 1",
        )
        part.add_argument(
            "--seed", type=int, default=0, help="of brown-out: which ones (default 0)"
        )
    elif name == "mend":
        part.add_argument(
            "kind", metavar="KIND", choices=faults.MENDABLE, help="as it was injected"
        )
        part.add_argument("site", metavar="SITE", nargs="?", default="", help=_SITE)
    elif name == "claim":
        part.add_argument("id", metavar="ID", help="serial number; the thing's name")
        part.add_argument(
            "--out", type=Path, metavar="FILE", help="default: ID/claim.json"
        )
    elif name == "exec":
        part.add_argument("program", nargs=argparse.REMAINDER, metavar="CMD ...")


def _commands() -> Iterator[tuple[str, Callable[..., int], str, str]]:
    """Yield name, function, what it does and an example of each sub-command."""
    yield from (
        (
            "up",
            up,
            "start it; Ctrl-C ends it, unless --detach",
            "up --detach\n  hotsite local up --strategy pilot-light",
        ),
        ("down", down, "end it; nothing of it is left", "down --name second"),
        (
            "status",
            status,
            "what runs, what DNS answers, how far replication is",
            "status --json",
        ),
        ("env", env, "print exports for boto3, the AWS CLI, devices", "env --site b"),
        (
            "fault",
            fault,
            "break a Region, or what lies between",
            _FAULT_EXAMPLES,
        ),
        (
            "mend",
            mend,
            "end a fault; a killed Region returns",
            "mend brown-out a\n  hotsite local mend partition",
        ),
        ("claim", claim, "let a device be onboarded: id and secret", "claim oven-1"),
        (
            "exec",
            execute,
            "run an unmodified program that resolves our names",
            "exec -- getent hosts iot.hotsite.test",
        ),
    )


def up(options: argparse.Namespace) -> int:
    """Start the cloud; stay until it ends, or return when ready."""
    if options.block % 2 == 0 or not 1 <= options.block <= network.BLOCK_MAX:
        raise InvalidInputError(f"--block {options.block}: write 1, 3, 5 ... 253")
    if not 1024 <= options.dns_port < 1 << 16:  # noqa: PLR2004 (53 is added anyway)
        raise InvalidInputError(f"--dns-port {options.dns_port}: write 1024 to 65535")
    if options.empty and options.strategy is not Strategy.HOT_SITE:
        raise InvalidInputError("--strategy: an empty cloud has none; deploy says it")
    if not options.delivery >= 0:
        raise InvalidInputError(f"--delivery {options.delivery:g}: 0 seconds or more")
    settings = clouds.settings_of(options.domain, options.sites, options.strategy)
    for region in settings.sites:
        limits_of(region.region, options.raised_quotas, where="--raised-quotas")
    folder = _folder(options)
    launcher.refuse_if_up(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = clouds.config_for(settings, options.name, folder, _say)
    config = replace(
        config,
        dns_port=options.dns_port,
        block=options.block,
        raised_quotas=options.raised_quotas,
        delivery_s=options.delivery,
        is_empty=options.empty,
    )
    with contextlib.ExitStack() as stack:
        launched = stack.enter_context(launcher.Launched(config, _say))
        state = launched.wait_ready()
        if options.detach:
            launched.let_go()
            stack.pop_all()
        if options.json:
            print(json.dumps(localstatus.describe(state)), flush=True)
        _say(f"ready: {_summary(state)}")
        if not options.detach:
            _say("Ctrl-C ends it")
            launched.wait_end()
    return 0


def down(options: argparse.Namespace) -> int:
    """End the cloud, whatever state it is in."""
    folder = _folder(options)
    was_up = launcher.end(folder)
    _say(f"ended {folder}" if was_up else f"nothing was up in {folder}")
    if options.json:
        print(json.dumps({"ended": was_up}))
    return 0


def status(options: argparse.Namespace) -> int:
    """Say what runs; exit 3 when it is not up or something died."""
    state = cloud.read_state(_folder(options))
    local = LocalCloud(_folder(options), state)
    found = localstatus.look(local)
    if options.json:
        print(json.dumps(found.document))
    else:
        print(found.text)
    if found.troubles:
        for trouble in found.troubles:
            _say(trouble)
        return 3
    return 0


def env(options: argparse.Namespace) -> int:
    """Print what programs need to know, as shell exports."""
    local = LocalCloud.open(_folder(options))
    variables = _variables(local, options.site)
    if options.json:
        print(json.dumps(variables))
        return 0
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def fault(options: argparse.Namespace) -> int:
    """Break something; the cloud stays up around it."""
    local = LocalCloud.open(_folder(options))
    if options.seed < 0:
        raise InvalidInputError(f"--seed {options.seed}: write 0 or more")
    injected_s = local.fault(
        options.kind, options.site, share=options.share, seed=options.seed
    )
    _say(f"{_named(local, options)} done")
    if options.json:
        print(json.dumps({"injected_world_s": injected_s}))
    return 0


def mend(options: argparse.Namespace) -> int:
    """End a fault."""
    local = LocalCloud.open(_folder(options))
    mended_s = local.mend(options.kind, options.site)
    _say(f"{_named(local, options)} mended")
    if options.json:
        print(json.dumps({"mended_world_s": mended_s}))
    return 0


def _named(local: LocalCloud, options: argparse.Namespace) -> str:
    if not options.site:
        return str(options.kind)
    return f"{options.kind} of {local.site(options.site).region}"


def claim(options: argparse.Namespace) -> int:
    """Put a claim into the ledger, and its secret into a file for the device."""
    path = localclaim.make(LocalCloud.open(_folder(options)), options)
    _say(f"wrote {path}")
    if options.json:
        print(json.dumps({"claim": str(path)}))
    return 0


def execute(options: argparse.Namespace) -> int:
    """Run a program in a mount namespace whose resolver is our DNS server."""
    program = options.program
    if program[:1] == ["--"]:
        program = program[1:]
    if not program:
        raise InvalidInputError("local exec: write the program behind --")
    local = LocalCloud.open(_folder(options))
    inside = namespace.inside(_folder(options), local.state)
    environment = {**os.environ, **_variables(local, "a")}
    argv = [*inside, *program]
    sys.stdout.flush()
    # Become the program: signals and its exit code pass through, and nothing of
    # it is left when this process is killed.
    os.execvpe(argv[0], argv, environment)  # noqa: S606 - the user's own program


def _folder(options: argparse.Namespace) -> Path:
    folder: Path = options.dir or Path(".hotsite") / options.name
    return folder


def _variables(local: LocalCloud, letter: str) -> dict[str, str]:
    state, site = local.state, local.site(letter)
    folder = local.folder.absolute()
    token = folder / "token"
    with contextlib.suppress(HotsiteError):
        token.touch(mode=0o600)
        token.write_text(local.token(), "ascii")
    return {
        **_stand_in(state),
        "AWS_ACCESS_KEY_ID": state.account_id,
        "AWS_SECRET_ACCESS_KEY": cloud.SECRET,
        "AWS_DEFAULT_REGION": site.region,
        "AWS_ENDPOINT_URL": state.front_url or site.gateway_url,
        "HOTSITE_DOMAIN": state.domain,
        "HOTSITE_CA": state.ca,
        "HOTSITE_DNS": f"{state.dns_address}:{state.dns_port}",
        "HOTSITE_API": f"api.{state.domain}:{state.https_port}",
        "HOTSITE_IOT": f"iot.{state.domain}:{state.mqtt_port}",
        "HOTSITE_TOKEN_FILE": str(token),
    }


def _stand_in(state: CloudState) -> dict[str, str]:
    """Return what `hotsite deploy` is told of a place that is not AWS."""
    if not state.parameters:
        return {}
    return {"HOTSITE_PARAMETERS": state.parameters, "HOTSITE_PLATFORM": "host"}


def _summary(state: CloudState) -> str:
    sites = ", ".join(f"{site.region} on {site.address}" for site in state.sites)
    return f"{sites}; DNS on {state.dns_address}:{state.dns_port}"


def _say(text: str) -> None:
    print(f"local: {text}", file=sys.stderr, flush=True)
