"""Decide when a connection that still answers is too sick to stay on.

A Region may brown out: its broker refuses, or acknowledges after seconds, and never
falls silent, so the rule of the missing PUBACK never fires. A device leaves when
too many of its last publishes went badly. Must not know what a publish is.
"""

from collections import deque
from dataclasses import dataclass

from hotsite.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class BudgetPolicy:
    """How many bad publishes a connection may have.

    Attributes:
        publish_count: How many of the last publishes are looked at, 1 or more.
        bad_count: So many bad ones among them end the connection.
        late_s: An acknowledgement after so many seconds makes one bad; above 0.
    """

    publish_count: int = 20
    bad_count: int = 10
    late_s: float = 2.0

    def __post_init__(self) -> None:
        """Refuse a budget that is always or never spent.

        Raises:
            InvalidInputError: A value is outside its range.
        """
        if not 1 <= self.bad_count <= self.publish_count or self.late_s <= 0:
            what = "bad_count must be 1 to publish_count, and late_s above 0"
            raise InvalidInputError(f"budget: {what}")


class ErrorBudget:
    """The last publishes of one connection, good and bad."""

    __slots__ = ("_bad_count", "_policy", "_was_bad")

    def __init__(self, policy: BudgetPolicy) -> None:
        self._policy = policy
        self._was_bad: deque[bool] = deque()
        self._bad_count = 0

    def note(self, took_s: float, *, is_refused: bool) -> None:
        """Note how one publish ended.

        Args:
            took_s: Time until the broker's answer, in seconds.
            is_refused: Whether that answer was a no.
        """
        is_bad = is_refused or took_s > self._policy.late_s
        self._was_bad.append(is_bad)
        self._bad_count += is_bad
        if len(self._was_bad) > self._policy.publish_count:
            self._bad_count -= self._was_bad.popleft()

    def verdict(self) -> str:
        """Return why the connection is too sick, or "" while it is not."""
        if self._bad_count < self._policy.bad_count:
            return ""
        return (
            f"{self._bad_count} of {len(self._was_bad)} publishes were refused or "
            f"took over {self._policy.late_s:g} s"
        )
