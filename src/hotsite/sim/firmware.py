"""Slots in memory whose power can go at any write, with a part of it written."""

import hashlib
from collections.abc import Iterable, Iterator

from hotsite.core.firmware import Catalogue, FirmwareRefusedError, Image, Reason
from hotsite.core.firmware_files import Part
from hotsite.core.slots import Slot
from hotsite.errors import InvalidInputError, RetryableError, UnreachableError


class PowerLostError(RetryableError):
    """The device is off; it can be switched on again."""


class SimSlots:
    """Implements ``ports.firmware.SlotStore``.

    Attributes:
        write_count: Durable operations so far.
    """

    def __init__(self, bytes_max: int) -> None:
        self.write_count = 0
        self._bytes_max = bytes_max
        self._cells = [b"", b""]
        self._images = {slot: bytearray(b"\xff" * bytes_max) for slot in Slot}
        self._writes_left: int | None = None
        self._torn = 0.0

    @property
    def bytes_max(self) -> int:
        """How much a slot holds."""
        return self._bytes_max

    def lose_power(self, *, after: int | None, torn: float = 0.0) -> None:
        """Let the power go.

        Args:
            after: How many more writes are whole; None for no loss.
            torn: Which part of the next one is written, 0 to 1.
        """
        self._writes_left, self._torn = after, torn

    def cells(self) -> tuple[bytes, bytes]:
        """Return both cells as they are."""
        return self._cells[0], self._cells[1]

    def write_cell(self, index: int, content: bytes) -> None:
        """Write one cell, or a part of it."""
        written = self._written(content)
        self._cells[index] = written + self._cells[index][len(written) :]
        if len(written) == len(content):
            self._cells[index] = content
        self._fail_if_off()

    def write_image(self, slot: Slot, chunks: Iterable[bytes]) -> None:
        """Write a slot, or a part of it; each chunk is a write."""
        offset = 0
        for chunk in chunks:
            written = self._written(chunk)
            self._images[slot][offset : offset + len(written)] = written
            offset += len(written)
            self._fail_if_off()

    def digest(self, slot: Slot, length: int) -> str:
        """Return the SHA-256 of a slot's first bytes."""
        return hashlib.sha256(self._images[slot][:length]).hexdigest()

    def damage(self, slot: Slot) -> None:
        """Turn a bit of a slot."""
        self._images[slot][0] ^= 1

    def _written(self, content: bytes) -> bytes:
        if self._writes_left is None:
            self.write_count += 1
            return content
        self._writes_left -= 1
        if self._writes_left >= 0:
            self.write_count += 1
            return content
        return content[: int(len(content) * self._torn)]

    def _fail_if_off(self) -> None:
        if self._writes_left is not None and self._writes_left < 0:
            raise PowerLostError("the power is gone")


class SimSource:
    """Implements ``ports.firmware.FirmwareSource`` with what it is given."""

    def __init__(self, *offers: tuple[Image, bytes], chunk_bytes: int = 8) -> None:
        self._content = dict(offers)
        self._chunk_bytes = chunk_bytes

    def catalogue(self, now_s: float) -> Catalogue:
        """Return all of it."""
        del now_s
        return Catalogue(tuple(self._content))

    def fetch(self, image: Image) -> Iterator[bytes]:
        """Return the bytes of an image, in chunks."""
        content = self._content[image]
        if hashlib.sha256(content).hexdigest() != image.sha256:
            raise FirmwareRefusedError(Reason.TAMPERED, image.name)
        size = self._chunk_bytes
        return iter(content[at : at + size] for at in range(0, len(content), size))


class SimFiles:
    """Implements ``ports.firmware.FirmwareFiles``: a bucket that can be cut off.

    Attributes:
        files: What is there, by name.
        writes_left: After so many the Region answers no more; None for never.
        written: Names in the order in which they were written.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.writes_left: int | None = None
        self.written: list[str] = []

    def read(self, name: str) -> bytes | None:
        """Return a file, or None if there is none."""
        return self.files.get(name)

    def read_part(self, name: str, part: Part) -> tuple[bytes, int] | None:
        """Return bytes of a file and the length of all of it, or None."""
        content = self.files.get(name)
        if content is None:
            return None
        if part.first >= len(content):
            raise InvalidInputError(f"{name} ends before")
        return content[part.first : part.last + 1], len(content)

    def digest(self, name: str) -> str | None:
        """Return the SHA-256 of a file, or None if there is none."""
        content = self.files.get(name)
        return None if content is None else hashlib.sha256(content).hexdigest()

    def write(self, name: str, content: bytes) -> None:
        """Write a file, unless the Region is gone."""
        if self.writes_left is not None:
            if self.writes_left == 0:
                raise UnreachableError("the Region does not answer")
            self.writes_left -= 1
        self.files[name] = content
        self.written.append(name)
