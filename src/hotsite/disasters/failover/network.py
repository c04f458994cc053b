"""Who reaches whom: every call between workers and Regions, and between Regions.

A call is where workers take turns and where things go wrong: it is late, fails,
loses its answer, or its worker dies in front of it.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from hotsite.core.operations import Entry
from hotsite.errors import UnreachableError
from hotsite.sim.gates import BrokenInvariantError
from hotsite.sim.operations import SimOperations, Written
from hotsite.sim.scheduler import Scheduler

_Answer = TypeVar("_Answer")
# Where operators are: in no Region that could die.
OUTSIDE = ""
# Of an operator whom nothing may lead to the sites that are named after it.
FORCED = "forced away from "


@dataclass(slots=True)
class Weather:
    """How one Region fares.

    Attributes:
        is_up: False while nothing in it answers or runs.
        is_sick: True while its canary's message does not come through.
        are_tables_up: False while its DynamoDB does not answer.
        is_guarded: False while no function of its guard runs.
        is_seen: False while Route 53's checkers and the fleet do not reach it.
        is_unseen: True while the checkers alone do not.
        failure_share: Of calls that fail before they are made, 0 to 1.
        lost_share: Of calls that are made and never answered, 0 to 1.
    """

    is_up: bool = True
    is_sick: bool = False
    are_tables_up: bool = True
    is_guarded: bool = True
    is_seen: bool = True
    is_unseen: bool = False
    failure_share: float = 0.0
    lost_share: float = 0.0


@dataclass(slots=True)
class Network:
    """The lines between Regions, and to DNS.

    Attributes:
        scheduler: The time.
        chance: The seed's.
        weather: By the letter of each site.
        is_peer_up: False while the Regions do not reach each other over HTTPS.
        lines_down: Pairs of sites that do not reach each other over HTTPS.
        is_dns_up: False while no server tells where a name leads.
        latency_s: Of a call, at most, in seconds.
    """

    scheduler: Scheduler
    chance: random.Random
    weather: dict[str, Weather]
    is_peer_up: bool = True
    is_dns_up: bool = True
    latency_s: float = 0.3
    lines_down: set[frozenset[str]] = field(default_factory=set)

    def call(
        self, callee: str, make: Callable[[], _Answer], *, is_table: bool = False
    ) -> _Answer:
        """Make a call of the current worker to a Region.

        Args:
            callee: The letter of the site.
            make: What is called.
            is_table: Whether it is a call to its DynamoDB.

        Raises:
            UnreachableError: There is no answer.
        """
        worker, weather = self._begin(), self.weather[callee]
        if callee in _forced_away(worker.name):
            raise BrokenInvariantError(f"a forced failover has called {callee}")
        is_cut = worker.region not in {callee, OUTSIDE} and not self.is_whole(
            worker.region, callee
        )
        luck = self.chance.random()
        is_silent = not weather.is_up or (is_table and not weather.are_tables_up)
        if is_silent or is_cut or luck < weather.failure_share:
            raise UnreachableError(f"{callee} does not answer")
        answer = make()
        if self.chance.random() < weather.lost_share:
            raise UnreachableError(f"the answer of {callee} is lost")
        return answer

    def is_whole(self, one: str, two: str) -> bool:
        """Say whether two Regions reach each other over HTTPS."""
        return self.is_peer_up and frozenset({one, two}) not in self.lines_down

    def resolve(self, make: Callable[[], _Answer]) -> _Answer:
        """Ask DNS.

        Raises:
            UnreachableError: No server answers.
        """
        self._begin()
        if not self.is_dns_up:
            raise UnreachableError("no name server answers")
        return make()

    def _begin(self) -> "_Named":
        worker = self.scheduler.current
        assert worker is not None  # noqa: S101 - judges look, they do not call
        self.scheduler.count_call()
        self.scheduler.sleep(self.chance.random() * self.latency_s)
        return _Named(worker.name, worker.region)


def _forced_away(worker: str) -> list[str]:
    """Return the sites that an operator must not touch, by the operator's name."""
    start, _, letters = worker.partition(FORCED)
    return letters.split() if not start else []


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    region: str


@dataclass(slots=True)
class Way:
    """Replication from one Region's table to the other's, one way.

    Attributes:
        replica: Who gets the writes.
        scheduler: The time.
        chance: The seed's.
        ends: The weather of both Regions.
        lag_s: How long a write is under way, at most, in seconds.
        is_up: False while it is cut.
        waiting: What waits for the way to be whole again.
    """

    replica: SimOperations
    scheduler: Scheduler
    chance: random.Random
    ends: tuple[Weather, Weather]
    lag_s: float = 1.0
    is_up: bool = True
    waiting: list[Written | Entry] = field(default_factory=list)

    def send(self, told: Written | Entry) -> None:
        """Let a write begin its way."""
        lag_s = self.chance.uniform(0.1, self.lag_s)
        self.scheduler.at(lag_s, lambda: self._arrive(told))

    def flush(self) -> None:
        """Go on with what has waited, if the way is whole."""
        waiting, self.waiting = self.waiting, []
        for told in waiting:
            self.send(told)

    def _arrive(self, told: Written | Entry) -> None:
        if self.is_up and all(end.is_up for end in self.ends):
            self.replica.receive(told)
        else:
            self.waiting.append(told)
