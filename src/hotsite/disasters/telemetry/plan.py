"""What the fleet and the Regions of a seed are, before anything happens to them."""

import random
from dataclasses import dataclass

from hotsite.core.backoff import BackoffPolicy
from hotsite.core.device_values import DevicePolicy, Identity
from hotsite.core.outbox import OutboxPolicy, Overflow
from hotsite.core.telemetry import command_filter
from hotsite.sim.fleet.device import DevicePlan
from hotsite.sim.fleet.names import MOVING, OWN, NamesPlan

_FLEET = (3, 10)
_INTERVAL_S = (4.0, 30.0)
LAGS_S = (0.0, 5.0, 60.0, 300.0)
# What a message may be late by beside replication: the error archive's redrive,
# and the time that a Region is frozen and comes back.
LATE_S = 150.0
# From the death of a Region until each device has noticed and is elsewhere: error
# budget, health checks, cached names, back-off, a quota, and a line that is cut.
NOTICE_S = 120.0
# With these a site can always read all that it is asked about here.
PAGES_ENOUGH = 64
_CLOCK_SHARE = 0.7
_ENDPOINTS = (
    (MOVING,),
    (MOVING, OWN["a"], OWN["b"]),
    (OWN["a"], OWN["b"]),
)
_COMMITS_S = ((0.001, 0.01), (0.01, 0.05), (0.05, 0.4))


@dataclass(frozen=True, slots=True)
class Plan:
    """The world of a seed.

    Attributes:
        devices: The fleet.
        names: How names move.
        lag_s: Of replication while a Region is sick, at most, in seconds.
        connects_per_s: How many CONNECTs each Region's broker admits.
        burst: How many at once.
        pages_max: Most pages that one question may cost a site.
    """

    devices: tuple[DevicePlan, ...]
    names: NamesPlan
    lag_s: float
    connects_per_s: float
    burst: float
    pages_max: int


def plan(seed: int) -> Plan:
    """Return the world of a seed."""
    chance = random.Random(f"fleet {seed}")  # noqa: S311 - a simulation, no secret
    count = chance.randint(*_FLEET)
    lag_s = chance.choice(LAGS_S)
    is_short = chance.random() < 0.5  # noqa: PLR2004 - every other fleet
    rate = chance.uniform(0.2, 1.0) if is_short else 100.0
    burst = float(chance.randint(1, 3)) if is_short else 100.0
    policy = DevicePolicy(
        keep_alive_s=chance.choice((10.0, 30.0)),
        in_flight_max=chance.choice((1, 5, 20)),
        replay_in_flight_max=1,
        publishes_per_s_max=chance.choice((10, 50)),
        resume_s_max=chance.choice((5.0, 5.0, 5.0, 0.0)),
        backoff=BackoffPolicy(throttle_spread_s=count / rate),
    )
    keeping = OutboxPolicy(
        retention_s=lag_s + LATE_S + NOTICE_S,
        message_count_max=chance.choice((10_000, 10_000, chance.randint(5, 60))),
        overflow=chance.choice(tuple(Overflow)),
    )
    endpoints = chance.choice(_ENDPOINTS)
    devices = tuple(
        DevicePlan(
            Identity(thing, endpoints, (command_filter(thing),)),
            policy,
            keeping,
            chance.uniform(*_INTERVAL_S),
            chance.choice(_COMMITS_S),
            has_clock=chance.random() < _CLOCK_SHARE,
        )
        for thing in (f"d{number}" for number in range(count))
    )
    ttl_s = chance.choice((0.0, 10.0, 60.0))
    pages_max = chance.choice((PAGES_ENOUGH, PAGES_ENOUGH, 2))
    return Plan(devices, NamesPlan(ttl_s=ttl_s), lag_s, rate, burst, pages_max)
