"""Judge whether a site could take the fleet now: all that was found, point by point.

Pure: facts in, points out. What was not measured is never ready and never called
broken either; it is something to look at, with the reason. A site that says nothing
at all is said to be silent, once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from hotsite.core import headroom, health
from hotsite.core.headroom import Fleet, Limit
from hotsite.core.operations import Action, Book
from hotsite.core.site_facts import Connected, Sampled, SiteFacts, Unknown
from hotsite.core.standing import FencePolicy, Posture, Standing, posture
from hotsite.core.takeover import SiteSeen


class Level(StrEnum):
    """How bad a point is."""

    READY = "ready"
    LOOK = "look"
    NOT_READY = "not ready"


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that was judged.

    Attributes:
        noun: What.
        level: How bad it is.
        text: What was found, in one line.
    """

    noun: str
    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class ReadinessPolicy:
    """What is asked of a site.

    Attributes:
        fleet: What would come.
        fence: How long what a guard saw may be believed.
        verdict_age_s_max: Oldest verdict of the canary that counts.
        guard_age_s_max: Longest time since a guard looked: it does once a minute.
        pending_s_max: How long a record may wait; an alarm's figure, too.
        certificate_days_min: For how long a name's certificate must be valid.
        reach_s: How far back devices can send again.
        operation_s_max: After this an operation that is not over was left behind.
    """

    fleet: Fleet = field(default_factory=lambda: Fleet(None))
    fence: FencePolicy = field(default_factory=FencePolicy)
    verdict_age_s_max: float = 90.0
    guard_age_s_max: float = 150.0
    pending_s_max: float = 300.0
    certificate_days_min: float = 30.0
    reach_s: float = 420.0
    operation_s_max: float = 3600.0


def judge(
    facts: SiteFacts, policy: ReadinessPolicy, peer: SiteFacts | None = None
) -> tuple[Point, ...]:
    """Return what was found of a site, point by point.

    Args:
        facts: Of the site.
        policy: What is asked of it.
        peer: The other site, whose quotas are compared; None for none.
    """
    silence = facts.silence
    if silence is not None:
        silent = Point("site", Level.NOT_READY, f"does not answer: {silence}")
        return (silent, *_rpo(facts, policy), *_doors(facts, policy))
    return (
        *_health(facts, policy),
        *_switch(facts, policy),
        *_replication(facts, policy),
        *_rpo(facts, policy),
        *_quotas(facts, policy, peer),
        *_doors(facts, policy),
        *_devices(facts),
        *_turned_away(facts),
        *_peer(facts),
    )


def worst(points: tuple[Point, ...]) -> Level:
    """Return how bad the worst of some points is."""
    order = list(Level)
    return max((one.level for one in points), key=order.index, default=Level.READY)


def _health(facts: SiteFacts, policy: ReadinessPolicy) -> Iterator[Point]:
    verdict = facts.verdict
    if isinstance(verdict, Unknown):
        yield Point("health", Level.NOT_READY, verdict.reason)
    else:
        said = health.answer(
            verdict, now_s=facts.now_s, age_s_max=policy.verdict_age_s_max
        )
        level = Level.READY if said.is_healthy else Level.NOT_READY
        text = said.reason
        if verdict is not None and said.reason == verdict.reason:
            text = f"{text}, {_ago(facts.now_s - verdict.seen_at_s)}"
            if verdict.took_s is not None:
                text = f"{text}, in {1000 * verdict.took_s:.0f} ms"
        yield Point("health", level, text)
    if facts.canary is not None:
        yield _canary(facts.canary)


def _canary(found: Connected) -> Point:
    if found.took_s is None:
        return Point("connect", Level.NOT_READY, f"as its canary: {found.problem}")
    text = f"as its canary, from here, in {1000 * found.took_s:.0f} ms"
    return Point("connect", Level.READY, text)


def _switch(facts: SiteFacts, policy: ReadinessPolicy) -> Iterator[Point]:
    book = facts.book
    if isinstance(book, Unknown):
        yield Point("switch", Level.NOT_READY, book.reason)
        return
    found = posture(book, facts.site, now_s=facts.now_s, policy=policy.fence)
    look = book.look(facts.site)
    text = f"{found.standing.value}: {_said_of(found)}"
    if look is None:
        yield Point("switch", Level.LOOK, f"{found.epoch}, no guard has looked yet")
    elif facts.now_s - look.at_s > policy.guard_age_s_max:
        age = _ago(facts.now_s - look.at_s)
        yield Point("switch", Level.NOT_READY, f"{text}; its guard looked {age}")
    elif look.action is Action.WAIT and found.standing is not Standing.FENCED:
        waits = f"{text}; its guard waits: {look.reason}"
        yield Point("switch", Level.LOOK, waits)
    else:
        is_fine = found.standing is not Standing.FENCED
        yield Point("switch", Level.READY if is_fine else Level.NOT_READY, text)
    yield from _operations(facts, book, policy)


def _said_of(found: Posture) -> str:
    epoch = found.epoch
    if found.standing is Standing.FENCED:
        return found.reason
    if not epoch.since_s:
        return f"{epoch}, {epoch.reason}"
    how = ", forced" if epoch.is_forced else ""
    return f"{epoch}{how}, by {epoch.by or 'nobody'}: {epoch.reason or 'no reason'}"


def _operations(
    facts: SiteFacts, book: Book, policy: ReadinessPolicy
) -> Iterator[Point]:
    pause = book.pause
    if pause.holds(facts.now_s):
        left = ""
        if pause.until_s is not None:
            left = f", for another {_span(pause.until_s - facts.now_s)}"
        by = pause.by or "nobody"
        text = f"by {by}: {pause.reason or 'no reason was given'}{left}"
        yield Point("paused", Level.LOOK, text)
    # It is written in its target's Region, and told there.
    operation = book.operation(facts.site)
    if operation is None or operation.is_over:
        return
    age_s = facts.now_s - operation.begun_s
    text = (
        f"{operation.id}: step {operation.step}, {operation.moved:,} devices moved, "
        f"begun {_ago(age_s)} by {operation.by}"
    )
    if age_s > policy.operation_s_max:
        text = f"{text}; left unfinished? run it again, or begin another"
    yield Point("operation", Level.LOOK, text)


def _replication(facts: SiteFacts, policy: ReadinessPolicy) -> Iterator[Point]:
    found = facts.replication
    if isinstance(found, Unknown):
        yield Point("registry", Level.NOT_READY, found.reason)
        return
    text = f"{found.applied:,} of {found.names:,} names applied"
    if not found.is_whole:
        text = f"{text} (the first ones only)"
    if found.lag_p99_s is not None:
        text = f"{text}, lag p99 {found.lag_p99_s:.1f} s"
    level = Level.READY
    if found.pending:
        text = f"{text}; {found.pending:,} wait since {_span(found.oldest_pending_s)}"
        if found.oldest_pending_s > policy.pending_s_max:
            level = Level.NOT_READY
    if found.failed:
        text = f"{text}; {found.failed:,} can never be applied"
        level = Level.NOT_READY
    yield Point("registry", level, text)


def _rpo(facts: SiteFacts, policy: ReadinessPolicy) -> Iterator[Point]:
    found = facts.exposure
    if found is None:
        return
    if found.hot_s is None or found.messages is None:
        text = "not measured by the other site's meter"
        yield Point("loss now", Level.LOOK, text)
        return
    text = f"{found.messages:,} messages, {found.hot_s:.1f} s"
    if found.hot_s <= policy.reach_s:
        kept = f"devices keep {policy.reach_s:.0f} s"
        text = f"{text}; {kept}, so nothing is lost"
        yield Point("loss now", Level.READY, text)
        return
    risk_s = found.hot_s - policy.reach_s
    text = f"{text}; the oldest {risk_s:.0f} s are past what devices keep"
    yield Point("loss now", Level.NOT_READY, text)


_WORDS = {
    headroom.Need.CONNECTS: "CONNECT/s",
    headroom.Need.SUBSCRIBES: "SUBSCRIBE/s",
    headroom.Need.CONNECTIONS: "connections",
    headroom.Need.REGISTRATIONS: "registrations/s",
}


def _quotas(
    facts: SiteFacts, policy: ReadinessPolicy, peer: SiteFacts | None
) -> Iterator[Point]:
    limits = facts.limits
    if isinstance(limits, Unknown):
        yield Point("quotas", Level.LOOK, f"not read: {limits.reason}")
        return
    if not limits:
        return
    found = headroom.rooms(limits, policy.fleet)
    known = ", ".join(f"{one.value:,.0f} {_WORDS[one.need]}" for one in limits)
    size = policy.fleet.size
    connects = next((r for r in found if r.limit.need is headroom.Need.CONNECTS), None)
    if size is None:
        whom = "how large the fleet is nobody says (telemetry.fleet_size)"
    elif connects is None or connects.takes_s is None:
        whom = f"for {size:,} devices"
    else:
        whom = f"{size:,} devices get in within {_span(max(1.0, connects.takes_s))}"
    level = Level.READY if size is not None else Level.LOOK
    if not all(one.is_read for one in limits):
        level, whom = Level.LOOK, f"{whom}; AWS's defaults where not listed"
    yield Point("quotas", level, f"{known}; {whom}")
    for room in found:
        if not room.is_enough and room.wanted is not None:
            text = f"{_named(room.limit)}: raise to {room.wanted:,}"
            yield Point("quota", Level.NOT_READY, text)
    if peer is not None and not isinstance(peer.limits, Unknown):
        yield from _lower(limits, peer.limits, peer.region, policy.fleet)


def _lower(
    limits: tuple[Limit, ...], others: tuple[Limit, ...], region: str, fleet: Fleet
) -> Iterator[Point]:
    """Yield what a site has less of than the other one, which is in a Region."""
    tight = {
        room.limit.need
        for room in headroom.rooms(limits, fleet)
        if fleet.size is None or not room.is_enough
    }
    for one in headroom.lower(limits, others):
        # Enough for this fleet is enough, however much the other Region has.
        level = Level.NOT_READY if one.limit.need in tight else Level.LOOK
        yield Point(
            "quota", level, f"{_named(one.limit)}: {region} has {one.other:,.0f}"
        )


def _named(limit: Limit) -> str:
    code = limit.code or "AWS's default"
    return f'"{limit.need.value}" ({code}) is {limit.value:,.0f}'


def _doors(facts: SiteFacts, policy: ReadinessPolicy) -> Iterator[Point]:
    if not facts.doors:
        return
    silent = [door.name.partition(".")[0] for door in facts.doors if door.is_silent]
    if silent:
        why = next(door.problem for door in facts.doors if door.is_silent)
        yield Point("names", Level.NOT_READY, f"{', '.join(silent)}: {why}")
    for door in (one for one in facts.doors if one.problem and not one.is_silent):
        yield Point("name", Level.NOT_READY, f"{door.name}: {door.problem}")
    good = [door for door in facts.doors if not door.problem]
    lives = [(door.days_left(facts.now_s), door.name) for door in good]
    known = [(days, name) for days, name in lives if days is not None]
    if not known:
        return
    days, name = min(known)
    names = ", ".join(door.name.partition(".")[0] for door in good)
    text = f"{names}: served and believed, for {days:.0f} days or more"
    if days >= policy.certificate_days_min:
        yield Point("names", Level.READY, text)
        return
    text = f"{name}: its certificate runs out in {days:.0f} days"
    yield Point("names", Level.NOT_READY, text)


def _devices(facts: SiteFacts) -> Iterator[Point]:
    for noun, found, what in (
        ("proven", facts.proven, "connected with their own keys"),
        ("registered", facts.registered, "have a certificate and a policy here"),
    ):
        if isinstance(found, Unknown):
            yield Point(noun, Level.LOOK, found.reason)
        elif found is not None:
            yield _sampled(noun, found, what)


def _turned_away(facts: SiteFacts) -> Iterator[Point]:
    found = facts.turned_away
    if isinstance(found, Unknown):
        yield Point("turned away", Level.LOOK, found.reason)
    elif found is not None:
        level = Level.LOOK if found else Level.READY
        text = f"{found or 'no'} devices came here whom another site did not let in"
        yield Point("turned away", level, f"{text}, in the last two minutes")


def _sampled(noun: str, found: Sampled, what: str) -> Point:
    if not found.looked_at:
        return Point(noun, Level.LOOK, "no device is there to be looked at")
    if found.is_all:
        text = f"{found.good:,} of all {found.looked_at:,} devices {what}"
    else:
        bound = 100 * (1 - found.share_of_bad_max)
        text = (
            f"{found.good:,} of {found.looked_at:,} {what}, drawn from "
            f"{found.drawn_from}: at least {bound:.1f} % of them at 95 % confidence"
        )
    if found.good == found.looked_at:
        return Point(noun, Level.READY, text)
    why = found.problems[0] if found.problems else "no reason was told"
    return Point(noun, Level.NOT_READY, f"{text}; {why}")


def _peer(facts: SiteFacts) -> Iterator[Point]:
    if facts.peer is not None:
        yield _seen(facts.peer, "")
    for site, peer in facts.peers:
        yield _seen(peer, f"{site}: ")


def _seen(peer: SiteSeen | Unknown, start: str) -> Point:
    if isinstance(peer, Unknown):
        return Point("peer", Level.NOT_READY, f"{start}does not answer: {peer.reason}")
    level = Level.READY if peer.is_healthy else Level.NOT_READY
    return Point("peer", level, f"{start}{peer.reason}; it knows {peer.epoch}")


def _ago(duration_s: float) -> str:
    return f"{_span(max(0.0, duration_s))} ago"


_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def _span(duration_s: float) -> str:
    if duration_s < 2 * _MINUTE_S:
        return f"{duration_s:.0f} s"
    if duration_s < 2 * _HOUR_S:
        return f"{duration_s / _MINUTE_S:.0f} min"
    if duration_s < 2 * _DAY_S:
        return f"{duration_s / _HOUR_S:.0f} h"
    return f"{duration_s / _DAY_S:.0f} days"
