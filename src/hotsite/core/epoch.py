"""Epochs: which site is active, since when, and by whose decision.

Each take-over is one epoch with a number. A site issues numbers of its own only
(even ones lead to ``a``, odd ones to ``b``), so two sites that decide at the same
time, cut off from each other, can never issue the same number: of any two epochs
one is newer, everywhere, whatever the order in which they arrive. From ``WIDE`` on
there is room for four sites: ``c`` and ``d`` issue no smaller ones. So no number has
ever changed its owner, also where a site is added to a fleet that has decided before
(docs/adr/0020-more-standbys.md). Must not know where epochs are kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hotsite.errors import InvalidInputError

# The two that every fleet has, and the only ones that drills play with.
SITES = ("a", "b")
# All that there may be, in the order in which DNS prefers them.
LETTERS = (*SITES, "c", "d")
# Above all numbers that two sites will ever issue, below 2**31: a device may keep the
# newest number in 32 bits.
WIDE = 2_000_000_000


def check_site(letter: str) -> str:
    """Return the letter of a site.

    Raises:
        InvalidInputError: It is none.
    """
    if letter not in LETTERS:
        known = ", ".join(LETTERS)
        raise InvalidInputError(f"there is no site {letter!r}; there may be {known}")
    return letter


def other(letter: str) -> str:
    """Return the letter of the other one of two sites.

    Raises:
        InvalidInputError: It is not one of two.
    """
    if letter not in SITES:
        known = " and ".join(SITES)
        raise InvalidInputError(f"there is no site {letter!r}; there are {known}")
    return SITES[1 - SITES.index(letter)]


def owner(number: int) -> str:
    """Return the letter of the only site that a number may lead to."""
    letters = SITES if number < WIDE else LETTERS
    return letters[number % len(letters)]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One decision about who is active.

    Attributes:
        number: Grows with each decision; ``owner`` says whose.
        active: The letter of the site that is active from now on.
        since_s: When it was decided, seconds since the epoch of the clock.
        by: Who decided: an operator, or the guard of a site; may be empty.
        reason: Why, in one sentence; may be empty.
        is_forced: True when nothing was asked of the site that was active.

    Raises:
        InvalidInputError: The number is not one that leads to the active site.
    """

    number: int
    active: str
    since_s: float
    by: str = ""
    reason: str = ""
    is_forced: bool = False

    def __post_init__(self) -> None:
        """Refuse an epoch that two sites could issue."""
        check_site(self.active)
        if self.number < 0 or owner(self.number) != self.active:
            raise InvalidInputError(
                f"epoch {self.number} cannot lead to {self.active!r}"
            )

    def __str__(self) -> str:
        """Return it for people."""
        return f"epoch {self.number} ({self.active})"


# What holds before anybody has ever decided anything.
FIRST = Epoch(0, SITES[0], 0.0, "nobody", "no site has ever taken over")


def number_after(number: int, active: str) -> int:
    """Return the next number that leads to a site.

    Args:
        number: The newest that is known.
        active: The letter of the site.
    """
    following = number + 1
    if check_site(active) not in SITES:
        following = max(following, WIDE)
    while owner(following) != active:
        following += 1
    return following


def newest(epochs: Iterable[Epoch]) -> Epoch:
    """Return the epoch that holds; the first one when none is known."""
    return max(epochs, key=lambda one: one.number, default=FIRST)
