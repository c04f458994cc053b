"""The command line's front door: parse, run one command, map errors to codes."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from importlib.metadata import version

from hotsite.errors import HotsiteError, RetryableError
from hotsite.faces.cli import (
    agent,
    conformance,
    drill,
    forecast,
    init,
    local,
    onboard,
    redrive,
    report,
    revoke,
    seed,
    status,
    synth,
    telemetry,
    verify,
)

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
  hotsite report build/drills/region-loss
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
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
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    operations = (seed, verify, status, redrive, revoke, telemetry)
    devices = (onboard, agent, conformance)
    for module in (init, forecast, drill, report, local, synth, *operations, *devices):
        module.register(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = parser().parse_args(arguments)
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


def _refuse(error: HotsiteError, *, is_json: bool) -> int:
    line = " ".join(str(error).split())
    print(f"hotsite: {line}", file=sys.stderr)
    if is_json:
        print(json.dumps({"error": {"kind": type(error).__name__, "message": line}}))
    return NO_ANSWER if isinstance(error, RetryableError) else WRONG


if __name__ == "__main__":
    sys.exit(main())
