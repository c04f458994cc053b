"""Stay within a quota of calls a second, near its limit, with no memory of calls.

One ``Bucket`` is one API of one Region, shared by all workers there. It is the
generic cell rate algorithm (ITU-T I.371, annex A) without a burst: time is cut
into slots of ``1 / rate``, and a taker gets the next free ones. Two numbers are
the whole state, so that one atomic update of one item moves it on.

How AWS counts is not documented beyond "transactions per second". Evenly spaced
slots satisfy the strictest reading, no second anywhere with more than the quota.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hotsite.errors import InvalidInputError

# What is left of a quota serves the console and what else calls the API. It also
# lets a call come late by ``late_s`` and still find room in its second.
SHARE = 0.97
# After a refusal for load: the rate falls at once and comes back slowly (additive
# increase, multiplicative decrease), never below the floor, so nobody starves.
_DECREASE = 0.7
_RECOVERY_PER_S = 0.02
_RATIO_MIN = 0.05
# All workers hear of the same overshoot within a second: it counts once.
_DECREASE_SPACING_S = 1.0
# A lease is lost with the worker that holds it, so it is short.
_LEASE_S_MAX = 0.5
_LEASE_COUNT_MAX = 50


@dataclass(frozen=True, slots=True)
class Bucket:
    """What may still be called of one API.

    Attributes:
        limit_per_s: The quota, above 0.
        share: How much of it is ours, above 0 and below 1.
        next_s: The next free slot, seconds since the epoch.
        ratio: How much of our share was left at the last refusal for load.
        slowed_at_s: When that was, seconds since the epoch.
    """

    limit_per_s: float
    share: float = SHARE
    next_s: float = 0.0
    ratio: float = 1.0
    slowed_at_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a bucket that would never or always give.

        Raises:
            InvalidInputError: A value is outside its range.
        """
        if not (self.limit_per_s > 0 and 0 < self.share < 1 and self.ratio > 0):
            raise InvalidInputError(
                f"quota: limit_per_s {self.limit_per_s} and ratio {self.ratio} must "
                f"be above 0 and share {self.share} between 0 and 1"
            )

    @property
    def late_s(self) -> float:
        """Return how late a slot may be used without breaking the quota.

        In seconds. The slots of a second and of this much before it are fewer
        than the quota; a tenth of it stays for the rounding of times.
        """
        return 0.9 * (1 / self.share - 1)

    def ratio_at(self, now_s: float) -> float:
        """Return how much of our share may be used now, up to 1."""
        calm_s = max(0.0, now_s - self.slowed_at_s)
        return min(1.0, self.ratio + _RECOVERY_PER_S * calm_s)

    def interval_s_at(self, now_s: float) -> float:
        """Return the length of a slot that is given out now, in seconds."""
        return 1 / (self.limit_per_s * self.share * self.ratio_at(now_s))

    def wait_s(self, now_s: float) -> float:
        """Return how long the next taker waits, in seconds, 0 or more."""
        return max(0.0, self.next_s - now_s)


@dataclass(frozen=True, slots=True)
class Slots:
    """Times at which one call each may be made.

    Attributes:
        first_s: The first of them, seconds since the epoch.
        interval_s: From one to the next, in seconds.
        count: How many, 0 or more.
        late_s: How late each of them may be used, in seconds.
    """

    first_s: float
    interval_s: float
    count: int
    late_s: float

    @property
    def last_s(self) -> float:
        """Return the last of them, seconds since the epoch."""
        return self.first_s + (self.count - 1) * self.interval_s

    def after(self, now_s: float) -> "Slots":
        """Return those that can still be used."""
        passed_s = now_s - self.late_s - self.first_s
        if passed_s <= 0:
            return self
        missed = min(self.count, 1 + int(passed_s / self.interval_s))
        return self.without(missed)

    def without(self, count: int) -> "Slots":
        """Return all but the first ones."""
        first_s = self.first_s + count * self.interval_s
        return replace(self, first_s=first_s, count=self.count - count)


def take(bucket: Bucket, now_s: float, count: int = 1) -> tuple[Bucket, Slots]:
    """Take the next free slots.

    Args:
        bucket: Where from.
        now_s: Seconds since the epoch.
        count: How many, 1 or more.

    Returns:
        The bucket without them, and the slots; a free bucket gives the first of
        them now.
    """
    interval_s = bucket.interval_s_at(now_s)
    first_s = max(bucket.next_s, now_s)
    after = replace(bucket, next_s=first_s + count * interval_s)
    return after, Slots(first_s, interval_s, count, bucket.late_s)


def slow(bucket: Bucket, now_s: float) -> Bucket:
    """Give less out, because a call was refused for load.

    Args:
        bucket: Of the API that refused.
        now_s: Seconds since the epoch.

    Returns:
        The slower bucket, or the same one when it was slowed a moment ago.
    """
    if now_s - bucket.slowed_at_s < _DECREASE_SPACING_S:
        return bucket
    ratio = max(_RATIO_MIN, bucket.ratio_at(now_s) * _DECREASE)
    return replace(bucket, ratio=ratio, slowed_at_s=now_s)


def lease_count(interval_s: float, *, busy_s: float | None, previous: int) -> int:
    """Say how many slots a worker should take at once.

    A worker uses slots one after the other. If it comes back for the next one
    before that one's time, it can use every slot of a lease; if not, a lease
    would waste what the other workers wait for. Leases grow by doubling, so that
    little is lost when a worker turns out to be slow, or has nothing left to do.

    Args:
        interval_s: Length of a slot in seconds.
        busy_s: The longest time of late from a slot until the next one was
            wanted, in seconds; nothing when no slot was used yet.
        previous: How many were taken the last time, 1 or more.

    Returns:
        1 or more.
    """
    if busy_s is None or busy_s >= interval_s:
        return 1
    return max(1, min(2 * previous, _LEASE_COUNT_MAX, int(_LEASE_S_MAX / interval_s)))


@dataclass(frozen=True, slots=True)
class Eta:
    """How long something takes at least.

    Attributes:
        duration_s: In seconds.
        api: The API that decides it; nothing when there is nothing to call.
    """

    duration_s: float
    api: str | None


def eta(
    remaining: int, calls_each: Mapping[str, float], rates_per_s: Mapping[str, float]
) -> Eta:
    """Say how long the quotas make a piece of work last.

    The APIs are called side by side, so the slowest one decides.

    Args:
        remaining: How many keys are left, 0 or more.
        calls_each: Calls that one key takes, by API.
        rates_per_s: Calls a second that each of those APIs takes.

    Returns:
        The time, and the API whose quota to raise.

    Raises:
        InvalidInputError: The rate of an API is not known, or is not above 0.
    """
    worst = Eta(0.0, None)
    for api, calls in calls_each.items():
        rate_per_s = rates_per_s.get(api, 0.0)
        if rate_per_s <= 0:
            raise InvalidInputError(f"no rate above 0 is known for {api}")
        duration_s = remaining * calls / rate_per_s
        if duration_s > worst.duration_s:
            worst = Eta(duration_s, api)
    return worst
