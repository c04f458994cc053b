"""The command line's front door: parse, run one command, map errors to codes."""

import argparse
import importlib
import json
import logging
import sys
from collections.abc import Sequence
from importlib.metadata import version

from hotsite.errors import HotsiteError, RetryableError

DONE, MISSED, WRONG, NO_ANSWER, INTERRUPTED = 0, 1, 2, 3, 130

_EPILOG = """\
exit codes:
  0 done, objectives met        1 objectives missed, or drift found
  2 wrong usage or wrong input  3 the world did not answer; a retry may help
  130 interrupted, state left clean

examples:
  hotsite forecast --devices 100000
  hotsite drill drills/region-loss.toml --devices 50
  hotsite local up --detach && hotsite local status
  hotsite seed --from eu-central-1 && hotsite verify
  hotsite status --watch
  hotsite failover --to b --planned --dry-run
  hotsite report build/drills/region-loss
"""


# In the order of the help; each is the module of its name in this package, but for
# those that come in pairs.
COMMANDS = (
    "init",
    "forecast",
    "drill",
    "report",
    "local",
    "synth",
    "deploy",
    "diff",
    "upgrade",
    "destroy",
    "adopt",
    "seed",
    "verify",
    "status",
    "failover",
    "failback",
    "pause",
    "resume",
    "redrive",
    "revoke",
    "telemetry",
    "claims",
    "onboard",
    "companion",
    "agent",
    "firmware",
    "conformance",
)
_MODULES = {
    "failback": "failover",
    "resume": "pause",
    "diff": "deploy",
    "upgrade": "deploy",
}


def parser(commands: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of some commands.

    Args:
        commands: Which; all of them cost most of a second to load.
    """
    top = argparse.ArgumentParser(
        prog="hotsite",
        description="A second, live AWS Region for your IoT fleet, and a drill "
        "that proves it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=version("hotsite"))
    top.add_argument(
        "--verbose", action="store_true", help="say on stderr what is decided, and why"
    )
    parsers = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in dict.fromkeys(_MODULES.get(name, name) for name in commands):
        importlib.import_module(f"hotsite.faces.cli.{name}").register(parsers)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parser(_named(given)).parse_args(given)
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.ERROR,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        code: int = options.run(options)
    except HotsiteError as error:
        return _refuse(error, is_json=getattr(options, "json", False))
    except KeyboardInterrupt:
        print("hotsite: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left (``hotsite … | head``): not an error.
        sys.stderr.close()
        return DONE
    return code


def _named(arguments: Sequence[str]) -> Sequence[str]:
    """Return the command that is called, or all if none is."""
    words = [word for word in arguments if not word.startswith("-")]
    return words[:1] if words and words[0] in COMMANDS else COMMANDS


def _refuse(error: HotsiteError, *, is_json: bool) -> int:
    line = " ".join(str(error).split())
    print(f"hotsite: {line}", file=sys.stderr)
    if is_json:
        print(json.dumps({"error": {"kind": type(error).__name__, "message": line}}))
    return NO_ANSWER if isinstance(error, RetryableError) else WRONG


if __name__ == "__main__":
    sys.exit(main())
