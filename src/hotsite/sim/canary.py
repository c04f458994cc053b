"""One message through a site in memory."""

from hotsite.errors import UnreachableError
from hotsite.ports import Clock


class SimCanary:
    """Implements ``ports.Canary``; the way through the site takes its time."""

    def __init__(self, clock: Clock, *, takes_s: float = 0.0) -> None:
        """Take the time, and how long a message is under way, in seconds."""
        self.is_reachable = True
        self._clock = clock
        self._takes_s = takes_s
        self._sent_at_s: dict[str, float] = {}

    def send(self) -> str:
        """Publish a message; return its key."""
        self._answer("broker")
        key = f"{len(self._sent_at_s) + 1:012d}"
        self._sent_at_s[key] = self._clock.now_s()
        return key

    def has_arrived(self, key: str) -> bool:
        """Say whether the message is in the hot store."""
        self._answer("hot store")
        sent_at_s = self._sent_at_s.get(key)
        return sent_at_s is not None and (
            self._clock.now_s() - sent_at_s >= self._takes_s
        )

    def _answer(self, who: str) -> None:
        if not self.is_reachable:
            raise UnreachableError(f"the {who} does not answer")
