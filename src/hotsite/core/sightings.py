"""What can be seen of a device from outside: by brokers, name server and network.

Nothing here comes from the device itself: whatever firmware it runs, it is judged
by what it does. A sighting has no payload, only the keys of telemetry messages and
a digest that tells two messages with one key apart. Must not judge.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from hotsite.core import jsontext, records, telemetry
from hotsite.core.outbox import Key
from hotsite.errors import InvalidInputError

_DIGEST_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Message:
    """The key of a telemetry message, and a digest of time and data."""

    epoch: int
    seq: int
    digest: str

    @property
    def key(self) -> Key:
        """What makes it unique among the messages of its thing."""
        return Key(self.epoch, self.seq)


@dataclass(frozen=True, slots=True)
class Query:
    """The name server was asked; ``type`` is such as ``A``."""

    at_s: float
    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Dial:
    """A TCP connection to a frozen site's broker was begun."""

    at_s: float
    site: str


@dataclass(frozen=True, slots=True)
class Switched:
    """The failover name leads to another site from now on."""

    at_s: float
    site: str


@dataclass(frozen=True, slots=True)
class Hello:
    """A ClientHello arrived; the server name is empty when it had none."""

    at_s: float
    site: str
    connection: str
    server_name: str
    is_served: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """The TLS handshake is done: a certificate was shown, its key proven."""

    at_s: float
    site: str
    connection: str
    certificate_id: str


@dataclass(frozen=True, slots=True)
class Connected:
    """A CONNECT packet arrived; ``version`` is 4 for MQTT 3.1.1."""

    at_s: float
    site: str
    connection: str
    client_id: str
    version: int
    keep_alive_s: int
    is_clean: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """A CONNACK was sent."""

    at_s: float
    site: str
    connection: str
    code: int
    is_session_present: bool


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A SUBSCRIBE arrived."""

    at_s: float
    site: str
    connection: str
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """A PUBLISH arrived; ``refused`` counts what in it is no telemetry message."""

    at_s: float
    site: str
    connection: str
    topic: str
    qos: int
    messages: tuple[Message, ...] = ()
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A PUBACK was sent for a message of telemetry."""

    at_s: float
    site: str
    connection: str
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A DISCONNECT arrived."""

    at_s: float
    site: str
    connection: str
    code: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The TCP connection ended."""

    at_s: float
    site: str
    connection: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Whoever plays did something: ``started``, ``freeze``, ``kill``, ``thaw``,
    ``deactivated``, ``reactivated``, ``stopped``.
    """  # noqa: D205 - a list of names

    at_s: float
    name: str
    site: str = ""


OfConnection: TypeAlias = (
    Hello
    | Shown
    | Connected
    | Answered
    | Subscribed
    | Published
    | Acknowledged
    | Disconnected
    | Closed
)
Sighting: TypeAlias = OfConnection | Query | Dial | Switched | Mark

_KINDS: Mapping[str, type[Sighting]] = {
    kind.__name__.lower(): kind
    for kind in (
        *(Hello, Shown, Connected, Answered, Subscribed, Published),
        *(Acknowledged, Disconnected, Closed, Query, Dial, Switched, Mark),
    )
}


def write(sighting: Sighting) -> dict[str, object]:
    """Return a sighting as plain values, its kind first."""
    return {"kind": type(sighting).__name__.lower(), **records.write(sighting)}


def read(value: object, *, where: str) -> Sighting:
    """Return the sighting that a parsed JSON value stands for.

    Raises:
        InvalidInputError: It is none; the reason is one line.
    """
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{where}: not a sighting: {value!r}")
    kind = _KINDS.get(str(value.get("kind")))
    if kind is None:
        raise InvalidInputError(f"{where}: unknown kind {value.get('kind')!r}")
    given = {key: item for key, item in value.items() if key != "kind"}
    return records.read(kind, given, where=where)


def messages_in(topic: str, payload: bytes) -> tuple[tuple[Message, ...], int]:
    """Return the keys of the telemetry in a payload, and how much in it is none.

    Args:
        topic: Where it was published; only telemetry and batches are looked into.
        payload: What was published, by anybody.
    """
    _, _, last = topic.rpartition("/")
    if not topic.startswith("dt/") or last not in {"telemetry", "batch"}:
        return (), 0
    if last == "batch":
        found, rejects = telemetry.unpack(payload)
        return tuple(_message(one) for one in found), len(rejects)
    try:
        value = jsontext.parse(payload, where="telemetry")
        return (_message(telemetry.decode_message(value)),), 0
    except (InvalidInputError, RecursionError):
        return (), 1


def of_device(
    seen: Iterable[Sighting], *, thing: str, certificate_id: str
) -> Iterator[Sighting]:
    """Yield what is seen of one device, without canaries and other clients.

    A connection belongs to it by its certificate or its client id. One whose server
    name was refused showed no certificate: nobody but the device makes these.

    Args:
        seen: All sightings.
        thing: The device's thing, which is its client id.
        certificate_id: Of its certificate.
    """
    everything = tuple(seen)
    ours = set()
    for one in everything:
        match one:
            case Shown() if one.certificate_id == certificate_id:
                ours.add(one.connection)
            case Connected() if one.client_id == thing:
                ours.add(one.connection)
            case Hello() if not one.is_served:
                ours.add(one.connection)
    for one in everything:
        if isinstance(one, Query | Dial | Switched | Mark) or one.connection in ours:
            yield one


def _message(message: telemetry.Telemetry) -> Message:
    text = f"{message.published_at_s!r} {message.data}"
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]
    return Message(message.key.epoch, message.key.seq, digest)
