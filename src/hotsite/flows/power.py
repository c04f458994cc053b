"""Let parts of a drill's fleet lose their power at random, and get it back."""

from dataclasses import dataclass, field

from hotsite.core.hardship import Cut, Power, PowerCut, PowerRestored, cut
from hotsite.ports import Journal, World


@dataclass(slots=True)
class Outages:
    """The power cuts of one drill; nothing happens before ``begin``.

    Attributes:
        power: How the devices lose their power, or None if they never do.
        seed: Of every random choice.
        world: Where the devices are.
        journal: Where every cut goes.
    """

    power: Power | None
    seed: int
    world: World
    journal: Journal
    _number: int = 0
    _next: Cut | None = None
    _due_s: float = 0.0
    _off: dict[int, float] = field(default_factory=dict)

    def begin(self, now_s: float) -> None:
        """Let the first cut come."""
        self._draw(now_s)

    def step(self, now_s: float) -> None:
        """Do what is due now."""
        for process, until_s in list(self._off.items()):
            if now_s >= until_s:
                self._restore(process)
        if self._next is None or now_s < self._due_s:
            return
        process, off_s = self._next.process, self._next.off_s
        if process not in self._off:
            devices = self.world.cut_power(process)
            self.journal.write(PowerCut(process, devices))
            self._off[process] = now_s + off_s
        self._draw(now_s)

    def end(self) -> None:
        """Give everybody power, for good."""
        self._next = None
        for process in list(self._off):
            self._restore(process)

    def _restore(self, process: int) -> None:
        del self._off[process]
        devices = self.world.restore_power(process)
        self.journal.write(PowerRestored(process, devices))

    def _draw(self, now_s: float) -> None:
        if self.power is not None:
            self._next = cut(self.power, seed=self.seed, number=self._number)
            self._number += 1
            self._due_s = now_s + self._next.gap_s
