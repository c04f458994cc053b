"""What a forecast says: values only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Seconds since the fault, over the fleet; None for a device that never comes."""

    p50_s: float | None
    p90_s: float | None
    p99_s: float | None
    p100_s: float | None


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the recovery time, for half of the fleet and for its last percent."""

    name: str
    p50_s: float
    p99_s: float


@dataclass(frozen=True, slots=True)
class Wall:
    """What a quota costs, whatever else is tuned.

    Attributes:
        quota: Its name in AWS's list.
        limit: What it is.
        floor_s: Nobody can be sooner than the fleet divided by it; None for a quota
            that is no rate.
        needed: To what it has to be raised for the objective; None if no value of it
            is enough, or it is high enough.
        is_enough: Whether it is high enough.
    """

    quota: str
    limit: float
    floor_s: float | None
    needed: int | None
    is_enough: bool


@dataclass(frozen=True, slots=True)
class Loss:
    """What the Region takes with it, on average.

    Attributes:
        path: Of which store.
        lag_s: How late that is.
        messages: Acknowledged messages that are lost to who trusts the PUBACK.
        kept_messages: Those that are lost although devices keep theirs.
    """

    path: str
    lag_s: float
    messages: int
    kept_messages: int


@dataclass(frozen=True, slots=True)
class Series:
    """The fleet over time; all lists are equally long.

    Attributes:
        step_s: Time between two values.
        recovered: Devices whose telemetry of after the fault is stored.
        connected: Devices that the surviving Region has let in.
        offered_per_s: CONNECTs a second that it was offered.
        admitted_per_s: Those that it took.
    """

    step_s: float
    recovered: tuple[float, ...]
    connected: tuple[float, ...]
    offered_per_s: tuple[float, ...]
    admitted_per_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the plan leads to, in a failover with a median health check.

    Attributes:
        rto: Until telemetry of after the fault is stored in the surviving Region.
        connected: Until the CONNECT is accepted.
        p99_s_range: The 99th percentile in better and in worse failovers: nine of ten
            lie between.
        obeyed_p99_s: The 99th percentile of those whose resolver obeys the TTL; None
            where none stretches it, or nobody waits for DNS.
        commands_s: When 99 % can hear commands again: the SUBSCRIBE quota's time.
        parts: What the recovery time is made of.
        walls: The quotas.
        losses: RPO of each store.
        connects_per_device: CONNECTs that a device needs, on average.
        offered_per_s_max: The peak of the storm.
        move_s: How long a planned move of the whole fleet takes; None for an outage.
        series: The fleet over time.
    """

    rto: Percentiles
    connected: Percentiles
    p99_s_range: tuple[float | None, float | None]
    obeyed_p99_s: float | None
    commands_s: float | None
    parts: tuple[Part, ...]
    walls: tuple[Wall, ...]
    losses: tuple[Loss, ...]
    connects_per_device: float
    offered_per_s_max: float
    move_s: float | None
    series: Series
