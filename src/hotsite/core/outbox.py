"""Decide what one device still has to send, and how long it keeps the rest.

A PUBACK says that one Region's broker took the message, not that the message
reached a store, nor the other Region. So a message goes from pending to
acknowledged by a site, stays for a retention time, and only then is dropped;
connecting to another site re-opens everything the former site acknowledged,
unless that site vouches for it. Stores dedupe, so sending twice is harmless.

Nothing here is durable: ``adapters/outbox.py`` keeps the same facts on disk.
"""

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from math import inf
from typing import NamedTuple

from hotsite.core.outbox_report import EpochReport, epoch_reports
from hotsite.errors import InvalidInputError, NotReadyError

# So many messages go one by one; what waits beyond them goes in batches, oldest
# first, so that a backlog of hours neither floods a broker nor delays the newest.
_SINGLE_COUNT_MAX = 10


class OutboxFullError(NotReadyError):
    """The outbox holds as many messages as it may; this one was not taken."""


class Overflow(Enum):
    """What a full outbox does with one message more."""

    REFUSE = "refuse"
    DROP_OLDEST = "drop-oldest"


@dataclass(frozen=True, slots=True)
class OutboxPolicy:
    """How much an outbox keeps, and for how long.

    Attributes:
        retention_s: How long an acknowledged message is kept on a connection, in
            seconds: its site may die before it replicated. 420 covers a Region
            300 s behind, and 120 s until its death is noticed (35 by default).
        message_count_max: Most messages held at once, 1 or more.
        overflow: What happens to one message more.
    """

    retention_s: float = 420.0
    message_count_max: int = 10_000
    overflow: Overflow = Overflow.REFUSE

    def __post_init__(self) -> None:
        """Refuse an outbox that can hold nothing.

        Raises:
            InvalidInputError: A value is outside its range.
        """
        if self.message_count_max < 1 or self.retention_s < 0:
            raise InvalidInputError("outbox: message_count_max or retention_s too low")


class Key(NamedTuple):
    """What makes a message of one thing unique, for ever."""

    epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message, ready to be sent as often as needed."""

    key: Key
    payload: bytes


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Which site's broker took a message, and when (seconds since the epoch)."""

    site: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Kept:
    """A message as it is kept across restarts; None means never acknowledged."""

    message: Message
    acknowledgement: Acknowledgement | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a device remembers when it starts.

    Attributes:
        epoch: The epoch of this run, larger than each epoch before it.
        kept: The messages of former runs, oldest first.
        published: The last seq of each former epoch.
        given_up: Keys that were dropped without any acknowledgement.
    """

    epoch: int
    kept: tuple[Kept, ...] = ()
    published: tuple[Key, ...] = ()
    given_up: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Evicted:
    """A message that made room for another; given up means nobody has it."""

    key: Key
    is_given_up: bool


class _Entry:
    """A held message; mutable, because there may be a million of them."""

    __slots__ = ("at_s", "first_at_s", "message", "site")

    def __init__(self, message: Message) -> None:
        self.message = message
        self.site: str | None = None
        self.at_s = self.first_at_s = inf


class Outbox:
    """The messages of one device: pending, in flight, retained, to be replayed."""

    __slots__ = (
        "_backlog",
        "_entries",
        "_given_up",
        "_in_flight",
        "_is_away",
        "_last_seq",
        "_pending",
        "_policy",
        "_replay",
        "_reserved",
        "_retained",
        "_seen_s",
        "_unacknowledged_count",
        "epoch",
    )

    def __init__(self, snapshot: Snapshot, policy: OutboxPolicy) -> None:
        self.epoch = snapshot.epoch
        self._unacknowledged_count = 0
        self._policy = policy
        self._entries: dict[Key, _Entry] = {}
        self._pending: deque[Key] = deque()
        self._backlog: deque[Key] = deque()
        self._replay: deque[Key] = deque()
        self._in_flight: dict[Key, None] = {}
        self._retained: dict[Key, None] = {}
        self._reserved = 0
        self._is_away, self._seen_s = False, inf
        self._given_up = list(snapshot.given_up)
        self._last_seq: dict[int, int] = dict(snapshot.published)
        for kept in snapshot.kept:
            self._hold(kept.message)
            if kept.acknowledgement is not None:
                entry = self._entries[kept.message.key]
                entry.site = kept.acknowledgement.site
                # Retention starts again: a clock was wrong then, or is now, or not.
                entry.first_at_s, entry.at_s = kept.acknowledgement.at_s, -inf
                self._unacknowledged_count -= 1
        self._sort()

    @property
    def backlog_count(self) -> int:
        """Return how many messages nobody acknowledged yet."""
        return self._unacknowledged_count + self._reserved

    @property
    def replay_count(self) -> int:
        """Return how many acknowledged messages wait for another site's PUBACK."""
        in_flight = (self._entries[key].site is not None for key in self._in_flight)
        return len(self._replay) + sum(in_flight)

    @property
    def has_next(self) -> bool:
        """Return whether ``take`` has a message."""
        return bool(self._pending)

    @property
    def held_count(self) -> int:
        """Return how many messages are held in any state."""
        return len(self._entries)

    def reserve(self) -> Evicted | None:
        """Make room for one message that is about to be made durable.

        Retained copies go before messages that nobody acknowledged.

        Returns:
            What was dropped for it: nothing, unless the policy says so.

        Raises:
            OutboxFullError: There is no room, and the policy drops nothing.
        """
        evicted = None
        if len(self._entries) + self._reserved >= self._policy.message_count_max:
            if self._policy.overflow is Overflow.REFUSE:
                count = len(self._entries)
                raise OutboxFullError(f"outbox holds {count} messages and is full")
            evicted = self._evict()
        self._reserved += 1
        return evicted

    def append(self, message: Message) -> None:
        """Take a message that is durable now and has a reserved place."""
        assert self._reserved > 0, "reserve() comes before append()"  # noqa: S101 - STYLE.md: assert for our own mistakes
        self._reserved -= 1
        self._hold(message)
        self._wait(message.key)

    def take(self) -> Message | None:
        """Return the next message that goes alone, and count it as in flight."""
        if not self._pending:
            return None
        key = self._pending.popleft()
        self._in_flight[key] = None
        return self._entries[key].message

    def waiting(
        self, count_max: int, *, is_replay_allowed: bool
    ) -> tuple[Message, ...]:
        """Return what goes next in a batch, oldest first.

        Messages that nobody acknowledged go first: they are surely lost if
        this device dies, the others only perhaps.

        Args:
            count_max: Most messages wanted.
            is_replay_allowed: Whether it may be what another site acknowledged.
        """
        queue = islice(self._bulk(is_replay_allowed=is_replay_allowed), count_max)
        return tuple(self._entries[key].message for key in queue)

    def take_waiting(self, count: int, *, is_replay_allowed: bool) -> None:
        """Count the first of ``waiting`` as in flight."""
        for _ in range(count):
            queue = self._bulk(is_replay_allowed=is_replay_allowed)
            self._in_flight[queue.popleft()] = None

    def acknowledge(self, key: Key, acknowledgement: Acknowledgement) -> bool:
        """Note a PUBACK.

        Returns:
            False when the message was not in flight; nothing changed then.
        """
        if key not in self._in_flight:
            return False
        del self._in_flight[key]
        self._retain(key, acknowledgement)
        return True

    def replayed(self) -> Iterable[Key]:
        """Return what other sites acknowledged and this one still has to get."""
        return tuple(self._replay)

    def vouch(self, keys: Collection[Key], by: Acknowledgement) -> None:
        """Note that a site holds messages without having got them from here.

        Args:
            keys: Some of ``replayed``.
            by: Who holds them, and when it said so: as if acknowledged then.
        """
        self._replay = deque(key for key in self._replay if key not in keys)
        for key in keys:
            self._retain(key, by)

    def give_back(self, key: Key) -> None:
        """Put a message that the broker refused at the end of its queue."""
        del self._in_flight[key]
        if self._entries[key].site is None:
            self._wait(key)
        else:
            self._replay.append(key)

    def leave(self) -> None:
        """Put all that is in flight back, oldest first: the connection is gone."""
        self._is_away = True
        self._sort()

    def enter(self, site: str) -> int:
        """Start a connection to a site: re-open what another site acknowledged.

        Nothing expires while the device is away, so nothing retained is missing.

        Args:
            site: Where the device is connected now.

        Returns:
            How many acknowledged messages will be sent again.
        """
        self._sort()
        for key in tuple(self._retained):
            if self._entries[key].site != site:
                del self._retained[key]
                self._replay.append(key)
                self._entries[key].at_s = -inf
        return len(self._replay)

    def expire(self, now_s: float) -> tuple[Key, ...]:
        """Drop what was acknowledged long enough ago. Call only while connected.

        Args:
            now_s: The time, in seconds since the epoch.

        Returns:
            The keys that were dropped.
        """
        if self._is_away:
            # Nobody saw it age meanwhile: its site may have stood still as well.
            for key in self._retained:
                self._entries[key].at_s += now_s - self._seen_s
        self._is_away, self._seen_s = False, now_s
        dropped = []
        for key, entry in ((key, self._entries[key]) for key in self._retained):
            if entry.at_s == -inf:
                entry.at_s = now_s
            elif entry.at_s + self._policy.retention_s > now_s:
                break
            else:
                dropped.append(key)
        for key in dropped:
            del self._retained[key], self._entries[key]
        return tuple(dropped)

    def report(self, *, before_s: float = inf) -> tuple[EpochReport, ...]:
        """Return what is known of each epoch, oldest first.

        Args:
            before_s: The moment for ``acknowledged_before``, in seconds since the
                epoch. Exact while the retention time has not passed since.
        """
        entries = self._entries.items()
        return epoch_reports(
            self._last_seq,
            given_up=self._given_up,
            waiting=(key for key, entry in entries if entry.site is None),
            late=(k for k, e in entries if before_s <= e.first_at_s < inf),
        )

    def _hold(self, message: Message) -> None:
        key = message.key
        self._entries[key] = _Entry(message)
        self._last_seq[key.epoch] = max(self._last_seq.get(key.epoch, 0), key.seq)
        self._unacknowledged_count += 1

    def _wait(self, key: Key) -> None:
        self._pending.append(key)
        if len(self._pending) > _SINGLE_COUNT_MAX:
            self._backlog.append(self._pending.popleft())

    def _bulk(self, *, is_replay_allowed: bool) -> deque[Key]:
        return (
            self._replay if is_replay_allowed and not self._backlog else self._backlog
        )

    def _retain(self, key: Key, by: Acknowledgement) -> None:
        entry = self._entries[key]
        self._unacknowledged_count -= entry.site is None
        entry.site, entry.at_s = by.site, by.at_s
        entry.first_at_s = min(entry.first_at_s, by.at_s)
        self._retained[key] = None

    def _sort(self) -> None:
        """Refill the queues from the entries; nothing is in flight afterwards."""
        self._in_flight.clear()
        self._replay.clear()
        waiting = sorted(k for k, entry in self._entries.items() if entry.site is None)
        self._backlog = deque(waiting[:-_SINGLE_COUNT_MAX])
        self._pending = deque(waiting[-_SINGLE_COUNT_MAX:])
        entries = self._entries.items()
        acknowledged = sorted((e.at_s, k) for k, e in entries if e.site is not None)
        self._retained = {key: None for _, key in acknowledged}

    def _evict(self) -> Evicted:
        if self._retained:
            key = next(iter(self._retained))
            del self._retained[key]
        elif self._replay:
            key = self._replay.popleft()
        elif queue := self._backlog or self._pending:
            key = queue.popleft()
            self._given_up.append(key)
            self._unacknowledged_count -= 1
        else:
            raise OutboxFullError("every message is in flight and none can be dropped")
        return Evicted(key, is_given_up=self._entries.pop(key).site is None)
