"""Where telemetry goes: the hot store, the cold stream, and the error archive."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hotsite.core.arrivals import Arrival, Refused
from hotsite.core.resume import Range


@dataclass(frozen=True, slots=True)
class SeqPage:
    """Some of the messages that a store holds.

    Attributes:
        seqs: Their numbers, ascending.
        next_token: Where the next page begins; nothing after the last page.
    """

    seqs: tuple[int, ...]
    next_token: str | None = None


class HotStore(Protocol):
    """A site's own replica of the hot table."""

    def put(self, arrivals: Sequence[Arrival]) -> tuple[Arrival, ...]:
        """Write messages; one that is there already is written again.

        Args:
            arrivals: At most one for each thing and key.

        Returns:
            Those that the store had no room for now, to be put again later.

        Raises:
            RetryableError: Some may be written; putting all again is safe.
        """
        ...

    def page(self, thing: str, wanted: Range, token: str | None = None) -> SeqPage:
        """Return the numbers of some of a thing's messages, freshly read.

        Raises:
            RetryableError: The store did not answer.
        """
        ...


class ColdStream(Protocol):
    """What a site writes into objects by and by."""

    def put(self, arrivals: Sequence[Arrival]) -> tuple[Arrival, ...]:
        """Hand messages over; a message may come twice.

        Returns:
            Those that the stream had no room for now, to be put again later.

        Raises:
            RetryableError: Some may be taken; putting all again is safe.
        """
        ...


@dataclass(frozen=True, slots=True)
class RefusedPage:
    """Names of some of what was refused.

    Attributes:
        names: In the order of their days.
        next_token: Where the next page begins; nothing after the last page.
    """

    names: tuple[str, ...]
    next_token: str | None = None


class ErrorArchive(Protocol):
    """What no store took, until it is redriven."""

    def put(self, refused: Refused) -> str:
        """Keep what was refused; the same again is kept once.

        Returns:
            Its name.

        Raises:
            RetryableError: The archive did not answer; again is safe.
        """
        ...

    def page(self, token: str | None = None) -> RefusedPage:
        """Return the names of some of what waits to be redriven.

        Raises:
            RetryableError: The archive did not answer.
        """
        ...

    def read(self, name: str) -> Refused:
        """Return what was refused.

        Raises:
            RetryableError: The archive did not answer.
            NotFoundError: It is not there (any more).
            InvalidInputError: It is nothing that was put here.
        """
        ...

    def finish(self, name: str) -> None:
        """Mark it as redriven: it stays, and waits no longer. Again is safe.

        Raises:
            RetryableError: The archive did not answer.
        """
        ...


class Courier(Protocol):
    """Who says something to a connected device."""

    def tell(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 1; whether the device is there is not known.

        Raises:
            RetryableError: The broker did not take it.
        """
        ...
