"""The operations table in memory: replicas, and writes under way between them.

As a DynamoDB global table of the default consistency: a write is conditional on its
own replica alone, and the last writer of an item wins in both (DynamoDB developer
guide, V2globaltables_HowItWorks).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hotsite.core.operations import Book, Entry, Item
from hotsite.errors import ConflictError, UnreachableError
from hotsite.ports import Clock

# Two writes in a row have an order, even within one tick of the clock.
_TICK_S = 1e-6


@dataclass(frozen=True, slots=True)
class Written:
    """One write, as it travels.

    Attributes:
        item: What was written.
        order: What the table compares to find the last writer.
    """

    item: Item
    order: tuple[float, str]


@dataclass(slots=True)
class SimOperations:
    """Implements ``ports.operations.Operations`` for one Region.

    Attributes:
        region: Whose replica it is.
        clock: The time.
        is_reachable: The fault switch.
        items: What this replica holds, by the name of each item.
        lines: The journal.
        on_write: Called with each write and journal line that began here.
    """

    region: str
    clock: Clock
    is_reachable: bool = True
    items: dict[str, Written] = field(default_factory=dict)
    lines: list[Entry] = field(default_factory=list)
    on_write: Callable[[Written | Entry], None] | None = None
    _written_count: int = 0

    def read(self) -> Book:
        """Return all items but the journal."""
        self._answer()
        return self.peek()

    def peek(self) -> Book:
        """Return the book, even while the Region is down: for judges only."""
        return Book({key: one.item for key, one in self.items.items()})

    def write(self, item: Item, *, previous: Item | None) -> None:
        """Write an item, if this replica still holds what was read of it."""
        self._answer()
        there = self.items.get(item.key)
        if (there.item if there else None) != previous:
            raise ConflictError(f"{item.key} was written by another meanwhile")
        self._written_count += 1
        at_s = self.clock.now_s() + _TICK_S * self._written_count
        self._begin(Written(item, (at_s, self.region)))

    def note(self, entry: Entry) -> None:
        """Add a line to the journal."""
        self._answer()
        self._begin(entry)

    def entries(self, since_s: float = 0.0) -> tuple[Entry, ...]:
        """Return the journal's lines that are here, in order."""
        self._answer()
        recent = (line for line in self.lines if line.at_s >= since_s)
        return tuple(sorted(recent, key=lambda line: line.at_s))

    def receive(self, told: Written | Entry) -> None:
        """Take in what was written in the other Region; the last writer wins."""
        if isinstance(told, Entry):
            self.lines.append(told)
            return
        there = self.items.get(told.item.key)
        if there is None or told.order > there.order:
            self.items[told.item.key] = told

    def _begin(self, told: Written | Entry) -> None:
        self.receive(told)
        if self.on_write is not None:
            self.on_write(told)

    def _answer(self) -> None:
        if not self.is_reachable:
            raise UnreachableError(f"the operations of {self.region} do not answer")


@dataclass(slots=True)
class SimResumes:
    """Implements ``ports.operations.Resumes`` and ``ports.operations.ResumeNotes``.

    Attributes:
        clock: The time.
        is_reachable: The fault switch.
        came_s: When each device came last.
        turned_away_s: When each came last that had not been let in elsewhere.
    """

    clock: Clock
    is_reachable: bool = True
    came_s: dict[str, float] = field(default_factory=dict)
    turned_away_s: dict[str, float] = field(default_factory=dict)

    def note(self, thing: str, *, is_turned_away: bool = False) -> None:
        """Write down that a device asked for a resume here."""
        self._answer()
        self.came_s[thing] = self.clock.now_s()
        if is_turned_away:
            self.turned_away_s[thing] = self.clock.now_s()

    def count(self, within_s: float) -> int:
        """Return how many devices came here lately."""
        return self._since(self.came_s, within_s)

    def turned_away(self, within_s: float) -> int:
        """Return how many of them had not been let in elsewhere before."""
        return self._since(self.turned_away_s, within_s)

    def _since(self, at_s: Mapping[str, float], within_s: float) -> int:
        self._answer()
        since_s = self.clock.now_s() - within_s
        return sum(1 for one_s in at_s.values() if one_s >= since_s)

    def _answer(self) -> None:
        if not self.is_reachable:
            raise UnreachableError("the resumes do not answer")
