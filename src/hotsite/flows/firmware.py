"""Update a device's firmware: check, stage, arm, start, confirm or go back.

Each step may be the last one before the power goes. What is there afterwards is the
record in the cells, and every step begins by reading it.
"""

import hashlib
import logging
from collections.abc import Callable

from hotsite.core import slots as rules
from hotsite.core.firmware import (
    FirmwareRefusedError,
    Here,
    Image,
    Judgement,
    Reason,
    choose,
    trusted_now_s,
)
from hotsite.core.slots import Boot, Slot, Slots, State
from hotsite.errors import NotReadyError
from hotsite.ports.firmware import FirmwareSource, SlotStore

_LOG = logging.getLogger(__name__)


def read(store: SlotStore) -> Slots:
    """Return the record of the slots.

    Raises:
        InvalidInputError: There is none.
    """
    return rules.decode(store.cells())[0]


def deliver(store: SlotStore, image: Image, content: bytes) -> None:
    """Make a device of empty slots: what a factory does, once.

    Raises:
        FirmwareRefusedError: The content is not the image's.
        NotReadyError: The slots are in use.
    """
    if any(store.cells()):
        raise NotReadyError("the slots are in use; a factory image comes first")
    store.write_image(Slot.A, [content])
    _check(store, Slot.A, image)
    store.write_cell(0, rules.encode(rules.delivered(image)))


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of an image, as its description has it."""
    return hashlib.sha256(content).hexdigest()


def start(store: SlotStore) -> Boot:
    """Do what the bootloader does, and return what it starts.

    Raises:
        InvalidInputError: There is no record of the slots.
    """
    slots = read(store)
    intact = {slot for slot in Slot if _is_intact(store, slots, slot)}
    decision = rules.boot(slots, intact)
    if decision.slots != slots:
        _write(store, decision.slots)
    _LOG.info(
        "firmware starts",
        extra={"slot": decision.slot and decision.slot.value, "why": decision.reason},
    )
    return decision


def check(store: SlotStore, source: FirmwareSource, clock_s: float) -> Judgement:
    """Ask whether there is something to install.

    Args:
        store: The slots.
        source: Who offers.
        clock_s: What the device's clock says; it may be wrong.

    Returns:
        The judgement, with its reason. A replica that is behind is no update.

    Raises:
        FirmwareRefusedError: What is offered is not authentic, or too old.
        UnreachableError: Nobody answers.
    """
    slots = read(store)
    image = running(slots)
    catalogue = source.catalogue(trusted_now_s(clock_s, image))
    here = Here(image, slots.counter_min, slots.failed, store.bytes_max)
    found = choose(catalogue, here)
    _LOG.info(
        "firmware judged",
        extra={
            "reason": found.reason.value,
            "image": found.image.name if found.image else "",
        },
    )
    return found


def stage(store: SlotStore, source: FirmwareSource, image: Image) -> None:
    """Bring an image into the spare slot, read it back, and note that it is there.

    An image that is staged already is not fetched again. The image is fetched whole
    and checked before the first byte of the slot is touched.

    Args:
        store: The slots.
        source: Who brings it.
        image: What ``check`` chose.

    Raises:
        FirmwareRefusedError: What came is not what was signed.
        NotReadyError: Another image is being tried.
        UnreachableError: Nobody brings it.
    """
    slots = read(store)
    is_there = slots.state is State.STAGED and slots.image(slots.spare) == image
    if is_there and _is_intact(store, slots, slots.spare):
        return
    emptied = rules.cleared(slots)
    chunks = source.fetch(image)
    slots = _write(store, emptied)
    store.write_image(slots.spare, chunks)
    _check(store, slots.spare, image)
    _write(store, rules.staged(slots, image))


def arm(store: SlotStore) -> None:
    """Let the next start try what is staged.

    Raises:
        NotReadyError: Nothing is.
    """
    _write(store, rules.pended(read(store)))


def settle(store: SlotStore, is_healthy: Callable[[], bool]) -> bool:
    """Confirm the image that is being tried, or go back.

    Args:
        store: The slots.
        is_healthy: The health check; asked only if an image is being tried.

    Returns:
        Whether what runs may go on running; if not, the device must start again.
    """
    slots = read(store)
    if slots.state is not State.TRYING:
        return True
    is_fine = is_healthy()
    _write(store, rules.confirmed(slots) if is_fine else rules.rolled_back(slots))
    _LOG.info("firmware settled", extra={"is_healthy": is_fine})
    return is_fine


def running(slots: Slots) -> Image:
    """Return the image that runs: the active one, or the one that is being tried."""
    slot = slots.spare if slots.state is State.TRYING else slots.active
    image = slots.image(slot)
    assert image is not None, "a slot without an image does not start"  # noqa: S101
    return image


def _is_intact(store: SlotStore, slots: Slots, slot: Slot) -> bool:
    image = slots.image(slot)
    return image is not None and store.digest(slot, image.length) == image.sha256


def _check(store: SlotStore, slot: Slot, image: Image) -> None:
    if store.digest(slot, image.length) != image.sha256:
        raise FirmwareRefusedError(
            Reason.TAMPERED, f"slot {slot.value} does not hold {image.name}"
        )


def _write(store: SlotStore, slots: Slots) -> Slots:
    _, index = rules.decode(store.cells())
    store.write_cell(index, rules.encode(slots))
    return slots
