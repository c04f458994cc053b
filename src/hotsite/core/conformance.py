"""Judge what a device did: a table of checks, each with evidence and a fix.

The checks see sightings from outside alone (``core/sightings.py``). What was not
played or not seen is ``not-observed``, never a pass. Must not know how a device is
made or how the sightings came to be.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from hotsite.core.attempts import Story, story
from hotsite.core.intervals import Intervals
from hotsite.core.sightings import Sighting
from hotsite.errors import InvalidInputError


class Judgement(StrEnum):
    """What a check says."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    NOT_OBSERVED = "not-observed"


class Phase(StrEnum):
    """A part of the play that some checks need."""

    START = "start"
    REFUSAL = "refusal"
    FREEZE = "freeze"
    KILL = "kill"


@dataclass(frozen=True, slots=True)
class Subject:
    """The device that is judged, and what it was told.

    Attributes:
        thing: Its thing's name, which is its client id.
        names: The names that it may connect to, under the owner's domain.
        command_filter: What it should subscribe to.
        ttl_s: TTL of the failover name, in seconds.
        limit_s: Longest wait for anything that it should do, in seconds.
    """

    thing: str
    names: tuple[str, ...]
    command_filter: str
    ttl_s: float
    limit_s: float


@dataclass(frozen=True, slots=True)
class Kept:
    """What the surviving site's store holds of the device, of one epoch."""

    epoch: int
    held: Intervals


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that a check may look at.

    Attributes:
        subject: The device.
        story: What was seen, put together.
        kept: What the surviving site holds; None if that was not asked.
        played: The parts of the play that took place.
    """

    subject: Subject
    story: Story
    kept: tuple[Kept, ...] | None
    played: frozenset[Phase]


@dataclass(frozen=True, slots=True)
class Said:
    """What a check found: its judgement, what it was seen by, and a figure."""

    judgement: Judgement
    evidence: str
    measured: float | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One question that is asked of a device.

    Attributes:
        name: Short, for the command line.
        title: What must hold, as a sentence.
        phase: What must be played for it.
        bound: The largest (or, see the title, smallest) figure that passes.
        unit: Of the figure.
        fix: What the firmware's developer should do.
        judge: The decision.
    """

    name: str
    title: str
    phase: Phase
    bound: float | None
    unit: str
    fix: str
    judge: Callable[["Evidence", float], Said]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a report says of one check; see `Check` and `Said`."""

    check: str
    title: str
    judgement: Judgement
    evidence: str
    measured: float | None
    bound: float | None
    unit: str
    fix: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was found of one device.

    Attributes:
        schema: Version of the document.
        device: The command that ran it, or what stands for it.
        command: The whole command that made the report.
        machine: Where it was made.
        made_at: When, as UTC text.
        took_s: How long the play took, in seconds.
        findings: One for each check that was asked for.
        notes: What whoever reads it should know.
    """

    device: str
    command: str
    machine: str
    made_at: str
    took_s: float
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    schema: int = 1

    @property
    def is_pass(self) -> bool:
        """Whether nothing failed and everything was observed."""
        return all(one.judgement is Judgement.PASS for one in self.findings)


Sightings: TypeAlias = Sequence[Sighting]


def choose(names: Sequence[str], table: Sequence[Check]) -> tuple[Check, ...]:
    """Return the checks with these names, in the order of the table; all for none.

    Raises:
        InvalidInputError: There is no such check.
    """
    known = {check.name for check in table}
    for name in names:
        if name not in known:
            listed = ", ".join(check.name for check in table)
            raise InvalidInputError(f"there is no check {name!r}; there are {listed}")
    return tuple(check for check in table if not names or check.name in names)


def judge(
    checks: Sequence[Check],
    subject: Subject,
    seen: Sightings,
    kept: tuple[Kept, ...] | None,
    played: frozenset[Phase],
) -> tuple[Finding, ...]:
    """Ask every check.

    Args:
        checks: Which.
        subject: The device.
        seen: What was seen of it, of nobody else.
        kept: What the surviving site holds of it; None if that was not asked.
        played: The parts of the play that took place.
    """
    evidence = Evidence(subject, story(seen), kept, played)
    findings = []
    for check in checks:
        said = Said(Judgement.NOT_OBSERVED, f"the {check.phase} was not played")
        if check.phase in played:
            said = check.judge(evidence, check.bound or 0.0)
        findings.append(
            Finding(
                check.name,
                check.title,
                said.judgement,
                said.evidence,
                None if said.measured is None else round(said.measured, 3),
                check.bound,
                check.unit,
                "" if said.judgement is Judgement.PASS else check.fix,
            )
        )
    return tuple(findings)
