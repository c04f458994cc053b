"""Show one device's telemetry, from whichever stores answer.

Each kind of store is the same in both Regions but for what has not replicated
yet, so one answer of each kind is enough: the first site that gives it. A store
that fails is named, and never taken for an empty one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hotsite.core.intervals import Intervals
from hotsite.core.series import Row, Window, gaps, merge
from hotsite.errors import HotsiteError, UnreachableError
from hotsite.ports.series import Reading, SeriesReader

HOT, COLD = "hot", "cold"


@dataclass(frozen=True, slots=True)
class Source:
    """One store of one site.

    Attributes:
        kind: ``hot`` or ``cold``.
        region: Of the site.
        reader: Reads it.
    """

    kind: str
    region: str
    reader: SeriesReader


@dataclass(frozen=True, slots=True)
class Question:
    """What is wanted.

    Attributes:
        thing: Whose telemetry.
        window: Of which time.
        count_max: The newest so many; nothing for all.
    """

    thing: str
    window: Window = field(default_factory=Window)
    count_max: int | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """How the reading of one source went.

    Attributes:
        kind: ``hot`` or ``cold``.
        region: Of the site.
        count: Rows that it gave.
        unreadable: More that are no messages.
        failure: Why it gave nothing, or an empty text.
    """

    kind: str
    region: str
    count: int = 0
    unreadable: int = 0
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """One device's telemetry.

    Attributes:
        rows: Each message once, ordered by its time.
        gaps: Numbers that are missing between the first and the last row of each
            epoch.
        reads: Every source that was asked, in the order of the asking.
    """

    rows: tuple[Row, ...]
    gaps: Mapping[int, Intervals]
    reads: tuple[Read, ...]

    @property
    def failed_kinds(self) -> tuple[str, ...]:
        """Return the kinds of stores of which no site answered."""
        asked = dict.fromkeys(read.kind for read in self.reads)
        answered = {read.kind for read in self.reads if not read.failure}
        return tuple(kind for kind in asked if kind not in answered)


def query(question: Question, sources: Sequence[Source]) -> Series:
    """Put together what the stores hold.

    Args:
        question: What is wanted.
        sources: In the order of preference; of each kind the first that answers
            is enough.

    Returns:
        The series, and which sources it is from.

    Raises:
        UnreachableError: No store answered: nothing is known, which is not the
            same as nothing being there.
    """
    readings: dict[str, Reading] = {}
    reads = []
    for source in sources:
        if source.kind in readings:
            continue
        try:
            found = source.reader.read(question.thing, question.window)
        except HotsiteError as error:
            reads.append(Read(source.kind, source.region, failure=str(error)))
            continue
        readings[source.kind] = found
        count = len(found.rows)
        reads.append(Read(source.kind, source.region, count, found.unreadable))
    if not readings:
        reasons = (f"{read.kind} in {read.region}: {read.failure}" for read in reads)
        raise UnreachableError(f"no store answered: {'; '.join(reasons)}")
    rows = merge(*(found.rows for found in readings.values()))
    if question.count_max is not None:
        rows = rows[max(0, len(rows) - question.count_max) :]
    return Series(rows, gaps(rows), tuple(reads))
