"""What a forecast assumes: the fleet, the fault, DNS, and the quotas.

Values only. What comes from AWS or a paper cites it; what is assumed says so, and
``docs/forecast.md`` lists those again.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from math import inf, isfinite

from hotsite.core.apis import BROKER_SELECT_REGIONS
from hotsite.core.device_values import CRITICAL, PUBLISH_INTERVAL_S, DevicePolicy
from hotsite.core.hardship import Follow
from hotsite.core.outbox import OutboxPolicy
from hotsite.errors import InvalidInputError

DEVICES_MAX = 100_000_000


class FaultKind(StrEnum):
    """How a Region is lost.

    ``BLACK_HOLE`` answers nothing and resets nothing. ``RESET`` resets every
    connection and refuses new ones. ``PLANNED`` is a move of a healthy fleet, paced.
    """

    BLACK_HOLE = "black-hole"
    RESET = "reset"
    PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How a health check finds that a Region is dead.

    Attributes:
        interval_s: From a response to the next request (``RequestInterval``).
        failure_threshold: Failures in a row that turn a checker's opinion.
        silent_s: How long a probe of a silent endpoint takes: 4 s, the longest
            TCP connect of an HTTPS check (Route 53 developer guide, "How Amazon
            Route 53 determines whether a health check is healthy").
        checkers: How many probe, each for itself. Not documented; 16 is assumed.
        publish_s_max: Longest time until the verdict is in every name server. Not
            documented; assumed to be even from 0 to this.
    """

    interval_s: float = 10.0
    failure_threshold: int = 2
    silent_s: float = 4.0
    checkers: int = 16
    publish_s_max: float = 5.0


@dataclass(frozen=True, slots=True)
class Resolvers:
    """What stands between the devices and the name servers.

    Attributes:
        ttl_s: TTL of the failover record; 0 where devices ask the authority.
        stretch_share: Share of resolvers that keep an answer longer: 8.74 % of
            8,524 (Bhowmick et al., PAM 2023, doi 10.1007/978-3-031-28486-1_23).
        stretch_s: How long those keep it. The paper's share is sourced, this is
            an assumption.
    """

    ttl_s: float = 10.0
    stretch_share: float = 0.0874
    stretch_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Quotas:
    """What the Region that takes over lets in.

    Attributes:
        connects_per_s: "Connect requests per second per account"; None for no
            limit. AWS IoT Core: 3,000, and 100 in some Regions.
        subscribes_per_s: "Subscriptions per second per account"; None for no limit.
            AWS IoT Core: 3,000, and 200 in those Regions.
        connections: "Maximum concurrent client connections per account".
    """

    connects_per_s: float | None = 3000.0
    subscribes_per_s: float | None = 3000.0
    connections: int | None = 500_000


_SMALL = Quotas(connects_per_s=100.0, subscribes_per_s=200.0, connections=100_000)


def default_quotas(region: str) -> Quotas:
    """Return what AWS IoT Core allows in a Region before anything is raised."""
    return _SMALL if region in BROKER_SELECT_REGIONS else Quotas()


@dataclass(frozen=True, slots=True)
class Device:
    """How one device behaves; the defaults are the agent's own.

    Attributes:
        follow: Which names it knows.
        publish_interval_s: Time between two of its messages.
        policy: Its limits.
        subscriptions: Topic filters that it asks for after each connect.
        reach_s: How far back it can send again what was acknowledged.
    """

    follow: Follow = Follow.DNS
    publish_interval_s: float = PUBLISH_INTERVAL_S
    policy: DevicePolicy = field(default_factory=DevicePolicy)
    subscriptions: int = 1
    reach_s: float = OutboxPolicy().retention_s


def device(follow: Follow, **others: float) -> Device:
    """Return a device with the limits that the agent has by default.

    Args:
        follow: Which names it knows; one with a second connection is stricter.
        others: ``publish_interval_s``, ``subscriptions``, ``reach_s``.
    """
    policy = CRITICAL if follow is Follow.PRE_WARMED else DevicePolicy()
    return Device(follow=follow, policy=policy, **others)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Lags:
    """How late each store of the other Region is, in seconds on average.

    Attributes:
        hot_s: The global table, in a healthy Region. DynamoDB: "usually within one
            second or less"; 1.1 s is assumed (the median of 1 s and its tail).
        sick_s: The same, where the Region was sick before it died; assumed.
        cold_s: A buffer of 60 s and the copy of the object; assumed.
    """

    hot_s: float = 1.1
    sick_s: float = 33.0
    cold_s: float = 64.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One fleet, one fault, one set of limits.

    Attributes:
        devices: How many devices lose their Region.
        fault: How.
        device: How each behaves.
        check: How DNS learns of it.
        resolvers: How the devices learn of it from DNS.
        quotas: What the surviving Region lets in.
        lags: How late its stores are.
        handshake_s: From an admitted CONNECT to stored telemetry, with DNS and TLS
            before it; assumed (0.2 to 1 s were measured for the connection alone).
        opens_s: When the surviving Region begins to serve; more than 0 for a pilot
            light that somebody has to switch on.
    """

    devices: int
    fault: FaultKind = FaultKind.BLACK_HOLE
    device: Device = field(default_factory=Device)
    check: HealthCheck = HealthCheck()
    resolvers: Resolvers = Resolvers()
    quotas: Quotas = Quotas()
    lags: Lags = Lags()
    handshake_s: float = 0.5
    opens_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a plan that cannot be played.

        Raises:
            InvalidInputError: A value is outside its range.
        """
        quotas, resolvers, check = self.quotas, self.resolvers, self.check
        limits = (quotas.connects_per_s, quotas.subscribes_per_s, quotas.connections)
        rules = (
            (1 <= self.devices <= DEVICES_MAX, f"devices must be 1 to {DEVICES_MAX:,}"),
            (
                0 < self.device.publish_interval_s < inf,
                "publish interval must be above 0 seconds, and finite",
            ),
            (
                all(limit is None or 0 < limit < inf for limit in limits),
                "quotas must be above 0, and finite",
            ),
            (0 <= resolvers.stretch_share <= 1, "stretch share must be 0 to 1"),
            (
                _is_time(resolvers.ttl_s) and _is_time(resolvers.stretch_s),
                "TTL and its stretching must be 0 to 3600 seconds",
            ),
            (
                check.interval_s > 0 and check.failure_threshold >= 1,
                "health check: interval must be above 0, threshold 1 or more",
            ),
            (
                _is_time(self.handshake_s) and _is_time(self.opens_s),
                "handshake and activation must be 0 to 3600 seconds",
            ),
            (self.device.subscriptions >= 0, "subscriptions must be 0 or more"),
        )
        for is_fine, problem in rules:
            if not is_fine:
                raise InvalidInputError(f"forecast: {problem}")

    @property
    def spread_s(self) -> float:
        """Return over how long a device that is refused for load spreads its try."""
        return self.device.policy.backoff.throttle_spread_s


_TIME_S_MAX = 3600.0


def _is_time(value_s: float) -> bool:
    return isfinite(value_s) and 0 <= value_s <= _TIME_S_MAX
