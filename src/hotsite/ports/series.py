"""The stores that hold a device's telemetry, for reading."""

from dataclasses import dataclass
from typing import Protocol

from hotsite.core.series import Row, Window


@dataclass(frozen=True, slots=True)
class Reading:
    """What one store holds of one device.

    Attributes:
        rows: In no promised order; a message may be there more than once.
        unreadable: How many more there are that are no messages.
    """

    rows: tuple[Row, ...]
    unreadable: int = 0


class SeriesReader(Protocol):
    """One store of one site: the hot table, or the cold objects."""

    def read(self, thing: str, window: Window) -> Reading:
        """Return what the store holds of a device.

        Args:
            thing: Its name.
            window: Which messages are wanted.

        Raises:
            UnreachableError: The store did not answer, or not for all of it.
            NotFoundError: There is no such store.
        """
        ...
