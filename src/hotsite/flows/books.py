"""The books of a drill: what devices say and what stores hold, written down."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hotsite.core.books import DeviceReported, Moment, StoreHeld
from hotsite.core.intervals import Intervals
from hotsite.ports import DeviceAccount, Held, Journal


@dataclass(frozen=True, slots=True)
class At:
    """Whose store was read, and when."""

    region: str
    moment: Moment


def waiting(account: DeviceAccount) -> int:
    """Return how many messages of a device nobody acknowledged yet."""
    return account.published.difference(account.acknowledged).size - account.dropped


def is_complete(accounts: Iterable[DeviceAccount], held: Iterable[Held]) -> bool:
    """Return whether a store holds all that devices had acknowledged."""
    stored = {(item.thing, item.epoch): item.held for item in held}
    return all(
        not account.acknowledged.difference(
            stored.get((account.thing, account.epoch), Intervals())
        ).size
        for account in accounts
    )


def is_same(here: Iterable[Held], there: Iterable[Held]) -> bool:
    """Return whether two stores hold the same messages."""
    one, other = (
        {(item.thing, item.epoch): item.held for item in found}
        for found in (here, there)
    )
    return one == other


def write_reports(
    journal: Journal,
    accounts: Iterable[DeviceAccount],
    before: Mapping[tuple[str, int], Intervals],
) -> None:
    """Write down what devices say of their own messages.

    Args:
        journal: Where it goes.
        accounts: What they say at the end.
        before: What they said at the fault, by thing and epoch.
    """
    for account in accounts:
        early = before.get((account.thing, account.epoch), Intervals())
        journal.write(
            DeviceReported(
                thing=account.thing,
                epoch=account.epoch,
                published=account.published,
                acknowledged=account.acknowledged,
                acknowledged_before_fault=early,
                dropped=account.dropped,
            )
        )


def write_held(
    journal: Journal, things: Sequence[str], held: Iterable[Held], at: At
) -> None:
    """Write down what a store held; of devices that it lacks, that it does.

    Args:
        journal: Where it goes.
        things: The fleet.
        held: What the store held.
        at: Which store, and when.
    """
    seen = set()
    for item in held:
        seen.add(item.thing)
        journal.write(
            StoreHeld(
                region=at.region,
                moment=at.moment,
                thing=item.thing,
                epoch=item.epoch,
                held=item.held,
                rows=item.row_count,
                digest=item.digest,
            )
        )
    for thing in things:
        if thing not in seen:
            journal.write(StoreHeld(at.region, at.moment, thing, 0, Intervals(), 0))
