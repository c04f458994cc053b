"""Say what speaks against an operation before anything of it is done.

All of it at once, each with its reason: who has to decide in an outage must not find
out one objection after the other. What only costs something may be overridden, with
a reason that is recorded; what cannot work may not. Pure: facts in, objections out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from hotsite.core.epoch import other
from hotsite.core.move import PACE_SHARE
from hotsite.core.operations import Book, Kind
from hotsite.core.standing import FencePolicy
from hotsite.core.takeover import SiteSeen
from hotsite.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Fleet:
    """How large the fleet is, and how fast a Region lets it in.

    Attributes:
        size: Devices; None when it is not known.
        connects_per_s: Connections a second that the target admits.
        connections_max: Connections that the target may hold at once.
        pace_share: Share of the admitted connections that a drain may use, above
            0 and up to 1: other devices connect meanwhile.
    """

    size: int | None = None
    connects_per_s: float = 3000.0
    connections_max: int = 500_000
    pace_share: float = PACE_SHARE

    def __post_init__(self) -> None:
        """Refuse a fleet that could never be moved.

        Raises:
            InvalidInputError: A value is outside its range.
        """
        if not (self.connects_per_s > 0 and 0 < self.pace_share <= 1):
            raise InvalidInputError(
                f"fleet: connects_per_s {self.connects_per_s:g} must be above 0, and "
                f"pace_share {self.pace_share:g} above 0 and up to 1"
            )

    @property
    def pace_per_s(self) -> float:
        """Return how many devices a second may be moved."""
        return self.connects_per_s * self.pace_share

    @property
    def drain_s(self) -> float | None:
        """Return how long it takes to move all devices, in seconds."""
        return None if self.size is None else self.size / self.pace_per_s


@dataclass(frozen=True, slots=True)
class Limits:
    """What an operation may find, and how long it waits.

    Attributes:
        fence: How long what was seen may be believed.
        fleet: How large and fast the fleet is.
        lag_s_max: How far behind the target may be, in seconds.
        lag_wait_s_max: How long to wait until it is not further behind.
        dns_wait_s_max: How long to wait until DNS leads to the target.
        ttl_s: How long others may remember where DNS led, in seconds.
        clock_s_max: How far two clocks may differ: dwell times are judged by them.
        light_wait_s_max: How long to wait until a pilot light is healthy.
        look_every_s: How often to look while waiting, in seconds.
        cohort_s: How much of the pace is one cohort, in seconds.
    """

    fence: FencePolicy = field(default_factory=FencePolicy)
    fleet: Fleet = field(default_factory=Fleet)
    lag_s_max: float = 10.0
    lag_wait_s_max: float = 300.0
    dns_wait_s_max: float = 180.0
    ttl_s: float = 10.0
    clock_s_max: float = 10.0
    light_wait_s_max: float = 180.0
    look_every_s: float = 2.0
    cohort_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found before an operation.

    Attributes:
        kind: What it would be.
        target: The letter of the site that shall be active.
        book: What the target's replica holds.
        now_s: The operator's time, seconds since the epoch.
        target_seen: What the target says; None when it does not answer.
        source_seen: What the source says; None when it was not asked, which a
            forced failover never does, or does not answer.
        behind_s: How far each site that counts is behind the other, in seconds,
            by its letter; None when it was not measured.
        is_off: Whether the target is a pilot light that is not lit yet, so that
            nothing of it can be healthy.
        conflicts: What changed while the target was away, and cannot be applied.
        source: The letter of the site that would be left; the other one of two by
            default.
    """

    kind: Kind
    target: str
    book: Book
    now_s: float
    target_seen: SiteSeen | None
    source_seen: SiteSeen | None = None
    behind_s: tuple[tuple[str, float | None], ...] = ()
    conflicts: tuple[str, ...] = ()
    is_off: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing that speaks against an operation.

    Attributes:
        text: What, in one line.
        may_override: True when it only costs something.
    """

    text: str
    may_override: bool = True


def objections(facts: Facts, limits: Limits) -> tuple[Objection, ...]:
    """Return everything that speaks against an operation; nothing when all is well."""
    return (
        *_of_sites(facts, limits),
        *_of_history(facts, limits.fence),
        *_of_load(facts, limits),
        *(Objection(f"conflict: {one}") for one in facts.conflicts),
    )


def _of_sites(facts: Facts, limits: Limits) -> Iterator[Objection]:
    target, is_forced = facts.target, facts.kind is Kind.FORCED
    seen = facts.target_seen
    if seen is None:
        # The table answered, or there would be no facts. Route 53 will lead nobody
        # to a site that is silent, and the operation would only fence the other.
        yield Objection(f"{target} does not answer", may_override=False)
        return
    if not seen.is_healthy and not facts.is_off:
        yield Objection(f"{target} is not healthy: {seen.reason}", is_forced)
    apart_s = abs(seen.now_s - facts.now_s)
    if apart_s > limits.clock_s_max:
        yield Objection(f"your clock and that of {target} are {apart_s:.0f} s apart")
    if not is_forced and facts.source_seen is None:
        source = facts.source or other(target)
        text = f"{source} does not answer: use --forced if it is dead"
        # Its devices may still be moved by its broker once it is active no more.
        is_active = facts.book.newest.active == target
        yield Objection(text, may_override=is_active)


def _of_history(facts: Facts, fence: FencePolicy) -> Iterator[Objection]:
    if facts.kind is not Kind.FORCED and facts.book.pause.holds(facts.now_s):
        reason = facts.book.pause.reason or "no reason was given"
        yield Objection(f"paused: {reason}")
    epoch = facts.book.newest
    left_s = epoch.since_s + fence.dwell_s - facts.now_s
    if epoch.active != facts.target and left_s > 0:
        yield Objection(
            f"switched too recently, by {epoch}: {left_s:.0f} s of dwell time are left"
        )


def _of_load(facts: Facts, limits: Limits) -> Iterator[Objection]:
    for site, behind_s in facts.behind_s:
        if behind_s is None:
            yield Objection(f"how far {site} is behind was not measured")
    fleet = limits.fleet
    if fleet.size is not None and fleet.size > fleet.connections_max:
        yield Objection(
            f"{fleet.size} devices are more than the {fleet.connections_max} "
            f"connections that {facts.target} may hold"
        )
