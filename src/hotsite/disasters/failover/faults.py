"""What breaks at the sites and between them, and for how long.

Each fault begins at once and ends by itself; what has not ended when the world is
healed ends then.
"""

import random
from collections.abc import Callable, Mapping

from hotsite.core.epoch import other
from hotsite.disasters.failover.estate import Estate

_SHORT_S = (5.0, 60.0)
_LONG_S = (30.0, 400.0)
_FLAPS = (3, 8)

Act = Callable[[Estate, str, random.Random], None]


def _until(estate: Estate, chance: random.Random, end: Callable[[], None]) -> None:
    estate.scheduler.at(chance.uniform(*_LONG_S), end)


def _lose(estate: Estate, region: str, chance: random.Random) -> None:
    """Lose a Region; it comes back with what it last knew."""
    estate.die(region)
    _until(estate, chance, lambda: estate.live(region))


def _flap(estate: Estate, region: str, chance: random.Random) -> None:
    """Let a Region go and come, again and again."""
    at_s = 0.0
    for _ in range(chance.randint(*_FLAPS)):
        estate.scheduler.at(at_s, lambda: estate.die(region))
        at_s += chance.uniform(*_SHORT_S)
        estate.scheduler.at(at_s, lambda: estate.live(region))
        at_s += chance.uniform(*_SHORT_S)


def _sicken(estate: Estate, region: str, chance: random.Random) -> None:
    """Let no message of the canary come through: the broker is dead."""
    estate.weather[region].is_sick = True

    def end() -> None:
        estate.weather[region].is_sick = False

    _until(estate, chance, end)


def _brown_out(estate: Estate, region: str, chance: random.Random) -> None:
    """Let calls fail, and answers be lost, here and there."""
    weather = estate.weather[region]
    weather.failure_share, weather.lost_share = chance.random(), chance.random() / 2

    def end() -> None:
        weather.failure_share = weather.lost_share = 0.0

    _until(estate, chance, end)


def _stop_tables(estate: Estate, region: str, chance: random.Random) -> None:
    estate.table(region, is_up=False)
    _until(estate, chance, lambda: estate.table(region, is_up=True))


def _stop_guard(estate: Estate, region: str, chance: random.Random) -> None:
    """Run no function of a Region that looks or judges."""
    estate.weather[region].is_guarded = False

    def end() -> None:
        estate.weather[region].is_guarded = True

    _until(estate, chance, end)


def _hide(estate: Estate, region: str, chance: random.Random) -> None:
    """Let Route 53's checkers and the fleet not reach a Region that is well."""
    estate.weather[region].is_seen = False
    estate.fleet.drop(region)

    def end() -> None:
        estate.weather[region].is_seen = True

    _until(estate, chance, end)


def _cut_peer(estate: Estate, _region: str, chance: random.Random) -> None:
    """Let the Regions not reach each other over HTTPS."""
    estate.network.is_peer_up = False

    def end() -> None:
        estate.network.is_peer_up = True

    _until(estate, chance, end)


def _cut_replication(estate: Estate, region: str, chance: random.Random) -> None:
    """Let no write of a Region's tables reach the other one."""
    way = estate.ways[region]
    way.is_up = False

    def end() -> None:
        way.is_up = True
        way.flush()

    _until(estate, chance, end)


def _partition(estate: Estate, region: str, chance: random.Random) -> None:
    """Cut everything between the Regions; the world reaches both."""
    _cut_peer(estate, region, chance)
    for each in estate.ways:
        _cut_replication(estate, each, chance)


def _lag(estate: Estate, region: str, chance: random.Random) -> None:
    """Let replication out of a Region, of all tables, fall behind."""
    lag_s = chance.uniform(5.0, 120.0)
    late = other(region)
    estate.ways[region].lag_s = estate.behind_s[late] = lag_s

    def end() -> None:
        estate.ways[region].lag_s = 1.0
        estate.behind_s[late] = 0.5

    _until(estate, chance, end)


def _fail_dns(estate: Estate, _region: str, chance: random.Random) -> None:
    """Let no guard and no operator learn where a name leads."""
    estate.network.is_dns_up = False

    def end() -> None:
        estate.network.is_dns_up = True

    _until(estate, chance, end)


FAULTS: Mapping[str, Act] = {
    "lose the Region": _lose,
    "flap": _flap,
    "sicken": _sicken,
    "brown-out": _brown_out,
    "stop tables": _stop_tables,
    "stop the guard": _stop_guard,
    "hide": _hide,
    "cut HTTPS": _cut_peer,
    "cut replication": _cut_replication,
    "partition": _partition,
    "lag": _lag,
    "fail DNS": _fail_dns,
}


def heal(estate: Estate) -> None:
    """End every fault."""
    estate.network.is_peer_up = estate.network.is_dns_up = True
    for letter, weather in estate.weather.items():
        weather.is_sick = False
        weather.is_guarded = weather.is_seen = True
        weather.failure_share = weather.lost_share = 0.0
        estate.table(letter, is_up=True)
        estate.live(letter)
        estate.behind_s[letter] = 0.5
    for way in estate.ways.values():
        way.lag_s, way.is_up = 1.0, True
        way.flush()
