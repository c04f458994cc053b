"""Pause and resume: leave the sites as they are, said in every Region that answers.

A pause stops take-overs of guards, planned failovers and failbacks. It does not stop
Route 53, which goes on to lead the fleet to the site that is healthy, and it does not
stop an operator's forced failover.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hotsite.core.operations import Entry, Pause
from hotsite.errors import ConflictError, RetryableError, UnreachableError
from hotsite.ports import Clock
from hotsite.ports.operations import Operations

_TRIES_MAX = 3


@dataclass(frozen=True, slots=True)
class Said:
    """Where a pause, or its end, was written.

    Attributes:
        written: The letters of the sites.
        silent: Why it was not written, by the letters of the others. They get it
            by replication, as soon as that is possible.
    """

    written: tuple[str, ...]
    silent: Mapping[str, str]


def say(pause: Pause, replicas: Mapping[str, Operations], clock: Clock) -> Said:
    """Write a pause, or its end, in every Region that answers.

    Args:
        pause: What to write.
        replicas: The operations tables by the letters of their sites.
        clock: The time.

    Raises:
        UnreachableError: No Region answered.
    """
    written, silent = [], {}
    for site, operations in replicas.items():
        try:
            if _write(pause, operations):
                what = "paused" if pause.is_paused else "resumed"
                entry = Entry(clock.now_s(), site, pause.by, what, pause.reason)
                operations.note(entry)
        except RetryableError as error:
            silent[site] = str(error)
        else:
            written.append(site)
    if not written:
        raise UnreachableError("; ".join(f"{k}: {v}" for k, v in silent.items()))
    return Said(tuple(written), silent)


def _write(pause: Pause, operations: Operations) -> bool:
    """Write it where it is not yet; say whether that was needed.

    What was written in the other Region may come in between reading and writing.
    """
    for tries_left in reversed(range(_TRIES_MAX)):
        before = operations.read().items.get(pause.key)
        if before == pause:
            return False
        try:
            operations.write(pause, previous=before)
        except ConflictError:
            if not tries_left:
                raise
        else:
            return True
    return False
