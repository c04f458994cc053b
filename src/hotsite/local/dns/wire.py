"""Turn DNS messages into questions, and answers into DNS messages.

Requests are read here, strictly and without recursion, because a request comes
from anybody; answers are packed by dnslib. No sockets, no decisions.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import dnslib

from hotsite.core.dns import Answer, Line, Question, ResponseCode, Zone
from hotsite.errors import InvalidInputError

HEADER = struct.Struct("!6H")
_TYPE_CLASS = struct.Struct("!HH")
_RECORD = struct.Struct("!HHIH")

# RFC 1035 section 4.1.1: QR is bit 15, the opcode bits 11 to 14, RD bit 8.
FLAG_RESPONSE = 0x8000
_FLAG_RECURSION_DESIRED = 0x0100
_OPCODE_SHIFT, _OPCODE_MASK = 11, 0xF
_CLASS_IN = 1
_TYPE_OPT = 41
_LABEL_BYTES_MAX = 63
_NAME_BYTES_MAX = 255
_POINTER = 0xC0

# RFC 1035 section 4.2.1; RFC 6891 section 6.2.3: a smaller offer counts as 512.
PLAIN_BYTES_MAX = 512
# What we send in one datagram at most: fits the smallest IPv6 packet
# (RFC 9715 section 3.1).
EDNS_BYTES_MAX = 1232
STREAM_BYTES_MAX = 65_535
# RFC 6891 section 9: BADVERS is 16, of which the header carries the low 4 bits.
_BAD_VERSION_HIGH = 1


@dataclass(frozen=True, slots=True)
class Request:
    """One request that could be read.

    Attributes:
        identifier: What the response repeats, 0 to 65535.
        opcode: 0 for a query.
        wants_recursion: The RD bit, which the response repeats.
        labels: The name as it was written, for the response's question.
        question: The name in lower case, and the type.
        type_number: The type as a number, for the response's question.
        class_number: 1 for IN.
        bytes_max: The longest datagram the asker takes; None without EDNS.
        edns_version: 0 is the only one there is.
    """

    identifier: int
    opcode: int
    wants_recursion: bool
    labels: tuple[bytes, ...]
    question: Question
    type_number: int
    class_number: int
    bytes_max: int | None
    edns_version: int

    @property
    def is_internet(self) -> bool:
        """Whether it asks in class IN."""
        return self.class_number == _CLASS_IN


def read_request(packet: bytes) -> Request:
    """Read a request.

    Args:
        packet: At least a header (12 bytes) that is not a response.

    Returns:
        The request.

    Raises:
        InvalidInputError: It is not one well-formed question.
    """
    identifier, flags, *counts = HEADER.unpack_from(packet)
    if counts[0] != 1:
        raise InvalidInputError("not exactly one question (RFC 9619)")
    try:
        labels, offset = _read_labels(packet, HEADER.size)
        type_number, class_number = _TYPE_CLASS.unpack_from(packet, offset)
        options = _read_options(packet, offset + _TYPE_CLASS.size, sum(counts[1:]))
    except (IndexError, struct.error) as error:
        raise InvalidInputError("the message ends too early") from error
    bytes_max, version = options or (None, 0)
    return Request(
        identifier=identifier,
        opcode=flags >> _OPCODE_SHIFT & _OPCODE_MASK,
        wants_recursion=bool(flags & _FLAG_RECURSION_DESIRED),
        labels=labels,
        question=Question(_text(labels), _type_name(type_number)),
        type_number=type_number,
        class_number=class_number,
        bytes_max=bytes_max,
        edns_version=version,
    )


def pack_answer(request: Request, answer: Answer, *, is_stream: bool) -> bytes:
    """Pack the response to a request.

    Args:
        request: What is answered.
        answer: The answer.
        is_stream: Whether it goes over TCP, where nothing is cut off.

    Returns:
        The message, cut (TC bit, no answers) if the asker could not take it.
    """
    limit = STREAM_BYTES_MAX
    if not is_stream:
        offer = request.bytes_max or PLAIN_BYTES_MAX
        limit = min(max(offer, PLAIN_BYTES_MAX), EDNS_BYTES_MAX)
    packed = _pack(request, answer, is_cut=False)
    if len(packed) > limit:
        packed = _pack(request, Answer(answer.code), is_cut=True)
    return packed


def pack_error(packet: bytes, code: ResponseCode) -> bytes:
    """Pack a response that has only a header, for a request we could not read."""
    identifier, flags, *_ = HEADER.unpack_from(packet)
    opcode = flags & (_OPCODE_MASK << _OPCODE_SHIFT)
    flags = FLAG_RESPONSE | opcode | flags & _FLAG_RECURSION_DESIRED | code.value
    return HEADER.pack(identifier, flags, 0, 0, 0, 0)


def check_values(zones: Sequence[Zone]) -> None:
    """Refuse zones with a value that cannot be sent.

    Args:
        zones: The zones to be served.

    Raises:
        InvalidInputError: A value is not what its type asks for.
    """
    for record in (record for zone in zones for record in zone.records):
        for value in record.values:
            line = Line(record.name, record.type, record.ttl_s, value)
            try:
                dnslib.DNSRecord(rr=[_pack_line(line, record.name)]).pack()
            except (ValueError, struct.error, dnslib.DNSError) as error:
                problem = f"{record.name} {record.type}: bad value {value!r}"
                raise InvalidInputError(problem) from error


def _pack(request: Request, answer: Answer, *, is_cut: bool) -> bytes:
    is_refused = answer.code in {ResponseCode.REFUSED, ResponseCode.NOT_IMPLEMENTED}
    header = dnslib.DNSHeader(
        id=request.identifier,
        qr=1,
        opcode=request.opcode,
        aa=int(not is_refused),
        tc=int(is_cut),
        rd=int(request.wants_recursion),
        ra=0,
        rcode=answer.code.value,
    )
    name = dnslib.DNSLabel(list(request.labels))
    question = dnslib.DNSQuestion(name, request.type_number, request.class_number)
    record = dnslib.DNSRecord(header, questions=[question])
    for line in answer.lines:
        # The owner is spelt as it was asked (draft-vixie-dnsext-dns0x20).
        is_asked = line.owner == request.question.name
        record.add_answer(_pack_line(line, name if is_asked else line.owner))
    if answer.authority is not None:
        record.add_auth(_pack_line(answer.authority, answer.authority.owner))
    if request.bytes_max is not None:
        high = _BAD_VERSION_HIGH if request.edns_version else 0
        record.add_ar(dnslib.EDNS0(udp_len=EDNS_BYTES_MAX, ext_rcode=high))
    return bytes(record.pack())


def _pack_line(line: Line, owner: object) -> object:
    match line.type:
        case "A":
            data = dnslib.A(line.value)
        case "AAAA":
            data = dnslib.AAAA(line.value)
        case "CNAME":
            data = dnslib.CNAME(line.value)
        case "NS":
            data = dnslib.NS(line.value)
        case "SOA":
            primary, mailbox, *times = line.value.split()
            data = dnslib.SOA(primary, mailbox, tuple(int(t) for t in times))
        case _:
            data = dnslib.TXT([part.encode() for part in _strings(line.value)])
    number = getattr(dnslib.QTYPE, line.type)
    return dnslib.RR(owner, number, ttl=line.ttl_s, rdata=data)


def _strings(value: str) -> list[str]:
    """Take the quoted strings of a TXT value apart, as Route 53 writes them."""
    if not value.startswith('"'):
        return [value]
    return value.strip('"').split('" "')


def _read_labels(packet: bytes, offset: int) -> tuple[tuple[bytes, ...], int]:
    """Read a name that is not compressed, which a question never is."""
    labels = []
    start = offset
    while length := packet[offset]:
        if length > _LABEL_BYTES_MAX or offset - start > _NAME_BYTES_MAX - 2:
            raise InvalidInputError("a label or a name is too long")
        labels.append(packet[offset + 1 : offset + 1 + length])
        offset += 1 + length
    if offset + 1 - start > _NAME_BYTES_MAX:
        raise InvalidInputError("the name is too long")
    return tuple(labels), offset + 1


def _read_options(packet: bytes, offset: int, count: int) -> tuple[int, int] | None:
    """Walk the other records; return payload size and version of EDNS, if any."""
    found = None
    for _ in range(count):
        while length := packet[offset]:
            if length >= _POINTER:
                offset += 1
                break
            offset += 1 + length
        kind, size, extended, data_bytes = _RECORD.unpack_from(packet, offset + 1)
        offset += 1 + _RECORD.size + data_bytes
        if kind == _TYPE_OPT:
            if found is not None:
                raise InvalidInputError("two OPT records (RFC 6891 section 6.1.1)")
            found = size, extended >> 16 & 0xFF
    if offset != len(packet):
        raise InvalidInputError("the message does not end where it says")
    return found


def _text(labels: tuple[bytes, ...]) -> str:
    """Return a name as text; a dot inside a label cannot look like a border."""
    return ".".join(
        label.decode("latin-1").replace("\\", "\\092").replace(".", "\\046").lower()
        for label in labels
    )


def _type_name(number: int) -> str:
    name: str = dnslib.QTYPE.forward.get(number, f"TYPE{number}")
    return name
