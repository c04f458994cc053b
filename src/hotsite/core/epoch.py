"""Epochs: which site is active, since when, and by whose decision.

Each take-over is one epoch with a number. A site issues numbers of its own only
(even ones lead to ``a``, odd ones to ``b``), so two sites that decide at the same
time, cut off from each other, can never issue the same number: of any two epochs
one is newer, everywhere, whatever the order in which they arrive. Must not know
where epochs are kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hotsite.errors import InvalidInputError

SITES = ("a", "b")


def check_site(letter: str) -> str:
    """Return the letter of a site.

    Raises:
        InvalidInputError: It is none.
    """
    if letter not in SITES:
        known = " and ".join(SITES)
        raise InvalidInputError(f"there is no site {letter!r}; there are {known}")
    return letter


def other(letter: str) -> str:
    """Return the letter of the other site."""
    return SITES[1 - SITES.index(check_site(letter))]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One decision about who is active.

    Attributes:
        number: Grows with each decision; its parity says whose.
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
        if self.number < 0 or self.number % len(SITES) != SITES.index(self.active):
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
    step = (SITES.index(check_site(active)) - number) % len(SITES)
    return number + (step or len(SITES))


def newest(epochs: Iterable[Epoch]) -> Epoch:
    """Return the epoch that holds; the first one when none is known."""
    return max(epochs, key=lambda one: one.number, default=FIRST)
