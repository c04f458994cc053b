"""What updating firmware needs: a place for two images, and somebody who brings one."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from hotsite.core.firmware import Catalogue, Image
from hotsite.core.firmware_files import Part
from hotsite.core.slots import Slot


class SlotStore(Protocol):
    """Two slots and two cells that outlive the power.

    A write that returned is durable. One that did not may have left any part of
    what it was to write: both flash and disks do.
    """

    @property
    def bytes_max(self) -> int:
        """How much a slot holds."""
        ...

    def cells(self) -> tuple[bytes, bytes]:
        """Return both cells as they are; empty if they were never written."""
        ...

    def write_cell(self, index: int, content: bytes) -> None:
        """Write one cell."""
        ...

    def write_image(self, slot: Slot, chunks: Iterable[bytes]) -> None:
        """Write a slot from its beginning."""
        ...

    def digest(self, slot: Slot, length: int) -> str:
        """Return the SHA-256 of a slot's first bytes, as hex digits."""
        ...


class FirmwareSource(Protocol):
    """Where images come from; all that it returns is authentic."""

    def catalogue(self, now_s: float) -> Catalogue:
        """Return what is offered.

        Args:
            now_s: The time to judge expiry by, in seconds since the epoch.

        Raises:
            FirmwareRefusedError: Somebody tampered, or what is there is too old.
            UnreachableError: There is no answer.
        """
        ...

    def fetch(self, image: Image) -> Iterator[bytes]:
        """Return the bytes of an image of the catalogue, checked as a whole first.

        Raises:
            FirmwareRefusedError: The bytes are not those that were signed.
            UnreachableError: There is no answer.
        """
        ...


class Inbox(Protocol):
    """Files of a repository that a courier hands over."""

    @property
    def wanted(self) -> str:
        """What was asked for last and is not here; "" if nothing is missing."""
        ...

    def receive(self, name: str, content: bytes) -> None:
        """Keep one file.

        Raises:
            FirmwareRefusedError: The name is none of a repository, or it is too much.
            UnreachableError: It could not be kept.
        """
        ...

    def absent(self, name: str) -> None:
        """Note that the repository has no such file."""
        ...

    def begin(self) -> None:
        """Ask from the beginning; what was brought stays."""
        ...

    def clear(self) -> None:
        """Throw all of it away."""
        ...


class FirmwareFiles(Protocol):
    """The files of a repository where devices find them: one Region's bucket."""

    def read(self, name: str) -> bytes | None:
        """Return a file, or None if there is none.

        Raises:
            UnreachableError: The Region does not answer.
        """
        ...

    def read_part(self, name: str, part: Part) -> tuple[bytes, int] | None:
        """Return bytes of a file and the length of all of it, or None.

        Raises:
            InvalidInputError: The file ends before the part begins.
            UnreachableError: The Region does not answer.
        """
        ...

    def digest(self, name: str) -> str | None:
        """Return the SHA-256 of a file as it was written, or None if there is none.

        Raises:
            UnreachableError: The Region does not answer.
        """
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write a file; durable when it returns.

        Raises:
            UnreachableError: The Region does not answer.
        """
        ...
