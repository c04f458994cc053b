"""The hot store in memory: one table a Region, the last writer of a row wins.

Rows travel to the other Region late and in any order, as between the replicas of a
DynamoDB global table (DynamoDB developer guide, V2globaltables_HowItWorks).
"""

import random
from dataclasses import dataclass, field

from hotsite.core.telemetry import Telemetry, sort_key
from hotsite.sim.scheduler import Scheduler


@dataclass(frozen=True, slots=True)
class Row:
    """One message in a table.

    Attributes:
        thing: Whose.
        message: The message.
        origin: The Region in whose broker it arrived.
        received_at_s: When, seconds since the epoch.
        order: What the table compares to find the last writer.
    """

    thing: str
    message: Telemetry
    origin: str
    received_at_s: float
    order: tuple[float, str]


class HotTable:
    """What one Region holds.

    Attributes:
        region: Whose.
        rows: The rows by thing and sort key.
        since_s: Since when a row is there, in any version.
        way: Where own writes travel to; nothing without another Region.
        repeats: How many messages were written here that were there already.
    """

    def __init__(self, region: str, scheduler: Scheduler) -> None:
        """Start empty."""
        self.region = region
        self.rows: dict[str, dict[str, Row]] = {}
        self.since_s: dict[tuple[str, str], float] = {}
        self.way: Way | None = None
        self.repeats = 0
        self._scheduler = scheduler

    def put(self, thing: str, message: Telemetry) -> None:
        """Write a row as a topic rule does: whole, and without a condition."""
        now_s = self._scheduler.now_s()
        self.repeats += (thing, sort_key(message.key)) in self.since_s
        row = Row(thing, message, self.region, now_s, (now_s, self.region))
        self.receive(row)
        if self.way is not None:
            self.way.send(row)

    def receive(self, row: Row) -> None:
        """Take a row, unless a later one is there."""
        place = sort_key(row.message.key)
        rows = self.rows.setdefault(row.thing, {})
        there = rows.get(place)
        if there is None or there.order < row.order:
            rows[place] = row
        if there is None:
            self.since_s[row.thing, place] = self._scheduler.now_s()

    def query(self) -> dict[tuple[str, str], Telemetry]:
        """Return all that a reader sees, by thing and sort key."""
        return {
            (thing, place): row.message
            for thing, rows in self.rows.items()
            for place, row in rows.items()
        }


@dataclass(slots=True)
class Way:
    """One direction of replication.

    Attributes:
        replica: Where rows arrive.
        scheduler: The time.
        chance: The seed's.
        lag_s: How long a row is under way, at least and at most, in seconds.
        is_cut: True while nothing gets through.
        held: What waits meanwhile.
    """

    replica: HotTable
    scheduler: Scheduler
    chance: random.Random
    lag_s: tuple[float, float] = (0.1, 1.0)
    is_cut: bool = False
    held: list[Row] = field(default_factory=list)

    def send(self, row: Row) -> None:
        """Take one write of the source."""
        if self.is_cut:
            self.held.append(row)
        else:
            delay_s = self.chance.uniform(*self.lag_s)
            self.scheduler.at(delay_s, lambda: self._arrive(row))

    def heal(self) -> None:
        """Let everything through that was held, after its time."""
        self.is_cut, held, self.held = False, self.held, []
        for row in held:
            self.send(row)

    def _arrive(self, row: Row) -> None:
        if self.is_cut:
            self.held.append(row)
        else:
            self.replica.receive(row)
