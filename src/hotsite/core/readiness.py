"""How far the standby was ready for the fleet before the fault.

Must not read anything but events; ``verdict`` judges with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hotsite.core.history import History, percentile
from hotsite.core.journal import (
    DeviceApplied,
    DeviceConnectable,
    DeviceOnboarded,
    DeviceUnconnectable,
)


@dataclass(frozen=True, slots=True)
class RegistryFigures:
    """How far the standby was ready for the fleet before the fault.

    Attributes:
        onboarded: Devices onboarded before the fault.
        connectable_in_standby: Those that proved it by connecting there.
        lag_p99_s: Time from a device's record to its being applied in the
            standby, over the devices that were onboarded elsewhere.
    """

    onboarded: int
    connectable_in_standby: int | None
    lag_p99_s: float | None


def measure(history: History) -> RegistryFigures:
    """Return who was onboarded, who could connect, and how late records were."""
    standby, fleet = history.started.standby, history.fleet
    proofs: dict[str, bool] = {}
    for event in history.events:
        match event.fact:
            case DeviceConnectable(thing=thing, region=region):
                proof = True
            case DeviceUnconnectable(thing=thing, region=region):
                proof = False
            case _:
                continue
        if region == standby and thing in fleet:
            proofs[thing] = proof
    return RegistryFigures(
        onboarded=len(fleet),
        connectable_in_standby=sum(proofs.values()) if proofs else None,
        lag_p99_s=_lag_p99_s(history),
    )


def _lag_p99_s(history: History) -> float | None:
    standby, fleet = history.started.standby, history.fleet
    lags = {
        fact.thing: fact.lag_s
        for _, fact in history.each(DeviceApplied)
        if fact.region == standby and fact.thing in fleet
    }
    # A device that the standby itself onboarded has nothing to wait for.
    elsewhere = {
        fact.thing
        for _, fact in history.each(DeviceOnboarded)
        if fact.region != standby and fact.thing in fleet
    }
    total = len(elsewhere | lags.keys())
    lag_s = percentile(list(lags.values()), 99, total=total)
    return None if lag_s is None else round(lag_s, 3)


def reasons(history: History, registry: RegistryFigures) -> Iterator[str]:
    """Yield why the standby was not ready, one sentence each."""
    devices, standby = history.started.devices, history.started.standby
    connectable = registry.connectable_in_standby
    if registry.onboarded < devices:
        yield f"{registry.onboarded} of {devices} devices were onboarded"
    if connectable is None:
        yield f"whether devices can connect in {standby} was not measured"
    elif connectable < registry.onboarded:
        yield (
            f"{connectable} of {registry.onboarded} devices could connect in"
            f" {standby} before they needed to"
        )
