"""Devices that follow DNS, orders and commands; nothing else of them counts here.

What a device does in detail is the telemetry disaster's; here it is who is where.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from hotsite.core.epoch import SITES
from hotsite.core.move import Mover
from hotsite.errors import InvalidInputError
from hotsite.sim.scheduler import Scheduler

NAME = "iot.example.com"
_BACK_S = (0.5, 8.0)
_TTL_S = 10.0
_KEPT = 50


@dataclass(slots=True)
class Device:
    """One device.

    Attributes:
        thing: Its name.
        site: The letter of the site that it is connected to; "" for none.
        mover: The orders that it heard.
        epoch: The newest epoch that a command has carried.
        dropped: Commands of an older epoch.
        refused: Orders that it did not follow.
        seen: What its resolver remembers, and until when.
    """

    thing: str
    site: str = ""
    mover: Mover = field(default_factory=Mover)
    epoch: int = -1
    dropped: int = 0
    refused: int = 0
    seen: tuple[str, float] = ("", 0.0)


class Fleet:
    """All devices.

    Attributes:
        devices: By the name of the thing.
        connects: When devices connected, by the letter of the site.
        has_own_names: Whether devices know each site's own name as well.
    """

    def __init__(
        self,
        things: Iterable[str],
        scheduler: Scheduler,
        chance: random.Random,
        around: tuple[Callable[[], str], Callable[[str], bool]],
        sites: Sequence[str] = SITES,
    ) -> None:
        """Let all devices begin to connect.

        Args:
            things: Their names.
            scheduler: The time.
            chance: The seed's.
            around: Where the name leads, and whether a site lets devices in.
            sites: The letters of the sites.
        """
        self.devices: dict[str, Device] = {}
        self.connects: dict[str, deque[float]] = {
            letter: deque(maxlen=_KEPT) for letter in sites
        }
        self.has_own_names = False
        self._scheduler = scheduler
        self._chance = chance
        self._leads_to, self._is_open = around
        for thing in things:
            self.join(thing)

    def join(self, thing: str) -> None:
        """Let one more device begin to connect."""
        self.devices[thing] = Device(thing)
        self._connect_later(self.devices[thing])

    def arrived(self, letter: str, within_s: float) -> int:
        """Return how many connects a site has seen lately."""
        since_s = self._scheduler.now_s() - within_s
        return sum(1 for at_s in self.connects[letter] if at_s >= since_s)

    def at(self, letter: str) -> tuple[Device, ...]:
        """Return the devices that are connected to a site."""
        return tuple(one for one in self.devices.values() if one.site == letter)

    def order(self, letter: str, thing: str, payload: bytes) -> None:
        """Give an order to a device, if it is connected there."""
        device, now_s = self.devices[thing], self._scheduler.now_s()
        if device.site != letter:
            return
        luck = self._chance.random()
        try:
            device.mover.take(payload, (NAME,), now_s=now_s, uniform=luck)
        except InvalidInputError:
            device.refused += 1
            return
        self._scheduler.at(device.mover.due_s - now_s, lambda: self._move(device))

    def disconnect(self, letter: str, thing: str) -> bool:
        """End a device's connection to a site."""
        device = self.devices[thing]
        if device.site != letter:
            return False
        self._leave(device)
        return True

    def drop(self, letter: str) -> None:
        """End all connections to a site."""
        for device in self.at(letter):
            self._leave(device)

    def command(self, letter: str, epoch: int) -> None:
        """Say something to all devices of a site, with the epoch of the site."""
        for device in self.at(letter):
            if epoch < device.epoch:
                device.dropped += 1
            device.epoch = max(device.epoch, epoch)

    def _move(self, device: Device) -> None:
        if device.site and device.mover.end() and self._resolve(device) != device.site:
            self._leave(device)

    def _leave(self, device: Device) -> None:
        device.site = ""
        self._connect_later(device)

    def _connect_later(self, device: Device) -> None:
        delay_s = self._chance.uniform(*_BACK_S)
        self._scheduler.at(delay_s, lambda: self._connect(device))

    def _connect(self, device: Device) -> None:
        if device.site:
            return
        letter = self._resolve(device)
        if not self._is_open(letter):
            others = (one for one in self.connects if one != letter)
            is_tried = self.has_own_names
            letter = next(
                (one for one in others if is_tried and self._is_open(one)), ""
            )
            if not letter:
                self._connect_later(device)
                return
        device.site = letter
        self.connects[letter].append(self._scheduler.now_s())

    def _resolve(self, device: Device) -> str:
        """Return where the name leads, as a resolver with a cache says."""
        now_s = self._scheduler.now_s()
        letter, until_s = device.seen
        if now_s >= until_s:
            letter = self._leads_to()
            device.seen = (letter, now_s + _TTL_S)
        return letter
