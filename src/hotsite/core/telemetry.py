"""What a telemetry message is: its topics, its text, its key in the stores.

A message is one JSON object with ``sk``, ``epoch``, ``seq``, ``published_at_s`` and
``data``. A batch is a JSON array of such messages. What is malformed is refused
alone and with its reason; it never stops the messages beside it. Must not know
where messages are stored.
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hotsite.core import jsontext
from hotsite.core.outbox import Key
from hotsite.errors import InvalidInputError

# AWS IoT Core: "Maximum size of message payload" 128 KB; a message is metered in
# increments of 5 KB (AWS IoT Core pricing), so a larger batch costs no more.
BATCH_BYTES_MAX = 30_000
BATCH_COUNT_MAX = 100
# Far below DynamoDB's limit of 400 KB an item; a reading is some hundred bytes.
MESSAGE_BYTES_MAX = 16_384
_EPOCH_MAX = 9_999_999_999
_SEQ_MAX = 999_999_999_999
# Any clock's seconds, however wrong it is; stores have no number for some floats.
_PUBLISHED_S_MAX = 1e12
_SHOWN_MAX = 80


def telemetry_topic(thing: str) -> str:
    """Return the topic of a device's live messages."""
    return f"dt/{thing}/telemetry"


def batch_topic(thing: str) -> str:
    """Return the topic of a device's batches, which a replay uses."""
    return f"dt/{thing}/batch"


def resume_topic(thing: str) -> str:
    """Return the topic on which a device asks what a site holds of it."""
    return f"dt/{thing}/resume"


def command_filter(thing: str) -> str:
    """Return the filter of all that is said to a device."""
    return f"cmd/{thing}/#"


def resume_answer_topic(thing: str) -> str:
    """Return the topic on which a site answers what it holds of a device."""
    return f"cmd/{thing}/resume"


def move_topic(thing: str) -> str:
    """Return the topic on which a device is told to move to another site."""
    return f"cmd/{thing}/move"


def sort_key(key: Key) -> str:
    """Return the sort key of a message in the hot store; it sorts like the key."""
    return f"{key.epoch:010d}#{key.seq:012d}"


@dataclass(frozen=True, slots=True)
class Telemetry:
    """One message, as every store holds it.

    Attributes:
        key: What makes it unique among the messages of its thing.
        published_at_s: When it was made, by the device's clock, which may be
            wrong; seconds since the epoch.
        data: The reading: the text of one JSON object, compact.
    """

    key: Key
    published_at_s: float
    data: str


@dataclass(frozen=True, slots=True)
class Reject:
    """A message that no store took, and why; the text is cut for the reader."""

    reason: str
    text: str


def encode_message(message: Telemetry) -> bytes:
    """Return a message as the topic rule of a site expects it."""
    key = message.key
    head = json.dumps(
        {
            "sk": sort_key(key),
            "epoch": key.epoch,
            "seq": key.seq,
            "published_at_s": round(message.published_at_s, 6),
        },
        separators=(",", ":"),
    )
    return f'{head[:-1]},"data":{message.data}}}'.encode()


def decode_message(value: object, *, thing: str | None = None) -> Telemetry:
    """Return the message that a parsed JSON value stands for.

    Args:
        value: What the parser of JSON returned.
        thing: Who sent it, by the topic. A message that names its thing must name
            this one: no device speaks for another.

    Returns:
        The message. Keys that it does not know are passed over: devices in the
        field are older and newer than the site.

    Raises:
        InvalidInputError: It is no message; the reason is one line.
    """
    if not isinstance(value, dict):
        raise InvalidInputError("a message must be a JSON object")
    if thing is not None and value.get("thing", thing) != thing:
        raise InvalidInputError(f"thing must be {thing!r}, as in the topic")
    epoch = _whole(value, "epoch", 0, _EPOCH_MAX)
    seq = _whole(value, "seq", 1, _SEQ_MAX)
    key = Key(epoch, seq)
    if value.get("sk") != sort_key(key):
        raise InvalidInputError(f"sk must be {sort_key(key)!r}")
    at_s = value.get("published_at_s")
    if not isinstance(at_s, int | float) or isinstance(at_s, bool):
        raise InvalidInputError("published_at_s must be a number")
    if not math.isfinite(at_s) or abs(at_s) > _PUBLISHED_S_MAX:
        raise InvalidInputError("published_at_s must be seconds since the epoch")
    data = value.get("data")
    if not isinstance(data, dict):
        raise InvalidInputError("data must be a JSON object")
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    if len(text.encode()) > MESSAGE_BYTES_MAX:
        raise InvalidInputError(f"data must be at most {MESSAGE_BYTES_MAX} bytes")
    return Telemetry(key, round(float(at_s), 6), text)


def batches(payloads: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Put encoded messages together, as many as fit, in their order.

    Args:
        payloads: What ``encode_message`` returned.

    Yields:
        How many messages are in the batch, and its text. A message that is
        larger than a batch may be goes alone.
    """
    held: list[bytes] = []
    size = 1
    for payload in payloads:
        is_full = size + len(payload) + 1 > BATCH_BYTES_MAX
        if held and (is_full or len(held) == BATCH_COUNT_MAX):
            yield len(held), b"[" + b",".join(held) + b"]"
            held, size = [], 1
        held.append(payload)
        size += len(payload) + 1
    if held:
        yield len(held), b"[" + b",".join(held) + b"]"


def unpack(
    payload: bytes | str, *, thing: str | None = None
) -> tuple[tuple[Telemetry, ...], tuple[Reject, ...]]:
    """Take a batch apart; what is malformed does not stop the rest.

    Args:
        payload: The text of a batch, from a device that may be broken.
        thing: Who sent it, by the topic.

    Returns:
        The messages, one for each key, in their order; and what was refused.
    """
    try:
        values = jsontext.parse(payload, where="batch")
    except InvalidInputError as error:
        return (), (Reject(str(error), _shown(payload)),)
    if not isinstance(values, list):
        return (), (Reject("batch: not a JSON array", _shown(payload)),)
    found: dict[Key, Telemetry] = {}
    rejects: list[Reject] = []
    for value in values:
        try:
            message = decode_message(value, thing=thing)
        except (InvalidInputError, RecursionError) as error:
            rejects.append(Reject(str(error), _shown(json.dumps(value))))
        else:
            found[message.key] = message
    return tuple(found.values()), tuple(rejects)


def _whole(value: dict[str, object], name: str, low: int, high: int) -> int:
    number = value.get(name)
    if not isinstance(number, int) or isinstance(number, bool):
        raise InvalidInputError(f"{name} must be a whole number")
    if not low <= number <= high:
        raise InvalidInputError(f"{name} must be {low} to {high}")
    return number


def _shown(text: bytes | str) -> str:
    said = text.decode(errors="replace") if isinstance(text, bytes) else text
    return said[:_SHOWN_MAX]
