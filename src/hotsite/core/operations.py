"""What the operations table holds: epochs, looks, the pause, and operations.

The table is a DynamoDB global table: each Region reads and writes its own replica,
and of two writes of one item the later one wins in both. So that this can lose
nothing, an item that must not be lost is written in one Region only: a site's epoch,
look and operation in that site's Region. What holds is then the *newest* of what is
there, which no order of arrival can change. Only the pause may be written anywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hotsite.core.epoch import FIRST, Epoch, check_site, newest


class Action(StrEnum):
    """What a guard does after a look."""

    TAKE_OVER = "take over"
    STAND_DOWN = "stand down"
    SERVE = "serve"
    STAND_BY = "stand by"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Look:
    """What the guard of a site has last seen.

    Attributes:
        site: The letter of the site whose guard looked.
        heard: The newest epoch that this site has ever heard of, from anywhere.
        at_s: When it looked, seconds since the epoch.
        confirmed_at_s: When it was last sure that ``heard`` holds: the peer knew
            of none newer, or DNS and an unbroken row of looks spoke for it.
        heard_at_s: When it heard of ``heard``: its own switch follows from then on.
        action: What it did.
        reason: Why.
    """

    site: str
    heard: Epoch
    at_s: float
    confirmed_at_s: float
    heard_at_s: float
    action: Action
    reason: str

    @property
    def key(self) -> str:
        """Return the name of its item."""
        return f"look#{self.site}"


@dataclass(frozen=True, slots=True)
class Pause:
    """Whether hotsite must leave the sites as they are.

    Attributes:
        is_paused: True to stop take-overs, planned failovers and failbacks.
        until_s: When it ends by itself, seconds since the epoch; None for never.
        by: Who said so.
        reason: Why.
    """

    is_paused: bool
    until_s: float | None = None
    by: str = ""
    reason: str = ""

    @property
    def key(self) -> str:
        """Return the name of its item."""
        return "pause"

    def holds(self, now_s: float) -> bool:
        """Say whether it holds at a time."""
        return self.is_paused and (self.until_s is None or now_s < self.until_s)


class Kind(StrEnum):
    """What an operation is."""

    PLANNED = "planned"
    FORCED = "forced"
    FAILBACK = "failback"


@dataclass(frozen=True, slots=True)
class Operation:
    """One failover or failback, and how far it is.

    Attributes:
        id: Tells it from every other one.
        kind: What it is.
        source: The letter of the site that was active.
        target: The letter of the site that shall be.
        step: The step that was begun last; "done" at the end.
        begun_s: When it was begun, seconds since the epoch.
        by: Who began it.
        epoch: The number that it issues; None until it has decided on one.
        token: Where its fleet-wide step stands; None for its beginning.
        moved: Devices that this step has dealt with.
        overridden: What spoke against it and was overridden.
        force_because: Why it was overridden; None when it was not.
    """

    id: str
    kind: Kind
    source: str
    target: str
    step: str
    begun_s: float
    by: str
    epoch: int | None = None
    token: str | None = None
    moved: int = 0
    overridden: tuple[str, ...] = ()
    force_because: str | None = None

    @property
    def key(self) -> str:
        """Return the name of its item: one for each target."""
        return f"operation#{self.target}"

    @property
    def is_over(self) -> bool:
        """Say whether nothing is left to do."""
        return self.step == DONE


DONE = "done"


@dataclass(frozen=True, slots=True)
class Claim:
    """The epoch that a site took itself, as the item that carries it."""

    epoch: Epoch

    @property
    def key(self) -> str:
        """Return the name of its item: one for each site."""
        return f"epoch#{self.epoch.active}"


Item = Claim | Look | Pause | Operation


@dataclass(frozen=True, slots=True)
class Book:
    """All that one Region's replica holds, but for the journal.

    Attributes:
        items: By the name of each item.
    """

    items: Mapping[str, Item] = field(default_factory=dict)

    @property
    def newest(self) -> Epoch:
        """Return the epoch that holds, as far as this replica knows."""
        claims = (one.epoch for one in self.items.values() if isinstance(one, Claim))
        heard = (one.heard for one in self.items.values() if isinstance(one, Look))
        return newest((*claims, *heard))

    def before(self, target: str) -> Epoch | None:
        """Return the newest epoch here that does not lead to a site, if any."""
        claims = (one.epoch for one in self.items.values() if isinstance(one, Claim))
        heard = (one.heard for one in self.items.values() if isinstance(one, Look))
        away = (one for one in (*claims, *heard) if one.active != target)
        return max(away, key=lambda one: one.number, default=None)

    def left_at_s(self, site: str) -> float:
        """Return since when a site is not active any more, seconds since the epoch.

        Several others may have been active since, one after the other.
        """
        own = self.claim(site)
        last = FIRST.number if own is None else own.epoch.number
        claims = (one.epoch for one in self.items.values() if isinstance(one, Claim))
        away_s = (
            one.since_s for one in claims if one.active != site and one.number > last
        )
        return min(away_s, default=self.newest.since_s)

    @property
    def pause(self) -> Pause:
        """Return what was said about a pause last."""
        found = self.items.get("pause")
        return found if isinstance(found, Pause) else Pause(is_paused=False)

    def look(self, site: str) -> Look | None:
        """Return what a site's guard has last seen, or nothing."""
        found = self.items.get(f"look#{check_site(site)}")
        return found if isinstance(found, Look) else None

    def claim(self, site: str) -> Claim | None:
        """Return the last epoch that a site took itself, or nothing."""
        found = self.items.get(f"epoch#{check_site(site)}")
        return found if isinstance(found, Claim) else None

    def operation(self, target: str) -> Operation | None:
        """Return the last operation towards a site, or nothing."""
        found = self.items.get(f"operation#{check_site(target)}")
        return found if isinstance(found, Operation) else None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal of operations, which is only ever added to.

    Attributes:
        at_s: When, seconds since the epoch.
        site: The letter of the site in whose Region it was written.
        by: Who did it: an operator, or a guard.
        what: What was done, in a few words.
        reason: Why.
    """

    at_s: float
    site: str
    by: str
    what: str
    reason: str
