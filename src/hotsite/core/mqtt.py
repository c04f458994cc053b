"""Turn MQTT 3.1.1 and 5 packets into bytes and back, without any I/O.

The same codec serves one agent, thousands of simulated devices in a process
and the brokers of the tests. What a peer sends is never trusted: anything that
is not a packet of ``core/mqtt_packets.py`` raises ``MalformedPacketError``.
"""

from collections.abc import Callable

from hotsite.core.mqtt_fields import (
    Reader,
    binary,
    encode_properties,
    text,
    varint,
    word,
)
from hotsite.core.mqtt_packets import (
    Connack,
    Connect,
    Disconnect,
    MalformedPacketError,
    Packet,
    Pingreq,
    Pingresp,
    Properties,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Subscription,
    Version,
)

# AWS IoT Core takes 128 KB in a message (quota "Message size"); headers on top.
SIZE_MAX = 160 * 1024
_PUBLISH = 3
_SUBSCRIBE = 8


class Parser:
    """Turn a stream of bytes, cut anywhere, into packets.

    Attributes:
        version: What the peer speaks; a CONNECT that arrives sets it.
    """

    __slots__ = ("_rest", "_size_max", "version")

    def __init__(
        self, *, version: Version = Version.V5, size_max: int = SIZE_MAX
    ) -> None:
        self.version = version
        self._size_max = size_max
        self._rest = b""

    def feed(self, data: bytes) -> list[Packet]:
        """Take what arrived and return every packet that is now complete.

        Args:
            data: The next bytes of the stream, of any length.

        Returns:
            The packets, in order.

        Raises:
            MalformedPacketError: The stream is not MQTT, or a packet is larger
                than ``size_max``. The connection cannot be used any more.
        """
        if self._rest:
            data = self._rest + data
        packets: list[Packet] = []
        start = 0
        while (head := _header(data, start)) is not None:
            body_start, length = head
            if length > self._size_max:
                raise MalformedPacketError(f"a packet of {length} bytes is too large")
            if len(data) < body_start + length:
                break
            body = data[body_start : body_start + length]
            packet = _decode(data[start], body, self.version)
            if isinstance(packet, Connect):
                self.version = packet.version
            packets.append(packet)
            start = body_start + length
        self._rest = data[start:]
        return packets


def encode(packet: Packet, version: Version = Version.V5) -> bytes:
    """Return the bytes of a packet.

    Args:
        packet: What to send.
        version: What the connection speaks; a Connect brings its own.

    Returns:
        The packet as it goes on the wire.

    Raises:
        MalformedPacketError: A text or the whole is longer than MQTT can say.
    """
    first, body = _encode_body(packet, version)
    return bytes((first,)) + varint(len(body)) + body


def _encode_body(packet: Packet, version: Version) -> tuple[int, bytes]:
    """Return the first byte and everything after the remaining length."""
    match packet:
        case Publish():
            return _encode_publish(packet, version)
        case Puback():
            end = _encode_end(packet.reason_code, packet.properties, version)
            return 0x40, word(packet.packet_id) + end
        case Pingreq():
            return 0xC0, b""
        case Pingresp():
            return 0xD0, b""
        case Disconnect(code, properties):
            return 0xE0, _encode_end(code, properties, version)
        case _:
            return _encode_handshake(packet, version)


def _encode_handshake(
    packet: Connect | Connack | Subscribe | Suback, version: Version
) -> tuple[int, bytes]:
    if isinstance(packet, Connect):
        return 0x10, _encode_connect(packet)
    end = encode_properties(packet.properties, version)
    if isinstance(packet, Connack):
        return 0x20, bytes((packet.is_session_present, packet.reason_code)) + end
    head = word(packet.packet_id) + end
    if isinstance(packet, Suback):
        return 0x90, head + bytes(packet.reason_codes)
    asked = (text(i.topic_filter) + bytes((i.options,)) for i in packet.subscriptions)
    return 0x82, head + b"".join(asked)


def _encode_publish(packet: Publish, version: Version) -> tuple[int, bytes]:
    flags = packet.is_duplicate << 3 | packet.qos << 1 | packet.is_retained
    head = text(packet.topic)
    if packet.qos:
        head += word(packet.packet_id)
    return (
        0x30 | flags,
        head + encode_properties(packet.properties, version) + packet.payload,
    )


def _encode_connect(packet: Connect) -> bytes:
    flags = packet.is_clean << 1
    flags |= (packet.username is not None) << 7 | (packet.password is not None) << 6
    body = b"\x00\x04MQTT" + bytes((packet.version, flags))
    body += word(packet.keep_alive_s)
    body += encode_properties(packet.properties, packet.version)
    body += text(packet.client_id)
    if packet.username is not None:
        body += text(packet.username)
    if packet.password is not None:
        body += binary(packet.password)
    return body


def _encode_end(code: int, properties: Properties, version: Version) -> bytes:
    # v5 3.4.2.1 and 3.14.2.1: the code is left out when it is 0 and alone.
    if version is not Version.V5 or (code == 0 and not properties):
        return b""
    if not properties:
        return bytes((code,))
    return bytes((code,)) + encode_properties(properties, version)


def _header(data: bytes, start: int) -> tuple[int, int] | None:
    """Return where a packet's body starts and how long it is, or None yet."""
    length = 0
    for index in range(4):
        position = start + 1 + index
        if position >= len(data):
            return None
        length |= (data[position] & 0x7F) << 7 * index
        if data[position] < 0x80:  # noqa: PLR2004 - the continuation bit, v5 1.5.5
            return position + 1, length
    raise MalformedPacketError("a remaining length has more than four bytes")


def _decode(first: int, body: bytes, version: Version) -> Packet:
    """Return the packet with this first byte and body."""
    kind, flags = first >> 4, first & 0x0F
    reader = Reader(body)
    if kind == _PUBLISH:
        return _decode_publish(flags, reader, version)
    # v5 2.1.3: the flags of every other packet have one allowed value.
    if flags != (2 if kind == _SUBSCRIBE else 0):
        raise MalformedPacketError(f"packet type {kind} with flags {flags:#x}")
    decode = _DECODERS.get(kind)
    if decode is None:
        raise MalformedPacketError(f"packet type {kind} is outside what hotsite speaks")
    packet = decode(reader, version)
    if not reader.is_done():
        raise MalformedPacketError(f"packet type {kind} has bytes after its end")
    return packet


def _decode_publish(flags: int, reader: Reader, version: Version) -> Publish:
    qos = flags >> 1 & 3
    if qos > 1:
        raise MalformedPacketError(f"QoS {qos} is outside what hotsite speaks")
    topic = reader.text()
    # v3 and v5 3.3.2.1: no wildcards; v5 topic aliases are never offered here.
    if not topic or "+" in topic or "#" in topic:
        raise MalformedPacketError("a message has an empty topic or a wildcard in it")
    packet_id = reader.packet_id() if qos else 0
    properties = reader.properties(version)
    return Publish(
        topic,
        reader.rest(),
        qos=qos,
        packet_id=packet_id,
        is_duplicate=bool(flags & 8),
        is_retained=bool(flags & 1),
        properties=properties,
    )


def _decode_connect(reader: Reader, version: Version) -> Connect:
    if reader.binary() != b"MQTT":
        raise MalformedPacketError("a CONNECT does not say MQTT")
    level, flags = reader.number(1), reader.number(1)
    if level not in set(Version):
        raise MalformedPacketError(f"protocol level {level} is neither 3.1.1 nor 5")
    if flags & 0b0011_1101:
        raise MalformedPacketError("a CONNECT with a Will is outside what we speak")
    version = Version(level)
    keep_alive_s = reader.number(2)
    properties = reader.properties(version)
    client_id = reader.text()
    return Connect(
        client_id,
        keep_alive_s=keep_alive_s,
        is_clean=bool(flags & 0b10),
        version=version,
        username=reader.text() if flags & 0x80 else None,
        password=reader.binary() if flags & 0x40 else None,
        properties=properties,
    )


def _decode_connack(reader: Reader, version: Version) -> Connack:
    flags, code = reader.number(1), reader.number(1)
    if flags > 1:
        raise MalformedPacketError(f"a CONNACK with flags {flags:#x}")
    return Connack(code, bool(flags), reader.properties(version))


def _decode_puback(reader: Reader, version: Version) -> Puback:
    return Puback(reader.packet_id(), *_decode_end(reader, version))


def _decode_disconnect(reader: Reader, version: Version) -> Disconnect:
    return Disconnect(*_decode_end(reader, version))


def _decode_end(reader: Reader, version: Version) -> tuple[int, Properties]:
    if version is not Version.V5 or reader.is_done():
        return 0, ()
    code = reader.number(1)
    return code, () if reader.is_done() else reader.properties(version)


def _decode_subscribe(reader: Reader, version: Version) -> Subscribe:
    packet_id, properties = reader.packet_id(), reader.properties(version)
    subscriptions = []
    while not reader.is_done():
        topic_filter, options = reader.text(), reader.number(1)
        if not topic_filter:
            raise MalformedPacketError("a subscription has an empty topic filter")
        subscriptions.append(Subscription(topic_filter, options))
    if not subscriptions:
        raise MalformedPacketError("a SUBSCRIBE asks for nothing")
    return Subscribe(packet_id, tuple(subscriptions), properties)


def _decode_suback(reader: Reader, version: Version) -> Suback:
    packet_id, properties = reader.packet_id(), reader.properties(version)
    return Suback(packet_id, tuple(reader.rest()), properties)


_DECODERS: dict[int, Callable[[Reader, Version], Packet]] = {
    1: _decode_connect,
    2: _decode_connack,
    4: _decode_puback,
    _SUBSCRIBE: _decode_subscribe,
    9: _decode_suback,
    12: lambda _reader, _version: Pingreq(),
    13: lambda _reader, _version: Pingresp(),
    14: _decode_disconnect,
}
