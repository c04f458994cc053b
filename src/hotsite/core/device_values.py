"""What goes into a device's state machine and what comes out of it.

Values only; what they mean is decided in ``core/device.py``.
"""

import re
from dataclasses import dataclass, field
from typing import TypeAlias

from hotsite.core.backoff import BackoffPolicy
from hotsite.core.error_budget import BudgetPolicy
from hotsite.core.mqtt_packets import (
    Connack,
    Connect,
    Disconnect,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Version,
)
from hotsite.core.names import is_aws_name
from hotsite.core.outbox import Acknowledgement, Key, Message
from hotsite.errors import InvalidInputError

# RFC 1123 section 2.1; a last label of letters, because an address has no SNI
# and AWS IoT Core chooses the custom domain by SNI.
_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
# AWS IoT Core takes keep-alive times of 30 to 1200 s and treats others as the
# nearer end (quota "Connection inactivity (keep-alive interval)").
_KEEP_ALIVE_S_MAX = 1200.0
# AWS IoT Core: 100 unacknowledged QoS 1 messages a client ("Maximum inbound
# unacknowledged QoS 1 publish requests") and 100 publishes a second a connection.
_AWS_PER_CONNECTION_MAX = 100
# Time between two messages of a device that was told nothing else, in seconds.
PUBLISH_INTERVAL_S = 10.0
_PORT_MAX = 65_535


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a device is and where it looks for its broker.

    Attributes:
        thing: The thing's name, which is also the MQTT client id.
        endpoints: Names under the owner's domain, tried in this order.
        command_topics: Topic filters to subscribe to after each connect.
        ports: The brokers' TCP ports; all names are tried on one before the next.
    """

    thing: str
    endpoints: tuple[str, ...]
    command_topics: tuple[str, ...] = ()
    ports: tuple[int, ...] = (8883,)

    def __post_init__(self) -> None:
        """Refuse endpoints that would tie the device to one Region.

        Raises:
            InvalidInputError: An endpoint is no host name, or is one of AWS.
        """
        if not self.thing or not self.endpoints:
            raise InvalidInputError("a device needs a thing name and an endpoint")
        if not self.ports or not all(0 < port <= _PORT_MAX for port in self.ports):
            raise InvalidInputError(f"ports must name one or more of 1 to {_PORT_MAX}")
        for name in self.endpoints:
            check_endpoint(name)


def check_endpoint(name: str) -> None:
    """Refuse an endpoint that a device must not hold.

    Args:
        name: The host name of a broker or an API.

    Raises:
        InvalidInputError: It is no host name, or it belongs to AWS: a device
            that holds the endpoint of a Region dies with that Region.
    """
    if is_aws_name(name):
        raise InvalidInputError(
            f"endpoint {name!r} belongs to AWS; use a name of your own domain, "
            "which can move to another Region"
        )
    if not _NAME.fullmatch(name):
        raise InvalidInputError(
            f"endpoint {name!r} is not a lower-case host name such as iot.example.com"
        )


@dataclass(frozen=True, slots=True)
class DevicePolicy:
    """The limits of one device.

    Attributes:
        attempt_s_max: Longest attempt, from asking DNS to the CONNACK, seconds.
        ack_s_max: Longest time without any PUBACK while some are due, seconds.
        keep_alive_s: Longest silence towards the broker, 1 to 1200 seconds.
        ping_s_max: Longest wait for a PINGRESP, in seconds.
        in_flight_max: QoS 1 messages without PUBACK at once, 1 to 100.
        replay_in_flight_max: How many of them may be batches: a backlog, or what
            is replayed. Small, so that a broker that just took over a fleet
            serves live messages soon.
        publishes_per_s_max: Most publishes in any second, 1 to 100.
        refusal_wait_s: Pause after the broker refused a message, in seconds.
        resume_s_max: Longest wait for a site's answer to what it holds, in
            seconds; then all is replayed. 0 asks no site.
        backoff: How attempts are spaced.
        budget: How many bad publishes a connection may have.
        version: What is spoken.
    """

    attempt_s_max: float = 4.0
    ack_s_max: float = 5.0
    keep_alive_s: float = 30.0
    ping_s_max: float = 5.0
    in_flight_max: int = 20
    replay_in_flight_max: int = 2
    publishes_per_s_max: int = 50
    refusal_wait_s: float = 1.0
    resume_s_max: float = 5.0
    backoff: BackoffPolicy = field(default_factory=BackoffPolicy)
    budget: BudgetPolicy = field(default_factory=BudgetPolicy)
    version: Version = Version.V5

    def __post_init__(self) -> None:
        """Refuse limits that AWS would not serve or that could never work.

        Raises:
            InvalidInputError: A value is outside its range.
        """
        rules = (
            (min(self.attempt_s_max, self.ack_s_max) > 0, "attempt_s_max, ack_s_max"),
            (min(self.ping_s_max, self.refusal_wait_s) > 0, "ping_s_max, refusal_wait"),
            (self.resume_s_max >= 0, "resume_s_max"),
            (1 <= self.keep_alive_s <= _KEEP_ALIVE_S_MAX, "keep_alive_s"),
            (1 <= self.in_flight_max <= _AWS_PER_CONNECTION_MAX, "in_flight_max"),
            (
                1 <= self.replay_in_flight_max <= self.in_flight_max,
                "replay_in_flight_max",
            ),
            (
                1 <= self.publishes_per_s_max <= _AWS_PER_CONNECTION_MAX,
                "publishes_per_s_max",
            ),
        )
        for is_fine, what in rules:
            if not is_fine:
                raise InvalidInputError(f"device policy: {what} is out of range")


# For devices that cannot be away for long: a dead Region is noticed in 4 s.
CRITICAL = DevicePolicy(ack_s_max=2.0, keep_alive_s=2.0, ping_s_max=2.0)


@dataclass(frozen=True, slots=True)
class Start:
    """Input: connect, and stay connected."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Input: say goodbye and go offline."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Input: time passed; harmless at any time."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """Input: the answer of DNS.

    Attributes:
        address: Where to dial.
        site: The final name of the CNAME chain, or the address without one:
            two answers with the same site lead to the same Region.
        ttl_s: How long the answer may be kept, in seconds; 0 if unknown.
    """

    address: str
    site: str
    ttl_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ResolveFailed:
    """Input: DNS gave no address."""

    reason: str


@dataclass(frozen=True, slots=True)
class Dialled:
    """Input: the TLS connection stands."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Input: there is no connection (any more)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Queued:
    """Input: a message, for which the outbox reserved a place, is durable."""

    message: Message


Input: TypeAlias = (
    Start
    | Stop
    | Tick
    | Resolved
    | ResolveFailed
    | Dialled
    | Lost
    | Queued
    | Connack
    | Puback
    | Suback
    | Pingresp
    | Publish
    | Disconnect
)


@dataclass(frozen=True, slots=True)
class Resolve:
    """Output: ask DNS for a name now."""

    name: str


@dataclass(frozen=True, slots=True)
class Dial:
    """Output: open a TLS connection and expect the name's certificate."""

    address: str
    server_name: str
    port: int = 8883


@dataclass(frozen=True, slots=True)
class Send:
    """Output: send a packet."""

    packet: Connect | Publish | Puback | Subscribe | Pingreq | Disconnect


@dataclass(frozen=True, slots=True)
class Close:
    """Output: forget the running query, dial or connection.

    Attributes:
        is_polite: Whether what was sent may still leave first.
    """

    is_polite: bool = False


@dataclass(frozen=True, slots=True)
class Joined:
    """Output: the device is connected to a site."""

    site: str
    address: str
    replay_count: int


@dataclass(frozen=True, slots=True)
class Standby:
    """Output: the idle connection is ready at a site, or gone ("")."""

    site: str
    reason: str


@dataclass(frozen=True, slots=True)
class Left:
    """Output: the device is not connected any more."""

    site: str
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Output: an attempt to connect ended without a connection."""

    reason: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Output: a site's broker took a message."""

    key: Key
    acknowledgement: Acknowledgement


@dataclass(frozen=True, slots=True)
class Resumed:
    """Output: what another site acknowledged was compared with this site.

    Attributes:
        site: Where the device is connected.
        vouched: What this site holds already: it counts as acknowledged.
        acknowledgement: By whom, and when.
        missing_count: How many messages are sent again.
        reason: How the question ended.
    """

    site: str
    vouched: tuple[Key, ...]
    acknowledgement: Acknowledgement
    missing_count: int
    reason: str


@dataclass(frozen=True, slots=True)
class Moved:
    """Output: the device left for another site, because it was told to."""

    name: str
    site: str


@dataclass(frozen=True, slots=True)
class Stayed:
    """Output: an order to move was not followed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """Output: messages left the outbox after their retention."""

    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Output: the broker refused a message, or a subscription (None)."""

    key: Key | None
    reason_code: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """Output: a message for the device arrived."""

    publish: Publish


Output: TypeAlias = (
    Resolve
    | Dial
    | Send
    | Close
    | Joined
    | Standby
    | Left
    | Failed
    | Acknowledged
    | Resumed
    | Moved
    | Stayed
    | Dropped
    | Refused
    | Delivered
)
