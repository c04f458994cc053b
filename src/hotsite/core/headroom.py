"""What the quotas of a Region leave of room for the fleet, before it comes.

Plain arithmetic on what was read: how long N devices take at R a second, and what the
standby has less of than the active site. ``core/forecast`` plays the whole of it; this
here is what a function can compute every half hour.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hotsite.core.apis import BROKER_SELECT_REGIONS, default_limits


class Need(StrEnum):
    """A quota that decides whether a fleet can move, by its name in AWS's list.

    The first three are "AWS IoT Core message broker and protocol limits and quotas",
    the last one "AWS IoT Core API throttling limits" (AWS General Reference).
    """

    CONNECTS = "Connect requests per second per account"
    SUBSCRIBES = "Subscriptions per second per account"
    CONNECTIONS = "Maximum concurrent client connections per account"
    REGISTRATIONS = "RegisterCertificateWithoutCA API TPS"


REGISTER_API = "RegisterCertificateWithoutCA"
_USUAL = {Need.CONNECTS: 3000.0, Need.SUBSCRIBES: 3000.0, Need.CONNECTIONS: 500_000.0}
_SELECT = {Need.CONNECTS: 100.0, Need.SUBSCRIBES: 200.0, Need.CONNECTIONS: 100_000.0}


@dataclass(frozen=True, slots=True)
class Limit:
    """One quota of an account in a Region.

    Attributes:
        need: Which.
        value: How much, above 0; a second, or at once.
        code: The code by which Service Quotas raises it; empty when the Region was
            not asked, or does not list it, and AWS's default is assumed.
    """

    need: Need
    value: float
    code: str = ""

    @property
    def is_read(self) -> bool:
        """Say whether the Region told it."""
        return bool(self.code)


def defaults(region: str) -> tuple[Limit, ...]:
    """Return what AWS gives an account in a Region before anything is raised."""
    found = _SELECT if region in BROKER_SELECT_REGIONS else _USUAL
    registrations = Limit(Need.REGISTRATIONS, default_limits(region)[REGISTER_API])
    return (*(Limit(need, value) for need, value in found.items()), registrations)


@dataclass(frozen=True, slots=True)
class Fleet:
    """What would come through the door.

    Attributes:
        size: Devices; None when nobody knows.
        subscriptions: Topic filters that each asks for after it connected.
        rto_s: How long all of them may take, in seconds.
    """

    size: int | None
    subscriptions: int = 1
    rto_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Room:
    """What one quota means for the fleet.

    Attributes:
        limit: The quota.
        takes_s: How long it makes the fleet wait, in seconds; None where it is no
            rate, or the size of the fleet is not known.
        is_enough: False when the fleet cannot come through in time, or not at all.
        wanted: What would be enough; None when it is, or nobody can tell.
    """

    limit: Limit
    takes_s: float | None = None
    is_enough: bool = True
    wanted: int | None = None


def rooms(limits: Sequence[Limit], fleet: Fleet) -> tuple[Room, ...]:
    """Return what each quota of a Region means for the fleet.

    The rate of registrations is told and never judged: devices that are registered
    already need none of it.
    """
    return tuple(_room(limit, fleet) for limit in limits)


def _room(limit: Limit, fleet: Fleet) -> Room:
    if fleet.size is None:
        return Room(limit)
    if limit.need is Need.CONNECTIONS:
        is_enough = fleet.size <= limit.value
        return Room(limit, None, is_enough, None if is_enough else fleet.size)
    each = fleet.subscriptions if limit.need is Need.SUBSCRIBES else 1
    takes_s = fleet.size * each / limit.value
    if limit.need is Need.REGISTRATIONS or takes_s <= fleet.rto_s:
        return Room(limit, takes_s)
    wanted = math.ceil(fleet.size * each / fleet.rto_s)
    return Room(limit, takes_s, is_enough=False, wanted=wanted)


@dataclass(frozen=True, slots=True)
class Lower:
    """A quota that one Region has less of than the other.

    Attributes:
        limit: The lower one.
        other: How much the other Region has.
    """

    limit: Limit
    other: float


def lower(here: Sequence[Limit], there: Sequence[Limit]) -> Iterator[Lower]:
    """Yield what a Region has less of than another one."""
    others: Mapping[Need, float] = {one.need: one.value for one in there}
    for limit in here:
        other = others.get(limit.need)
        if other is not None and limit.value < other:
            yield Lower(limit, other)
