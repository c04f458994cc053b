"""What a site adds to a telemetry message: where and when it arrived, until when.

Two arrivals of one message, in one Region or in two, differ in these facts only, so
whichever row overwrites the other changes nothing that a query shows. Must not know
where rows and records are kept.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from hotsite.core import jsontext
from hotsite.core.telemetry import (
    Reject,
    Telemetry,
    batch_topic,
    decode_message,
    sort_key,
    telemetry_topic,
    unpack,
)
from hotsite.errors import InvalidInputError

_DAY_S = 86_400
_REASONS_MAX = 5


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message, as it came in.

    Attributes:
        thing: Who sent it: what the topic says, never what the payload says.
        message: The message.
        origin: AWS Region in whose broker it arrived.
        received_at_s: When, by the site's clock, seconds since the epoch.
        expires_at_s: When the hot table may forget it.
    """

    thing: str
    message: Telemetry
    origin: str
    received_at_s: int
    expires_at_s: int

    @property
    def sort_key(self) -> str:
        """Return its sort key in the hot table."""
        return sort_key(self.message.key)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a site writes on all that arrives there.

    Attributes:
        region: AWS Region code.
        hot_days: How long the hot table keeps a message, in days, 1 or more.
    """

    region: str
    hot_days: int

    def arrivals(
        self, thing: str, messages: Iterable[Telemetry], *, at_s: float
    ) -> tuple[Arrival, ...]:
        """Return what arrived from a thing.

        Args:
            thing: Who sent it.
            messages: What it sent.
            at_s: When it arrived, seconds since the epoch.
        """
        received_at_s = int(at_s)
        expires_at_s = received_at_s + self.hot_days * _DAY_S
        return tuple(
            Arrival(thing, message, self.region, received_at_s, expires_at_s)
            for message in messages
        )


@dataclass(frozen=True, slots=True)
class Refused:
    """What no store took, whole, and why.

    Attributes:
        topic: Where it was published; empty where nobody can say any more.
        payload: What was published, byte for byte.
        reason: Why it was refused, one line.
        at_s: When, by the site's clock, seconds since the epoch.
    """

    topic: str
    payload: bytes
    reason: str
    at_s: float

    @property
    def thing(self) -> str | None:
        """Return who published it, by its topic."""
        parts = self.topic.split("/")
        is_ours = len(parts) == 3 and parts[0] == "dt"  # noqa: PLR2004 - dt/<thing>/…
        return parts[1] if is_ours else None


def messages_in(
    refused: Refused,
) -> tuple[tuple[Telemetry, ...], tuple[Reject, ...]]:
    """Return the messages in what was refused, and what of it is none.

    Args:
        refused: What was refused.
    """
    thing = refused.thing
    if thing is not None and refused.topic == batch_topic(thing):
        return unpack(refused.payload, thing=thing)
    if thing is None or refused.topic != telemetry_topic(thing):
        return (), (Reject(f"{refused.topic or 'no topic'} holds no messages", ""),)
    try:
        value = jsontext.parse(refused.payload, where="message")
        return (decode_message(value, thing=thing),), ()
    except (InvalidInputError, RecursionError) as error:
        return (), (Reject(str(error), ""),)


def reason_of(rejects: Iterable[Reject]) -> str:
    """Return why messages of a batch were refused, in one line.

    Args:
        rejects: The messages that were refused.
    """
    reasons = [each.reason for each in rejects]
    kinds = list(dict.fromkeys(reasons))
    shown = "; ".join(kinds[:_REASONS_MAX])
    more = len(kinds) - _REASONS_MAX
    rest = f"; and {more} reasons more" if more > 0 else ""
    return f"{len(reasons)} refused: {shown}{rest}"


def cold_line(arrival: Arrival) -> bytes:
    """Return the record of the cold path: one line of JSON.

    Args:
        arrival: What arrived.
    """
    key = arrival.message.key
    record = {
        "pk": arrival.thing,
        "sk": arrival.sort_key,
        "epoch": key.epoch,
        "seq": key.seq,
        "published_at_s": arrival.message.published_at_s,
        "received_at_s": arrival.received_at_s,
        "origin": arrival.origin,
        "data": arrival.message.data,
    }
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"
