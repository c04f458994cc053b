"""Put sightings of a device together: its attempts, and what was done to it."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from hotsite.core.sightings import (
    Acknowledged,
    Answered,
    Closed,
    Connected,
    Dial,
    Hello,
    Mark,
    OfConnection,
    Sighting,
    Subscribed,
    Switched,
)

FAULTS = ("freeze", "kill")
# A device that tries each of its names, a second apart, has waited for nothing yet.
WAVE_S_MAX = 1.5


@dataclass(frozen=True, slots=True)
class Attempt:
    """One connection of the device, as a broker saw it.

    Attributes:
        at_s: When its ClientHello arrived, seconds since the epoch.
        site: Where.
        server_name: What its ClientHello asked for; empty for none.
        is_served: Whether the site has that name.
        connect: Its CONNECT packet, if one came.
        answered: The broker's CONNACK, if one went out.
        subscribed: Its SUBSCRIBE packets.
        closed_at_s: When it ended; None while it lasts, or if its site died.
    """

    at_s: float
    site: str
    server_name: str
    is_served: bool
    connect: Connected | None = None
    answered: Answered | None = None
    subscribed: tuple[Subscribed, ...] = ()
    closed_at_s: float | None = None

    @property
    def accepted_at_s(self) -> float | None:
        """When the broker accepted it; None if it did not."""
        answered = self.answered
        return None if answered is None or answered.code else answered.at_s

    @property
    def tried_at_s(self) -> float:
        """When its CONNECT arrived, or its ClientHello if that was all."""
        return self.at_s if self.connect is None else self.connect.at_s


@dataclass(frozen=True, slots=True)
class Episode:
    """One Region that was lost, and how the device took it.

    Attributes:
        kind: ``freeze`` or ``kill``.
        site: Which site was lost.
        at_s: When.
        end_s: When it was over, or the play was.
        switched_at_s: When the failover name led elsewhere; None if it did not.
        dials: Connections begun to the frozen site, by their time.
        elsewhere: Attempts at the other site, in order.
        restored_at_s: When the other site acknowledged its first message.
    """

    kind: str
    site: str
    at_s: float
    end_s: float
    switched_at_s: float | None = None
    dials: tuple[float, ...] = ()
    elsewhere: tuple[Attempt, ...] = ()
    restored_at_s: float | None = None

    @property
    def left_at_s(self) -> float | None:
        """When it first tried anew, there or elsewhere; None if it never did.

        A device with a second connection at hand leaves without an attempt: it is
        heard elsewhere.
        """
        first = [attempt.at_s for attempt in self.elsewhere[:1]]
        heard = [] if self.restored_at_s is None else [self.restored_at_s]
        return min([*self.dials[:1], *first, *heard], default=None)

    @property
    def connects(self) -> int:
        """Attempts at the other site up to the first that was accepted."""
        for number, attempt in enumerate(self.elsewhere, start=1):
            if attempt.accepted_at_s is not None:
                return number
        return len(self.elsewhere)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A time in which no site let the device in.

    Attributes:
        at_s: From when.
        end_s: Until when.
        attempts: What the device tried meanwhile.
        back_at_s: When it was accepted again; None if it was not.
    """

    at_s: float
    end_s: float
    attempts: tuple[Attempt, ...]
    back_at_s: float | None

    @property
    def gaps_s(self) -> tuple[float, ...]:
        """Times between attempts, in order; all sites together."""
        tried = sorted(attempt.tried_at_s for attempt in self.attempts)
        return tuple(b - a for a, b in itertools.pairwise(tried))

    @property
    def waits_s(self) -> tuple[float, ...]:
        """Those that separate waves: one wave may try several names in a row."""
        return tuple(gap for gap in self.gaps_s if gap >= WAVE_S_MAX)


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that was seen of a device, put together."""

    seen: tuple[Sighting, ...]
    attempts: tuple[Attempt, ...]
    episodes: tuple[Episode, ...] = field(default=())
    refusals: tuple[Refusal, ...] = field(default=())


def story(seen: Iterable[Sighting]) -> Story:
    """Put sightings together.

    Args:
        seen: What was seen of one device, in any order.
    """
    ordered = tuple(sorted(seen, key=lambda one: one.at_s))
    attempts = tuple(_attempts(ordered))
    marks = [one for one in ordered if isinstance(one, Mark)]
    end_s = ordered[-1].at_s if ordered else 0.0
    return Story(
        ordered,
        attempts,
        tuple(_episodes(ordered, attempts, marks, end_s)),
        tuple(_refusals(attempts, marks, end_s)),
    )


def _attempts(seen: Sequence[Sighting]) -> Iterator[Attempt]:
    found: dict[str, Attempt] = {}
    for one in seen:
        if not isinstance(one, OfConnection):
            continue
        if isinstance(one, Hello):
            found[one.connection] = Attempt(
                one.at_s, one.site, one.server_name, one.is_served
            )
        elif one.connection in found:
            found[one.connection] = _grown(found[one.connection], one)
    yield from sorted(found.values(), key=lambda attempt: attempt.at_s)


def _grown(attempt: Attempt, one: OfConnection) -> Attempt:
    match one:
        case Connected():
            return replace(attempt, connect=one)
        case Answered():
            return replace(attempt, answered=one)
        case Subscribed():
            return replace(attempt, subscribed=(*attempt.subscribed, one))
        case Closed():
            return replace(attempt, closed_at_s=one.at_s)
        case _:
            return attempt


def _episodes(
    seen: Sequence[Sighting],
    attempts: Sequence[Attempt],
    marks: Sequence[Mark],
    end_s: float,
) -> Iterator[Episode]:
    for index, mark in enumerate(marks):
        if mark.name not in FAULTS:
            continue
        over_s = marks[index + 1].at_s if index + 1 < len(marks) else end_s
        during = [one for one in seen if mark.at_s < one.at_s <= over_s]
        acknowledged = (
            one.at_s
            for one in during
            if isinstance(one, Acknowledged) and one.site != mark.site
        )
        switched = (
            one.at_s
            for one in during
            if isinstance(one, Switched) and one.site != mark.site
        )
        yield Episode(
            mark.name,
            mark.site,
            mark.at_s,
            over_s,
            next(switched, None),
            tuple(
                one.at_s
                for one in during
                if isinstance(one, Dial) and one.site == mark.site
            ),
            tuple(
                one
                for one in attempts
                if mark.at_s < one.at_s <= over_s and one.site != mark.site
            ),
            next(acknowledged, None),
        )


def _refusals(
    attempts: Sequence[Attempt], marks: Sequence[Mark], end_s: float
) -> Iterator[Refusal]:
    for index, mark in enumerate(marks):
        if mark.name != "deactivated":
            continue
        after = [one.at_s for one in marks[index + 1 :] if one.name == "reactivated"]
        over_s = after[0] if after else end_s
        back = (
            one.accepted_at_s
            for one in attempts
            if one.accepted_at_s is not None and one.accepted_at_s > over_s
        )
        during = [one for one in attempts if mark.at_s < one.at_s <= over_s]
        yield Refusal(
            mark.at_s,
            over_s,
            # Until every site has heard of it, one may still be let in.
            tuple(one for one in during if one.accepted_at_s is None),
            next(back, None) if after else None,
        )
