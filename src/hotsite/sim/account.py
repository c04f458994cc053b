"""``ports.deployment.Account`` in memory: an account with facts that are given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hotsite.core.account import Owner, RegionFacts, Taken, ZoneFacts
from hotsite.core.stacks import Resource
from hotsite.sim.stacks import SimAccount


@dataclass(slots=True)
class SimSurvey:
    """Implements ``ports.deployment.Account``.

    Attributes:
        account: Whose kept data takes names.
        whose: Whose credentials these are.
        zones: Facts by domain.
        regions: Facts by Region; what is not here is as it should be.
        names: Names that are in use, by Region.
    """

    account: SimAccount
    whose: Owner
    zones: Mapping[str, ZoneFacts] = field(default_factory=dict)
    regions: dict[str, RegionFacts] = field(default_factory=dict)
    names: dict[str, set[str]] = field(default_factory=dict)

    def owner(self) -> Owner:
        """Return whose credentials these are."""
        return self.whose

    def zone(self, domain: str) -> ZoneFacts:
        """Return what is known of a domain."""
        return self.zones.get(domain, ZoneFacts(domain))

    def region(self, region: str) -> RegionFacts:
        """Return what is known of a Region."""
        return self.regions.get(region, RegionFacts(region))

    def taken(self, region: str, wanted: Sequence[Resource]) -> tuple[Taken, ...]:
        """Return which names are taken in a Region."""
        used = self.names.get(region, set()) | self.account.kept.get(region, set())
        return tuple(Taken(one.kind, one.title) for one in wanted if one.title in used)
