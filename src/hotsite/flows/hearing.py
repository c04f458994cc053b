"""Take in what AWS tells of changes that others made: a batch of messages.

Most messages are echoes of hotsite's own work; those that only say what the
record says already cost no call to IoT Core. A key is looked at once a batch,
however often it was told of.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hotsite.core import events
from hotsite.core.events import Heard
from hotsite.core.registry import Key, thing_key
from hotsite.errors import (
    HotsiteError,
    InvalidInputError,
    PermanentError,
    RetryableError,
    UnsafePlanError,
)
from hotsite.flows.capture import capture
from hotsite.flows.sight import Intake


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a batch.

    Attributes:
        id: What names it to whoever sent it.
        event: What it says, parsed.
    """

    id: str
    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one key, or of a message that named none.

    Attributes:
        subject: The key or the certificate, for the log.
        reason: One sentence.
        is_changed: True when the record was written.
        is_late: True when it must be told again later.
        is_refused: True when it is a deletion beyond the limit.
    """

    subject: str
    reason: str
    is_changed: bool = False
    is_late: bool = False
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class Hearing:
    """What became of a batch.

    Attributes:
        taken: In the order of first mention.
        late_ids: Messages to deliver again, in their order.
        echo_count: How often a message said what the record says already.
    """

    taken: tuple[Taken, ...]
    late_ids: tuple[str, ...]
    echo_count: int


def hear(messages: Sequence[Message], intake: Intake) -> Hearing:
    """Take in what a batch of messages tells.

    Args:
        messages: In any order, repeats allowed.
        intake: The Region that they are about.

    Returns:
        What became of them. A message that makes no sense, and a change that is
        refused for good, are told of and never come again; the sweep finds
        what is refused.
    """
    batch = _Batch(intake)
    late = [message.id for message in messages if batch.is_late(message)]
    return Hearing(tuple(batch.taken), tuple(late), batch.echo_count)


@dataclass(slots=True)
class _Batch:
    intake: Intake
    taken: list[Taken] = field(default_factory=list)
    echo_count: int = 0
    late: dict[tuple[Key, frozenset[str]], bool] = field(default_factory=dict)

    def is_late(self, message: Message) -> bool:
        try:
            heard = events.heard(message.event)
        except InvalidInputError as error:
            self.taken.append(Taken(message.id, str(error)))
            return False
        try:
            subjects = tuple(self._subjects(heard))
        except RetryableError as error:
            self.taken.append(Taken(message.id, str(error), is_late=True))
            return True
        # Each of them is looked at, whatever became of the one before.
        late = [self._is_key_late(key, told) for key, told in subjects]
        return any(late)

    def _subjects(self, heard: Sequence[Heard]) -> Iterator[tuple[Key, frozenset[str]]]:
        """Yield what to look at, and which certificates were told to be revoked."""
        for item in heard:
            if item.key is None:
                name = item.certificate_id or ""
                told = frozenset({name} if item.is_revocation else ())
                yield from ((key, told) for key in self._things_of(name))
            elif not self._is_echo(item.key, item):
                yield item.key, frozenset()

    def _things_of(self, certificate_id: str) -> tuple[Key, ...]:
        surroundings = self.intake.site.surroundings
        if surroundings is None:
            return ()
        return tuple(map(thing_key, surroundings.things_of(certificate_id)))

    def _is_echo(self, key: Key, heard: Heard) -> bool:
        if heard.said is None or not self.intake.scope.is_kept(key):
            return False
        try:
            record = self.intake.site.records.read(key)
        except HotsiteError:
            # The look that follows says what is wrong with it.
            return False
        is_echo = events.is_known(heard.said, record)
        self.echo_count += is_echo
        return is_echo

    def _is_key_late(self, key: Key, told: frozenset[str]) -> bool:
        subject = key, told
        if subject not in self.late:
            taken = self._captured(key, told)
            self.taken.extend(taken)
            self.late[subject] = any(item.is_late for item in taken)
        return self.late[subject]

    def _captured(self, key: Key, told: frozenset[str]) -> tuple[Taken, ...]:
        try:
            return tuple(
                Taken(str(item.key), item.reason, is_changed=item.is_changed)
                # Whoever hears may not change the Region: a plan that was refused
                # half way would fail the record for good.
                for item in capture(key, self.intake, is_applying=False, told=told)
            )
        except RetryableError as error:
            return (Taken(str(key), str(error), is_late=True),)
        except PermanentError as error:
            is_refused = isinstance(error, UnsafePlanError)
            return (Taken(str(key), str(error), is_refused=is_refused),)
