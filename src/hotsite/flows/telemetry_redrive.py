"""Replay what was refused, as far as it is valid now, into the stores.

A message keeps the time at which it first arrived, so replaying writes the very row
that would have been written then, however often it is replayed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hotsite.core.arrivals import messages_in, reason_of
from hotsite.errors import InvalidInputError, NotFoundError
from hotsite.flows.telemetry import Stores, store


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of one thing that was refused.

    Attributes:
        name: Its name in the archive.
        stored: How many messages of it are valid, and stored unless it was a trial.
        reason: Why it stays, or nothing when it is done.
    """

    name: str
    stored: int = 0
    reason: str | None = None

    @property
    def is_done(self) -> bool:
        """Tell whether nothing of it waits any longer."""
        return self.reason is None


def redrive(stores: Stores, *, is_trial: bool) -> Iterator[Redriven]:
    """Replay everything that waits, one after the other.

    Args:
        stores: Of the site.
        is_trial: Say what would be done, and change nothing.

    Yields:
        What became of each. Stop asking at any time: what is done is done.

    Raises:
        RetryableError: A store or the archive did not answer.
    """
    token = None
    while True:
        page = stores.archive.page(token)
        for name in page.names:
            yield _redriven(name, stores, is_trial=is_trial)
        token = page.next_token
        if token is None:
            return


def _redriven(name: str, stores: Stores, *, is_trial: bool) -> Redriven:
    try:
        refused = stores.archive.read(name)
    except NotFoundError:
        return Redriven(name)
    except InvalidInputError as error:
        return Redriven(name, reason=str(error))
    messages, rejects = messages_in(refused)
    thing = refused.thing
    if messages and thing is not None and not is_trial:
        arrived = stores.origin.arrivals(thing, messages, at_s=refused.at_s)
        store(arrived, stores)
    if rejects:
        return Redriven(name, len(messages), reason_of(rejects))
    if not is_trial:
        stores.archive.finish(name)
    return Redriven(name, len(messages))
