"""Batches of stream records that a replicator gave up on."""

from dataclasses import dataclass
from typing import Protocol

from hotsite.core.registry import Key


@dataclass(frozen=True, slots=True)
class FailedBatch:
    """One batch that was put aside, so that the shard could move on.

    Attributes:
        name: What to delete it by.
        keys: What its records were about, each once, in their order; records
            of claims and the like are about no key.
        reason: Why it was put aside, in the words of the one that did.
        failed_at: When, as that one wrote it, or empty.
    """

    name: str
    keys: tuple[Key, ...]
    reason: str = ""
    failed_at: str = ""


@dataclass(frozen=True, slots=True)
class BatchPage:
    """Names of some batches.

    Attributes:
        names: In no promised order.
        next_token: Where the next page begins; nothing after the last page.
    """

    names: tuple[str, ...]
    next_token: str | None = None


class FailedBatches(Protocol):
    """The batches that one Region has put aside, until they are redriven."""

    def page(self, token: str | None = None) -> BatchPage:
        """Return the names of some batches.

        Raises:
            UnreachableError: The store did not answer.
        """
        ...

    def read(self, name: str) -> FailedBatch:
        """Return what a batch was about.

        Raises:
            UnreachableError: The store did not answer.
            NotFoundError: There is no such batch (any more).
            InvalidInputError: It is not what Lambda writes, or lacks its records.
        """
        ...

    def delete(self, name: str) -> None:
        """Delete a batch; one that is gone is gone.

        Raises:
            UnreachableError: The store did not answer.
        """
        ...
