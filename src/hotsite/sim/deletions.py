"""The ledger of deletions in memory."""

from collections.abc import Callable

from hotsite.core.deletions import Window
from hotsite.core.registry import Kind
from hotsite.errors import UnreachableError


class SimDeletionLedger:
    """Implements ``ports.DeletionLedger`` for one Region."""

    def __init__(self) -> None:
        """Start with nothing deleted."""
        self.windows: dict[Kind, Window] = {}
        self.is_reachable = True

    def read(self, kind: Kind) -> Window:
        """Return what was counted of a kind."""
        self._answer()
        return self.windows.get(kind, Window())

    def update(self, kind: Kind, change: Callable[[Window], Window]) -> None:
        """Change a window as if nobody else did at the same time."""
        self._answer()
        self.windows[kind] = change(self.windows.get(kind, Window()))

    def _answer(self) -> None:
        if not self.is_reachable:
            raise UnreachableError("the ledger of deletions does not answer")
