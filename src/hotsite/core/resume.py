"""The resume handshake: what a site holds of a device, and what is missing.

A PUBACK of a Region that died says nothing about the other Region. So a device
that connects elsewhere asks there, per epoch, about the range of messages that it
still keeps; the site answers from its own store with a contiguous watermark and
the gaps above it; only what is missing is sent again. Two messages a device and
failover, none in steady state.

Whatever the answer does not vouch for counts as missing: sending twice is harmless,
because stores know a message by its key.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from hotsite.core import jsontext, records
from hotsite.core.intervals import Intervals
from hotsite.errors import InvalidInputError

VERSION = 1
_WHERE = "resume"
RANGES_MAX = 64
# A device has three names; of each, DNS may have changed its mind once.
FAILED_MAX = 6
# A gap is about 12 bytes of JSON; a whole answer stays below 128 KB, the largest
# message of AWS IoT Core ("Maximum size of message payload").
_GAPS_MAX = 4_000


@dataclass(frozen=True, slots=True)
class Range:
    """The messages ``lo`` to ``hi`` of one epoch, both included."""

    epoch: int
    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class Failed:
    """Connects that failed since the device was connected last.

    Attributes:
        site: Which endpoint the name led to, as the resolver told it.
        count: How often, 1 or more.
    """

    site: str
    count: int


@dataclass(frozen=True, slots=True)
class Ask:
    """What a device asks on ``dt/<thing>/resume``.

    Attributes:
        token: Comes back in the answer, so that a late one is known as late.
        ranges: What the device keeps, one range an epoch, newest epoch first.
        failed: Where it was not let in before it came here.
        v: Version of the format.
    """

    token: int
    ranges: tuple[Range, ...]
    failed: tuple[Failed, ...] = ()
    v: int = VERSION


@dataclass(frozen=True, slots=True)
class Holding:
    """What a site vouches for, of one epoch.

    Attributes:
        epoch: Which epoch.
        watermark: All messages from the asked ``lo`` to here are stored;
            ``lo - 1`` if not even the first one is.
        known_to: Above the watermark and up to here, all are stored but the
            gaps. Above it nothing is said.
        gaps: What is missing above the watermark, up to ``known_to``.
    """

    epoch: int
    watermark: int
    known_to: int
    gaps: Intervals


@dataclass(frozen=True, slots=True)
class Answer:
    """What a site answers on ``cmd/<thing>/resume``.

    Attributes:
        token: That of the question.
        holdings: One for each range that the site could look at.
        throttle_spread_s: N / R of this site: how far its fleet should spread
            attempts that were refused for load, in seconds; None if unknown.
        v: Version of the format.
    """

    token: int
    holdings: tuple[Holding, ...]
    throttle_spread_s: float | None = None
    v: int = VERSION


def answer(
    ask: Ask,
    stored: Mapping[int, Intervals],
    *,
    throttle_spread_s: float | None = None,
) -> Answer:
    """Say what a site holds of what was asked.

    Args:
        ask: The question.
        stored: The messages in the site's store by epoch, at least those in the
            asked ranges. An epoch that is not in it was not looked at.
        throttle_spread_s: N / R of this site, in seconds, if it is known.
    """
    left = _GAPS_MAX
    holdings = []
    for item in ask.ranges:
        if item.epoch not in stored:
            continue
        holding = _holding(item, stored[item.epoch], gaps_max=left)
        left -= len(holding.gaps.pairs)
        holdings.append(holding)
    return Answer(ask.token, tuple(holdings), throttle_spread_s)


def vouched(ask: Ask, given: Answer) -> Mapping[int, Intervals]:
    """Return what need not be sent again, by epoch.

    Args:
        ask: What the device asked.
        given: The answer to it. What it says beyond the question, and what it
            says of itself that cannot be, counts for nothing.
    """
    asked = {item.epoch: item for item in ask.ranges}
    found = {}
    for holding in given.holdings:
        item = asked.get(holding.epoch)
        if item is None:
            continue
        top = min(holding.known_to, item.hi)
        if top >= item.lo:
            whole = Intervals(((item.lo, top),))
            found[holding.epoch] = whole.difference(holding.gaps)
    return found


def was_turned_away(ask: Ask, region: str) -> bool:
    """Say whether a device tried another Region in vain before it came to this one.

    Args:
        ask: What it asked.
        region: This one; an endpoint of AWS IoT Core has the Region in its name
            (AWS General Reference, "AWS IoT Core endpoints and quotas").
    """
    return any(f".{region}." not in f".{one.site}." for one in ask.failed)


def encode(message: Ask | Answer) -> bytes:
    """Return a question or an answer as JSON."""
    return json.dumps(records.write(message), separators=(",", ":")).encode()


def decode_ask(payload: bytes | str) -> Ask:
    """Return the question that a payload holds.

    Raises:
        InvalidInputError: It is no question, of another version, or too long.
    """
    ask = records.read(Ask, jsontext.parse(payload, where=_WHERE), where=_WHERE)
    _check_version(ask.v)
    if len(ask.ranges) > RANGES_MAX:
        raise InvalidInputError(f"resume: at most {RANGES_MAX} ranges can be asked for")
    if len({item.epoch for item in ask.ranges}) != len(ask.ranges):
        raise InvalidInputError("resume: each epoch can be asked for once")
    if len(ask.failed) > FAILED_MAX or any(one.count < 1 for one in ask.failed):
        raise InvalidInputError(
            f"resume: at most {FAILED_MAX} sites can have failed, each once or more"
        )
    for item in ask.ranges:
        if not 1 <= item.lo <= item.hi or item.epoch < 0:
            raise InvalidInputError(f"resume: {item} is no range")
    return ask


def decode_answer(payload: bytes | str) -> Answer:
    """Return the answer that a payload holds.

    Raises:
        InvalidInputError: It is no answer, or of another version.
    """
    given = records.read(Answer, jsontext.parse(payload, where=_WHERE), where=_WHERE)
    _check_version(given.v)
    return given


def _holding(item: Range, stored: Intervals, *, gaps_max: int) -> Holding:
    missing = Intervals(((item.lo, item.hi),)).difference(stored)
    if not missing:
        return Holding(item.epoch, item.hi, item.hi, missing)
    watermark = missing.pairs[0][0] - 1
    if len(missing.pairs) <= gaps_max:
        return Holding(item.epoch, watermark, item.hi, missing)
    if not gaps_max:
        return Holding(item.epoch, watermark, watermark, Intervals())
    # What follows the last gap that fits is not vouched for.
    kept = missing.pairs[:gaps_max]
    return Holding(item.epoch, watermark, kept[-1][1], Intervals(kept))


def _check_version(version: int) -> None:
    if version != VERSION:
        raise InvalidInputError(f"resume: version {version} is unknown")
