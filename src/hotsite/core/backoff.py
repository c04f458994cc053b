"""Decide how long to wait: before the next attempt, before the next message.

Full jitter, because a whole fleet loses its Region at the same instant:
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from dataclasses import dataclass

from hotsite.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """How to space the attempts of one device.

    Attributes:
        base_s: Longest wait after the first failed round, in seconds, above 0.
        cap_s: Longest wait after any number of rounds, in seconds.
        connect_spacing_s: Shortest time between two CONNECT packets of one
            client id, in seconds. AWS IoT Core refuses more than one a second
            (quota "Connect requests per second per client ID").
        stable_s: How long a connection must live, in seconds, before the
            failures ahead of it are forgotten.
        throttle_spread_s: After a refusal for load, the next attempt falls
            anywhere in this many seconds: devices / admitted per second. A site
            that knows better says so (``core/resume.py``).
        stagger_s_max: Longest wait between two candidates of one round, seconds.
        shun_s: How long an address that failed is tried after the others.
    """

    base_s: float = 1.0
    cap_s: float = 8.0
    connect_spacing_s: float = 1.0
    stable_s: float = 10.0
    throttle_spread_s: float = 30.0
    stagger_s_max: float = 0.25
    shun_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse a policy that could spin.

        Raises:
            InvalidInputError: A value is outside its range.
        """
        if not 0 < self.base_s <= self.cap_s:
            raise InvalidInputError(
                f"backoff: base_s {self.base_s} must be above 0 and at most "
                f"cap_s {self.cap_s}"
            )
        times_s = (self.connect_spacing_s, self.stable_s, self.throttle_spread_s)
        if min(*times_s, self.stagger_s_max, self.shun_s) < 0:
            raise InvalidInputError("backoff: no time may be negative")


def ceiling_s(rounds: int, policy: BackoffPolicy) -> float:
    """Return the longest wait after a number of failed rounds.

    Args:
        rounds: Rounds that failed before this one, 0 or more.
        policy: How to space the attempts.

    Returns:
        Seconds, ``min(cap_s, base_s * 2 ** rounds)``.
    """
    # 2 ** 64 is beyond every cap: a year of failures must not build big numbers.
    return min(policy.cap_s, policy.base_s * 2.0 ** min(rounds, 64))


def full_jitter_s(rounds: int, uniform: float, policy: BackoffPolicy) -> float:
    """Draw the wait after a failed round.

    Args:
        rounds: Rounds that failed before this one, 0 or more.
        uniform: A random number, 0 to 1.
        policy: How to space the attempts.

    Returns:
        Seconds, evenly spread from 0 to ``ceiling_s``.
    """
    return uniform * ceiling_s(rounds, policy)


class Pacer:
    """Limit the messages of one connection, with a small burst allowed.

    A fifth of the limit may go at once and the rest evenly, so that any window
    of one second holds at most the limit (generic cell rate algorithm).
    """

    __slots__ = ("_burst_s", "_interval_s", "_next_s")

    def __init__(self, count_per_s_max: int) -> None:
        burst = max(1, count_per_s_max // 5)
        self._interval_s = 1.0 / max(1, count_per_s_max - burst)
        self._burst_s = (burst - 1) * self._interval_s
        self._next_s = 0.0

    def ready_s(self) -> float:
        """Return when the next message may go, in the caller's seconds."""
        return self._next_s - self._burst_s

    def note(self, now_s: float, *, weight: float = 1.0) -> None:
        """Note that a message went now.

        Args:
            now_s: The time, in seconds.
            weight: For how many messages it counts, 1 or more.
        """
        self._next_s = max(self._next_s, now_s) + weight * self._interval_s
