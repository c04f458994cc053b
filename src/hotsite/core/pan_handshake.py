"""The two requests that open a session, and their answers: protobuf, by hand.

Four small messages of Espressif's protocomm (``session.proto``, ``sec2.proto``) and
one field of our own. The wire format is that of
https://protobuf.dev/programming-guides/encoding/; docs/adr/0016-pan.md says why no
generated code is used.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from hotsite.errors import InvalidInputError

PUBLIC_BYTES = 384
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SIZES = {_FIXED64: 8, _FIXED32: 4}
_SEC_VER, _SEC2, _MSG = 2, 12, 1
_PAYLOAD = (20, 21, 22, 23)
_WAIT_S = 100
_SCHEME = 2
_VARINT_BYTES_MAX = 10

Fields: TypeAlias = dict[int, int | bytes]


class HandshakeStatus(IntEnum):
    """protocomm's ``Status``, as far as a device says it."""

    SUCCESS = 0
    BUSY = 3
    INVALID_PUBLIC = 4
    WRONG_PROOF = 6
    NOT_NOW = 7


@dataclass(frozen=True, slots=True)
class Opening:
    """Message 0: the client's name and public value."""

    username: bytes
    public: bytes


@dataclass(frozen=True, slots=True)
class Challenge:
    """Message 1: the device's public value and salt, or a refusal."""

    status: HandshakeStatus
    public: bytes = b""
    salt: bytes = b""
    wait_s: int = 0


@dataclass(frozen=True, slots=True)
class Proof:
    """Message 2: the client's proof that it knows the PoP."""

    proof: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """Message 3: the device's proof and first nonce, or a refusal."""

    status: HandshakeStatus
    proof: bytes = b""
    nonce: bytes = b""
    wait_s: int = 0


Message: TypeAlias = Opening | Challenge | Proof | Verdict


def encode(message: Message) -> bytes:
    """Return the bytes of a message."""
    fields: tuple[tuple[int, int | bytes], ...]
    match message:
        case Opening(username, public):
            kind, fields = 0, ((1, username), (2, public))
        case Challenge(status, public, salt, wait_s):
            kind, fields = 1, ((1, status), (2, public), (3, salt), (_WAIT_S, wait_s))
        case Proof(proof):
            kind, fields = 2, ((1, proof),)
        case Verdict(status, proof, nonce, wait_s):
            kind, fields = 3, ((1, status), (2, proof), (3, nonce), (_WAIT_S, wait_s))
    inner = b"".join(_field(number, value) for number, value in fields if value)
    # A message without fields is there all the same: proto3 tells by presence.
    payload = _field(_MSG, kind) if kind else b""
    payload += _field(_PAYLOAD[kind], inner)
    return _field(_SEC_VER, _SCHEME) + _field(_SEC2, payload)


def decode(value: bytes) -> Message:
    """Return the message of some bytes.

    Raises:
        InvalidInputError: They are none of the four.
    """
    outer = _fields(value)
    if outer.get(_SEC_VER) != _SCHEME:
        raise InvalidInputError("the handshake is not of security 2")
    payload = _fields(_bytes(outer, _SEC2))
    kind = _number(payload, _MSG)
    if kind >= len(_PAYLOAD):
        raise InvalidInputError(f"there is no handshake message {kind}")
    fields = _fields(_bytes(payload, _PAYLOAD[kind]))
    if kind == 0:
        return Opening(_bytes(fields, 1), _bytes(fields, 2))
    if kind == _PAYLOAD.index(22):
        return Proof(_bytes(fields, 1))
    try:
        status = HandshakeStatus(_number(fields, 1))
    except ValueError as error:
        raise InvalidInputError(f"the device says: {error}") from error
    one, two, wait_s = _bytes(fields, 2), _bytes(fields, 3), _number(fields, _WAIT_S)
    return (Challenge if kind == 1 else Verdict)(status, one, two, wait_s)


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3 | _VARINT) + _varint(value)
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _fields(data: bytes) -> Fields:
    """Return the last value of each field, as proto3 says."""
    return dict(_read(data))


def _read(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    place = 0
    while place < len(data):
        tag, place = _read_varint(data, place)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, place = _read_varint(data, place)
            yield number, value
            continue
        if kind == _BYTES:
            size, place = _read_varint(data, place)
        elif kind in _SIZES:
            size = _SIZES[kind]
        else:
            raise InvalidInputError(f"wire type {kind} is not used")
        if number == 0 or place + size > len(data):
            raise InvalidInputError("a field is longer than its message")
        if kind == _BYTES:
            yield number, data[place : place + size]
        place += size


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(data[place : place + _VARINT_BYTES_MAX]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:  # noqa: PLR2004 - the high bit says that more follow
            return value, place + index + 1
    raise InvalidInputError("a number has no end")


def _bytes(fields: Fields, number: int) -> bytes:
    value = fields.get(number, b"")
    if not isinstance(value, bytes):
        raise InvalidInputError(f"field {number} is a number")
    return value


def _number(fields: Fields, number: int) -> int:
    value = fields.get(number, 0)
    if not isinstance(value, int):
        raise InvalidInputError(f"field {number} is no number")
    return value
