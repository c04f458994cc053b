"""``hotsite firmware``: sign firmware, publish it to both Regions, look at it."""

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hotsite.errors import InvalidInputError
from hotsite.faces.cli import sites

_KEYS_EPILOG = """\
A passphrase comes from a file or from the terminal, never from the command line.
--passphrase-file may be given several times: KEY=FILE for one key (root-1), ROLE=FILE
for one role (root), FILE for all others.

"""
_PARAGRAPHS = argparse.RawDescriptionHelpFormatter


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "firmware",
        help="sign firmware, publish it to both Regions",
        description="A repository of signed firmware: docs/firmware.md.",
    )
    verbs = command.add_subparsers(dest="verb", metavar="VERB", required=True)
    _add_init(verbs)
    _add_sign(verbs)
    _add_rotate(verbs)
    _add_publish(verbs)
    _add_status(verbs)
    _add_verify(verbs)


def _add_init(verbs: Any) -> None:
    verb = verbs.add_parser(
        "init",
        help="make keys and an empty repository",
        description="Make DIR: keys/ (three of the root, two of which sign; one each "
        "of targets, snapshot and timestamp), repository/, and root.json for devices.",
        epilog=f"{_KEYS_EPILOG}example:\n"
        "  hotsite firmware init release --passphrase-file root=~/root.txt "
        "--passphrase-file ~/online.txt",
        formatter_class=_PARAGRAPHS,
    )
    _common(verb, "init")


def _add_sign(verbs: Any) -> None:
    verb = verbs.add_parser(
        "sign",
        help="list an image, or sign anew before it expires",
        description="List IMAGE and sign the list; without one, sign snapshot and "
        "timestamp anew, which has to be done before they expire.",
        epilog=f"{_KEYS_EPILOG}examples:\n"
        "  hotsite firmware sign release app.bin --model HS-1 --version 1.1.0 "
        "--min-from 1.0.0 --security-counter 2\n"
        "  hotsite firmware sign release",
        formatter_class=_PARAGRAPHS,
    )
    _common(verb, "sign", "image")
    verb.add_argument("--model", metavar="NAME", help="which devices it is for")
    verb.add_argument("--version", metavar="X.Y.Z", help="of the image")
    verb.add_argument(
        "--min-from",
        metavar="X.Y.Z",
        default="0.0.0",
        help="lowest version that it may replace; default: any",
    )
    verb.add_argument(
        "--security-counter",
        type=int,
        metavar="N",
        help="devices that reached N never run less again",
    )
    verb.add_argument("--withdraw", metavar="NAME", help="take an image off the list")
    verb.add_argument(
        "--renew-targets",
        action="store_true",
        help="sign the list anew, too: it expires as well, and after its key changed",
    )


def _add_rotate(verbs: Any) -> None:
    verb = verbs.add_parser(
        "rotate",
        help="replace a key, or renew the root",
        description="Replace KEY (root-2, targets-1, or its 64 hex digits if its file "
        "is lost) by a new one, and sign everything anew. Without KEY, renew the root.",
        epilog=f"{_KEYS_EPILOG}example:\n"
        "  hotsite firmware rotate release timestamp-1 --root-key stick1/root-1.pem "
        "--root-key stick2/root-3.pem",
        formatter_class=_PARAGRAPHS,
    )
    _common(verb, "rotate", "key")
    verb.add_argument(
        "--root-key",
        action="append",
        type=Path,
        metavar="FILE",
        required=True,
        help="two of the root's keys",
    )


def _add_verify(verbs: Any) -> None:
    verb = verbs.add_parser(
        "verify",
        help="walk through a repository as a device does",
        description="Verify every signature and every image in DIR, and say when what "
        "expires. Exit code 1 if it expires before it has to last.",
        epilog="example:\n  hotsite firmware verify release",
        formatter_class=_PARAGRAPHS,
    )
    _common(verb, "verify", is_signing=False)


def _add_publish(verbs: Any) -> None:
    verb = verbs.add_parser(
        "publish",
        help="copy what was signed to both Regions",
        description="Copy DIR/repository to the sites: images, metadata, and last the "
        "timestamp. Run it again if a Region did not answer, or if it was killed.",
        epilog="examples:\n  hotsite firmware publish release\n"
        "  hotsite firmware publish release --local",
        formatter_class=_PARAGRAPHS,
    )
    _outside(verb, "publish")


def _add_status(verbs: Any) -> None:
    verb = verbs.add_parser(
        "status",
        help="what devices find at each site, verified",
        description="Walk through each site as a device that trusts DIR/root.json "
        "does. Exit code 1 if one is behind DIR, or expires before it has to last.",
        epilog="example:\n  hotsite firmware status release",
        formatter_class=_PARAGRAPHS,
    )
    _outside(verb, "status")


def _outside(verb: argparse.ArgumentParser, name: str) -> None:
    verb.add_argument("folder", type=Path, metavar="DIR")
    verb.add_argument("--region", metavar="SITE", help="one site, by letter or Region")
    sites.add_arguments(verb)
    verb.set_defaults(run=_runner("firmwarepublish", name))


def _common(
    verb: argparse.ArgumentParser,
    name: str,
    *more: str,
    is_signing: bool = True,
) -> None:
    verb.add_argument("folder", type=Path, metavar="DIR")
    for one in more:
        verb.add_argument(one, metavar=one.upper(), nargs="?")
    verb.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="expiry, in [firmware]; default: hotsite.toml if there is one",
    )
    if is_signing:
        verb.add_argument(
            "--keys", type=Path, metavar="DIR", help="default: keys/ in DIR"
        )
        verb.add_argument(
            "--passphrase-file",
            action="append",
            default=[],
            metavar="[KEY=]FILE",
            help="first line of FILE",
        )
    verb.add_argument("--json", action="store_true", help="JSON on stdout")
    verb.set_defaults(run=_runner("firmwaresign", name))


def _runner(module: str, name: str) -> Callable[[argparse.Namespace], int]:
    """Return what runs a verb, once python-tuf is known to be there."""

    def run(options: argparse.Namespace) -> int:
        try:
            found = importlib.import_module(f"hotsite.faces.cli.{module}")
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] not in {
                "tuf",
                "securesystemslib",
            }:
                raise
            raise InvalidInputError(
                "firmware needs python-tuf; run: pip install 'hotsite[firmware]'"
            ) from error
        code: int = getattr(found, name)(options)
        return code

    return run
