"""What the reference device needs to update itself: ``firmware.json``, and its parts.

Here "firmware" is a payload that the agent obeys: a JSON object with its settings. It
stands where a real device has a binary; the slots, the bootloader's decision and the
health check are the same. docs/firmware.md says what a real device does instead.
"""

import fcntl
import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hotsite.adapters.firmware_courier import CourierInbox, InboxFetcher
from hotsite.adapters.firmware_https import Doors, HttpsFetcher
from hotsite.adapters.resolver import DnsResolver, Resolver, SystemResolver
from hotsite.adapters.slot_files import SlotFiles
from hotsite.adapters.trusted_firmware import TrustedFirmware
from hotsite.core import records
from hotsite.core.firmware import FirmwareRefusedError, Image
from hotsite.core.slots import Slot
from hotsite.errors import InvalidInputError, NotReadyError
from hotsite.flows import firmware as flow
from hotsite.flows.firmware_courier import Courier

FILE = "firmware.json"
_FOLDER = "firmware"
_INTERVAL_S_MIN = 0.05


@dataclass(frozen=True, slots=True)
class Factory:
    """The image that a device leaves the factory with.

    Attributes:
        image: Its file.
        model: What device this is.
        version: Three numbers.
        security_counter: Where the counter begins.
        built_at_s: When it was built, in seconds since the epoch.
    """

    image: str
    model: str
    version: str
    security_counter: int = 0
    built_at_s: int = 0


@dataclass(frozen=True, slots=True)
class NameServer:
    """The name server to ask instead of the machine's."""

    address: str
    port: int = 53


@dataclass(frozen=True, slots=True)
class FirmwareConfig:
    """``firmware.json``; paths are relative to it.

    Attributes:
        root: The root metadata that is trusted: ``root.json`` of the release.
        api: Names of the owner's API, in order.
        factory: What the slots hold at first.
        port: TCP port of HTTPS.
        ca: Who signs the API's certificate; the machine's roots if empty.
        resolver: The name server, or None for the machine's resolver.
        interval_s: How often to ask, in seconds; each wait is drawn by chance.
        jobs: Whether jobs of AWS IoT say when to ask, and hear what came of it; the
            device's policy must allow their topics.
        health_s: How long a new image has until a site acknowledged a message.
        slot_bytes_max: How much a slot holds.
    """

    root: str
    api: tuple[str, ...]
    factory: Factory
    port: int = 443
    ca: str = ""
    resolver: NameServer | None = None
    interval_s: float = 3600.0
    health_s: float = 60.0
    jobs: bool = False
    slot_bytes_max: int = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Payload:
    """What the reference device runs.

    Attributes:
        interval_s: Time between two messages, in seconds.
    """

    interval_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Kit:
    """The parts of one device that updates itself.

    Attributes:
        config: What it was told.
        slots: Where images are.
        source: The owner's API.
        courier: What a phone talks to.
    """

    config: FirmwareConfig
    slots: SlotFiles
    source: TrustedFirmware
    courier: Courier

    def payload(self, slot: Slot) -> Payload:
        """Return what a slot's image says.

        Raises:
            InvalidInputError: It is nothing that the reference device can run.
        """
        where = f"firmware in slot {slot.value}"
        try:
            text = self.slots.path(slot).read_bytes()
            found = records.read(Payload, json.loads(text), where=where)
        except (OSError, ValueError) as error:
            raise InvalidInputError(f"{where}: does not start: {error}") from error
        if found.interval_s < _INTERVAL_S_MIN:
            raise InvalidInputError(f"{where}: interval_s is below {_INTERVAL_S_MIN}")
        return found


@contextmanager
def open_kit(path: Path) -> Iterator[Kit]:
    """Make a device's parts; fill slots that are empty from the factory's image.

    Args:
        path: The device's folder, or its ``device.json``.

    Yields:
        The parts; no other process has this device meanwhile.

    Raises:
        InvalidInputError: ``firmware.json`` or a file that it names is wrong.
        NotReadyError: Another process has this device's slots.
    """
    folder = _folder_of(path)
    config = _read(folder)
    own = folder / _FOLDER
    try:
        own.mkdir(exist_ok=True)
        lock = (own / "lock").open("w")
    except OSError as error:
        raise InvalidInputError(f"{own}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise NotReadyError(f"{own}: another process has this device") from error
        yield _kit(folder, config)


def _kit(folder: Path, config: FirmwareConfig) -> Kit:
    own = folder / _FOLDER
    slots = SlotFiles(own / "slots", bytes_max=config.slot_bytes_max)
    _deliver(folder, config, slots)
    root = _bytes(folder / config.root)
    inbox = CourierInbox(own / "inbox", bytes_max=config.slot_bytes_max)
    trust = own / "trust"
    carried = TrustedFirmware(InboxFetcher(inbox), trust, root)
    return Kit(
        config=config,
        slots=slots,
        source=TrustedFirmware(HttpsFetcher(_doors(folder, config)), trust, root),
        courier=Courier(slots, inbox, carried, time.time),
    )


def status(kit: Kit) -> dict[str, object]:
    """Return what the slots hold, for people and programs."""
    slots = flow.read(kit.slots)

    def said(slot: Slot) -> str | None:
        image = slots.image(slot)
        return None if image is None else image.version

    return {
        "state": slots.state.value,
        "active": slots.active.value,
        "a": said(Slot.A),
        "b": said(Slot.B),
        "counter": slots.counter_min,
        "failed": len(slots.failed),
    }


def _folder_of(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _read(folder: Path) -> FirmwareConfig:
    path = folder / FILE
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"{path}: {error}") from error
    config = records.read(FirmwareConfig, document, where=str(path))
    if min(config.interval_s, config.health_s) <= 0:
        raise InvalidInputError(f"{path}: interval_s and health_s must be above 0")
    return config


def _doors(folder: Path, config: FirmwareConfig) -> Doors:
    try:
        trusted = ssl.create_default_context(
            cafile=str(folder / config.ca) if config.ca else None
        )
    except OSError as error:
        raise InvalidInputError(f"{folder / config.ca}: {error}") from error
    server = config.resolver
    resolver: Resolver = (
        DnsResolver(server.address, server.port) if server else SystemResolver()
    )
    return Doors(config.api, config.port, resolver, trusted)


def _deliver(folder: Path, config: FirmwareConfig, slots: SlotFiles) -> None:
    if any(slots.cells()):
        return
    factory = config.factory
    content = _bytes(folder / factory.image)
    try:
        image = Image(
            name=factory.image,
            version=factory.version,
            min_from="0.0.0",
            security_counter=factory.security_counter,
            model=factory.model,
            length=len(content),
            sha256=flow.digest_of(content),
            built_at_s=factory.built_at_s,
        )
    except FirmwareRefusedError as error:
        raise InvalidInputError(f"{folder / FILE}: factory: {error}") from error
    flow.deliver(slots, image, content)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{path}: {error.strerror}") from error
