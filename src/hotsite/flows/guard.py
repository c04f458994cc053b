"""The guard of a site: look at everything, decide, write down what was decided.

It runs in its own Region, once a minute and before each verdict of the canary, so
that a site which was away learns who is active before it is called healthy again.
It writes into its own Region's replica alone, and asks the other sites by their
public names.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from hotsite.core import health
from hotsite.core.epoch import other
from hotsite.core.operations import Action, Claim, Entry
from hotsite.core.standing import FencePolicy
from hotsite.core.takeover import Decision, Sights, SiteSeen, decide, looked
from hotsite.errors import ConflictError, RetryableError
from hotsite.flows.health import Patience
from hotsite.ports import Clock, HealthVerdicts
from hotsite.ports.operations import NamesSeen, Operations, Resumes, SitesSeen

_Answer = TypeVar("_Answer")
# The other run of this guard, or an operator, was faster: look again.
_TRIES_MAX = 3
_RESUMES_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Guard:
    """What the guard of one site works with.

    Attributes:
        site: Its letter.
        operations: The table's replica in this Region.
        verdicts: Where the canary's last verdict is kept.
        sites: How the other sites are asked.
        names: Where the failover name leads.
        resumes: The devices that came here.
        clock: The time.
        policy: How long what was seen may be believed.
        patience: How old the verdict may be.
        others: The letters of the other sites; empty for the other one of two.
    """

    site: str
    operations: Operations
    verdicts: HealthVerdicts
    sites: SitesSeen
    names: NamesSeen
    resumes: Resumes
    clock: Clock
    policy: FencePolicy = field(default_factory=FencePolicy)
    patience: Patience = field(default_factory=Patience)
    others: tuple[str, ...] = ()


def look(guard: Guard) -> Decision:
    """Look once, and do what is to be done.

    Returns:
        What was decided; it is written down.

    Raises:
        RetryableError: The own tables did not answer, or others wrote all the
            time. Whoever runs the canary must then write no healthy verdict.
    """
    tries = _TRIES_MAX
    while True:
        tries -= 1
        sights = _sights(guard)
        decision = decide(sights, guard.policy)
        if tries and guard.clock.now_s() - sights.now_s > guard.policy.look_every_s:
            # A function may be frozen anywhere: what was seen is no longer so.
            continue
        try:
            _write(guard, sights, decision)
        except ConflictError:
            if not tries:
                raise
        else:
            return decision


def _sights(guard: Guard) -> Sights:
    # The time of the beginning: what was seen is not older than that.
    now_s = guard.clock.now_s()
    book = guard.operations.read()
    peers = _peers(guard, book.newest.active)
    leads_to = _or_none(guard.names.leads_to)
    resumes = _or_none(lambda: guard.resumes.count(_RESUMES_WITHIN_S))
    verdict = guard.verdicts.read()
    age_s_max = guard.patience.age_s_max
    said = health.answer(verdict, now_s=now_s, age_s_max=age_s_max)
    return Sights(
        guard.site,
        book,
        now_s,
        said.is_healthy,
        None,
        leads_to,
        resumes or 0,
        peers,
    )


def _peers(guard: Guard, active: str) -> Mapping[str, SiteSeen | None]:
    """Ask each other site; the active one also where this site was not told of it."""
    others = guard.others or (other(guard.site),)
    asked = dict.fromkeys(one for one in (*others, active) if one != guard.site)
    return {one: _or_none(partial(guard.sites.see, one)) for one in asked}


def _write(guard: Guard, sights: Sights, decision: Decision) -> None:
    book = sights.book
    before = book.look(guard.site)
    if decision.action is Action.TAKE_OVER:
        claim = book.claim(guard.site)
        guard.operations.write(Claim(decision.epoch), previous=claim)
    guard.operations.write(looked(sights, decision), previous=before)
    if before is None or before.action is not decision.action:
        by = f"guard of {guard.site}"
        what = f"{decision.action.value}, {decision.epoch}"
        entry = Entry(sights.now_s, guard.site, by, what, decision.reason)
        guard.operations.note(entry)


def _or_none(ask: Callable[[], _Answer]) -> _Answer | None:
    """Return an answer, or nothing when there is none: silence is a sight, too."""
    try:
        return ask()
    except RetryableError:
        return None
