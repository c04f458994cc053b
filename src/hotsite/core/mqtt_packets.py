"""The packets of MQTT 3.1.1 and 5 as values.

The part of the protocol that devices and AWS IoT Core use: QoS 0 and 1, no
Will, no QoS 2, no UNSUBSCRIBE, no AUTH. Section numbers are those of the OASIS
standards "MQTT Version 5.0" (v5) and "MQTT Version 3.1.1" (v3);
``core/mqtt.py`` turns these values into bytes and back.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TypeAlias

from hotsite.errors import PermanentError

# v5 2.4: a reason code of 0x80 or more is a failure.
FAILURE_MIN = 0x80
SERVER_KEEP_ALIVE = 0x13
RECEIVE_MAXIMUM = 0x21


class MalformedPacketError(PermanentError):
    """The bytes are not a packet of the MQTT that hotsite speaks."""


class Version(IntEnum):
    """The protocol level of the CONNECT packet (v3 and v5 3.1.2.2)."""

    V311 = 4
    V5 = 5


class PropertyKind(Enum):
    """How a property's value is written; a number is its length in bytes."""

    BYTE = 1
    WORD = 2
    LONG = 4
    VARINT = "varint"
    TEXT = "text"
    BINARY = "binary"
    PAIR = "pair"


# v5 2.2.2.2, table 2-4.
PROPERTY_KINDS = {
    **dict.fromkeys(
        (0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A), PropertyKind.BYTE
    ),
    **dict.fromkeys((0x13, 0x21, 0x22, 0x23), PropertyKind.WORD),
    **dict.fromkeys((0x02, 0x11, 0x18, 0x27), PropertyKind.LONG),
    0x0B: PropertyKind.VARINT,
    **dict.fromkeys((0x03, 0x08, 0x12, 0x15, 0x1A, 0x1C, 0x1F), PropertyKind.TEXT),
    **dict.fromkeys((0x09, 0x16), PropertyKind.BINARY),
    0x26: PropertyKind.PAIR,
}


# v5 2.4: the CONNACK codes that ask for patience, not for another endpoint:
# server busy, quota exceeded, connection rate exceeded.
THROTTLED = frozenset({0x89, 0x97, 0x9F})


@dataclass(frozen=True, slots=True)
class Property:
    """One property of a v5 packet (v5 2.2.2.2)."""

    identifier: int
    value: int | str | bytes | tuple[str, str]


Properties: TypeAlias = tuple[Property, ...]


@dataclass(frozen=True, slots=True)
class Connect:
    """A client asks for a session (3.1)."""

    client_id: str
    keep_alive_s: int = 30
    is_clean: bool = True
    version: Version = Version.V5
    username: str | None = None
    password: bytes | None = None
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class Connack:
    """The broker's answer to a Connect (3.2); code 0 is a yes."""

    reason_code: int = 0
    is_session_present: bool = False
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class Publish:
    """A message, either way (3.3); ``packet_id`` is 0 when ``qos`` is 0."""

    topic: str
    payload: bytes
    qos: int = 0
    packet_id: int = 0
    is_duplicate: bool = False
    is_retained: bool = False
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class Puback:
    """The answer to a QoS 1 Publish (3.4); below v5 always code 0."""

    packet_id: int
    reason_code: int = 0
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class Subscription:
    """One filter of a Subscribe; ``options`` holds the QoS in bits 0 and 1."""

    topic_filter: str
    options: int = 1


@dataclass(frozen=True, slots=True)
class Subscribe:
    """A client asks for the messages of some topics (3.8)."""

    packet_id: int
    subscriptions: tuple[Subscription, ...]
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class Suback:
    """The answer to a Subscribe (3.9), one code for each filter."""

    packet_id: int
    reason_codes: tuple[int, ...]
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class Pingreq:
    """Are you there? (3.12)."""


@dataclass(frozen=True, slots=True)
class Pingresp:
    """Yes (3.13)."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The last packet of a connection (3.14); below v5 only from the client."""

    reason_code: int = 0
    properties: Properties = ()


Packet: TypeAlias = (
    Connect
    | Connack
    | Publish
    | Puback
    | Subscribe
    | Suback
    | Pingreq
    | Pingresp
    | Disconnect
)
