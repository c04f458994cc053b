"""How many deletions a Region has taken over from outside, for the limit."""

from collections.abc import Callable
from typing import Protocol

from hotsite.core.deletions import Window
from hotsite.core.registry import Kind


class DeletionLedger(Protocol):
    """The deletions of this Region's last day; all of its workers share it."""

    def read(self, kind: Kind) -> Window:
        """Return what was counted of a kind; an empty window at first.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...

    def update(self, kind: Kind, change: Callable[[Window], Window]) -> None:
        """Change a window as if nobody else did at the same time.

        Args:
            kind: Whose window.
            change: Pure; may be called again when another worker was faster.
                What it raises is passed on, and nothing is written.

        Raises:
            UnreachableError: The table did not answer.
            ConflictError: Others were faster too often.
        """
        ...
