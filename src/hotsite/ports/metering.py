"""What the RPO meter needs: where its readings are kept, and the cold store."""

from typing import Protocol

from hotsite.core.metering import Readings


class MeterReadings(Protocol):
    """Where a Region keeps what its meter has seen; its own table."""

    def read(self) -> Readings:
        """Return what was written last; empty when nothing was.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...

    def write(self, readings: Readings) -> Readings:
        """Replace what was written last, if nobody else did since it was read.

        Args:
            readings: Their ``revision`` is that of what they were made of.

        Returns:
            The readings with their new revision.

        Raises:
            ConflictError: Another worker wrote meanwhile: read, take in again.
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
