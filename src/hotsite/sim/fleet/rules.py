"""The rules of a Region: from its broker to its hot table, late, twice, or by redrive.

A PUBACK means that the rules engine has a message, not that a table has it (AWS IoT
developer guide, "Basic Ingest"); what a rule fails on goes to the error archive and
comes back by a redrive.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from hotsite.core import jsontext, telemetry
from hotsite.errors import InvalidInputError, RetryableError
from hotsite.sim.fleet.hot import HotTable
from hotsite.sim.scheduler import Scheduler

Tell = Callable[[str, bytes], None]


@dataclass(frozen=True, slots=True)
class Lambdas:
    """What the rules of a site call.

    Attributes:
        take_batch: Stores the messages of a thing's batch.
        answer: Answers a thing's question, by telling it something on a topic.
    """

    take_batch: Callable[[str, bytes], None]
    answer: Callable[[str, bytes, Tell], None]


@dataclass(slots=True)
class RulesLuck:
    """How messages fare between broker and table.

    Attributes:
        delay_s: Until a rule has run, at least and at most, in seconds.
        double_share: Of messages that a rule runs for twice, 0 to 1.
        failed_share: Of messages that end in the error archive, 0 to 1.
        redrive_s: Until those come back, at least and at most, in seconds.
        unanswered_share: Of questions that the resume Lambda does not answer.
        garbled_share: Of its answers that cannot be read.
        answer_s: Until it has answered, at least and at most, in seconds.
    """

    delay_s: tuple[float, float] = (0.01, 0.3)
    double_share: float = 0.0
    failed_share: float = 0.0
    redrive_s: tuple[float, float] = (10.0, 60.0)
    unanswered_share: float = 0.0
    garbled_share: float = 0.0
    answer_s: tuple[float, float] = (0.05, 0.5)

    def calm(self) -> None:
        """Let every rule succeed."""
        self.double_share = self.failed_share = 0.0
        self.unanswered_share = self.garbled_share = 0.0
        self.answer_s = (0.05, 0.5)


@dataclass(slots=True)
class Rules:
    """What runs behind one broker.

    Attributes:
        table: Where messages end.
        scheduler: The time.
        chance: The seed's.
        lambdas: What is called for batches and questions.
        luck: How messages fare.
        is_up: False while nothing runs; it runs on afterwards.
        stranded: What waits meanwhile.
        rejects: What was malformed.
    """

    table: HotTable
    scheduler: Scheduler
    chance: random.Random
    lambdas: Lambdas
    luck: RulesLuck = field(default_factory=RulesLuck)
    is_up: bool = True
    stranded: list[Callable[[], None]] = field(default_factory=list)
    rejects: list[str] = field(default_factory=list)

    def take(self, thing: str, topic: str, payload: bytes, tell: Tell) -> None:
        """Run the rule of a topic.

        Args:
            thing: Who published.
            topic: Where.
            payload: What.
            tell: Publishes something to a topic, for the resume Lambda.
        """
        luck = self.luck
        if topic == telemetry.resume_topic(thing):
            if self.chance.random() >= luck.unanswered_share:
                delay_s = self.chance.uniform(*luck.answer_s)
                self._later(delay_s, lambda: self._answer(thing, payload, tell))
            return
        copies = 2 if self.chance.random() < luck.double_share else 1
        for _ in range(copies):
            delay_s = self.chance.uniform(*luck.delay_s)
            if self.chance.random() < luck.failed_share:
                self.scheduler.counts["messages redriven"] += 1
                delay_s += self.chance.uniform(*luck.redrive_s)
            self._later(delay_s, lambda: self._store(thing, topic, payload))

    def resume(self) -> None:
        """Run on where everything stopped."""
        self.is_up, stranded, self.stranded = True, self.stranded, []
        for work in stranded:
            self._later(self.chance.random(), work)

    def _later(self, delay_s: float, work: Callable[[], None]) -> None:
        def run() -> None:
            if self.is_up:
                work()
            else:
                self.stranded.append(work)

        self.scheduler.at(delay_s, run)

    def _store(self, thing: str, topic: str, payload: bytes) -> None:
        if topic == telemetry.batch_topic(thing):
            try:
                self.lambdas.take_batch(thing, payload)
            except RetryableError:
                # An asynchronous call is made again.
                again_s = self.chance.uniform(*self.luck.redrive_s)
                self._later(again_s, lambda: self._store(thing, topic, payload))
            return
        try:
            value = jsontext.parse(payload, where="message")
            message = telemetry.decode_message(value)
        except InvalidInputError as error:
            self.rejects.append(str(error))
        else:
            self.table.put(thing, message)

    def _answer(self, thing: str, payload: bytes, tell: Tell) -> None:
        def say(topic: str, text: bytes) -> None:
            if self.chance.random() < self.luck.garbled_share:
                text = text[: self.chance.randrange(len(text))]
            tell(topic, text)

        self.lambdas.answer(thing, payload, say)
