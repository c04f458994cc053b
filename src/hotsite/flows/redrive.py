"""Work through the batches that the replicator has put aside.

A batch only says which keys to look at, so an old one is as good as a young one:
what is applied is the record as it is now. A batch is deleted when every key in
it came to an end; a record that can never be applied has come to one, and
``status`` goes on telling of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hotsite.errors import InvalidInputError, NotFoundError
from hotsite.flows.replication import Outcome, Site, apply_all
from hotsite.ports.failures import FailedBatches


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of one batch.

    Attributes:
        name: Which batch.
        outcomes: What became of its keys.
        is_deleted: True when it is worked off.
        reason: Why it is kept, or nothing.
    """

    name: str
    outcomes: tuple[Outcome, ...] = ()
    is_deleted: bool = False
    reason: str | None = None


def redrive(batches: FailedBatches, site: Site) -> Iterator[Redriven]:
    """Apply the keys of every batch, one batch after the other.

    Args:
        batches: Those of the Region.
        site: The Region.

    Yields:
        Each batch once it is worked on. Stop asking at any time: what is done is
        done, and the rest is still there.

    Raises:
        UnreachableError: The store did not answer.
    """
    token = None
    while True:
        page = batches.page(token)
        for name in page.names:
            yield _redriven(name, batches, site)
        token = page.next_token
        if token is None:
            return


def _redriven(name: str, batches: FailedBatches, site: Site) -> Redriven:
    try:
        batch = batches.read(name)
    except NotFoundError:
        return Redriven(name, is_deleted=True)
    except InvalidInputError as error:
        return Redriven(name, reason=str(error))
    outcomes = apply_all(batch.keys, site)
    late = [outcome for outcome in outcomes if outcome.is_retryable]
    if late:
        reason = f"{len(late)} of {len(outcomes)} keys must wait: {late[0].reason}"
        return Redriven(name, outcomes, reason=reason)
    batches.delete(name)
    return Redriven(name, outcomes, is_deleted=True)
