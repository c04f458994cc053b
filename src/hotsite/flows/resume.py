"""Answer what a site holds of a device that has just come from elsewhere.

Whatever could not be read in time is not vouched for, and the device sends it again:
a late answer is worth less than a short one.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from hotsite.core.arrivals import Refused
from hotsite.core.intervals import Intervals
from hotsite.core.resume import (
    Answer,
    Ask,
    Range,
    answer,
    decode_ask,
    encode,
    was_turned_away,
)
from hotsite.core.telemetry import resume_answer_topic, resume_topic
from hotsite.errors import InvalidInputError, RetryableError
from hotsite.flows.telemetry import Published
from hotsite.ports.clock import Clock
from hotsite.ports.operations import ResumeNotes
from hotsite.ports.telemetry import Courier, ErrorArchive, HotStore


@dataclass(frozen=True, slots=True)
class Budget:
    """How long one question may take.

    Attributes:
        pages_max: Most pages that are read.
        read_s_max: Most seconds until no further page is begun.
    """

    pages_max: int = 64
    read_s_max: float = 2.0


@dataclass(frozen=True, slots=True)
class Desk:
    """What answering needs.

    Attributes:
        hot: The site's hot store.
        archive: Where questions go that are none.
        courier: Who tells the device.
        clock: The site's time.
        throttle_spread_s: N / R of the site, in seconds, if it is known.
        budget: How long one question may take.
        notes: Where the guard of the site learns who came, if there is one.
        region: AWS Region of the site.
    """

    hot: HotStore
    archive: ErrorArchive
    courier: Courier
    clock: Clock
    throttle_spread_s: float | None = None
    budget: Budget = Budget()
    notes: ResumeNotes | None = None
    region: str = ""


def resume(published: Published, desk: Desk) -> Answer | None:
    """Answer one question, or archive what is none.

    Args:
        published: What was published on the topic for questions.
        desk: What answering needs.

    Returns:
        What the device was told; nothing if it did not ask.

    Raises:
        RetryableError: A port did not answer; again is safe.
    """
    thing = published.thing
    try:
        ask = decode_ask(published.payload)
    except InvalidInputError as error:
        topic = resume_topic(thing)
        desk.archive.put(Refused(topic, published.payload, str(error), published.at_s))
        return None
    stored = _stored(thing, ask, desk)
    given = answer(ask, stored, throttle_spread_s=desk.throttle_spread_s)
    desk.courier.tell(resume_answer_topic(thing), encode(given))
    if desk.notes is not None:
        # The device has its answer. A guard that learns less has other observers.
        with suppress(RetryableError):
            turned_away = was_turned_away(ask, desk.region)
            desk.notes.note(thing, is_turned_away=turned_away)
    return given


def _stored(thing: str, ask: Ask, desk: Desk) -> Mapping[int, Intervals]:
    until_s = desk.clock.now_s() + desk.budget.read_s_max
    left = desk.budget.pages_max
    found: dict[int, Intervals] = {}
    for wanted in ask.ranges:
        seqs, used = _read(thing, wanted, desk, pages_max=left, until_s=until_s)
        left -= used
        if not used:
            break
        found[wanted.epoch] = Intervals.from_numbers(seqs)
    return found


def _read(
    thing: str, wanted: Range, desk: Desk, *, pages_max: int, until_s: float
) -> tuple[list[int], int]:
    seqs: list[int] = []
    token, used = None, 0
    while used < pages_max and desk.clock.now_s() < until_s:
        page = desk.hot.page(thing, wanted, token)
        used += 1
        seqs += page.seqs
        token = page.next_token
        if token is None:
            break
    return seqs, used
