"""Decide what a site does now: the table that the guards of all Regions go by.

Never on one observer. A site takes over only when it is healthy itself, its own
probe finds the active site sick, *and* Route 53's checkers have led the fleet here
already (or, where DNS does not answer, devices have come here). A take-over then only
makes last what happened, and fences the other site. Which one of several standbys it
is, is DNS's choice; where DNS does not answer, the order of the letters is. There is
no automatic failback. The first rule that applies wins, and each has its reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hotsite.core.epoch import Epoch, number_after, other
from hotsite.core.operations import Action, Book, Look
from hotsite.core.standing import FencePolicy, confirmed_at_s, is_sure


@dataclass(frozen=True, slots=True)
class SiteSeen:
    """What a site says of itself when it is asked by its own name.

    Attributes:
        epoch: The newest epoch that it knows.
        is_on: What its switch says: it is active, and sure of it.
        is_healthy: What its health endpoint says.
        reason: What it says about its health.
        now_s: Its clock, seconds since the epoch.
    """

    epoch: Epoch
    is_on: bool
    is_healthy: bool
    reason: str
    now_s: float


@dataclass(frozen=True, slots=True)
class Sights:
    """All that a guard sees in one look.

    Attributes:
        site: The letter of its own site.
        book: What its own replica holds.
        now_s: The time, seconds since the epoch.
        is_healthy: What its own health endpoint would say.
        peer: What the other site of two says; None when it does not answer.
        leads_to: The letter of the site that the failover name leads to; None
            when DNS does not say.
        resumes: Devices that have come to this site lately.
        others: Where there are more than two sites: what each of the others says, by
            its letter, instead of ``peer``.
    """

    site: str
    book: Book
    now_s: float
    is_healthy: bool
    peer: SiteSeen | None
    leads_to: str | None
    resumes: int = 0
    others: Mapping[str, SiteSeen | None] = field(default_factory=dict)

    @property
    def peers(self) -> Mapping[str, SiteSeen | None]:
        """Return what each other site says, by its letter."""
        return self.others or {other(self.site): self.peer}

    @property
    def silent(self) -> tuple[str, ...]:
        """Return the letters of the other sites that do not answer."""
        return tuple(site for site, seen in self.peers.items() if seen is None)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now.

    Attributes:
        action: What.
        reason: Why, in one sentence.
        epoch: The epoch that holds from now on.
        is_confirmed: Whether the site is sure of that epoch.
    """

    action: Action
    reason: str
    epoch: Epoch
    is_confirmed: bool


def decide(sights: Sights, policy: FencePolicy) -> Decision:
    """Decide what a site does after a look.

    Args:
        sights: What it has seen.
        policy: How long what was seen may be believed.
    """
    known, peers = sights.book.newest, sights.peers
    heard = {site: seen.epoch for site, seen in peers.items() if seen is not None}
    teller = max(heard, key=lambda site: heard[site].number, default=None)
    if teller is not None and heard[teller].number > known.number:
        reason = f"{teller} knows {heard[teller]}, newer than {known}"
        return Decision(Action.STAND_DOWN, reason, heard[teller], is_confirmed=True)
    if known.active == sights.site:
        return _of_active(sights, policy)
    seen = peers.get(known.active)
    if seen is not None and seen.is_healthy:
        reason = f"{known.active} is active and healthy"
        return Decision(Action.STAND_BY, reason, known, is_confirmed=True)
    return _take_over(sights, policy)


def _of_active(sights: Sights, policy: FencePolicy) -> Decision:
    known, silent = sights.book.newest, sights.silent
    if not silent:
        reason = f"{known} holds, and {_know(tuple(sights.peers))} of none newer"
        return Decision(Action.SERVE, reason, known, is_confirmed=True)
    if not is_sure(sights.book, sights.site, now_s=sights.now_s, policy=policy):
        return _take_over(sights, policy)
    if _leads_here(sights, policy):
        reason = f"{_are_silent(silent)}, and the fleet is led here"
        return Decision(Action.SERVE, reason, known, is_confirmed=True)
    if sights.now_s - known.since_s < policy.dns_s_max:
        reason = f"{_are_silent(silent)}, and DNS has yet to follow {known}"
        return Decision(Action.SERVE, reason, known, is_confirmed=True)
    reason = f"{_are_silent(silent)}, and DNS does not lead here: cannot tell"
    return Decision(Action.WAIT, reason, known, is_confirmed=False)


def _take_over(sights: Sights, policy: FencePolicy) -> Decision:
    known = sights.book.newest
    why_not = _limitation(sights, policy)
    # Who hears all others, however sick, knows that no newer epoch is about.
    is_confirmed = not sights.silent
    if why_not is not None:
        return Decision(Action.WAIT, why_not, known, is_confirmed=is_confirmed)
    sick = f"{known.active} is not healthy"
    if known.active == sights.site:
        sick = _are_silent(sights.silent)
    elif sights.peers.get(known.active) is None:
        sick = _are_silent((known.active,))
    reason = f"{sick}, and the fleet is led here"
    epoch = Epoch(
        number_after(known.number, sights.site),
        sights.site,
        sights.now_s,
        f"guard of {sights.site}",
        reason,
    )
    return Decision(Action.TAKE_OVER, reason, epoch, is_confirmed=True)


def _limitation(sights: Sights, policy: FencePolicy) -> str | None:
    """Return why this site must not take over, or nothing."""
    known = sights.book.newest
    sick = sights.silent if known.active == sights.site else (known.active,)
    if not sights.is_healthy:
        return "this site is not healthy itself"
    if sights.book.pause.holds(sights.now_s):
        return f"paused: {sights.book.pause.reason or 'no reason was given'}"
    if not _leads_here(sights, policy):
        return f"only this site finds {_listed(sick)} sick: DNS does not lead here"
    preferred = _preferred(sights)
    if sights.leads_to is None and preferred is not None:
        return f"DNS is silent, and {preferred} is well and comes before this site"
    if known.active == sights.site:
        return _too_soon_again(sights, policy)
    return _too_soon(sights, policy)


def _preferred(sights: Sights) -> str | None:
    """Return a site that is well and that DNS would prefer to this one, or nothing.

    Devices that hold each site's own name may come to several standbys at once.
    """
    for site, seen in sorted(sights.peers.items()):
        is_well = seen is not None and seen.is_healthy
        if is_well and site < sights.site and site != sights.book.newest.active:
            return site
    return None


def _too_soon_again(sights: Sights, policy: FencePolicy) -> str | None:
    """Return why it is too soon to take over what was this site's already.

    Its switch went off when it was no longer sure. Until DNS has followed that, it
    may lead here still, and the peer may be about to take over.
    """
    sure_s = confirmed_at_s(sights.book, sights.site) or 0.0
    left_s = sure_s + policy.away_s_max + policy.dns_s_max - sights.now_s
    if left_s > 0:
        return f"fenced just now: DNS has {left_s:.0f} s to follow"
    return None


def _too_soon(sights: Sights, policy: FencePolicy) -> str | None:
    """Return why it is too soon to switch, or nothing."""
    known = sights.book.newest
    left_s = known.since_s + policy.dwell_s - sights.now_s
    if left_s > 0:
        return f"switched too recently: {left_s:.0f} s of dwell time are left"
    left_s = _heard_at_s(sights, known) + policy.dns_s_max - sights.now_s
    if left_s > 0:
        # Until then DNS leads where this site's switch said before it heard.
        return f"heard of {known} just now: DNS has {left_s:.0f} s to follow"
    return None


def _heard_at_s(sights: Sights, epoch: Epoch) -> float:
    """Return when this site heard of an epoch for the first time."""
    look = sights.book.look(sights.site)
    if look is None or look.heard.number != epoch.number:
        return sights.now_s
    return look.heard_at_s


def _leads_here(sights: Sights, policy: FencePolicy) -> bool:
    """Say whether the second observer leads the fleet to this site."""
    if sights.leads_to is None:
        return sights.resumes >= policy.resumes_min
    return sights.leads_to == sights.site


def looked(sights: Sights, decision: Decision) -> Look:
    """Return what a guard keeps of a look."""
    before_s = confirmed_at_s(sights.book, sights.site)
    sure_s = sights.now_s if decision.is_confirmed else before_s or 0.0
    return Look(
        sights.site,
        decision.epoch,
        sights.now_s,
        sure_s,
        _heard_at_s(sights, decision.epoch),
        decision.action,
        decision.reason,
    )


def _listed(sites: Sequence[str]) -> str:
    """Return letters of sites for people: "b", or "b and c"."""
    return " and ".join(filter(None, (", ".join(sites[:-1]), sites[-1])))


def _are_silent(sites: Sequence[str]) -> str:
    return f"{_listed(sites)} {'does' if len(sites) == 1 else 'do'} not answer"


def _know(sites: Sequence[str]) -> str:
    return f"{_listed(sites)} {'knows' if len(sites) == 1 else 'know'}"
