"""Open the radio, or the network, that a command's flags name."""

import importlib
from typing import Any

from hotsite.adapters.pan_http_link import HttpReach
from hotsite.errors import InvalidInputError
from hotsite.ports.pan import Reach

BLEAK = "bleak"


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
