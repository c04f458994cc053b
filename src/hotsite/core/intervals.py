"""Sets of whole numbers, kept as closed intervals.

A device numbers its messages from 1 upwards, so what it published, what was
acknowledged and what a store holds are a few long runs. Kept as ``[lo, hi]``
pairs they fit on one line of the journal, whatever the length of the drill.
Must not know what the numbers mean.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hotsite.errors import InvalidInputError

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Intervals:
    """A set of integers in its only normal form; equal sets compare equal.

    Build one with ``from_numbers`` or ``from_pairs``, which normalise.

    Attributes:
        pairs: Closed intervals ``(lo, hi)``, ascending, neither touching nor
            overlapping each other.
    """

    pairs: tuple[Pair, ...] = ()

    @classmethod
    def from_pairs(cls, pairs: Iterable[Pair]) -> "Intervals":
        """Return the union of the given intervals, in any order.

        Raises:
            InvalidInputError: An interval ends before it begins.
        """
        merged: list[Pair] = []
        for low, high in sorted(pairs):
            if low > high:
                raise InvalidInputError(
                    f"interval [{low}, {high}] ends before it begins"
                )
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], high))
            else:
                merged.append((low, high))
        return cls(tuple(merged))

    @classmethod
    def from_numbers(cls, numbers: Iterable[int]) -> "Intervals":
        """Return the set of the given numbers; order and repeats do not matter."""
        return cls.from_pairs((number, number) for number in numbers)

    def union(self, other: "Intervals") -> "Intervals":
        """Return the numbers that are in either set."""
        return Intervals.from_pairs((*self.pairs, *other.pairs))

    def intersection(self, other: "Intervals") -> "Intervals":
        """Return the numbers that are in both sets."""
        common: list[Pair] = []
        mine, theirs = iter(self.pairs), iter(other.pairs)
        left, right = next(mine, None), next(theirs, None)
        while left and right:
            low, high = max(left[0], right[0]), min(left[1], right[1])
            if low <= high:
                common.append((low, high))
            # The interval that ends first can meet nothing further.
            if left[1] <= right[1]:
                left = next(mine, None)
            else:
                right = next(theirs, None)
        return Intervals(tuple(common))

    def difference(self, other: "Intervals") -> "Intervals":
        """Return the numbers that are in this set and not in the other."""
        rest: list[Pair] = []
        for low, high in self.pairs:
            start = low
            for cut_low, cut_high in other.intersection(
                Intervals(((low, high),))
            ).pairs:
                if start < cut_low:
                    rest.append((start, cut_low - 1))
                start = cut_high + 1
            if start <= high:
                rest.append((start, high))
        return Intervals(tuple(rest))

    @property
    def size(self) -> int:
        """Return how many numbers are in the set."""
        return sum(high - low + 1 for low, high in self.pairs)

    def __contains__(self, number: int) -> bool:
        return any(low <= number <= high for low, high in self.pairs)

    def __iter__(self) -> Iterator[int]:
        for low, high in self.pairs:
            yield from range(low, high + 1)

    def __bool__(self) -> bool:
        return bool(self.pairs)
