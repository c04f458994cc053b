"""Put the maker's claims into the ledger, and look at what became of them."""

from collections.abc import Callable, Iterator
from enum import StrEnum

from hotsite.core import claims as core
from hotsite.core.onboarding import Entry
from hotsite.errors import RetryableError
from hotsite.ports import Claims, Clock

# Together 6 s: a table that is short of breath, not a Region that is dead.
_TRIES_MAX = 6
_WAIT_S = 0.2


class Fate(StrEnum):
    """What became of one line of a list."""

    ADDED = "added"
    THERE = "there"
    DIFFERS = "differs"


def bring(entry: Entry, ledger: Claims, clock: Clock) -> Fate:
    """Add a claim; doing it again changes nothing, and a used claim stays used.

    Args:
        entry: An unused line.
        ledger: Where to.
        clock: What the waits between tries are taken of.

    Returns:
        ``DIFFERS`` when the ledger holds another secret or other attributes for this
        id, and was left as it is.

    Raises:
        RetryableError: The table did not answer, for several tries.
    """
    for attempt in range(_TRIES_MAX):
        try:
            if ledger.add(entry):
                return Fate.ADDED
            there = ledger.read(entry.claim_id)
        except RetryableError:
            if attempt == _TRIES_MAX - 1:
                raise
            clock.sleep(_WAIT_S * 2**attempt)
            continue
        is_same = there is not None and core.is_same(entry, there)
        return Fate.THERE if is_same else Fate.DIFFERS
    raise AssertionError  # The last try returns or raises.


def every(
    ledger: Claims, is_wanted: Callable[[Entry], bool] = lambda _: True
) -> Iterator[Entry]:
    """Yield the claims in the ledger, in no promised order.

    Args:
        ledger: Which.
        is_wanted: Which of them.

    Raises:
        UnreachableError: The table did not answer.
    """
    token: str | None = None
    while True:
        page = ledger.page(token)
        yield from filter(is_wanted, page.entries)
        if page.next_token is None:
            return
        token = page.next_token
