"""What an operator works with: all sites' ports, and the names between them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hotsite.core.preflight import Limits
from hotsite.core.takeover import SiteSeen
from hotsite.errors import RetryableError
from hotsite.ports import AppliedRecords, Clock, Records
from hotsite.ports.operations import (
    Commands,
    Compute,
    Lags,
    NamesSeen,
    Operations,
    SitesSeen,
)


@dataclass(frozen=True, slots=True)
class Desk:
    """The ports of one site, as an operator has them.

    Attributes:
        site: Its letter.
        operations: The operations table's replica in its Region.
        lags: How far it is behind the other one.
        records: The system of record, as its Region shows it.
        applied: What its Region has applied.
        commands: What can be said to the devices that are connected there.
        compute: Of a pilot light; None for a hot site, where nothing is off.
        lags_by_site: Where there are more than two sites: how far it is behind each
            of the others, by its letter.
    """

    site: str
    operations: Operations
    lags: Lags
    records: Records
    applied: AppliedRecords
    commands: Commands
    compute: Compute | None = None
    lags_by_site: Mapping[str, Lags] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Control:
    """What an operation works with.

    Attributes:
        desks: All sites by their letters. A forced failover touches the target's
            alone.
        sites: How sites are asked by their own names.
        names: Where the failover name leads.
        clock: The time.
        by: Who operates.
        name: The failover name, to which devices are told to move: an order that
            comes late still leads to where DNS leads then.
        limits: What may be found, and how long to wait.
        tell: Takes a line of progress.
    """

    desks: Mapping[str, Desk]
    sites: SitesSeen
    names: NamesSeen
    clock: Clock
    by: str
    name: str
    limits: Limits = field(default_factory=Limits)
    tell: Callable[[str], None] = field(default=lambda _line: None)

    def seen(self, site: str) -> SiteSeen | None:
        """Return what a site says, or nothing when it does not answer."""
        try:
            return self.sites.see(site)
        except RetryableError:
            return None

    def behind_s(self, site: str, other: str) -> float | None:
        """Return how far a site is behind another; None if not measured.

        Args:
            site: The letter of the site.
            other: The letter of the other one.

        Returns:
            Seconds.
        """
        desk = self.desks[site]
        try:
            lag = desk.lags_by_site.get(other, desk.lags).read()
        except RetryableError:
            return None
        if lag.registry_s is None or lag.hot_s is None:
            return None
        return max(lag.registry_s, lag.hot_s)
