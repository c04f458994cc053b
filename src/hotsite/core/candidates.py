"""Choose where a device tries to connect next, and after what wait.

A round tries each name once, in order; back-off separates rounds, and each round
after a failed one uses the next port. A name that leads to an address that just
failed waits until the other names of the round had their turn: ``iot.`` and a
site's own name lead to the same dead broker for as long as DNS has not moved. All
is forgotten after a connection that lived, so no device stays away from a site
for what happened long ago. Must not know what a connection is.
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf

from hotsite.core.backoff import BackoffPolicy, full_jitter_s

# A day: whoever says more than that did not divide devices by connects a second.
_SPREAD_S_MAX = 86_400.0


@dataclass(frozen=True, slots=True)
class _Turn:
    """A name that has not had its turn in this round."""

    name: str
    was_passed_over: bool = False


class Candidates:
    """The names and ports of one device, and which of them failed lately."""

    __slots__ = (
        "_backoff",
        "_connect_at_s",
        "_failed",
        "_failed_s",
        "_names",
        "_place",
        "_ports",
        "_round",
        "_turns",
    )

    def __init__(
        self, names: tuple[str, ...], ports: tuple[int, ...], backoff: BackoffPolicy
    ) -> None:
        self._names = names
        self._ports = ports
        self._backoff = backoff
        self._round = 0
        self._place = 0
        self._connect_at_s = -inf
        self._failed: Counter[str] = Counter()
        self._failed_s: dict[str, float] = {}
        self._turns = deque(_Turn(name) for name in names)

    @property
    def name(self) -> str:
        """Return the name that the running or the next attempt uses."""
        return self._turns[0].name

    @property
    def port(self) -> int:
        """Return the port that the running or the next attempt uses."""
        return self._ports[self._place % len(self._ports)]

    def passes_over(self, address: str, now_s: float) -> bool:
        """Say whether an address has to wait for the other names of the round.

        Args:
            address: Where the name of this attempt leads.
            now_s: The time, in seconds.

        Returns:
            True when another name is tried first; ``name`` is that one then.
        """
        failed_s = self._failed_s.get(address)
        if failed_s is None or now_s >= failed_s + self._backoff.shun_s:
            return False
        turn = self._turns[0]
        others = list(self._turns)[1:]
        if turn.was_passed_over or all(other.was_passed_over for other in others):
            return False
        self._turns.rotate(-1)
        self._turns[-1] = _Turn(turn.name, was_passed_over=True)
        return True

    def prefer(self, name: str) -> None:
        """Begin a round with one of the names, whatever failed before."""
        self._forget()
        self._restart()
        self._turns.remove(_Turn(name))
        self._turns.appendleft(_Turn(name))

    def spread(self, throttle_spread_s: float | None) -> None:
        """Take a site's word for how far its fleet spreads; nonsense is ignored."""
        if throttle_spread_s is not None and 0 <= throttle_spread_s <= _SPREAD_S_MAX:
            self._backoff = replace(self._backoff, throttle_spread_s=throttle_spread_s)

    def note_connect(self, now_s: float) -> None:
        """Note that a CONNECT packet was sent now."""
        self._connect_at_s = now_s

    def not_before(self, at_s: float) -> float:
        """Return the first moment from ``at_s`` on at which a CONNECT may go."""
        return max(at_s, self._connect_at_s + self._backoff.connect_spacing_s)

    def blame(self, site: str) -> None:
        """Count an attempt in which a site did not let the device in."""
        self._failed[site] += 1

    def take_failed(self) -> Mapping[str, int]:
        """Return how often each site did so since the last time, and forget it."""
        failed, self._failed = self._failed, Counter()
        return failed

    def fail(self, address: str | None, uniform: float, now_s: float) -> float:
        """Note that an attempt failed, and go on to the next candidate.

        Args:
            address: Where it failed; None when no address was found.
            uniform: A random number, 0 to 1.
            now_s: The time, in seconds.

        Returns:
            When the next attempt starts, in seconds.
        """
        if address is not None:
            self._failed_s[address] = now_s
        return self.not_before(now_s + self._next_wait_s(uniform))

    def leave(
        self, address: str | None, uniform: float, now_s: float, *, lived_s: float
    ) -> float:
        """Note that a connection ended, and go on to the next candidate.

        After one that lived the first name comes first again, after a jitter,
        because the rest of the fleet lost its connection as well.

        Args:
            address: Where it failed; None when the broker is not to blame: one
                that cuts a connection may be healthy, and if it is dead the
                next attempt shows it.
            uniform: A random number, 0 to 1.
            now_s: The time, in seconds.
            lived_s: How long it lived, in seconds.

        Returns:
            When the next attempt starts, in seconds.
        """
        if lived_s < self._backoff.stable_s:
            return self.fail(address, uniform, now_s)
        self._forget()
        if address is not None:
            self._failed_s[address] = now_s
        return self.not_before(now_s + self._round_wait_s(uniform))

    def throttle(self, uniform: float, now_s: float) -> float:
        """Begin a round after a refusal for load, and return when it starts."""
        self._restart()
        return self.not_before(now_s + uniform * self._backoff.throttle_spread_s)

    def _next_wait_s(self, uniform: float) -> float:
        self._turns.popleft()
        if self._turns:
            return uniform * self._backoff.stagger_s_max
        self._place += 1
        return self._round_wait_s(uniform)

    def _round_wait_s(self, uniform: float) -> float:
        wait_s = full_jitter_s(self._round, uniform, self._backoff)
        self._round += 1
        self._restart()
        return wait_s

    def _forget(self) -> None:
        """Start afresh: a connection lived long enough to prove its way right.

        The port that worked is not forgotten: what blocks the other one is near
        the device, and no site's fault.
        """
        self._failed_s.clear()
        self._round = 0

    def _restart(self) -> None:
        self._turns = deque(_Turn(name) for name in self._names)
