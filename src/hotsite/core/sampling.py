"""Look at some names instead of all, and say what that proves.

The choice is by a hash of seed and name: the same seed chooses the same names,
in whatever order and however often they come, and after a restart as well.
"""

import hashlib
import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass

from hotsite.core.registry import Key
from hotsite.errors import InvalidInputError

_HALVINGS = 60


@dataclass(slots=True)
class Sample:
    """The names of lowest rank among all that were offered.

    Attributes:
        size: How many names to keep, 1 or more.
        seed: Another seed gives another choice.
    """

    size: int
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a sample of nothing.

        Raises:
            InvalidInputError: The size is below 1.
        """
        if self.size < 1:
            raise InvalidInputError(f"a sample of {self.size} names proves nothing")

    def rank(self, key: Key) -> int:
        """Return a key's place in the draw, 0 to 2⁶⁴-1."""
        digest = hashlib.sha256(f"{self.seed}/{key}".encode()).digest()
        return int.from_bytes(digest[:8])


class Draw:
    """A draw under way; holds no more than the sample itself."""

    def __init__(self, sample: Sample) -> None:
        """Take how many, and by which seed."""
        self._sample = sample
        self._chosen: dict[Key, int] = {}
        self._heap: list[tuple[int, str]] = []
        self._keys: dict[str, Key] = {}

    def offer(self, key: Key) -> None:
        """Let a key take part; again makes no difference."""
        rank = -self._sample.rank(key)
        if key in self._chosen:
            return
        if len(self._heap) == self._sample.size:
            if rank <= self._heap[0][0]:
                return
            _, out = heapq.heappop(self._heap)
            del self._chosen[self._keys.pop(out)]
        heapq.heappush(self._heap, (rank, str(key)))
        self._keys[str(key)] = key
        self._chosen[key] = rank

    @property
    def keys(self) -> tuple[Key, ...]:
        """Return the chosen keys, sorted by their text."""
        return tuple(sorted(self._chosen, key=str))


def share_max(found: int, looked_at: int, *, confidence: float = 0.95) -> float:
    """Return how large the share of bad names can be, given a sample.

    The upper end of the one-sided exact interval of Clopper and Pearson ("The
    use of confidence or fiducial limits illustrated in the case of the
    binomial", Biometrika 26, 1934): the largest share with which so few bad
    names would still turn up with a probability of at least 1 - confidence. For
    none found among n it is 1 - (1 - confidence)^(1/n), the "rule of three"
    (about 3/n at 95 %; Hanley and Lippman-Hand, JAMA 249, 1983).

    Args:
        found: Bad names in the sample, 0 to ``looked_at``.
        looked_at: Names in the sample, drawn at random.
        confidence: Above 0 and below 1.

    Returns:
        0 to 1; 1 when nothing was looked at. Drawing without putting back from a
        finite fleet proves a little more than this.

    Raises:
        InvalidInputError: A number is outside its range.
    """
    if not (0 <= found <= looked_at and 0 < confidence < 1):
        raise InvalidInputError(
            f"{found} of {looked_at} at a confidence of {confidence} is no sample"
        )
    if found == looked_at:
        return 1.0
    return _largest(lambda share: _at_most(found, looked_at, share) >= 1 - confidence)


def size_for(share: float, *, confidence: float = 0.95) -> int:
    """Return how many good names in a row prove a share of bad ones too large.

    Args:
        share: The share to exclude, above 0 and below 1.
        confidence: Above 0 and below 1.

    Returns:
        1 or more.

    Raises:
        InvalidInputError: A number is outside its range.
    """
    if not (0 < share < 1 and 0 < confidence < 1):
        raise InvalidInputError(f"share {share} and confidence {confidence}: 0 to 1")
    return max(1, math.ceil(math.log(1 - confidence) / math.log1p(-share)))


def _largest(holds: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _at_most(found: int, looked_at: int, share: float) -> float:
    """Return the probability of so few bad names, by logarithms."""
    if share <= 0:
        return 1.0
    total = 0.0
    for count in range(found + 1):
        ways = (
            math.lgamma(looked_at + 1)
            - math.lgamma(count + 1)
            - math.lgamma(looked_at - count + 1)
        )
        rest = (looked_at - count) * math.log1p(-share)
        total += math.exp(ways + count * math.log(share) + rest)
    return total
