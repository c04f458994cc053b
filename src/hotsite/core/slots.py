"""Two slots, and how a device changes from one to the other without a way to brick.

The record of the slots lies in two cells, each with its checksum, and the newest
whole one counts; a write goes to the other cell, so a write that the power cut off
leaves the record as it was. Nothing here writes: each function returns the record
that comes next.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from hotsite.core import records
from hotsite.core.firmware import Image
from hotsite.errors import InvalidInputError, NotReadyError

CELLS = 2
# How often a new image may start before it must have said that it is healthy.
TRIES_MAX = 3
_FAILED_MAX = 8
_CHECK_LENGTH = 64


class Slot(StrEnum):
    """Where an image lies."""

    A = "a"
    B = "b"

    @property
    def other(self) -> "Slot":
        """Return the slot that this one is not."""
        return Slot.B if self is Slot.A else Slot.A


class State(StrEnum):
    """How far an update has come."""

    STEADY = "steady"
    STAGED = "staged"
    PENDING = "pending"
    TRYING = "trying"


class Event(StrEnum):
    """What can happen to the record."""

    CLEAR = "clear"
    STAGE = "stage"
    PEND = "pend"
    BOOT = "boot"
    CONFIRM = "confirm"
    ROLL_BACK = "roll-back"


# What is not here is refused: an unhealthy moment must not overwrite the way back.
TABLE: Mapping[tuple[State, Event], State] = {
    (State.STEADY, Event.CLEAR): State.STEADY,
    (State.STAGED, Event.CLEAR): State.STEADY,
    (State.STEADY, Event.STAGE): State.STAGED,
    (State.STAGED, Event.PEND): State.PENDING,
    (State.PENDING, Event.BOOT): State.TRYING,
    (State.TRYING, Event.BOOT): State.TRYING,
    (State.TRYING, Event.CONFIRM): State.STEADY,
    (State.PENDING, Event.ROLL_BACK): State.STEADY,
    (State.TRYING, Event.ROLL_BACK): State.STEADY,
}


@dataclass(frozen=True, slots=True)
class Slots:
    """The record of both slots.

    Attributes:
        sequence: Grows with each write; the newest whole record counts.
        state: How far an update has come.
        active: The slot whose image was found healthy last.
        a: What slot A holds; None while that is not known.
        b: The same of slot B.
        tries_left: How often the new image may still start.
        counter_min: No image with a lower security counter starts; never lowered.
        failed: Digests of images that were found unhealthy, the newest last.
    """

    sequence: int
    state: State
    active: Slot
    a: Image | None
    b: Image | None
    tries_left: int = 0
    counter_min: int = 0
    failed: tuple[str, ...] = ()

    def image(self, slot: Slot) -> Image | None:
        """Return what a slot holds."""
        return self.a if slot is Slot.A else self.b

    @property
    def spare(self) -> Slot:
        """Return the slot that an update may overwrite."""
        return self.active.other

    @property
    def is_unconfirmed(self) -> bool:
        """Tell whether a new image waits for its start or its health check."""
        return self.state in {State.PENDING, State.TRYING}


@dataclass(frozen=True, slots=True)
class Boot:
    """What a bootloader does.

    Attributes:
        slot: What starts; None if nothing may.
        slots: The record to write before it starts.
        reason: Why this one.
    """

    slot: Slot | None
    slots: Slots
    reason: str


def delivered(image: Image) -> Slots:
    """Return the record of a device that leaves the factory with an image in A."""
    return Slots(
        sequence=1,
        state=State.STEADY,
        active=Slot.A,
        a=image,
        b=None,
        counter_min=image.security_counter,
    )


def cleared(slots: Slots) -> Slots:
    """Forget what the spare slot holds, before it is overwritten.

    Raises:
        NotReadyError: It holds an image that is being tried.
    """
    return _with_spare(_moved(slots, Event.CLEAR), None)


def staged(slots: Slots, image: Image) -> Slots:
    """Note that the spare slot holds an image, read back and found whole.

    Raises:
        NotReadyError: The spare slot was not cleared.
    """
    return _with_spare(_moved(slots, Event.STAGE), image)


def pended(slots: Slots) -> Slots:
    """Let the next start try the spare slot.

    Raises:
        NotReadyError: Nothing is staged.
    """
    return replace(_moved(slots, Event.PEND), tries_left=TRIES_MAX)


def confirmed(slots: Slots) -> Slots:
    """Make the image that is being tried the active one.

    Only now the security counter rises: until then the old image must start again.

    Raises:
        NotReadyError: None is being tried.
    """
    moved = _moved(slots, Event.CONFIRM)
    image = slots.image(slots.spare)
    reached = image.security_counter if image is not None else 0
    return replace(
        moved,
        active=slots.spare,
        tries_left=0,
        counter_min=max(slots.counter_min, reached),
    )


def rolled_back(slots: Slots) -> Slots:
    """Go back to the image that was active, and remember which one failed.

    Raises:
        NotReadyError: None is being tried.
    """
    moved = _moved(slots, Event.ROLL_BACK)
    image = slots.image(slots.spare)
    failed = slots.failed
    if image is not None and image.sha256 not in failed:
        failed = (*failed, image.sha256)[-_FAILED_MAX:]
    return replace(moved, tries_left=0, failed=failed)


def boot(slots: Slots, intact: Collection[Slot]) -> Boot:
    """Decide what starts; the first rule that applies wins.

    Args:
        slots: The record.
        intact: Slots whose bytes have the digest that the record says.

    Returns:
        The decision; its record is written before anything starts, so that an image
        that takes the power down with it uses up its tries.
    """
    if slots.is_unconfirmed:
        if not _may_start(slots, slots.spare, intact):
            return _steady(rolled_back(slots), intact, "the new image is not whole")
        if slots.tries_left < 1:
            return _steady(rolled_back(slots), intact, "the new image never confirmed")
        moved = _moved(slots, Event.BOOT)
        trying = replace(moved, tries_left=slots.tries_left - 1)
        return Boot(slots.spare, trying, "the new image is tried")
    return _steady(slots, intact, "the active image")


def _steady(slots: Slots, intact: Collection[Slot], reason: str) -> Boot:
    if _may_start(slots, slots.active, intact):
        return Boot(slots.active, slots, reason)
    if _may_start(slots, slots.spare, intact):
        changed = replace(_next(slots), active=slots.spare, state=State.STEADY)
        return Boot(changed.active, changed, "the active image is damaged")
    return Boot(None, slots, "no slot holds an image that may start")


def _may_start(slots: Slots, slot: Slot, intact: Collection[Slot]) -> bool:
    image = slots.image(slot)
    if image is None or slot not in intact:
        return False
    return image.security_counter >= slots.counter_min


def encode(slots: Slots) -> bytes:
    """Return the content of a cell: a checksum and the record."""
    text = json.dumps(records.write(slots), separators=(",", ":")).encode()
    return hashlib.sha256(text).hexdigest().encode() + b"\n" + text


def decode(cells: tuple[bytes, bytes]) -> tuple[Slots, int]:
    """Return the newest whole record, and the cell to write next.

    Args:
        cells: Both cells as they are; one may be torn or empty.

    Raises:
        InvalidInputError: Neither is whole: no device was made of this yet.
    """
    whole = [
        (slots, index)
        for index, cell in enumerate(cells)
        if (slots := _decoded(cell)) is not None
    ]
    if not whole:
        raise InvalidInputError("neither cell holds a whole record of the slots")
    slots, index = max(whole, key=lambda found: found[0].sequence)
    return slots, (index + 1) % CELLS


def _decoded(cell: bytes) -> Slots | None:
    check, _, text = cell.partition(b"\n")
    if len(check) != _CHECK_LENGTH:
        return None
    if hashlib.sha256(text).hexdigest().encode() != check:
        return None
    return records.read(Slots, json.loads(text), where="record of the slots")


def _with_spare(slots: Slots, image: Image | None) -> Slots:
    if slots.spare is Slot.A:
        return replace(slots, a=image)
    return replace(slots, b=image)


def _moved(slots: Slots, event: Event) -> Slots:
    state = TABLE.get((slots.state, event))
    if state is None:
        raise NotReadyError(f"the slots are {slots.state}: {event} cannot come now")
    return replace(_next(slots), state=state)


def _next(slots: Slots) -> Slots:
    return replace(slots, sequence=slots.sequence + 1)
