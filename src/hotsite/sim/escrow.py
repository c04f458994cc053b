"""``ports.Escrow`` in memory: what is kept is no key, and forgotten like one."""

from hotsite.core.escrow import KEPT_S
from hotsite.core.registry import Certificate
from hotsite.errors import UnreachableError
from hotsite.ports import Clock
from hotsite.sim.registry import SimRegistry


class SimEscrow:
    """Implements ``ports.Escrow``.

    Attributes:
        kept: Until when what is kept, by (thing, certificate id).
        is_reachable: The fault switch.
    """

    def __init__(self, registry: SimRegistry, clock: Clock) -> None:
        """Take the Region's registry and the time."""
        self.kept: dict[tuple[str, str], tuple[float, str]] = {}
        self.is_reachable = True
        self._registry = registry
        self._clock = clock

    def issue(self, thing: str) -> Certificate:
        """Make a certificate; keep its key."""
        self._answer()
        certificate = self._registry.issue_pair(thing)
        key = f"key of {certificate.certificate_id}"
        place = (thing, certificate.certificate_id)
        self.kept[place] = (self._clock.now_s() + KEPT_S, key)
        return certificate

    def hand_over(self, thing: str, certificate_id: str) -> str | None:
        """Return the key, and forget it."""
        self._answer()
        expires_at_s, key = self.kept.pop((thing, certificate_id), (0.0, ""))
        return key if expires_at_s > self._clock.now_s() else None

    def _answer(self) -> None:
        if not self.is_reachable:
            raise UnreachableError("the escrow does not answer")
