"""One device of a simulated drill: its numbers, its outbox, its power."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from hotsite.core.intervals import Intervals
from hotsite.core.outbox import Key
from hotsite.ports import DeviceAccount

# What the real outbox may not have on disk yet of its acknowledgements.
_LAZY_S = 1.0


@dataclass(slots=True)
class SimDevice:
    """A device that publishes in order and keeps what it published.

    Attributes:
        thing: Its name.
        process: Which part of the fleet it loses its power with.
        publish_at_s: When it makes its next message.
        try_at_s: When it may try to connect again.
        site: Where it is connected, or None.
        is_on: Whether it has power.
        epoch: Counter of its starts.
        published_at_s: When each message was made; on its disk.
        acknowledged_at_s: When each acknowledgement came.
    """

    thing: str
    process: int
    publish_at_s: float
    try_at_s: float
    site: str | None = None
    is_on: bool = True
    epoch: int = 1
    published_at_s: dict[Key, float] = field(default_factory=dict)
    acknowledged_at_s: dict[Key, float] = field(default_factory=dict)
    _seq: int = 0

    def publish(self, now_s: float) -> None:
        """Make one message."""
        self._seq += 1
        self.published_at_s[Key(self.epoch, self._seq)] = now_s

    def waiting(self) -> Iterator[Key]:
        """Yield what nobody acknowledged yet, oldest first."""
        for key in self.published_at_s:
            if key not in self.acknowledged_at_s:
                yield key

    def lose_power(self, now_s: float) -> None:
        """Forget everything that is not on disk."""
        self.is_on, self.site = False, None
        lost = [k for k, at in self.acknowledged_at_s.items() if at > now_s - _LAZY_S]
        for key in lost:
            del self.acknowledged_at_s[key]

    def start(self, now_s: float) -> None:
        """Begin a new epoch."""
        self.is_on, self.try_at_s = True, now_s
        self.epoch, self._seq = self.epoch + 1, 0

    def accounts(self) -> Iterator[DeviceAccount]:
        """Yield what it says of each epoch in which it published."""
        for epoch in sorted({key.epoch for key in self.published_at_s}):
            yield DeviceAccount(
                thing=self.thing,
                epoch=epoch,
                published=_of(self.published_at_s, epoch),
                acknowledged=_of(self.acknowledged_at_s, epoch),
                dropped=0,
            )


def _of(keys: dict[Key, float], epoch: int) -> Intervals:
    return Intervals.from_numbers(key.seq for key in keys if key.epoch == epoch)
