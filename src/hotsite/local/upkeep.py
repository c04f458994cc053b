"""A cloud that is up and stays so: wait until it is whole, and leave it whole.

Whoever plays a drill in somebody's cloud begins when both sites could serve, and gives
back what was hurt, however the drill ended.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator

from hotsite.errors import InvalidInputError, NotReadyError, UnreachableError
from hotsite.local import faults
from hotsite.local.client import LocalCloud

# A canary's clock starts it within a minute, and its verdict takes three looks of
# three checkers, 10 s apart, to reach DNS.
_WHOLE_S_MAX = 150.0
_LOOK_EVERY_S = 1.0


def await_whole(local: LocalCloud, say: Callable[[str], None]) -> None:
    """Wait until both sites are healthy and the first one is active.

    Args:
        local: The cloud.
        say: Told once what is waited for.

    Raises:
        InvalidInputError: Somebody has hurt it, or its other site is active.
        NotReadyError: It does not get whole, or something of it died.
    """
    for _, way, region in _hurt(local):
        raise InvalidInputError(
            f"{region} is hurt: run hotsite local fault {way} {region} first"
        )
    until_s, has_said = time.monotonic() + _WHOLE_S_MAX, False
    while reason := _lacking(local):
        if time.monotonic() > until_s:
            raise NotReadyError(
                f"local cloud {local.state.name!r} after {_WHOLE_S_MAX:.0f} s: {reason}"
            )
        if not has_said:
            say(f"waiting until both sites are healthy: {reason}")
            has_said = True
        time.sleep(_LOOK_EVERY_S)


def refuse_known(local: LocalCloud, thing: str) -> None:
    """Refuse a device that the cloud has already, of a drill before.

    Args:
        local: The cloud, whole.
        thing: One of the devices to come.

    Raises:
        InvalidInputError: It is there.
    """
    iot = local.client("iot", local.state.sites[0].region)
    with contextlib.suppress(iot.exceptions.ResourceNotFoundException):
        iot.describe_thing(thingName=thing)
        raise InvalidInputError(
            f"{thing} is in local cloud {local.state.name!r} already, of a drill with"
            " the same seed: choose another --seed"
        )


def _lacking(local: LocalCloud) -> str:
    """Say what keeps a drill from beginning; empty when nothing does.

    A site is asked itself, too: checkers begin by calling everything healthy.
    """
    first, name = local.state.sites[0], local.state.witness_name
    checked = {site.region: site.is_healthy for site in local.health()}
    doors = local.doors
    try:
        for site in local.state.sites:
            if site.region not in checked:
                return f"nothing is deployed in {site.region}"
            seen = doors.see(site.letter)
            if not seen.is_healthy:
                return f"{site.region} is not healthy yet: {seen.reason}"
            if not checked[site.region]:
                return f"the checkers have yet to call {site.region} healthy"
            if seen.epoch.active != first.letter:
                raise InvalidInputError(
                    f"{site.region} knows {seen.epoch}, and a drill begins with "
                    f"{first.letter} active: run hotsite failback --local "
                    f"{local.state.name} first"
                )
        found = asyncio.run(local.resolver.resolve(name))
    except UnreachableError as error:
        return str(error)
    if found.address != first.address:
        return f"{name} has yet to lead to {first.region}"
    return ""


def restore(local: LocalCloud, say: Callable[[str], None]) -> None:
    """Let hurt Regions return, tables replicate at once, and health decide answers.

    Args:
        local: The cloud, in whatever state.
        say: Told what is done.

    Raises:
        HotsiteError: The cloud is gone, or something of it died.
    """
    local.check()
    for letter, way, region in _hurt(local):
        say(f"{region}: {way}")
        local.fault(way, letter)
    local.set_lag(0.0)
    local.dns.enable_failover()


def _hurt(local: LocalCloud) -> Iterator[tuple[str, str, str]]:
    """Yield letter, what mends it, and Region of each that is killed or frozen."""
    states = {each.identity.name: each.state for each in local.state.processes}
    ways = {"killed": faults.SIGNALS["kill"], "frozen": faults.SIGNALS["freeze"]}
    for site in local.state.sites:
        way = ways.get(states.get(f"region-{site.letter}", ""))
        if way is not None:
            yield site.letter, way, site.region
