"""Every half hour: is this site ready to take the fleet? Say so when it is not.

The same look as ``hotsite status`` takes, from inside and without devices' keys. It is
written into the journal of operations when the answer changes, and not each time.
"""

from dataclasses import dataclass, replace

from hotsite.core.epoch import other
from hotsite.core.operations import Entry
from hotsite.core.site_facts import SiteFacts, Unknown
from hotsite.core.site_readiness import Level, Point, ReadinessPolicy, judge
from hotsite.core.takeover import SiteSeen
from hotsite.errors import HotsiteError
from hotsite.flows.readiness import Depth, Post, look
from hotsite.ports.operations import SitesSeen
from hotsite.ports.readiness import SiteQuotas

_NOTE = "readiness"


@dataclass(frozen=True, slots=True)
class Peer:
    """How the other site is asked.

    Attributes:
        region: AWS Region of the site whose quotas are compared.
        quotas: What the account may do there; None where nobody can tell.
        sites: What it says of itself; None where nobody can ask.
        others: The letters of all other sites; empty for the other one of two.
    """

    region: str
    quotas: SiteQuotas | None = None
    sites: SitesSeen | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found.

    Attributes:
        facts: Of this site.
        points: What was judged.
        is_noted: Whether it was written into the journal.
    """

    facts: SiteFacts
    points: tuple[Point, ...]
    is_noted: bool = False

    @property
    def not_ready(self) -> tuple[Point, ...]:
        """Return what is in the way."""
        return tuple(one for one in self.points if one.level is Level.NOT_READY)


def sweep(post: Post, peer: Peer, depth: Depth, policy: ReadinessPolicy) -> Swept:
    """Look at this site, judge it, and note what changed.

    Args:
        post: This site.
        peer: The other one.
        depth: How closely to look.
        policy: What is asked of it.

    Raises:
        RetryableError: The own tables did not answer, so nothing could be noted.
    """
    facts = look(post, depth)
    others = peer.others or (other(post.site),)
    if peer.sites is not None:
        seen = tuple((site, _seen(peer.sites, site)) for site in others)
        if len(seen) == 1:
            facts = replace(facts, peer=seen[0][1])
        else:
            facts = replace(facts, peers=seen)
    if policy.fleet.size is None:
        policy = replace(policy, fleet=replace(policy.fleet, size=facts.things))
    points = judge(facts, policy, _quotas_of(peer, others[0], facts.now_s))
    swept = Swept(facts, points)
    return replace(swept, is_noted=_note(swept, post))


def _seen(sites: SitesSeen, site: str) -> SiteSeen | Unknown:
    try:
        return sites.see(site)
    except HotsiteError as error:
        return Unknown(str(error))


def _quotas_of(peer: Peer, site: str, now_s: float) -> SiteFacts:
    """Return what is known of the other site here: nothing but its quotas."""
    not_asked = Unknown("not asked")
    facts = SiteFacts(site, peer.region, now_s, not_asked, not_asked, not_asked)
    if peer.quotas is None:
        return facts
    try:
        return replace(facts, limits=peer.quotas.read())
    except HotsiteError as error:
        return replace(facts, limits=Unknown(str(error)))


def _note(swept: Swept, post: Post) -> bool:
    """Write a line when what is in the way is something else than the last time."""
    nouns = sorted({one.noun for one in swept.not_ready})
    said = ", ".join(nouns)
    before = post.intake.cursors.read(_NOTE)
    if said == (before or ""):
        return False
    what = f"not ready: {said}" if said else "ready"
    reason = "; ".join(f"{one.noun}: {one.text}" for one in swept.not_ready)
    by = f"readiness of {post.site}"
    entry = Entry(swept.facts.now_s, post.site, by, what, reason or "all is well")
    post.operations.note(entry)
    post.intake.cursors.write(_NOTE, said)
    return True
