"""The compute of a pilot light in memory: what is off, and what a switch does."""

from collections.abc import Callable

from hotsite.errors import NotFoundError, UnreachableError


class SimCompute:
    """Implements ``ports.operations.Compute``.

    Attributes:
        is_reachable: The fault switch.
    """

    def __init__(
        self, off: tuple[str, ...], on_switch: Callable[[str], None] = lambda _: None
    ) -> None:
        """Take what is off, in its order, and what happens when one is switched on."""
        self.is_reachable = True
        self._known = off
        self._off = list(off)
        self._on_switch = on_switch

    def off(self) -> tuple[str, ...]:
        """Return what is off, in the order in which it has to be switched on."""
        self._answer()
        return tuple(self._off)

    def on(self) -> tuple[str, ...]:
        """Return what is on, in the order in which it is to be switched off."""
        self._answer()
        return tuple(name for name in self._known if name not in self._off)[::-1]

    def switch_on(self, name: str) -> None:
        """Switch one of them on; what is on already stays so."""
        self._answer()
        self._check(name, "on")
        if name in self._off:
            self._off.remove(name)
            self._on_switch(name)

    def switch_off(self, name: str) -> None:
        """Switch one of them off; what is off already stays so."""
        self._answer()
        self._check(name, "off")
        self._off = [one for one in self._known if one == name or one in self._off]

    def _check(self, name: str, what: str) -> None:
        if name not in self._known:
            raise NotFoundError(f"there is no {name} to switch {what}")

    def _answer(self) -> None:
        if not self.is_reachable:
            raise UnreachableError("the control planes of the Region do not answer")
