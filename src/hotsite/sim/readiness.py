"""Quotas, names and lent keys in memory, for flows that judge readiness."""

from dataclasses import dataclass, field

from hotsite.core.doors import Door, Knock
from hotsite.core.headroom import Limit, defaults
from hotsite.errors import RefusedError, UnreachableError


@dataclass(slots=True)
class SimSiteQuotas:
    """Implements ``ports.readiness.SiteQuotas``.

    Attributes:
        region: AWS Region.
        limits: What it tells; AWS's defaults at first.
        is_reachable: The fault switch.
    """

    region: str
    limits: tuple[Limit, ...] = ()
    is_reachable: bool = True

    def read(self) -> tuple[Limit, ...]:
        """Return every quota, AWS's default where not told."""
        if not self.is_reachable:
            raise UnreachableError(f"the quotas of {self.region} do not answer")
        told = {one.need: one for one in self.limits}
        return tuple(told.get(one.need, one) for one in defaults(self.region))


@dataclass(slots=True)
class SimDoors:
    """Implements ``ports.readiness.Doors``.

    Attributes:
        expires_s: Until when each certificate is valid, seconds since the epoch.
        problems: What is wrong with a name, by the name.
        silent: Own names of sites that do not answer.
    """

    expires_s: float
    problems: dict[str, str] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    def look(self, knock: Knock) -> Door:
        """Ask for one name."""
        if knock.at in self.silent:
            return Door(knock.name, f"{knock.at} does not answer", is_silent=True)
        problem = self.problems.get(knock.name, "")
        if problem:
            return Door(knock.name, problem)
        return Door(knock.name, "", self.expires_s, "00" * 32)


@dataclass(slots=True)
class SimKeys:
    """Implements ``ports.readiness.Keys``.

    Attributes:
        things: Whose keys are here.
        refused: Whom no site lets in.
        silent: MQTT names that do not answer.
    """

    things: tuple[str, ...]
    refused: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)

    def names(self) -> tuple[str, ...]:
        """Return the names of their things, sorted."""
        return tuple(sorted(self.things))

    def connect(self, thing: str, at: str) -> float:
        """Connect once as a device, and disconnect again."""
        if at in self.silent:
            raise UnreachableError(f"{at} does not answer")
        if thing in self.refused:
            raise RefusedError(f"{at} refused the CONNECT: code 135")
        return 0.01
