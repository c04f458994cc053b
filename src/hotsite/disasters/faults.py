"""What breaks in a disaster, where, and for how long.

Each fault begins at once and ends by itself; what has not ended when the world is
healed ends then.
"""

import random
from collections.abc import Callable, Mapping

from hotsite.disasters.estate import Estate, SimRegion

_SHORT_S = (5.0, 90.0)
_LONG_S = (60.0, 400.0)
# A stream keeps its records for 24 hours (DynamoDB developer guide, "Change data
# capture for DynamoDB Streams"): what was not read by then is gone.
_TOO_LONG_S = 25 * 3600.0


def _for(
    estate: Estate,
    chance: random.Random,
    span_s: tuple[float, float],
    end: Callable[[], None],
) -> None:
    estate.scheduler.at(chance.uniform(*span_s), end)


def _throttle(estate: Estate, region: SimRegion, chance: random.Random) -> None:
    """Refuse many calls of IoT Core: somebody else uses up the account's quota."""
    region.gate.weather.throttled_share = chance.uniform(0.1, 0.6)

    def end() -> None:
        region.gate.weather.throttled_share = 0.0

    _for(estate, chance, _SHORT_S, end)


def _refuse(estate: Estate, region: SimRegion, chance: random.Random) -> None:
    """Let calls fail before they are made."""
    region.gate.weather.failure_share = chance.uniform(0.05, 0.3)

    def end() -> None:
        region.gate.weather.failure_share = 0.0

    _for(estate, chance, _SHORT_S, end)


def _lose(estate: Estate, region: SimRegion, chance: random.Random) -> None:
    """Make calls and lose their answers."""
    region.gate.weather.lost_share = chance.uniform(0.05, 0.3)

    def end() -> None:
        region.gate.weather.lost_share = 0.0

    _for(estate, chance, _SHORT_S, end)


def _stop_iot(estate: Estate, region: SimRegion, chance: random.Random) -> None:
    region.gate.weather.is_iot_up = False

    def end() -> None:
        region.gate.weather.is_iot_up = True

    _for(estate, chance, _SHORT_S, end)


def _stop_tables(estate: Estate, region: SimRegion, chance: random.Random) -> None:
    region.gate.weather.are_tables_up = False

    def end() -> None:
        region.gate.weather.are_tables_up = True

    _for(estate, chance, _SHORT_S, end)


def _cut(estate: Estate, region: SimRegion, chance: random.Random) -> None:
    """Let no write of this Region's tables reach the other Region."""
    link = estate.links[region.name]
    link.cut()
    _for(estate, chance, _LONG_S, link.heal)


def _lag(estate: Estate, region: SimRegion, chance: random.Random) -> None:
    """Let writes travel slowly, and pass one another on the way."""
    link = estate.links[region.name]
    link.lag_s = chance.uniform(5.0, 90.0)

    def end() -> None:
        link.lag_s = 1.0

    _for(estate, chance, _LONG_S, end)


def _stall(estate: Estate, region: SimRegion, chance: random.Random) -> None:
    region.stream.stall()

    def end() -> None:
        if not region.is_dead:
            region.stream.resume()

    _for(estate, chance, _LONG_S, end)


def _stall_for_days(estate: Estate, region: SimRegion, chance: random.Random) -> None:
    """Run no Lambda for longer than the stream keeps its records."""
    region.stream.stall()
    for one in estate.regions.values():
        one.is_sweeping = False

    def end() -> None:
        if not region.is_dead:
            region.stream.resume()
        for one in estate.regions.values():
            if not one.is_sweeping:
                one.is_sweeping = True
                one.sweep_on()

    span_s = (_TOO_LONG_S, _TOO_LONG_S + 60.0)
    _for(estate, chance, span_s, end)


def _kill_workers(estate: Estate, region: SimRegion, chance: random.Random) -> None:
    """Let Lambdas end anywhere: out of memory, out of time, taken away."""
    region.stream.kill_share = chance.uniform(0.2, 0.8)

    def end() -> None:
        region.stream.kill_share = 0.0

    _for(estate, chance, _LONG_S, end)


def _deafen(estate: Estate, region: SimRegion, chance: random.Random) -> None:
    """Lose events of IoT Core, deliver them late and twice."""
    luck = region.event_luck
    luck.lost_share, luck.double_share = chance.random(), 0.3
    luck.delay_s_max = chance.uniform(5.0, 120.0)

    def end() -> None:
        luck.lost_share, luck.double_share, luck.delay_s_max = 0.0, 0.0, 5.0

    _for(estate, chance, _LONG_S, end)


def _die(estate: Estate, region: SimRegion, chance: random.Random) -> None:
    """Let a whole Region die, its links too, and come back."""
    region.die()
    region.gate.weather.is_iot_up = region.gate.weather.are_tables_up = False
    links = tuple(estate.links.values())
    for link in links:
        link.cut()

    def end() -> None:
        region.gate.weather.calm()
        region.live()
        if not any(one.is_dead for one in estate.regions.values()):
            for link in links:
                link.heal()

    _for(estate, chance, _LONG_S, end)


FAULTS: Mapping[str, Callable[[Estate, SimRegion, random.Random], None]] = {
    "throttle": _throttle,
    "refuse": _refuse,
    "lose answers": _lose,
    "stop IoT Core": _stop_iot,
    "stop tables": _stop_tables,
    "cut": _cut,
    "lag": _lag,
    "stall": _stall,
    "stall for days": _stall_for_days,
    "kill workers": _kill_workers,
    "deafen": _deafen,
    "die": _die,
}


def heal(estate: Estate) -> None:
    """End every fault."""
    for region in estate.regions.values():
        region.gate.weather.calm()
        region.stream.kill_share = 0.0
        luck = region.event_luck
        luck.lost_share, luck.double_share, luck.delay_s_max = 0.0, 0.0, 5.0
        region.live()
        if not region.is_sweeping:
            region.is_sweeping = True
            region.sweep_on()
    for link in estate.links.values():
        link.lag_s = 1.0
        link.heal()
