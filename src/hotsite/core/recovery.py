"""How long the fleet was away, and what that time was made of.

Must not read anything but events; ``verdict`` judges with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hotsite.core.course_verdict import silences
from hotsite.core.history import History, is_witness, percentile
from hotsite.core.journal import (
    DeviceConnected,
    DeviceRecovered,
    DnsAnswered,
    SiteHealth,
)


@dataclass(frozen=True, slots=True)
class Rto:
    """Seconds from the fault until a device's telemetry was stored again.

    Attributes:
        first_s: The first device.
        p50_s: Half of the fleet.
        p90_s: 90 % of the fleet.
        p99_s: 99 % of the fleet; the objective is about this one.
        max_s: The last device; None unless all recovered.
        recovered: Devices that recovered, or None if there was no fault.
    """

    first_s: float | None = None
    p50_s: float | None = None
    p90_s: float | None = None
    p99_s: float | None = None
    max_s: float | None = None
    recovered: int | None = None


@dataclass(frozen=True, slots=True)
class Phases:
    """What the recovery was made of, in seconds since the fault.

    Attributes:
        fault_at_s: 0 by definition: the zero of the others.
        detected_s: The health checkers gave the site up.
        dns_switched_s: ``iot.<domain>`` first answered the surviving site.
        reconnected_p50_s: Half of the fleet had a session there.
        first_telemetry_s: The first message was stored there.
    """

    fault_at_s: float | None = None
    detected_s: float | None = None
    dns_switched_s: float | None = None
    reconnected_p50_s: float | None = None
    first_telemetry_s: float | None = None


def recoveries(history: History) -> dict[str, float]:
    """Return how long each device of the fleet was away, in seconds.

    Args:
        history: The drill.

    Returns:
        Seconds from the fault to the first telemetry published after it being
        stored in the surviving site; only devices that recovered are in it. In a
        course, the longest silence, 0 for who had none.
    """
    first: dict[str, float] = {}
    if history.started.course is not None:
        silent = {**dict.fromkeys(history.fleet, 0.0), **silences(history)}
        return {name: took_s for name, took_s in silent.items() if took_s is not None}
    if history.fault_world_s is None:
        return first
    fleet = history.fleet
    for _, fact in history.each(DeviceRecovered):
        if fact.thing in fleet:
            took_s = round(fact.stored_world_s - history.fault_world_s, 3)
            first[fact.thing] = min(took_s, first.get(fact.thing, took_s))
    return first


def measure_rto(history: History) -> Rto:
    """Return how long the fleet was away."""
    if history.fault is None and history.started.course is None:
        return Rto()
    times = list(recoveries(history).values())
    total = history.started.devices
    return Rto(
        first_s=min(times, default=None),
        p50_s=percentile(times, 50, total=total),
        p90_s=percentile(times, 90, total=total),
        p99_s=percentile(times, 99, total=total),
        max_s=percentile(times, 100, total=total),
        recovered=len(times),
    )


def measure_phases(history: History, rto: Rto) -> Phases:
    """Return what the recovery was made of."""
    if history.fault is None:
        return Phases()
    lost, survivor, fleet = history.fault.region, history.survivor, history.fleet
    detected = (
        since_s
        for since_s, fact in history.after_fault(SiteHealth)
        if fact.region == lost and not fact.is_healthy
    )
    switched = (
        since_s
        for since_s, fact in history.after_fault(DnsAnswered)
        if is_witness(fact) and fact.region == survivor
    )
    sessions: dict[str, float] = {}
    for since_s, fact in history.after_fault(DeviceConnected):
        if fact.region == survivor and fact.thing in fleet:
            sessions.setdefault(fact.thing, since_s)
    half_s = percentile(list(sessions.values()), 50, total=history.started.devices)
    return Phases(
        fault_at_s=0.0,
        detected_s=_rounded(next(detected, None)),
        dns_switched_s=_rounded(next(switched, None)),
        reconnected_p50_s=_rounded(half_s),
        first_telemetry_s=rto.first_s,
    )


def rto_reasons(history: History, rto: Rto, phases: Phases) -> Iterator[str]:
    """Yield why the fleet was away for too long, one sentence each."""
    if rto.recovered is None:
        yield "no fault was injected, so RTO was not measured"
        return
    devices, survivor = history.started.devices, history.survivor
    limit_s = history.started.objectives.rto_s
    if rto.recovered < devices:
        yield f"{devices - rto.recovered} of {devices} devices never recovered"
    if rto.p99_s is None:
        yield (
            "RTO p99 is unknown, because it falls on a device that never"
            f" recovered; the objective is {limit_s:g} s"
        )
    elif rto.p99_s > limit_s:
        yield f"RTO p99 was {rto.p99_s:.1f} s; the objective is {limit_s:g} s"
    if phases.dns_switched_s is None and history.started.course is None:
        yield f"DNS never switched the fleet's name to {survivor}"


def _rounded(value_s: float | None) -> float | None:
    return None if value_s is None else round(value_s, 3)
