"""``ports.LiveRegions`` for drills that hurt the drill's own world in other ways."""

from collections.abc import Iterator, Mapping, Sequence

from hotsite.core.journal import DeviceOnboarded, Fact
from hotsite.local.world import LocalWorld
from hotsite.ports import WorldFacts


class OnLocalWorld:
    """What every drill has of the world that it is played in."""

    def __init__(self, world: LocalWorld) -> None:
        """Take the drill's world."""
        self._world = world

    def facts(self) -> WorldFacts:
        """Return what the world says of itself."""
        return self._world.facts()

    def onboard(
        self, things: Sequence[str], *, region: str | None
    ) -> Iterator[DeviceOnboarded]:
        """Onboard devices through the API, several at a time."""
        return self._world.onboard(things, region=region)

    def lags(self, region: str) -> Mapping[str, float]:
        """Return how late each device was applied in a Region, in seconds."""
        return self._world.lags(region)

    def observe(self) -> Sequence[Fact]:
        """Return what happened since the last look."""
        return self._world.observe()

    def trouble(self) -> str | None:
        """Return who of the cloud has died, if somebody has."""
        return self._world.trouble()
