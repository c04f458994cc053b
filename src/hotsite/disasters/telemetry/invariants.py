"""What must hold for every message once a disaster is over."""

from collections.abc import Iterator, Mapping

from hotsite.core.outbox import Key
from hotsite.core.telemetry import Telemetry, encode_message
from hotsite.disasters.telemetry.estate import Estate
from hotsite.disasters.telemetry.plan import PAGES_ENOUGH
from hotsite.sim.fleet.device import SimDevice
from hotsite.sim.fleet.site import SimSite

# Far beyond what a spread over N / R needs; the mean is measured by a test.
CONNECTS_MAX = 25
# A window of one, a batch ahead in it, the slowest PUBACK of a healthy broker, the
# slowest line, and the pace: a live message waits for no more.
LIVE_S_MAX = 3.0
_SHOWN_MAX = 4

Shown = Mapping[tuple[str, str], Telemetry]


def broken(estate: Estate) -> Iterator[str]:
    """Yield each invariant that does not hold, in words, in what is alive."""
    for thing, device in estate.devices.items():
        yield from (f"{thing}: {problem}" for problem in device.account.problems)
        if device.account.live_s_max > LIVE_S_MAX:
            waited_s = device.account.live_s_max
            yield f"{thing}: a live message waited {waited_s:.1f} s for its PUBACK"
        again = device.account.counts["messages replayed though they were there"]
        if again and estate.plan.pages_max == PAGES_ENOUGH:
            yield f"{thing}: {again} messages were replayed though they were there"
        for site in estate.survivors:
            yield from _missing(device, site)
    for site in estate.survivors:
        yield from _strange(estate, site)
    for functions in estate.functions:
        yield from (f"a function refused: {reason}" for reason in functions.rejects)


def restless(estate: Estate) -> Iterator[str]:
    """Yield what is not at rest yet: devices that have something to send."""
    for thing, device in estate.devices.items():
        if not device.is_quiet:
            yield f"{thing} does not come to rest: {device.told()}"


def shown(estate: Estate) -> Shown:
    """Return what a query shows of what is alive, by thing and sort key."""
    found: dict[tuple[str, str], Telemetry] = {}
    for site in estate.survivors:
        found |= site.table.query()
    return found


def changed(estate: Estate, before: Shown) -> Iterator[str]:
    """Yield what the return of a Region changed beside what was missing."""
    one, two = (site.table.query() for site in estate.sites.values())
    for (thing, place), message in before.items():
        if two.get((thing, place)) != message or one.get((thing, place)) != message:
            yield f"{thing} {place} is shown otherwise since the Region is back"
    for thing, place in sorted(set(one) ^ set(two)):
        yield f"{thing} {place} is shown in one Region alone"


def too_many_connects(estate: Estate) -> Iterator[str]:
    """Yield which devices came back too often since a Region was lost."""
    for thing, sent in connects_of_loss(estate):
        if sent > CONNECTS_MAX:
            yield f"{thing} has sent {sent} CONNECTs since the loss"


def connects_of_loss(estate: Estate) -> Iterator[tuple[str, int]]:
    """Yield how many CONNECTs each device has sent since a Region was lost."""
    if estate.death is not None:
        for thing, before in estate.death.connects.items():
            yield thing, estate.connects(thing) - before


def _missing(device: SimDevice, site: SimSite) -> Iterator[str]:
    account = device.account
    rows = site.table.rows.get(device.thing, {}).values()
    there = {row.message.key for row in rows}
    lost = set(account.acknowledged) - account.dropped - there
    if lost:
        yield f"{device.thing}: acknowledged and lost in {site.name}: {_told(lost)}"
    durable = account.durable | set(device.disk.messages)
    unsent = durable - set(account.acknowledged) - account.dropped - there
    if unsent:
        yield f"{device.thing}: kept, and never in {site.name}: {_told(unsent)}"


def _strange(estate: Estate, site: SimSite) -> Iterator[str]:
    for reason in site.rules.rejects[:_SHOWN_MAX]:
        yield f"the rules of {site.name} refused a message: {reason}"
    for thing, rows in site.table.rows.items():
        made = estate.devices[thing].account.made
        seen: set[Key] = set()
        for row in rows.values():
            key = row.message.key
            if made.get(key) != encode_message(row.message):
                yield f"{thing}: {_told({key})} in {site.name} is not what was made"
            if key in seen:
                yield f"{thing}: {_told({key})} is shown twice in {site.name}"
            seen.add(key)


def _told(keys: set[Key]) -> str:
    shown = ", ".join(f"{epoch}.{seq}" for epoch, seq in sorted(keys)[:_SHOWN_MAX])
    left = len(keys) - _SHOWN_MAX
    return f"{shown} and {left} more" if left > 0 else shown
