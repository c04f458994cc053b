"""What happens in a disaster, how it ended, and how a failed one is made small."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_SHRINKS_MAX = 400


@dataclass(frozen=True, slots=True)
class Op:
    """One thing that happens.

    Attributes:
        at_s: When, in seconds since the beginning.
        what: The name of an act or a fault.
        region: Where.
        seed: Its own luck, so that it does the same when others are left out.
    """

    at_s: float
    what: str
    region: str
    seed: int

    def __str__(self) -> str:
        """Return it as a line for people."""
        return f"{self.at_s:6.1f} s  {self.region}: {self.what}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a disaster ended.

    Attributes:
        seed: Which one.
        ops: What happened in it.
        problems: Invariants that do not hold; none when all is well.
        lines: What happened, in detail.
        counts: How often what happened: for those who doubt the simulation.
    """

    seed: int
    ops: tuple[Op, ...]
    problems: tuple[str, ...]
    lines: tuple[str, ...]
    counts: Counter[str]


def drawn(
    chance: random.Random,
    names: Sequence[str],
    count: int,
    weights: Mapping[str, float],
) -> list[str]:
    """Draw what happens; a name without a weight has 1."""
    return chance.choices(names, [weights.get(name, 1.0) for name in names], k=count)


def scattered(
    chance: random.Random,
    whats: Iterable[str],
    places: Sequence[str],
    span_s: tuple[float, float],
) -> Iterator[Op]:
    """Yield what happens, each at a moment and a place of its own."""
    for what in whats:
        at_s, place = round(chance.uniform(*span_s), 1), chance.choice(places)
        yield Op(at_s, what, place, chance.randrange(1 << 32))


def shrunk(
    outcome: Outcome, again: Callable[[int, tuple[Op, ...]], Outcome]
) -> Outcome:
    """Return the shortest disaster found that still breaks an invariant.

    Args:
        outcome: Of a disaster that breaks one.
        again: How to play a seed with less in it.
    """
    best, size, tries = outcome, max(1, len(outcome.ops) // 2), 0
    while tries < _SHRINKS_MAX:
        smaller = None
        for start in range(0, len(best.ops), size):
            tries += 1
            ops = (*best.ops[:start], *best.ops[start + size :])
            played = again(best.seed, ops)
            if played.problems:
                smaller = played
                break
        if smaller is not None:
            best = smaller
        elif size == 1:
            break
        size = max(1, min(size, len(best.ops)) // (1 if smaller else 2))
    return best
