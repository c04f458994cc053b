"""Let phones provision devices, and run their agents."""

import asyncio
import importlib
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from hotsite.adapters import pan_vault
from hotsite.adapters.pan_http import HttpDoor
from hotsite.adapters.pan_security import DeviceSecurity
from hotsite.adapters.pan_vault import DirectoryVault
from hotsite.core.label import device_name
from hotsite.errors import InvalidInputError
from hotsite.faces.agent import lines, loop
from hotsite.faces.agent.host import Host
from hotsite.flows.pan import PanDevice
from hotsite.flows.pan_endpoints import Desk
from hotsite.ports.pan import Firmware

# Phones that look at the state once a second hear the end of it.
_LINGER_S = 3.0
BLUEZ = "bluez"
# Beside device.json in the directory of a device that has slots for firmware.
_FIRMWARE = "firmware.json"


@dataclass(frozen=True, slots=True)
class Doors:
    """How phones reach the devices.

    Attributes:
        http: Address and port, or nothing. Each further device has the next port.
        ble: ``bluez``, a transport of bumble, or nothing.
    """

    http: tuple[str, int] | None
    ble: str | None


class MonotonicClock:
    """Implements ``ports.Clock`` with a clock that nobody sets."""

    def now_s(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic()

    def sleep(self, duration_s: float) -> None:
        """Wait for a duration in seconds."""
        time.sleep(duration_s)


class _Door(Protocol):
    async def close(self) -> None: ...


def make_host(
    folder: Path,
    tell: Callable[[lines.Event], None],
    firmware: Firmware | None = None,
) -> Host:
    """Return the host of a device's directory. Needs a running event loop.

    Args:
        folder: As ``hotsite agent make`` wrote it.
        tell: Hears what happens.
        firmware: The device's slots, if it has any.

    Raises:
        InvalidInputError: The directory is none of a device.
        UnreachableError: It cannot be read.
    """
    identity = pan_vault.read_identity(folder)
    vault = DirectoryVault(folder, pan_vault.read_extras(folder))
    desk = Desk(identity, vault, DeviceSecurity(), firmware=firmware)
    return Host(PanDevice(desk, clock=MonotonicClock()), vault, tell)


def run(folders: Sequence[Path], doors: Doors, *, is_json: bool, is_once: bool) -> int:
    """Serve phones, and keep the devices connected.

    Args:
        folders: The devices' directories.
        doors: How phones reach them.
        is_json: Whether events go to stdout as JSON, instead of to stderr as words.
        is_once: Whether to end when each device has delivered a message.

    Returns:
        0 done or asked to stop · 130 interrupted.

    Raises:
        InvalidInputError: A directory or a door is wrong.
        UnreachableError: A port or a radio cannot be had.
    """
    if doors.ble is not None and len(folders) > 1:
        raise InvalidInputError("--ble: one Bluetooth adapter is one device")
    if doors.http is None and doors.ble is None:
        raise InvalidInputError("name a way for phones: --wifi, --ble, or both")
    return loop.run(_run(folders, doors, is_json=is_json, is_once=is_once))


async def _run(
    folders: Sequence[Path], doors: Doors, *, is_json: bool, is_once: bool
) -> int:
    write = lines.write_json if is_json else lines.write_words

    def tell(event: lines.Event) -> None:
        write(event, at_s=time.time())

    with ExitStack() as kits:
        slots = [_slots(folder, kits) for folder in folders]
        hosts = [
            make_host(folder, tell, firmware)
            for folder, firmware in zip(folders, slots, strict=True)
        ]
        return await _serve(hosts, doors, tell, is_once=is_once)


def _slots(folder: Path, kits: ExitStack) -> Firmware | None:
    """Return the slots of a device that takes firmware from phones, if it does."""
    if not (folder / _FIRMWARE).exists():
        return None
    # Verifying is an extra: docs/adr/0003-dependencies.md.
    try:
        module = importlib.import_module("hotsite.faces.agent.firmware")
    except ImportError as error:
        raise InvalidInputError(
            f"{folder / _FIRMWARE} needs `pip install hotsite[firmware]`: {error}"
        ) from error
    taken: Firmware = kits.enter_context(module.open_kit(folder)).courier
    return taken


async def _serve(
    hosts: Sequence[Host],
    doors: Doors,
    tell: Callable[[lines.Event], None],
    *,
    is_once: bool,
) -> int:
    stopped = loop.exit_on_signals()
    opened: list[_Door] = []
    work: list[asyncio.Task[Any]] = []
    try:
        for index, host in enumerate(hosts):
            opened += await _open(host, doors, index, tell)
            work.append(asyncio.create_task(_run_one(host, is_once=is_once)))
        while any(not task.done() for task in work):
            left = [task for task in work if not task.done()]
            done, _ = await asyncio.wait(
                [stopped, *left], return_when=asyncio.FIRST_COMPLETED
            )
            if stopped in done:
                return stopped.result()
            for task in done:
                await task
        return 0
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        for door in opened:
            await door.close()


async def _run_one(host: Host, *, is_once: bool) -> None:
    """Run a device for ever, or until it delivered a message and phones know it."""
    if not is_once:
        await host.run()
    running = asyncio.create_task(host.run())
    delivered = asyncio.create_task(_deliver(host))
    try:
        await asyncio.wait([running, delivered], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
    finally:
        running.cancel()
        delivered.cancel()
        await asyncio.gather(running, delivered, return_exceptions=True)


async def _deliver(host: Host) -> None:
    await host.delivered.wait()
    await asyncio.sleep(_LINGER_S)


async def _open(
    host: Host, doors: Doors, index: int, tell: Callable[[lines.Event], None]
) -> list[_Door]:
    opened: list[_Door] = []
    said: dict[str, object] = {"serial": host.device.identity.serial}
    said["name"] = device_name(host.device.identity.serial)
    if doors.http is not None:
        address, port = doors.http
        http = HttpDoor(host.device)
        await http.open(address, port + index if port else 0)
        opened.append(http)
        said["address"] = f"{address}:{http.port}"
    if doors.ble is not None:
        # BLE is an extra: docs/adr/0003-dependencies.md.
        module, kind = ("pan_bumble", "BumbleDoor")
        if doors.ble.partition(":")[0] == BLUEZ:
            module, kind = ("pan_bluez", "BluezDoor")
        try:
            loaded = importlib.import_module(f"hotsite.adapters.{module}")
        except ImportError as error:
            raise InvalidInputError(
                f"--ble needs `pip install hotsite[ble]`: {error}"
            ) from error
        ble = getattr(loaded, kind)(host.device)
        await ble.open(doors.ble)
        opened.append(ble)
        said["ble"] = doors.ble
    tell({"kind": "provision_listening", **said})
    return opened
