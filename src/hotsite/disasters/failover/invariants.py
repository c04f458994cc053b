"""What must hold once a disaster is over."""

from collections.abc import Iterator

from hotsite.core.standing import Standing
from hotsite.disasters.failover.estate import Estate
from hotsite.disasters.failover.watch import Watch


def broken(estate: Estate, watch: Watch) -> Iterator[str]:
    """Yield each invariant that does not hold, in words."""
    books = [site.operations.peek() for site in estate.sites.values()]
    numbers = [book.newest.number for book in books]
    if len(set(numbers)) != 1:
        yield f"the replicas differ: epochs {numbers}"
    for letter in estate.plan.sites:
        found = watch.posture(letter)
        wanted = Standing.STANDBY
        if books[0].newest.active == letter:
            wanted = Standing.ACTIVE
        if found.standing is not wanted:
            yield f"{letter} is {found.standing.value}: {found.reason}"
    active, leads_to = books[0].newest.active, estate.names.leads_to()
    if leads_to != active:
        yield f"{active} is active, and DNS leads to {leads_to}"
    for device in estate.fleet.devices.values():
        if not device.site:
            yield f"{device.thing} is nowhere"


def left_behind(estate: Estate, target: str) -> Iterator[str]:
    """Yield who is not where a planned move should have led all."""
    for device in estate.fleet.devices.values():
        if device.site != target:
            yield f"{device.thing} is at {device.site or 'neither site'}"
