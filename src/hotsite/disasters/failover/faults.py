"""What breaks at the sites and between them, and for how long.

Each fault begins at once and ends by itself; what has not ended when the world is
healed ends then.
"""

import random
from collections.abc import Callable, Mapping

from hotsite.core.epoch import SITES
from hotsite.disasters.failover.estate import Estate

_SHORT_S = (5.0, 60.0)
_LONG_S = (30.0, 400.0)
_FLAPS = (3, 8)
# Where there are more than two sites: of cuts, those that do not cut everything.
_ONE_LINE_SHARE = 0.6

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


def _cut_peer(estate: Estate, region: str, chance: random.Random) -> None:
    """Let the Regions not reach each other over HTTPS; of many, two may be enough."""
    others = estate.others(region)
    if len(others) > 1 and chance.random() < _ONE_LINE_SHARE:
        _cut_line(estate, frozenset({region, chance.choice(others)}), chance)
        return
    _cut_all(estate, chance)


def _cut_all(estate: Estate, chance: random.Random) -> None:
    estate.network.is_peer_up = False

    def end() -> None:
        estate.network.is_peer_up = True

    _until(estate, chance, end)


def _cut_line(estate: Estate, line: frozenset[str], chance: random.Random) -> None:
    estate.network.lines_down.add(line)
    _until(estate, chance, lambda: estate.network.lines_down.discard(line))


def _isolate(estate: Estate, region: str, chance: random.Random) -> None:
    """Let a Region reach no other one, and none of them reach it; the world does."""
    lines = {frozenset({region, each}) for each in estate.others(region)}
    ways = [way for ends, way in estate.ways.items() if region in ends]
    estate.network.lines_down |= lines
    for way in ways:
        way.is_up = False

    def end() -> None:
        estate.network.lines_down -= lines
        for way in ways:
            way.is_up = True
            way.flush()

    _until(estate, chance, end)


def _cut_replication(estate: Estate, region: str, chance: random.Random) -> None:
    """Let no write of a Region's tables reach the others, or one of them."""
    others = estate.others(region)
    if len(others) > 1 and chance.random() < _ONE_LINE_SHARE:
        others = (chance.choice(others),)
    for each in others:
        _cut_way(estate, (region, each), chance)


def _cut_way(estate: Estate, ends: tuple[str, str], chance: random.Random) -> None:
    way = estate.ways[ends]
    way.is_up = False

    def end() -> None:
        way.is_up = True
        way.flush()

    _until(estate, chance, end)


def _partition(estate: Estate, region: str, chance: random.Random) -> None:
    """Cut everything between the Regions; the world reaches both."""
    if len(estate.plan.sites) > len(SITES) and chance.random() < _ONE_LINE_SHARE:
        _isolate(estate, region, chance)
        return
    _cut_all(estate, chance)
    for ends in estate.ways:
        _cut_way(estate, ends, chance)


def _lag(estate: Estate, region: str, chance: random.Random) -> None:
    """Let replication out of a Region, of all tables, fall behind."""
    lag_s = chance.uniform(5.0, 120.0)

    def be(lag_s: float, behind_s: float) -> None:
        for way in estate.ways_out(region):
            way.lag_s = lag_s
        for late in estate.others(region):
            estate.behind_s[late] = behind_s

    be(lag_s, lag_s)

    def end() -> None:
        be(1.0, 0.5)

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
    estate.network.lines_down.clear()
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
