"""A device's disk: what is committed survives the loss of power, nothing else does.

Keeps what ``adapters/outbox.py`` keeps, in the same order of writes: messages share
a commit, acknowledgements wait for the next one or for a second.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from hotsite.core.outbox import Acknowledgement, Kept, Key, Message, Snapshot
from hotsite.sim.scheduler import Scheduler

_LAZY_S = 1.0


@dataclass(slots=True)
class _Batch:
    """What one commit makes durable, in the order of its fields."""

    messages: list[tuple[Message, Callable[[], None]]] = field(default_factory=list)
    acknowledged: list[tuple[Key, Acknowledgement]] = field(default_factory=list)
    dropped: list[tuple[Key, bool]] = field(default_factory=list)


class SimDisk:
    """The disk of one device.

    Attributes:
        messages: The messages that it holds, by key.
        commit_s: How long a commit takes, at least and at most, in seconds.
    """

    def __init__(
        self, scheduler: Scheduler, chance: random.Random, commit_s: tuple[float, float]
    ) -> None:
        """Start empty."""
        self.messages: dict[Key, Kept] = {}
        self.commit_s = commit_s
        self._scheduler = scheduler
        self._chance = chance
        self._epochs: dict[int, int] = {}
        self._given_up: list[Key] = []
        self._open: _Batch | None = None
        self._writing: _Batch | None = None
        self._is_timer_set = False
        self._power = 0

    def start(self, *, epoch_min: int) -> Snapshot:
        """Begin a new epoch, durably, and return what is remembered.

        Args:
            epoch_min: Smallest epoch to use: the device's clock, right or wrong.
        """
        published = tuple(Key(*item) for item in sorted(self._epochs.items()))
        epoch = max(epoch_min, published[-1].epoch + 1 if published else 1)
        self._epochs[epoch] = 0
        kept = tuple(kept for _, kept in sorted(self.messages.items()))
        return Snapshot(epoch, kept, published, tuple(sorted(self._given_up)))

    def append(self, message: Message, on_durable: Callable[[], None]) -> None:
        """Make a message durable; the callback is called once it is."""
        self._batch().messages.append((message, on_durable))
        self._write_soon()

    def acknowledge(self, key: Key, by: Acknowledgement) -> None:
        """Note who acknowledged a message; durable within about a second."""
        self._batch().acknowledged.append((key, by))
        self._write_lazily()

    def drop(self, keys: Iterable[Key], *, is_given_up: bool = False) -> None:
        """Forget messages; durable within about a second."""
        self._batch().dropped.extend((key, is_given_up) for key in keys)
        self._write_lazily()

    def cut(self) -> None:
        """Lose power: a commit that runs is whole or never was."""
        self._power += 1
        if self._writing is not None and self._chance.random() < 0.5:  # noqa: PLR2004 - either
            self._apply(self._writing)
        self._open = self._writing = None
        self._is_timer_set = False

    def _batch(self) -> _Batch:
        if self._open is None:
            self._open = _Batch()
        return self._open

    def _later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do something unless power is lost before."""
        power = self._power

        def act() -> None:
            if power == self._power:
                action()

        self._scheduler.at(delay_s, act)

    def _write_soon(self) -> None:
        # After everything of this moment is in.
        self._later(0.0, self._write)

    def _write_lazily(self) -> None:
        if not self._is_timer_set:
            self._is_timer_set = True
            self._later(_LAZY_S, self._write_waiting)

    def _write_waiting(self) -> None:
        self._is_timer_set = False
        self._write()

    def _write(self) -> None:
        if self._writing is None and self._open is not None:
            self._writing, self._open = self._open, None
            self._later(self._chance.uniform(*self.commit_s), self._end)

    def _end(self) -> None:
        batch, self._writing = self._writing, None
        assert batch is not None  # noqa: S101 - only a write ends
        self._apply(batch)
        for _, on_durable in batch.messages:
            on_durable()
        self._write()

    def _apply(self, batch: _Batch) -> None:
        for message, _ in batch.messages:
            self.messages[message.key] = Kept(message)
        for key, by in batch.acknowledged:
            if key in self.messages:
                kept = self.messages[key]
                self.messages[key] = replace(kept, acknowledgement=by)
        for key, is_given_up in batch.dropped:
            self._epochs[key.epoch] = max(self._epochs[key.epoch], key.seq)
            self.messages.pop(key, None)
            if is_given_up:
                self._given_up.append(key)
