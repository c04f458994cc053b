"""The stores of telemetry of one Region, in memory."""

import hashlib
from collections.abc import Callable, Sequence

from hotsite.core.arrivals import Arrival, Refused
from hotsite.core.outbox import Key
from hotsite.core.resume import Range
from hotsite.core.telemetry import sort_key
from hotsite.errors import NotFoundError, UnreachableError
from hotsite.ports.telemetry import RefusedPage, SeqPage


def _nothing() -> None:
    """Be called, and let the call go on."""


class _Reachable:
    """What is asked before each call.

    Attributes:
        is_reachable: The fault switch.
        on_call: Called ahead of each call; a test ends a worker there.
    """

    def __init__(self) -> None:
        self.is_reachable = True
        self.on_call: Callable[[], None] = _nothing

    def _answer(self) -> None:
        self.on_call()
        if not self.is_reachable:
            raise UnreachableError(f"{type(self).__name__} does not answer")


class SimHotStore(_Reachable):
    """Implements ``ports.telemetry.HotStore``.

    Attributes:
        rows: What is stored, by thing and sort key.
        room: How many messages it takes in one call; nothing for all.
    """

    def __init__(self, *, page_size: int = 3, room: int | None = None) -> None:
        """Start empty."""
        super().__init__()
        self.rows: dict[tuple[str, str], Arrival] = {}
        self.room = room
        self._page_size = page_size

    def put(self, arrivals: Sequence[Arrival]) -> tuple[Arrival, ...]:
        """Write messages; return those that there was no room for."""
        self._answer()
        room = len(arrivals) if self.room is None else self.room
        for each in arrivals[:room]:
            self.rows[each.thing, each.sort_key] = each
        return tuple(arrivals[room:])

    def page(self, thing: str, wanted: Range, token: str | None = None) -> SeqPage:
        """Return the numbers of some of a thing's messages."""
        self._answer()
        low, high = (sort_key(Key(wanted.epoch, seq)) for seq in (wanted.lo, wanted.hi))
        keys = sorted(
            key
            for owner, key in self.rows
            if owner == thing and low <= key <= high and (token is None or key > token)
        )
        shown = keys[: self._page_size]
        seqs = tuple(self.rows[thing, key].message.key.seq for key in shown)
        return SeqPage(seqs, shown[-1] if len(keys) > len(shown) else None)


class SimColdStream(_Reachable):
    """Implements ``ports.telemetry.ColdStream``.

    Attributes:
        records: What was taken, in order; a message may be there twice.
        room: How many messages it takes in one call; nothing for all.
    """

    def __init__(self, *, room: int | None = None) -> None:
        """Start empty."""
        super().__init__()
        self.records: list[Arrival] = []
        self.room = room

    def put(self, arrivals: Sequence[Arrival]) -> tuple[Arrival, ...]:
        """Take messages; return those that there was no room for."""
        self._answer()
        room = len(arrivals) if self.room is None else self.room
        self.records += arrivals[:room]
        return tuple(arrivals[room:])


class SimErrorArchive(_Reachable):
    """Implements ``ports.telemetry.ErrorArchive``.

    Attributes:
        waiting: What waits to be redriven, by name.
        redriven: What was redriven, by name.
    """

    def __init__(self, *, page_size: int = 3) -> None:
        """Start empty."""
        super().__init__()
        self.waiting: dict[str, Refused] = {}
        self.redriven: dict[str, Refused] = {}
        self._page_size = page_size

    def put(self, refused: Refused) -> str:
        """Keep what was refused; the same again is kept once."""
        self._answer()
        facts = f"{refused.topic}\n{refused.reason}\n".encode() + refused.payload
        digest = hashlib.sha256(facts).hexdigest()
        name = f"{refused.at_s:020.3f}-{digest}"
        self.waiting[name] = refused
        return name

    def page(self, token: str | None = None) -> RefusedPage:
        """Return the names of some of what waits."""
        self._answer()
        names = sorted(name for name in self.waiting if token is None or name > token)
        shown = tuple(names[: self._page_size])
        return RefusedPage(shown, shown[-1] if len(names) > len(shown) else None)

    def read(self, name: str) -> Refused:
        """Return what was refused."""
        self._answer()
        if name not in self.waiting:
            raise NotFoundError(f"no refusal {name}")
        return self.waiting[name]

    def finish(self, name: str) -> None:
        """Mark it as redriven."""
        self._answer()
        if name in self.waiting:
            self.redriven[name] = self.waiting.pop(name)


class SimCourier(_Reachable):
    """Implements ``ports.telemetry.Courier``.

    Attributes:
        told: Topic and payload of all that was said, in order.
    """

    def __init__(self) -> None:
        """Start with nothing said."""
        super().__init__()
        self.told: list[tuple[str, bytes]] = []

    def tell(self, topic: str, payload: bytes) -> None:
        """Say something to a device."""
        self._answer()
        self.told.append((topic, payload))
