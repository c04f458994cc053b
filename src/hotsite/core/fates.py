"""What became of each device of a churn drill, and what may be done to it next.

Folded from the journal's facts alone, so that the verdict does not take the
drill's word for what ought to be.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from hotsite.core.churn import Action, Change, RegistryChanged, Way
from hotsite.core.journal import DeviceOnboarded, Event, Fact

# Until both Regions surely have what the record was told.
CALM_S = 10.0
# Until what others changed has surely been heard and replicated: the capture of
# a name that hotsite itself has just changed waits for 31 s.
CALM_OUTSIDE_S = 60.0
# At least five deletions are taken over within 24 hours (``core/deletions.py``).
OUTSIDE_DELETIONS_MAX = 4
# A deck of actions: each part of a drill sees all of them.
_DECK = (
    *(Action.CREATE,) * 2,
    *(Action.UPDATE,) * 4,
    *(Action.SHADOW,) * 2,
    *(Action.ROTATE,) * 4,
    *(Action.RETIRE,) * 3,
    *(Action.REVOKE,) * 2,
    *(Action.DELETE,) * 2,
)


class Standing(StrEnum):
    """What a certificate may do."""

    OPEN = "open"
    RETIRED = "retired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Fate:
    """One device.

    Attributes:
        thing: Its name.
        certificates: Number of each certificate, and what it may do.
        is_deleted: Whether the device is to be gone.
        update: Number of its last update, 0 for none.
        shadow: Number of the last change of its shadow, 0 for none.
        region: Where it was changed last.
        way: How.
        changed_world_s: When, in seconds since the epoch.
    """

    thing: str
    certificates: Mapping[int, Standing]
    region: str
    way: Way
    changed_world_s: float
    is_deleted: bool = False
    update: int = 0
    shadow: int = 0

    @property
    def open_ones(self) -> tuple[int, ...]:
        """Return the certificates that must let it in, in every Region."""
        if self.is_deleted:
            return ()
        return tuple(n for n, it in self.certificates.items() if it is Standing.OPEN)

    @property
    def shut_ones(self) -> tuple[int, ...]:
        """Return the certificates that must let nobody in, in any Region."""
        return tuple(n for n in self.certificates if n not in self.open_ones)

    @property
    def is_revoked(self) -> bool:
        """Say whether it is there, shut out for good."""
        is_shut = Standing.REVOKED in self.certificates.values()
        return is_shut and not self.is_deleted and not self.open_ones


Fates = dict[str, Fate]


def fates_of(events: Iterable[Event]) -> Fates:
    """Return what became of each device.

    Args:
        events: Of a journal, in its order.
    """
    found: Fates = {}
    for event in events:
        follow(found, event.fact, event.world_s)
    return found


def follow(fates: Fates, fact: Fact, world_s: float) -> None:
    """Take one fact into account; most say nothing of fates.

    Args:
        fates: By thing; changed in place.
        fact: What happened.
        world_s: When, in seconds since the epoch.
    """
    if isinstance(fact, DeviceOnboarded):
        fates.setdefault(fact.thing, _new(fact.thing, fact.region, Way.API, world_s))
    elif isinstance(fact, RegistryChanged):
        if fact.action is Action.CREATE:
            fates[fact.thing] = _new(fact.thing, fact.region, fact.way, world_s)
        elif fact.thing in fates:
            fates[fact.thing] = _changed(fates[fact.thing], fact, world_s)


def _new(thing: str, region: str, way: Way, world_s: float) -> Fate:
    return Fate(thing, {1: Standing.OPEN}, region, way, world_s)


def _changed(fate: Fate, fact: RegistryChanged, world_s: float) -> Fate:
    standing = {
        Action.ROTATE: Standing.OPEN,
        Action.RETIRE: Standing.RETIRED,
        Action.REVOKE: Standing.REVOKED,
    }.get(fact.action)
    certificates = dict(fate.certificates)
    if standing is not None:
        certificates |= dict.fromkeys(fact.certificates, standing)
    fate = replace(
        fate,
        certificates=certificates,
        region=fact.region,
        way=fact.way,
        changed_world_s=world_s,
    )
    if fact.action is Action.UPDATE:
        return replace(fate, update=fact.number)
    if fact.action is Action.SHADOW:
        return replace(fate, shadow=fact.number)
    return replace(fate, is_deleted=fate.is_deleted or fact.action is Action.DELETE)


@dataclass(slots=True)
class Dice:
    """The same throws for the same seed, on every machine.

    Attributes:
        seed: 0 or more.
    """

    seed: int
    _throws: int = 0

    def throw(self) -> float:
        """Return a number from 0 to below 1."""
        self._throws += 1
        digest = hashlib.sha256(f"{self.seed}/{self._throws}".encode()).digest()
        return int.from_bytes(digest[:7]) / 2**56

    def index(self, count: int) -> int:
        """Return a number from 0 to below ``count``."""
        return int(self.throw() * count)


@dataclass(slots=True)
class Chooser:
    """Draws changes whose outcome is certain, whichever Region hears of what first.

    Two people who change the same field of the same name in two Regions at once
    get one of both values; that is what the simulated disasters are for. Here a
    name is let alone until its last change has arrived.

    Attributes:
        seed: Of every choice.
        outside_share: Share of changes made behind hotsite's back, 0 to 1.
        number: Of the last change.
    """

    seed: int
    outside_share: float
    number: int = 0
    _outside_deletions: int = 0
    _deck: list[Action] = field(default_factory=list)
    _dice: Dice = field(init=False)

    def __post_init__(self) -> None:
        """Take the dice."""
        self._dice = Dice(self.seed)

    def draw(
        self, fates: Fates, regions: tuple[str, ...], *, now_world_s: float
    ) -> Change | None:
        """Return the next change, or nothing while no name may be changed.

        Args:
            fates: What became of each device so far.
            regions: Those that live.
            now_world_s: Seconds since the epoch.
        """
        if not self._deck:
            self._deck = [*_DECK]
        order = sorted(range(len(self._deck)), key=lambda _: self._dice.throw())
        for place in order:
            change = self._drawn(self._deck[place], fates, regions, now_world_s)
            if change is not None:
                del self._deck[place]
                return change
        return None

    def _drawn(
        self,
        action: Action,
        fates: Fates,
        regions: tuple[str, ...],
        now_world_s: float,
    ) -> Change | None:
        region = regions[self._dice.index(len(regions))]
        way = self._way(action)
        number = self.number + 1
        if action is Action.CREATE:
            self.number = number
            return Change(number, f"oven-{self.seed}-new-{number}", action, way, region)
        names = [
            fate.thing
            for fate in sorted(fates.values(), key=lambda fate: fate.thing)
            if _is_open_to(fate, action) and _is_calm(fate, region, way, now_world_s)
        ]
        if not names:
            return None
        self.number = number
        if action is Action.DELETE and way is Way.OUTSIDE:
            self._outside_deletions += 1
        thing = names[self._dice.index(len(names))]
        about = tuple(_about(fates[thing], action))
        return Change(number, thing, action, way, region, about)

    def _way(self, action: Action) -> Way:
        if self._dice.throw() >= self.outside_share:
            return Way.API if action is Action.CREATE else Way.RECORD
        is_much = self._outside_deletions >= OUTSIDE_DELETIONS_MAX
        if action is Action.DELETE and is_much:
            return Way.RECORD
        return Way.OUTSIDE


def _is_open_to(fate: Fate, action: Action) -> bool:
    if fate.is_deleted:
        return False
    count = len(fate.open_ones)
    if action is Action.ROTATE:
        return count == 1
    if action is Action.RETIRE:
        return count > 1
    # A device that was shut out has no more to say, but may be deleted.
    return count > 0 or action is Action.DELETE


def _about(fate: Fate, action: Action) -> Iterator[int]:
    if action is Action.ROTATE:
        yield max(fate.certificates) + 1
    elif action is Action.RETIRE:
        yield min(fate.open_ones)
    elif action is Action.REVOKE:
        yield from fate.open_ones


def _is_calm(fate: Fate, region: str, way: Way, now_world_s: float) -> bool:
    if (fate.region, fate.way) == (region, way):
        return True
    is_outside = fate.way is Way.OUTSIDE
    calm_s = CALM_OUTSIDE_S if is_outside else CALM_S
    return now_world_s - fate.changed_world_s >= calm_s


def stranded(fates: Fates, region: str, *, now_world_s: float) -> None:
    """Let alone what a Region may have taken to its grave, until it is back.

    Args:
        fates: By thing; changed in place.
        region: Which Region was lost.
        now_world_s: When, in seconds since the epoch.
    """
    for thing, fate in fates.items():
        if fate.region == region and not _is_calm(fate, "", fate.way, now_world_s):
            fates[thing] = replace(fate, changed_world_s=math.inf)


def stirred(fates: Fates, *, since_world_s: float, now_world_s: float) -> None:
    """Let alone, for the usual time, what a returned Region has to catch up with.

    Args:
        fates: By thing; changed in place.
        since_world_s: When the Region was lost.
        now_world_s: Now, when it is back.
    """
    for thing, fate in fates.items():
        if fate.changed_world_s >= since_world_s - CALM_OUTSIDE_S:
            fates[thing] = replace(fate, changed_world_s=now_world_s)
