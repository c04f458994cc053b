"""``ports.firmware.SlotStore`` as files of a folder.

A device with a real bootloader has partitions instead; the rest stays the same.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hotsite.adapters import durable
from hotsite.core.slots import CELLS, Slot
from hotsite.errors import UnreachableError

_CHUNK = 65_536
BYTES_MAX = 64 * 1024 * 1024


class SlotFiles:
    """Implements ``ports.firmware.SlotStore``."""

    def __init__(self, folder: Path, *, bytes_max: int = BYTES_MAX) -> None:
        """Take a folder, which is made at the first write.

        Args:
            folder: Where the slots are.
            bytes_max: How much a slot holds.
        """
        self._folder = folder
        self._bytes_max = bytes_max

    @property
    def bytes_max(self) -> int:
        """How much a slot holds."""
        return self._bytes_max

    def path(self, slot: Slot) -> Path:
        """Return the file of a slot: what a bootloader starts."""
        return self._folder / f"slot-{slot.value}.bin"

    def cells(self) -> tuple[bytes, bytes]:
        """Return both cells as they are; empty if they were never written."""
        first, second = (self._cell(index) for index in range(CELLS))
        return first, second

    def write_cell(self, index: int, content: bytes) -> None:
        """Replace one cell, durably."""
        with _translated(f"write cell {index}"):
            durable.write(self._folder / f"cell-{index}", content, mode=0o600)

    def write_image(self, slot: Slot, chunks: Iterable[bytes]) -> None:
        """Write a slot from its beginning, durably."""
        with _translated(f"write slot {slot.value}"):
            self._folder.mkdir(parents=True, exist_ok=True)
            with self.path(slot).open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            durable.settle(self._folder)

    def digest(self, slot: Slot, length: int) -> str:
        """Return the SHA-256 of a slot's first bytes."""
        found = hashlib.sha256()
        with _translated(f"read slot {slot.value}"):
            try:
                with self.path(slot).open("rb") as file:
                    while length > 0 and (chunk := file.read(min(_CHUNK, length))):
                        found.update(chunk)
                        length -= len(chunk)
            except FileNotFoundError:
                return ""
        return found.hexdigest()

    def _cell(self, index: int) -> bytes:
        with _translated(f"read cell {index}"):
            try:
                return (self._folder / f"cell-{index}").read_bytes()
            except FileNotFoundError:
                return b""


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnreachableError(f"{what}: {error}") from error
