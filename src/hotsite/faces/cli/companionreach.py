"""Open the radio, or the network, that a command's flags name."""

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

from hotsite.adapters.pan_http_link import HttpReach
from hotsite.core.label import Label, read_qr
from hotsite.errors import InvalidInputError
from hotsite.faces.cli.files import read_text
from hotsite.ports.pan import Reach

BLEAK = "bleak"


def add_way(verb: argparse.ArgumentParser) -> None:
    """Let a command name the way to a device."""
    way = verb.add_mutually_exclusive_group(required=True)
    way.add_argument(
        "--wifi",
        nargs="?",
        const="",
        metavar="HOST[:PORT]",
        help="over HTTP; default where devices are on their own Wi-Fi",
    )
    way.add_argument(
        "--ble", metavar="ADAPTER", help="bleak (the system's), or as bumble names it"
    )


def one_label(source: str) -> Label:
    """Return the label in a file, or on stdin: no code is in the list of processes.

    Args:
        source: Path of the file, or ``-``.

    Raises:
        InvalidInputError: It is unreadable, or no label.
    """
    return read_qr(sys.stdin.read() if source == "-" else read_text(Path(source)))


async def open_reach(wifi: str | None, ble: str | None) -> Reach:
    """Return how devices are reached.

    Args:
        wifi: ``HOST[:PORT]``, "" for where devices usually are, or None.
        ble: ``bleak``, a transport of bumble, or None.

    Raises:
        InvalidInputError: What Bluetooth needs is not installed.
        UnreachableError: The radio cannot be had.
    """
    if wifi is not None or ble is None:
        return HttpReach(wifi or "")
    if ble == BLEAK:
        found: Reach = _load("pan_bleak").BleakReach()
        return found
    opened: Reach = await _load("pan_bumble_link").BumbleReach.open(ble)
    return opened


def _load(module: str) -> Any:
    # BLE is an extra: docs/adr/0003-dependencies.md.
    try:
        return importlib.import_module(f"hotsite.adapters.{module}")
    except ImportError as error:
        raise InvalidInputError(
            f"--ble needs `pip install hotsite[ble]`: {error}"
        ) from error
