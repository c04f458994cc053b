"""Send again what only another site acknowledged: ask first, then in batches.

A handshake is the device's side of ``core/resume.py``. It saves traffic and is
never trusted with a loss: whatever ends it without a good answer means that
everything is sent again, and what an answer says later still counts for what is
waiting then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from math import inf

from hotsite.core import resume, telemetry
from hotsite.core.intervals import Intervals
from hotsite.core.mqtt_packets import Publish
from hotsite.core.outbox import Key, Outbox
from hotsite.core.outbox_report import by_epoch

# The one SUBSCRIBE and the one question of a session use these packet
# identifiers; messages use those above them.
SUBSCRIBE_ID = 1
RESUME_ID = 2
# AWS IoT Core: 512 KB and 100 publishes a second a connection, so 5 KB each.
_BYTES_PER_PUBLISH = 5_120


class Stage(Enum):
    """How far a handshake is."""

    SUBSCRIBING = "subscribing"
    READY = "ready"
    ASKED = "asked"
    OVER = "over"


class Handshake:
    """One question to one site, on one connection.

    Attributes:
        stage: How far it is. Nothing is replayed before it is over.
        due_s: When it ends without an answer, in seconds.
    """

    __slots__ = ("_ask", "due_s", "stage")

    def __init__(self, ask: resume.Ask | None, *, due_s: float) -> None:
        self._ask = ask
        self.stage = Stage.OVER if ask is None else Stage.SUBSCRIBING
        self.due_s = inf if ask is None else due_s

    @property
    def is_over(self) -> bool:
        """Return whether nothing is waited for any more."""
        return self.stage is Stage.OVER

    def end(self) -> None:
        """Wait no longer."""
        self.stage, self.due_s = Stage.OVER, inf

    def listen(self) -> None:
        """Note that an answer would arrive now."""
        if self.stage is Stage.SUBSCRIBING:
            self.stage = Stage.READY

    def question(self, thing: str) -> Publish:
        """Return the question, which counts as sent now."""
        assert self._ask is not None, "nothing is to be asked"  # noqa: S101 - STYLE.md: assert for our own mistakes
        self.stage = Stage.ASKED
        topic, text = telemetry.resume_topic(thing), resume.encode(self._ask)
        return Publish(topic, text, qos=1, packet_id=RESUME_ID)

    def read(self, answer: resume.Answer, outbox: Outbox) -> frozenset[Key] | None:
        """Return what the site vouches for, of what waits to be replayed.

        Args:
            answer: What arrived.
            outbox: What waits.

        Returns:
            Keys; None when it answers another question, perhaps one of a
            connection before this one.
        """
        if self._ask is None or answer.token != self._ask.token:
            return None
        vouched = resume.vouched(self._ask, answer)
        waiting = by_epoch(outbox.replayed())
        return frozenset(
            Key(epoch, seq)
            for epoch, seqs in waiting.items()
            for seq in seqs.intersection(vouched.get(epoch, Intervals()))
        )


def ask(outbox: Outbox, token: int, failed: Mapping[str, int]) -> resume.Ask | None:
    """Return the question about all that other sites acknowledged.

    Epochs beyond what one question may hold are not asked about: the oldest ones,
    which are sent again.

    Args:
        outbox: What the device keeps.
        token: What the answer has to repeat.
        failed: How often each site did not let the device in before this one did.

    Returns:
        The question, or None when there is nothing to ask.
    """
    waiting = sorted(by_epoch(outbox.replayed()).items(), reverse=True)
    ranges = tuple(
        resume.Range(epoch, seqs.pairs[0][0], seqs.pairs[-1][1])
        for epoch, seqs in waiting[: resume.RANGES_MAX]
    )
    if not ranges:
        return None
    worst = sorted(failed.items(), key=lambda one: one[1], reverse=True)
    told = tuple(resume.Failed(*one) for one in worst[: resume.FAILED_MAX])
    return resume.Ask(token, ranges, told)


@dataclass(frozen=True, slots=True)
class Parcel:
    """Messages that one PUBLISH carries.

    Attributes:
        keys: Whose PUBACK it will be.
        topic: Where it goes.
        payload: The text.
        weight: For how many publishes it counts at a broker that counts bytes.
    """

    keys: tuple[Key, ...]
    topic: str
    payload: bytes
    weight: float


def pack(outbox: Outbox, thing: str, *, is_replay_allowed: bool) -> Parcel | None:
    """Take the next batch out of an outbox.

    Args:
        outbox: What the device has to send.
        thing: Who sends.
        is_replay_allowed: Whether it may be what another site acknowledged.

    Returns:
        The batch, or None when nothing waits. One message goes as it is.
    """
    count_max = telemetry.BATCH_COUNT_MAX
    messages = outbox.waiting(count_max, is_replay_allowed=is_replay_allowed)
    if not messages:
        return None
    count, text = next(telemetry.batches(message.payload for message in messages))
    outbox.take_waiting(count, is_replay_allowed=is_replay_allowed)
    topic = telemetry.batch_topic(thing)
    if count == 1:
        topic, text = telemetry.telemetry_topic(thing), messages[0].payload
    keys = tuple(message.key for message in messages[:count])
    return Parcel(keys, topic, text, max(1.0, len(text) / _BYTES_PER_PUBLISH))
