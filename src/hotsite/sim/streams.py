"""How changes travel: between replicas, and from a table to the replicator.

Sources, all of the DynamoDB and Lambda developer guides: replicas keep the order
of one item's changes and no other, and may merge several into one write
(V2globaltables_HowItWorks, "DynamoDB Streams and global tables"); streams keep
records for 24 hours (Streams.md); Lambda delivers at least once, tries a failed
batch again from the first record that failed, and gives it to the failure store
when its retries are over (services-dynamodb-errors).
"""

import random
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from hotsite.core.registry import Key, key_in
from hotsite.sim.items import Item
from hotsite.sim.scheduler import Scheduler, Worker
from hotsite.sim.tables import SimTables

_RETENTION_S = 24 * 3600.0
_SHARDS = 2
_BATCH_MAX = 5
# As the site's stack sets it; more would only make the seeds longer.
RETRIES_MAX = 3
_BACKOFF_S_MAX = 20.0
WORKER_S_MAX = 60.0


@dataclass(slots=True)
class Link:
    """One direction of a global table.

    Attributes:
        source: Whose writes travel.
        replica: Where they arrive.
        scheduler: The time.
        chance: The seed's.
        is_cut: True while nothing gets through.
        lag_s: How long a write is under way, at most, in seconds.
    """

    source: SimTables
    replica: SimTables
    scheduler: Scheduler
    chance: random.Random
    is_cut: bool = False
    lag_s: float = 1.0
    held: list[Item] = field(default_factory=list)

    def send(self, item: Item) -> None:
        """Take one write of the source."""
        if self.is_cut:
            self.held.append(item)
            return
        delay_s = self.chance.random() * self.lag_s
        self.scheduler.at(delay_s, lambda: self._arrive(item))

    def cut(self) -> None:
        """Let nothing through, what is under way included."""
        self.is_cut = True

    def heal(self) -> None:
        """Let everything through that was held."""
        self.is_cut, held, self.held = False, self.held, []
        for item in held:
            self.send(item)

    def _arrive(self, item: Item) -> None:
        if self.is_cut:
            self.held.append(item)
            return
        # Several changes of one item may arrive as its latest state, once.
        latest = self.source.partitions[item.key[0]][item.key[1]]
        is_merged = self.chance.random() < 0.5 and latest.origin == item.origin  # noqa: PLR2004 - every other time
        self.scheduler.counts["writes merged"] += is_merged and latest is not item
        self.replica.receive(latest if is_merged else item)


@dataclass(slots=True)
class _Entry:
    key: Key
    since_s: float


@dataclass(slots=True)
class _Shard:
    entries: deque[_Entry] = field(default_factory=deque)
    size_max: int = _BATCH_MAX
    retries: int = 0
    is_busy: bool = False


@dataclass(slots=True)
class Stream:
    """A table's stream, and the event source mapping that reads it.

    Attributes:
        region: Whose.
        scheduler: The time.
        chance: The seed's.
        handle: Applies keys; returns those to be delivered again.
        is_stalled: True while nothing is read.
        delay_s: Until a change can be read, at most, in seconds.
        kill_share: Of workers that are killed in their work, 0 to 1.
        failed: Batches that were given up: the failure store.
    """

    region: str
    scheduler: Scheduler
    chance: random.Random
    handle: Callable[[tuple[Key, ...]], tuple[Key, ...]]
    is_stalled: bool = False
    delay_s: float = 0.5
    kill_share: float = 0.0
    failed: list[tuple[Key, ...]] = field(default_factory=list)
    shards: tuple[_Shard, ...] = field(
        default_factory=lambda: tuple(_Shard() for _ in range(_SHARDS))
    )

    def take(self, item: Item) -> None:
        """Take one change of the table."""
        key = key_in(item.key[0])
        if key is None:
            return
        # Parallel readers keep the order of one item, not of one partition.
        number = zlib.crc32("".join(item.key).encode()) % _SHARDS
        shard = self.shards[number]
        copies = 2 if self.chance.random() < 0.1 else 1  # noqa: PLR2004 - at times
        self.scheduler.counts["changes doubled"] += copies - 1
        for _ in range(copies):
            entry = _Entry(key, self.scheduler.now_s())
            delay_s = self.chance.random() * self.delay_s
            self.scheduler.at(delay_s, lambda entry=entry: self._add(shard, entry))  # type: ignore[misc]

    def stall(self) -> None:
        """Read nothing from now on."""
        self.is_stalled = True

    def resume(self) -> None:
        """Read on, without what has become too old meanwhile."""
        self.is_stalled = False
        for shard in self.shards:
            self._poll(shard)

    @property
    def is_drained(self) -> bool:
        """Say whether everything was read and worked on."""
        return not any(shard.entries or shard.is_busy for shard in self.shards)

    def _add(self, shard: _Shard, entry: _Entry) -> None:
        shard.entries.append(entry)
        self._poll(shard)

    def _poll(self, shard: _Shard) -> None:
        oldest_s = self.scheduler.now_s() - _RETENTION_S
        while shard.entries and shard.entries[0].since_s < oldest_s:
            shard.entries.popleft()
            self.scheduler.counts["changes expired"] += 1
        if self.is_stalled or shard.is_busy or not shard.entries:
            return
        shard.is_busy = True
        size = min(len(shard.entries), shard.size_max)
        batch = tuple(shard.entries[index].key for index in range(size))
        again: list[Key] = []
        is_killed = self.chance.random() < self.kill_share
        worker = Worker(
            "replicator",
            self.region,
            lambda: again.extend(self.handle(batch)),
            deadline_s=self.scheduler.now_s() + WORKER_S_MAX,
            calls_left=self.chance.randrange(20) if is_killed else -1,
            on_end=lambda error: self._ended(shard, batch, again, error),
        )
        self.scheduler.start(worker)

    def _ended(
        self,
        shard: _Shard,
        batch: tuple[Key, ...],
        again: list[Key],
        error: BaseException | None,
    ) -> None:
        shard.is_busy = False
        if error is None:
            firsts = [index for index, key in enumerate(batch) if key in again]
            done = min(firsts, default=len(batch))
        else:
            done = 0
        for _ in range(done):
            shard.entries.popleft()
        if done == len(batch) or done:
            shard.retries, shard.size_max = 0, _BATCH_MAX
        if done == len(batch):
            self._poll(shard)
            return
        shard.retries += 1
        self.scheduler.counts["batches tried again"] += 1
        if error is not None and shard.size_max > 1:
            # BisectBatchOnFunctionError.
            shard.size_max = max(1, len(batch) // 2)
        if shard.retries > RETRIES_MAX:
            left = len(batch) - done
            self.failed.append(batch[done:])
            self.scheduler.counts["batches given up"] += 1
            for _ in range(left):
                shard.entries.popleft()
            shard.retries, shard.size_max = 0, _BATCH_MAX
        backoff_s = self.chance.random() * _BACKOFF_S_MAX
        self.scheduler.at(backoff_s, lambda: self._poll(shard))
