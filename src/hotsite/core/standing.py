"""What a site may believe of itself, from its own replica alone.

Two sites cannot tell a dead peer from a cut line (Patroni, "HA multi datacenter":
"automatic promotion is not possible, because DC2 will never be able to figure out
the state of DC1"). Here is a third party that sees both: Route 53's checkers. A site
that was away, or that its peer and DNS both leave alone, does not believe what its
replica says until one of them has spoken. Pure: no site is asked here.
"""

from dataclasses import dataclass
from enum import StrEnum

from hotsite.core.epoch import Epoch, check_site
from hotsite.core.operations import Book


@dataclass(frozen=True, slots=True)
class FencePolicy:
    """How long what was seen may be believed.

    Attributes:
        look_every_s: How often the guard of a site looks, in seconds.
        away_s_max: A site that was not sure for so long was away, in seconds.
        dns_s_max: Longest time that DNS needs to follow an epoch, in seconds:
            the health check's detection, its evaluation, and two TTLs.
        dwell_s: A site does not take over within so many seconds of the last
            switch, or an outage that comes and goes would move the fleet each
            time (orchestrator: ``RecoveryPeriodBlockSeconds``).
        resumes_min: Devices that must have come here lately to stand for DNS
            where it does not answer. A single one may have come by chance.
    """

    look_every_s: float = 10.0
    away_s_max: float = 30.0
    dns_s_max: float = 90.0
    dwell_s: float = 300.0
    resumes_min: int = 3


class Standing(StrEnum):
    """What a site is."""

    ACTIVE = "active"
    STANDBY = "standby"
    FENCED = "fenced"


@dataclass(frozen=True, slots=True)
class Posture:
    """What a site is, by which epoch, and why."""

    standing: Standing
    epoch: Epoch
    reason: str

    @property
    def may_command(self) -> bool:
        """Say whether commands to devices may go out; they carry the epoch."""
        return self.standing is Standing.ACTIVE


def confirmed_at_s(book: Book, site: str) -> float | None:
    """Return when a site was last sure of the newest epoch; None for never.

    An epoch that leads to a site is its own proof at the moment of the decision.
    """
    epoch, look = book.newest, book.look(site)
    times = []
    if look is not None and look.heard.number == epoch.number:
        times.append(look.confirmed_at_s)
    claim = book.claim(site)
    if claim is not None and claim.epoch.number == epoch.number:
        times.append(epoch.since_s)
    return max(times, default=None)


def is_sure(book: Book, site: str, *, now_s: float, policy: FencePolicy) -> bool:
    """Say whether a site has been sure of the newest epoch without a break."""
    sure_s = confirmed_at_s(book, site)
    return sure_s is not None and now_s - sure_s <= policy.away_s_max


def posture(book: Book, site: str, *, now_s: float, policy: FencePolicy) -> Posture:
    """Say what a site is.

    Args:
        book: What its own replica holds.
        site: Its letter.
        now_s: The time, seconds since the epoch.
        policy: How long what was seen may be believed.
    """
    epoch = book.newest
    if epoch.active != check_site(site):
        reason = f"{epoch.active} is active since {epoch}"
        return Posture(Standing.STANDBY, epoch, reason)
    if is_sure(book, site, now_s=now_s, policy=policy):
        return Posture(Standing.ACTIVE, epoch, epoch.reason or f"since {epoch}")
    sure_s = confirmed_at_s(book, site)
    said = "was never confirmed"
    if sure_s is not None:
        allowed = f"{policy.away_s_max:.0f} s allowed"
        said = f"was last confirmed {now_s - sure_s:.0f} s ago, {allowed}"
    reason = f"{epoch} {said}"
    return Posture(Standing.FENCED, epoch, reason)


@dataclass(frozen=True, slots=True)
class SwitchAnswer:
    """What ``GET /switch`` of a site says.

    Attributes:
        is_on: True when this site is active and sure of it.
        epoch: The newest epoch that it knows.
        now_s: Its clock, seconds since the epoch.
    """

    is_on: bool
    epoch: Epoch
    now_s: float

    @property
    def status_code(self) -> int:
        """Return 200, or 404 so that an inverted health check is healthy."""
        return 200 if self.is_on else 404


def switch(book: Book, site: str, *, now_s: float, policy: FencePolicy) -> SwitchAnswer:
    """Answer who asks whether a site is active.

    It goes by the epoch and by whether the site was away, never by DNS: DNS is
    what follows the switch.
    """
    found = posture(book, site, now_s=now_s, policy=policy)
    is_on = found.standing is Standing.ACTIVE
    return SwitchAnswer(is_on, found.epoch, now_s)
