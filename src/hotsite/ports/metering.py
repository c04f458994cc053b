"""What the RPO meter needs: where its readings are kept, and the cold store."""

from typing import Protocol

from hotsite.core.metering import Reading


class MeterReadings(Protocol):
    """Where a Region keeps what it has seen of each origin; its own table."""

    def read(self, origin: str) -> Reading | None:
        """Return the last reading of an origin, or nothing.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...

    def write(self, reading: Reading) -> Reading:
        """Replace a reading, if nobody else did since it was read.

        Args:
            reading: Its ``revision`` is that of the reading that it was made of,
                0 for the first.

        Returns:
            The reading with its new revision.

        Raises:
            ConflictError: Another worker wrote meanwhile: read, merge again.
            UnreachableError: The table did not answer.
        """
        ...


class ColdWatermarks(Protocol):
    """How far the cold objects of each origin have arrived in this Region."""

    def newest_s(self, origin: str) -> float | None:
        """Return the time of the newest cold object of an origin that is here.

        Args:
            origin: AWS Region.

        Returns:
            Seconds since the epoch; nothing when there is no object, or no bucket.

        Raises:
            UnreachableError: The store did not answer.
        """
        ...
