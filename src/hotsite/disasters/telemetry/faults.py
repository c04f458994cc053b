"""What breaks around a fleet, where, and for how long.

Each fault begins at once and ends by itself, but for the loss of a Region; what has
not ended when the world is healed ends then.
"""

import random
from collections.abc import Callable, Mapping

from hotsite.core.move import Move, encode
from hotsite.core.telemetry import move_topic
from hotsite.disasters.telemetry.estate import Estate
from hotsite.sim.fleet.device import SimDevice

_SHORT_S = (3.0, 20.0)
_LONG_S = (10.0, 90.0)
_OFF_S = (0.05, 60.0)
_YEAR_S = 365 * 86_400.0
_AHEAD_S = (0.0, 0.0, -3600.0, 3600.0, 10 * _YEAR_S)

Act = Callable[[Estate, str, random.Random], None]


def _until(
    estate: Estate,
    chance: random.Random,
    span_s: tuple[float, float],
    end: Callable[[], None],
) -> None:
    duration_s = chance.uniform(*span_s)
    estate.unrest.note(estate.scheduler.now_s() + duration_s)
    estate.scheduler.at(duration_s, end)


def _anyone(estate: Estate, chance: random.Random) -> SimDevice:
    return estate.devices[chance.choice(sorted(estate.devices))]


def _cut_power(estate: Estate, _region: str, chance: random.Random) -> None:
    """Let a device lose power, and boot with a clock that may be wrong."""
    _off(estate, _anyone(estate, chance), chance)


def _cut_all_power(estate: Estate, _region: str, chance: random.Random) -> None:
    """Let a whole factory lose power."""
    for device in estate.devices.values():
        _off(estate, device, chance)


def _off(estate: Estate, device: SimDevice, chance: random.Random) -> None:
    device.cut_power()
    ahead_s = chance.choice(_AHEAD_S)
    _until(estate, chance, _OFF_S, lambda: device.boot(clock_ahead_s=ahead_s))


def _cut_line(estate: Estate, _region: str, chance: random.Random) -> None:
    """Cut a device off; what is sent meanwhile arrives afterwards."""
    line = _anyone(estate, chance).line
    span_s = chance.uniform(*_LONG_S)
    line.up_at_s = max(line.up_at_s, estate.scheduler.now_s() + span_s)
    _until(estate, chance, (span_s, span_s), lambda: None)


def _slow_disk(estate: Estate, _region: str, chance: random.Random) -> None:
    disk = _anyone(estate, chance).disk
    disk.commit_s = (0.5, chance.uniform(1.0, 5.0))


def _brown_out(estate: Estate, region: str, chance: random.Random) -> None:
    """Let a broker acknowledge late, or refuse."""
    luck = estate.sites[region].broker.luck
    luck.refused_share = chance.choice((0.0, chance.random()))
    luck.ack_s = (0.1, chance.uniform(0.5, 9.0))
    _until(estate, chance, _LONG_S, luck.calm)


def _drop_connections(estate: Estate, region: str, _chance: random.Random) -> None:
    estate.sites[region].broker.drop_all()


def _freeze(estate: Estate, region: str, chance: random.Random) -> None:
    """Let a Region stand still for a moment."""
    if not estate.sites[region].is_up:
        return
    estate.stop(region, is_silent=True)

    def end() -> None:
        if estate.death is None or estate.death.region != region:
            estate.live(region)

    _until(estate, chance, _SHORT_S, end)


def _lag(estate: Estate, region: str, _chance: random.Random) -> None:
    """Let replication out of a Region fall behind, until all is over."""
    way = estate.sites[region].table.way
    assert way is not None  # noqa: S101 - both Regions are joined
    way.lag_s = (0.1, max(0.1, estate.plan.lag_s))


def _lose_region(estate: Estate, region: str, chance: random.Random) -> None:
    if estate.death is None:
        estate.lose(region, is_silent=chance.random() < 0.5)  # noqa: PLR2004 - either


def _double(estate: Estate, region: str, chance: random.Random) -> None:
    """Let rules run twice, and late."""
    luck = estate.sites[region].rules.luck
    luck.double_share = chance.random()
    luck.delay_s = (0.01, chance.uniform(1.0, 30.0))
    _until(estate, chance, _LONG_S, luck.calm)


def _fail_rules(estate: Estate, region: str, chance: random.Random) -> None:
    """Let messages end in the error archive, and come back by a redrive."""
    luck = estate.sites[region].rules.luck
    luck.failed_share = chance.random()
    _until(estate, chance, _LONG_S, luck.calm)


def _fail_answers(estate: Estate, region: str, chance: random.Random) -> None:
    """Let answers of the resume Lambda be lost, late, or torn."""
    luck = estate.sites[region].rules.luck
    luck.unanswered_share, luck.garbled_share = chance.random(), chance.random()
    luck.answer_s = (0.05, chance.uniform(0.5, 20.0))
    _until(estate, chance, _LONG_S, luck.calm)


def _move(estate: Estate, region: str, chance: random.Random) -> None:
    """Tell all devices of a Region to go to the other one."""
    estate.orders += 1
    to = "b" if region == "a" else "a"
    order = encode(Move(to, chance.uniform(0.0, 20.0), estate.orders))
    for thing in estate.devices:
        estate.sites[region].broker.say(thing, move_topic(thing), order)


def _fail_dns(estate: Estate, _region: str, chance: random.Random) -> None:
    names = estate.names
    names.failure_share = chance.uniform(0.2, 1.0)

    def end() -> None:
        names.failure_share = 0.0

    _until(estate, chance, _LONG_S, end)


LOSS, LAG = "lose the Region", "lag"
FAULTS: Mapping[str, Act] = {
    LOSS: _lose_region,
    LAG: _lag,
    "cut power": _cut_power,
    "cut all power": _cut_all_power,
    "cut a line": _cut_line,
    "slow disk": _slow_disk,
    "brown-out": _brown_out,
    "drop connections": _drop_connections,
    "freeze": _freeze,
    "double": _double,
    "fail rules": _fail_rules,
    "fail answers": _fail_answers,
    "fail DNS": _fail_dns,
    "move": _move,
}


def heal(estate: Estate) -> None:
    """End every fault but the loss of a Region."""
    estate.unrest.note(estate.scheduler.now_s())
    estate.names.failure_share = 0.0
    dead = estate.death.region if estate.death else ""
    for name, site in estate.sites.items():
        site.broker.luck.calm()
        site.rules.luck.calm()
        assert site.table.way is not None  # noqa: S101 - both Regions are joined
        site.table.way.lag_s = (0.1, 1.0)
        if name != dead:
            estate.live(name)
    for device in estate.devices.values():
        device.line.up_at_s = 0.0
        device.boot()
