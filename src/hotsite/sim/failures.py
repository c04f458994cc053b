"""The store of failed batches in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hotsite.core.registry import Key
from hotsite.errors import NotFoundError, UnreachableError
from hotsite.ports.failures import BatchPage, FailedBatch


@dataclass(slots=True)
class SimFailedBatches:
    """Implements ``ports.FailedBatches``.

    Attributes:
        page_size: Names in a page, 1 or more.
        is_reachable: The fault switch.
        batches: What is put aside, by name.
    """

    page_size: int = 3
    is_reachable: bool = True
    batches: dict[str, FailedBatch] = field(default_factory=dict)
    _count: int = 0

    def put(self, keys: Iterable[Key], reason: str = "RetryAttemptsExhausted") -> str:
        """Put a batch aside, as Lambda does, and return its name."""
        self._count += 1
        name = f"batch-{self._count:06d}"
        self.batches[name] = FailedBatch(name, tuple(dict.fromkeys(keys)), reason)
        return name

    def page(self, token: str | None = None) -> BatchPage:
        """Return the names of some batches."""
        self._answer()
        names = sorted(n for n in self.batches if token is None or n > token)
        shown = tuple(names[: self.page_size])
        return BatchPage(shown, shown[-1] if len(names) > len(shown) else None)

    def read(self, name: str) -> FailedBatch:
        """Return what a batch was about."""
        self._answer()
        if name not in self.batches:
            raise NotFoundError(f"no failed batch {name}")
        return self.batches[name]

    def delete(self, name: str) -> None:
        """Delete a batch; one that is gone is gone."""
        self._answer()
        self.batches.pop(name, None)

    def _answer(self) -> None:
        if not self.is_reachable:
            raise UnreachableError("the store of failed batches does not answer")
