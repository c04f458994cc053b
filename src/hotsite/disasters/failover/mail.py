"""The messages of a simulated fleet, coarse: made, acknowledged, stored, replicated."""

from collections.abc import Mapping, Sequence

from hotsite.core.intervals import Intervals
from hotsite.core.outbox import Key
from hotsite.disasters.failover.estate import Estate
from hotsite.ports import DeviceAccount, Held
from hotsite.sim.thing import SimDevice

_Store = dict[str, set[Key]]
_EVERY_S = 0.5


class Mail:
    """All messages of the fleet of an estate.

    Attributes:
        is_publishing: Whether devices make new messages.
    """

    def __init__(self, estate: Estate) -> None:
        """Start with none."""
        self.is_publishing = False
        self._estate = estate
        self._devices: dict[str, SimDevice] = {}
        self._stores: dict[str, _Store] = {one: {} for one in estate.plan.sites}
        self._heard: dict[str, tuple[float, float]] = {}
        self._interval_s = 0.0

    @property
    def published(self) -> int:
        """Return how many messages were made."""
        return sum(len(one.published_at_s) for one in self._devices.values())

    @property
    def acknowledged(self) -> int:
        """Return how many were acknowledged."""
        return sum(len(one.acknowledged_at_s) for one in self._devices.values())

    @property
    def backlog(self) -> int:
        """Return how many wait for it."""
        return self.published - self.acknowledged

    def begin(self, interval_s: float) -> None:
        """Let all devices of the fleet publish from now on."""
        now_s, self._interval_s = self._estate.scheduler.now_s(), interval_s
        self.is_publishing = True
        for number, thing in enumerate(self._estate.fleet.devices):
            first_s = now_s + interval_s * number / len(self._estate.fleet.devices)
            self._devices[thing] = SimDevice(thing, 0, first_s, first_s)
        self._step()

    def heard(self) -> Mapping[str, tuple[float, float]]:
        """Return what arrived in any store since the last look."""
        found, self._heard = self._heard, {}
        return found

    def held(self, letter: str) -> Sequence[Held]:
        """Return all that a site's store holds."""
        found = []
        for thing, keys in sorted(self._stores[letter].items()):
            numbers = Intervals.from_numbers(key.seq for key in keys)
            found.append(Held(thing, 1, numbers, numbers.size, "sim"))
        return found

    def accounts(self) -> Sequence[DeviceAccount]:
        """Return what the devices say of their own messages."""
        return [line for one in self._devices.values() for line in one.accounts()]

    def _step(self) -> None:
        self._estate.scheduler.at(_EVERY_S, self._step)
        now_s = self._estate.scheduler.now_s()
        for thing, device in self._devices.items():
            if self.is_publishing and now_s >= device.publish_at_s:
                device.publish(now_s)
                device.publish_at_s += self._interval_s
            letter = self._estate.fleet.devices[thing].site
            is_new, device.site = letter != device.site, letter
            if letter and self._takes(letter):
                self._deliver(device, letter, now_s, is_new=is_new)
        self._replicate()

    def _takes(self, letter: str) -> bool:
        """Say whether a message gets through to a site's store."""
        weather = self._estate.weather[letter]
        return weather.is_up and weather.are_tables_up and not weather.is_sick

    def _deliver(
        self, device: SimDevice, letter: str, now_s: float, *, is_new: bool
    ) -> None:
        """Deliver what waits; to another site, what was acknowledged as well."""
        waiting = tuple(device.waiting())
        keys = (*device.acknowledged_at_s, *waiting) if is_new else waiting
        for key in keys:
            device.acknowledged_at_s[key] = now_s
            self._stores[letter].setdefault(device.thing, set()).add(key)
        if waiting:
            newest_s = device.published_at_s[waiting[-1]]
            self._heard[device.thing] = (newest_s, now_s)

    def _replicate(self) -> None:
        for (here, there), way in self._estate.ways.items():
            ends = (self._estate.weather[one] for one in (here, there))
            is_open = all(one.is_up and one.are_tables_up for one in ends)
            if not (is_open and way.is_up):
                continue
            for thing, keys in self._stores[here].items():
                self._stores[there].setdefault(thing, set()).update(keys)
