"""The fields that MQTT packets are made of: numbers, texts, properties.

Writers are functions, the one reader is a class; both know nothing of whole
packets, which are the business of ``core/mqtt.py``.
"""

from hotsite.core.mqtt_packets import (
    PROPERTY_KINDS,
    MalformedPacketError,
    Properties,
    Property,
    PropertyKind,
    Version,
)

# v5 1.5.5: a Variable Byte Integer has at most four bytes.
_VARINT_MAX = 268_435_455
_TEXT_BYTES_MAX = 65_535


def encode_properties(properties: Properties, version: Version) -> bytes:
    """Return the property block of a packet; 3.1.1 has none."""
    if version is not Version.V5:
        return b""
    if not properties:
        return b"\0"
    body = b""
    for item in properties:
        kind = PROPERTY_KINDS[item.identifier]
        body += bytes((item.identifier,))
        match kind, item.value:
            case PropertyKind.BYTE | PropertyKind.WORD | PropertyKind.LONG, int(number):
                body += number.to_bytes(kind.value, "big")
            case PropertyKind.VARINT, int(number):
                body += varint(number)
            case PropertyKind.TEXT, str(value):
                body += text(value)
            case PropertyKind.BINARY, bytes(data):
                body += binary(data)
            case PropertyKind.PAIR, (str(name), str(value)):
                body += text(name) + text(value)
            case _:
                raise MalformedPacketError(f"property {item} has the wrong type")
    return varint(len(body)) + body


def word(number: int) -> bytes:
    """Return a Two Byte Integer (v5 1.5.2)."""
    return number.to_bytes(2, "big")


def binary(data: bytes) -> bytes:
    """Return Binary Data with its length (v5 1.5.6)."""
    if len(data) > _TEXT_BYTES_MAX:
        raise MalformedPacketError(f"{len(data)} bytes do not fit into one field")
    return word(len(data)) + data


def text(value: str) -> bytes:
    """Return a UTF-8 string with its length (v5 1.5.4)."""
    return binary(value.encode())


def varint(number: int) -> bytes:
    """Return a Variable Byte Integer (v5 1.5.5)."""
    if number > _VARINT_MAX:
        raise MalformedPacketError(f"{number} is larger than MQTT can say")
    data = bytearray()
    while True:
        number, digit = number >> 7, number & 0x7F
        data.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(data)


class Reader:
    """Read the fields of one packet's body; running out of it is malformed."""

    __slots__ = ("_body", "_position")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._position = 0

    def take(self, length: int) -> bytes:
        """Return the next bytes."""
        end = self._position + length
        if end > len(self._body):
            raise MalformedPacketError("a packet ends inside a field")
        data = self._body[self._position : end]
        self._position = end
        return data

    def is_done(self) -> bool:
        """Return whether nothing is left."""
        return self._position >= len(self._body)

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(len(self._body) - self._position)

    def number(self, length: int) -> int:
        """Return the next integer of a fixed length in bytes."""
        return int.from_bytes(self.take(length), "big")

    def varint(self) -> int:
        """Return the next Variable Byte Integer."""
        number = 0
        for index in range(4):
            byte = self.number(1)
            number |= (byte & 0x7F) << 7 * index
            if byte < 0x80:  # noqa: PLR2004 - the continuation bit, v5 1.5.5
                return number
        raise MalformedPacketError("a variable byte integer has more than four bytes")

    def binary(self) -> bytes:
        """Return the next Binary Data."""
        return self.take(self.number(2))

    def text(self) -> str:
        """Return the next UTF-8 string."""
        try:
            value = self.binary().decode()
        except UnicodeDecodeError as error:
            raise MalformedPacketError("a text is not UTF-8") from error
        if "\0" in value:
            raise MalformedPacketError("a text has a null character")
        return value

    def packet_id(self) -> int:
        """Return the next packet identifier, never 0 (v5 2.2.1)."""
        number = self.number(2)
        if not number:
            raise MalformedPacketError("a packet identifier is 0")
        return number

    def properties(self, version: Version) -> Properties:
        """Return the next property block; 3.1.1 has none."""
        if version is not Version.V5:
            return ()
        reader = Reader(self.take(self.varint()))
        properties = []
        while not reader.is_done():
            properties.append(reader._property())
        return tuple(properties)

    def _property(self) -> Property:
        identifier = self.varint()
        kind = PROPERTY_KINDS.get(identifier)
        match kind:
            case PropertyKind.BYTE | PropertyKind.WORD | PropertyKind.LONG:
                return Property(identifier, self.number(kind.value))
            case PropertyKind.VARINT:
                return Property(identifier, self.varint())
            case PropertyKind.TEXT:
                return Property(identifier, self.text())
            case PropertyKind.BINARY:
                return Property(identifier, self.binary())
            case PropertyKind.PAIR:
                return Property(identifier, (self.text(), self.text()))
        raise MalformedPacketError(f"there is no property {identifier:#x}")
