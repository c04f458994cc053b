"""``hotsite companion firmware``: carry signed firmware to a device that is near.

The device trusts neither us nor the files: it says which one it wants next, and judges
all of them itself (``flows/firmware_courier.py``).
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from hotsite.adapters.pan_security import PhoneSecurity
from hotsite.core import firmware_files
from hotsite.core.label import Label
from hotsite.errors import InvalidInputError, RefusedError, UnreachableError
from hotsite.faces.cli.companionreach import add_way, one_label, open_reach
from hotsite.flows.companion import carry, open_session
from hotsite.ports.pan import Reach

_EPILOG = """\
REPOSITORY is what `hotsite firmware sign` wrote; its keys are not needed. The device
starts the new firmware the next time that it starts, and goes back by itself when that
is not healthy.

examples:
  hotsite companion firmware --ble bleak --label label.json --repository release
  hotsite companion firmware --wifi 192.168.4.1 --label - --repository release
"""
_ATTEMPTS = 4
_GOOD = frozenset({"applied", "current"})


def register(verbs: Any) -> None:
    """Add the verb."""
    verb = verbs.add_parser(
        "firmware",
        help="carry signed firmware to a device that is near",
        description="Prove possession to a device, bring it the files that it asks "
        "for, and let it write what it has verified to its other slot.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_way(verb)
    verb.add_argument(
        "--label", required=True, metavar="LABEL", help="a QR code's text, in a file"
    )
    verb.add_argument("--repository", required=True, type=Path, metavar="DIR")
    verb.add_argument("--json", action="store_true", help="the result as JSON")
    verb.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Carry what the device wants; return 0, or refuse with its reason."""
    files = _Files(options.repository)
    began_s = time.monotonic()
    status = asyncio.run(_carried(options, files))
    took_s = round(time.monotonic() - began_s, 3)
    state, version = status.get("state"), status.get("version")
    if options.json:
        said = {"state": state, "version": version, "reason": status.get("reason")}
        print(json.dumps({**said, "bytes": files.byte_count, "took_s": took_s}))
    if state not in _GOOD:
        reason = status.get("reason") or state
        raise RefusedError(f"the device refused the firmware: {reason}")
    words = "has the newest already" if state == "current" else "starts it next"
    carried = f"{files.byte_count:,} bytes in {took_s:.1f} s"
    print(f"runs {version}, {words}; {carried}", file=sys.stderr)
    return 0


class _Files:
    """A repository on this machine."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "metadata").is_dir():
            raise InvalidInputError(
                f"--repository {folder}: has no metadata/, as hotsite firmware makes it"
            )
        self._folder = folder
        self._console = Console(stderr=True)
        self.byte_count = 0

    async def fetch(self, name: str) -> bytes | None:
        """Return a file that the device asked for, or None if there is none.

        Raises:
            RefusedError: It is no name of a repository: the device is not what it
                says it is.
            UnreachableError: The file cannot be read.
        """
        if not firmware_files.is_known(name):
            raise RefusedError(f"the device asks for {name!r}, which is no firmware")
        path = self._folder / name
        if not path.is_file():
            return None
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UnreachableError(f"{path}: {error.strerror}") from error
        if self._console.is_terminal:
            self._console.print(f"{name}: {len(content):,} bytes")
        self.byte_count += len(content)
        return content


async def _carried(options: argparse.Namespace, files: _Files) -> dict[str, Any]:
    label = one_label(options.label)
    reach = await open_reach(options.wifi, options.ble)
    try:
        for attempt in range(_ATTEMPTS):
            try:
                return await _once(reach, label, files)
            except UnreachableError:
                # The device kept what it has: it asks for the rest.
                if attempt == _ATTEMPTS - 1:
                    raise
    finally:
        await reach.close()
    raise AssertionError("the last attempt returns or raises")


async def _once(reach: Reach, label: Label, files: _Files) -> dict[str, Any]:
    link = await reach.connect(label)
    try:
        session = await open_session(link, label, PhoneSecurity())
        return dict(await carry(session, files.fetch))
    finally:
        await link.close()
