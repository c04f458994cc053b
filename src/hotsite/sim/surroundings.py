"""What there is around the recorded names, in memory."""

from hotsite.errors import UnreachableError
from hotsite.ports.unrecorded import NamePage, Unrecorded
from hotsite.sim.registry import SimRegistry


class SimSurroundings:
    """Implements ``ports.Surroundings`` beside a registry of the same Region.

    ``dynamic_groups`` and ``billing_groups`` are names that a test may add to.
    """

    def __init__(self, registry: SimRegistry, *, page_size: int = 3) -> None:
        """Take the registry, and how many names are in a page, 1 or more."""
        self.dynamic_groups: list[str] = []
        self.billing_groups: list[str] = []
        self._registry = registry
        self._page_size = page_size

    def things_of(self, certificate_id: str) -> tuple[str, ...]:
        """Return the names of the things that a certificate is attached to."""
        self._answer()
        attached = self._registry.attached.items()
        return tuple(sorted(thing for thing, ids in attached if certificate_id in ids))

    def page(self, what: Unrecorded, token: str | None = None) -> NamePage:
        """Return some names; of certificates all there are, attached or not."""
        self._answer()
        names = sorted(
            {
                Unrecorded.CERTIFICATE: list(self._registry.certificates),
                Unrecorded.DYNAMIC_GROUP: self.dynamic_groups,
                Unrecorded.BILLING_GROUP: self.billing_groups,
            }[what]
        )
        rest = [name for name in names if token is None or name > token]
        found = tuple(rest[: self._page_size])
        return NamePage(found, found[-1] if len(rest) > len(found) else None)

    def _answer(self) -> None:
        if not self._registry.is_reachable:
            raise UnreachableError("the Region does not answer")
