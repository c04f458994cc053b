"""``ports.Journal`` as a file: one JSON object a line, append-only, flushed.

Decides nothing: what a line may say is ``core/journal.py``'s business.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from hotsite.core.journal import Event, Fact, decode, encode
from hotsite.errors import InvalidInputError, NotFoundError, RefusedError
from hotsite.ports import Clock


def _ignore(event: Event) -> None:
    del event


class JournalWriter:
    """Writes the journal of one drill; use it as a context manager."""

    def __init__(
        self,
        path: Path,
        started_world_s: float,
        clock: Clock,
        *,
        listener: Callable[[Event], None] = _ignore,
    ) -> None:
        """Create the file; a journal is never continued and never replaced.

        Args:
            path: The file; its directory exists, it does not.
            started_world_s: When the drill began, in seconds since the epoch.
            clock: The world's time, which stamps every fact.
            listener: Called with every event once it is in the file.

        Raises:
            RefusedError: The file exists, or may not be written.
        """
        self._started_world_s = started_world_s
        self._clock = clock
        self._listener = listener
        try:
            # Unbuffered: a line that was refused must not be tried again at the end.
            self._file = path.open("xb", buffering=0)
        except FileExistsError as error:
            raise RefusedError(f"{path} exists; a journal is never replaced") from error
        except OSError as error:
            raise RefusedError(f"{path} cannot be written: {error.strerror}") from error

    def write(self, fact: Fact) -> None:
        """Append one fact, stamped with the time, flushed before returning.

        Raises:
            InvalidInputError: A number of the fact is not finite.
            RefusedError: The file could not be written, as on a full disk.
        """
        now_s = self._clock.now_s()
        event = Event(round(now_s - self._started_world_s, 3), round(now_s, 3), fact)
        line = (encode(event) + "\n").encode()
        try:
            written = self._file.write(line)
        except OSError as error:
            raise RefusedError(f"the journal cannot be written: {error}") from error
        if written != len(line):
            raise RefusedError(f"the journal took {written} of {len(line)} bytes")
        self._listener(event)

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class JournalFile:
    """What a journal file held.

    Attributes:
        events: Every event, in order.
        torn: The last line, if a crash cut it off; else empty. It is not among
            the events, and whoever shows them should say so.
    """

    events: tuple[Event, ...]
    torn: str = ""


def read(path: Path) -> JournalFile:
    """Read a journal back.

    Args:
        path: The file.

    Returns:
        Its events, and the torn end of it if there is one. A last line is torn
        if it does not end with a line feed, because lines are written whole.

    Raises:
        NotFoundError: There is no such file.
        InvalidInputError: A line is malformed; the message names file and line.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="strict")
    except FileNotFoundError as error:
        raise NotFoundError(f"{path}: there is no journal") from error
    except OSError as error:
        raise InvalidInputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        return _read_torn(path, error)
    return _parse(text, path)


def _read_torn(path: Path, error: UnicodeDecodeError) -> JournalFile:
    """Read a file whose last line was cut off inside a character."""
    text = path.read_bytes().decode("utf-8", errors="replace")
    whole, _, rest = text.rpartition("\n")
    if "\ufffd" not in rest or "\ufffd" in whole:
        number = text.partition("\ufffd")[0].count("\n") + 1
        raise InvalidInputError(f"{path}:{number}: not UTF-8") from error
    return _parse(text, path)


def _parse(text: str, path: Path) -> JournalFile:
    *lines, rest = text.split("\n")
    events = tuple(
        decode(line, where=f"{path}:{number}") for number, line in enumerate(lines, 1)
    )
    return JournalFile(events, torn=rest)
