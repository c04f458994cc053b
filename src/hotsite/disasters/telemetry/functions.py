"""The site's own flows behind the rules, on the simulated hot table."""

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from hotsite.core.arrivals import Arrival, Origin, Refused
from hotsite.core.resume import Range
from hotsite.errors import NotFoundError, RetryableError
from hotsite.flows.resume import Budget, Desk, resume
from hotsite.flows.telemetry import Published, Stores, take_batch
from hotsite.ports.telemetry import RefusedPage, SeqPage
from hotsite.sim.clock import SimClock
from hotsite.sim.fleet.hot import HotTable
from hotsite.sim.fleet.rules import Tell
from hotsite.sim.scheduler import Scheduler

_PAGE_SIZE = 5
_FULL_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class _Hot:
    """Implements ``ports.telemetry.HotStore`` on a table; at times it is full."""

    table: HotTable
    chance: random.Random

    def put(self, arrivals: Sequence[Arrival]) -> tuple[Arrival, ...]:
        """Write messages; return those that there was no room for."""
        room = len(arrivals)
        if self.chance.random() < _FULL_SHARE:
            room = self.chance.randrange(room)
        for each in arrivals[:room]:
            self.table.put(each.thing, each.message)
        return tuple(arrivals[room:])

    def page(self, thing: str, wanted: Range, token: str | None = None) -> SeqPage:
        """Return the numbers of some of a thing's messages."""
        low = wanted.lo if token is None else int(token)
        keys = (row.message.key for row in self.table.rows.get(thing, {}).values())
        seqs = sorted(
            key.seq
            for key in keys
            if key.epoch == wanted.epoch and low <= key.seq <= wanted.hi
        )
        shown, left = tuple(seqs[:_PAGE_SIZE]), seqs[_PAGE_SIZE:]
        return SeqPage(shown, str(left[0]) if left else None)


class _Archive:
    """Implements ``ports.telemetry.ErrorArchive``; devices here send no errors."""

    def __init__(self, rejects: list[str]) -> None:
        self._rejects = rejects

    def put(self, refused: Refused) -> str:
        self._rejects.append(refused.reason)
        return refused.reason

    def page(self, _token: str | None = None) -> RefusedPage:
        return RefusedPage(())

    def read(self, name: str) -> Refused:
        raise NotFoundError(f"no refusal {name}")

    def finish(self, name: str) -> None:
        raise NotFoundError(f"no refusal {name}")


@dataclass(frozen=True, slots=True)
class _Courier:
    """Implements ``ports.telemetry.Courier``."""

    say: Tell

    def tell(self, topic: str, payload: bytes) -> None:
        """Say something to a device."""
        self.say(topic, payload)


class Functions:
    """The Lambdas of one site.

    Attributes:
        rejects: Why messages or questions of devices were refused.
    """

    def __init__(
        self,
        table: HotTable,
        scheduler: Scheduler,
        chance: random.Random,
        budget: Budget,
        throttle_spread_s: float,
    ) -> None:
        """Join the flows to a table."""
        self.rejects: list[str] = []
        self._hot = _Hot(table, chance)
        self._archive = _Archive(self.rejects)
        self._origin = Origin(table.region, hot_days=1)
        self._scheduler = scheduler
        self._chance = chance
        self._budget = budget
        self._throttle_spread_s = throttle_spread_s

    def take_batch(self, thing: str, payload: bytes) -> None:
        """Store the messages of a batch.

        Raises:
            RetryableError: There was no room for long.
        """
        stores = Stores(
            self._hot,
            None,
            self._archive,
            self._origin,
            self._clock(),
            self._chance.random,
        )
        take_batch(self._published(thing, payload), stores)

    def answer(self, thing: str, payload: bytes, tell: Tell) -> None:
        """Answer what the site holds; who could not is not asked again."""
        desk = Desk(
            self._hot,
            self._archive,
            _Courier(tell),
            self._clock(),
            self._throttle_spread_s,
            self._budget,
        )
        with suppress(RetryableError):
            resume(self._published(thing, payload), desk)

    def _clock(self) -> SimClock:
        # A clock of its own: what a flow waits must not hold up the world.
        return SimClock(self._scheduler.now_s())

    def _published(self, thing: str, payload: bytes) -> Published:
        return Published(thing, payload, self._scheduler.now_s())
