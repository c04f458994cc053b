"""What stands inside a PAN session's frames, before and after encryption.

A request is its endpoint's number, an op and a body; an answer the number plus
0x80, a status and a body. Documents are JSON objects.
"""

import hashlib
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from hotsite.core.pan import (
    BODY_BYTES_MAX,
    HEADER_BYTES,
    Endpoint,
    RefusalError,
    Status,
)
from hotsite.errors import InvalidInputError

ANSWER = 0x80
DIGEST_BYTES = 32
NAME_BYTES_MAX = 128
OFFSET_BYTES = 4
PUT_BYTES_MAX = BODY_BYTES_MAX - OFFSET_BYTES
_BEGIN_BYTES = OFFSET_BYTES + DIGEST_BYTES

Document = Mapping[str, Any]


class Op(IntEnum):
    """What a request wants."""

    CALL = 0
    BEGIN = 1
    PUT = 2
    COMMIT = 3
    READ = 4


@dataclass(frozen=True, slots=True)
class Whole:
    """What is known of a long value before it is there.

    Attributes:
        length: In bytes.
        digest: SHA-256.
        name: Of a file; "" for a document.
    """

    length: int
    digest: bytes
    name: str = ""

    @classmethod
    def of(cls, data: bytes, name: str = "") -> "Whole":
        """Return what is said of a value."""
        return cls(len(data), hashlib.sha256(data).digest(), name)

    def encode(self) -> bytes:
        """Return the body of BEGIN, or, without the name, of a long answer."""
        return struct.pack(">I", self.length) + self.digest + self.name.encode("ascii")

    @classmethod
    def decode(cls, body: bytes) -> "Whole":
        """Return what a body says.

        Raises:
            RefusalError: It has another length, or a name that is none.
        """
        name = body[_BEGIN_BYTES:]
        if len(body) < _BEGIN_BYTES or len(name) > NAME_BYTES_MAX:
            raise RefusalError(Status.MALFORMED, "BEGIN has another length")
        if not all(0x20 < byte < 0x7F for byte in name):  # noqa: PLR2004 - ASCII
            raise RefusalError(Status.MALFORMED, "a name is printable ASCII")
        length = offset_of(body)
        return cls(length, body[OFFSET_BYTES:_BEGIN_BYTES], name.decode("ascii"))


def offset_of(body: bytes) -> int:
    """Return the number that a body begins with.

    Raises:
        RefusalError: It is shorter.
    """
    if len(body) < OFFSET_BYTES:
        raise RefusalError(Status.MALFORMED, "an offset has four bytes")
    number: int = struct.unpack_from(">I", body)[0]
    return number


def offset_body(offset: int, data: bytes = b"") -> bytes:
    """Return a body that begins with a number."""
    return struct.pack(">I", offset) + data


def encode_request(endpoint: Endpoint, op: Op, body: bytes = b"") -> bytes:
    """Return the plaintext of a request."""
    return bytes((endpoint.number, op)) + body


def decode_request(endpoint: Endpoint, plain: bytes) -> tuple[Op, bytes]:
    """Return op and body of a request's plaintext.

    Raises:
        RefusalError: It was meant for another endpoint, or is no request.
    """
    if len(plain) < HEADER_BYTES or plain[0] != endpoint.number:
        raise RefusalError(Status.MALFORMED, f"this is no request of {endpoint.word}")
    try:
        op = Op(plain[1])
    except ValueError as error:
        raise RefusalError(Status.MALFORMED, f"there is no op {plain[1]}") from error
    return op, plain[HEADER_BYTES:]


def encode_answer(endpoint: Endpoint, status: Status, body: bytes = b"") -> bytes:
    """Return the plaintext of an answer."""
    return bytes((endpoint.number | ANSWER, status)) + body


def encode_refusal(endpoint: Endpoint, refusal: RefusalError) -> bytes:
    """Return the plaintext of a refusal; its detail is cut to what fits."""
    detail = str(refusal)
    while True:
        body = dump({"detail": detail, **refusal.facts})
        if len(body) <= BODY_BYTES_MAX:
            return encode_answer(endpoint, refusal.status, body)
        detail = detail[: len(detail) // 2]


def decode_answer(endpoint: Endpoint, plain: bytes) -> tuple[Status, bytes]:
    """Return status and body of an answer that is no refusal.

    Raises:
        RefusalError: The device refused.
        InvalidInputError: It is no answer of this endpoint.
    """
    if len(plain) < HEADER_BYTES or plain[0] != endpoint.number | ANSWER:
        raise InvalidInputError(f"the device's answer is none of {endpoint.word}")
    try:
        status = Status(plain[1])
    except ValueError as error:
        raise InvalidInputError(f"the device says: {error}") from error
    body = plain[HEADER_BYTES:]
    if status in {Status.DONE, Status.LONG}:
        return status, body
    said = load(body)
    facts = {key: value for key, value in said.items() if isinstance(value, int | str)}
    raise RefusalError(status, str(facts.pop("detail", status.name)), **facts)


def dump(document: Document) -> bytes:
    """Return the bytes of a document."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def load(data: bytes) -> Document:
    """Return the document of some bytes.

    Raises:
        InvalidInputError: They are no JSON object.
    """
    try:
        document = json.loads(data)
        # Half a surrogate pair, or a number that is none, could not be said again.
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidInputError("a document is a JSON object")
    return document


def puts(data: bytes, offset: int) -> Iterator[bytes]:
    """Return the bodies of the PUTs that send a value from an offset on."""
    for at in range(offset, len(data), PUT_BYTES_MAX):
        yield offset_body(at, data[at : at + PUT_BYTES_MAX])
