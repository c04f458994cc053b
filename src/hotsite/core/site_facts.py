"""What is found of a site before anybody judges it; values only."""

from dataclasses import dataclass

from hotsite.core.doors import Door
from hotsite.core.headroom import Limit
from hotsite.core.health import HealthVerdict
from hotsite.core.metering import Exposure
from hotsite.core.operations import Book
from hotsite.core.replication_status import ReplicationStatus
from hotsite.core.sampling import share_max
from hotsite.core.standing import FencePolicy, Posture, posture
from hotsite.core.takeover import SiteSeen


@dataclass(frozen=True, slots=True)
class Unknown:
    """What could not be found out, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Sampled:
    """Some devices that were looked at, drawn at random.

    Attributes:
        looked_at: How many.
        good: How many of them can connect.
        drawn_from: Whom they were drawn from, in words.
        problems: Why the first of the others cannot, a line each.
        is_all: True when there are no others.
        population: How many there are to draw from; None when not all were counted.
    """

    looked_at: int
    good: int
    drawn_from: str
    problems: tuple[str, ...] = ()
    is_all: bool = False
    population: int | None = None

    @property
    def share_of_bad_max(self) -> float:
        """Return how large the share of those that cannot may be, at 95 %."""
        return share_max(self.looked_at - self.good, self.looked_at)


@dataclass(frozen=True, slots=True)
class Connected:
    """A real connection of the canary, from where somebody stands.

    Attributes:
        took_s: From dialling until the CONNACK; None when it failed.
        problem: Why it failed; empty when it did not.
    """

    took_s: float | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What was found of one site.

    Attributes:
        site: Its letter.
        region: AWS Region.
        now_s: When it was looked at, seconds since the epoch.
        verdict: What its canary last saw; None when it never ran.
        book: What its replica of the operations table holds.
        replication: How far its registry is.
        exposure: What would be lost of it, by the other site's meter; None: not asked.
        limits: Its quotas.
        doors: Its names; empty when they were not looked at.
        registered: Devices that its registry would let in; None: not looked at.
        proven: Devices that did connect with their own keys; None: no keys given.
        canary: A connection as its canary; None when none was made.
        peer: What the other site says of itself; None: not asked.
        peers: Where there are more than two sites: the same of each other one.
        things: How many things its record has; None when they were not counted.
        turned_away: Devices that came here lately because another site had not let
            them in; None: not asked.
    """

    site: str
    region: str
    now_s: float
    verdict: HealthVerdict | Unknown | None
    book: Book | Unknown
    replication: ReplicationStatus | Unknown
    exposure: Exposure | None = None
    limits: tuple[Limit, ...] | Unknown = ()
    doors: tuple[Door, ...] = ()
    registered: Sampled | Unknown | None = None
    proven: Sampled | Unknown | None = None
    canary: Connected | None = None
    peer: SiteSeen | Unknown | None = None
    things: int | None = None
    turned_away: int | Unknown | None = None
    peers: tuple[tuple[str, SiteSeen | Unknown], ...] = ()

    @property
    def silence(self) -> str | None:
        """Return why the site says nothing at all; None when it says something."""
        told = self.book, self.replication, self.verdict
        unknown = [one for one in told if isinstance(one, Unknown)]
        return unknown[0].reason if len(unknown) == len(told) else None

    def standing(self, policy: FencePolicy) -> Posture | None:
        """Return what the site is; None when it does not say."""
        if isinstance(self.book, Unknown):
            return None
        return posture(self.book, self.site, now_s=self.now_s, policy=policy)
