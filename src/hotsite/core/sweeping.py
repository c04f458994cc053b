"""Where a sweep stands and what it has found; plain values that JSON can keep.

Everything is bounded, however large the fleet: lists are cut and counted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from hotsite.core.drift import Finding
from hotsite.core.registry import Key, Kind, key_in

# With names of 128 characters this stays well below the 300 kB of a cursor.
FINDINGS_MAX = 200
DELETIONS_MAX = 1000


class Mode(StrEnum):
    """What to do about a difference."""

    REPORT = "report"
    ADOPT = "adopt"
    RESTORE = "restore"


class Stage(StrEnum):
    """The parts of a pass, in order."""

    RECORDS = "records"
    TYPES = "thing types"
    POLICIES = "policies"
    GROUPS = "thing groups"
    CAS = "CA certificates"
    THINGS = "things"
    DELETIONS = "deletions"
    DONE = "done"


LISTED: Mapping[Stage, Kind] = {
    Stage.TYPES: Kind.THING_TYPE,
    Stage.POLICIES: Kind.POLICY,
    Stage.GROUPS: Kind.THING_GROUP,
    Stage.CAS: Kind.CA_CERTIFICATE,
    Stage.THINGS: Kind.THING,
}


@dataclass(frozen=True, slots=True)
class Look:
    """What looking at one key gave.

    Attributes:
        findings: What differs, or did.
        is_deletion: True when somebody deleted it, which waits for the end.
        is_pending: True when it has to be looked at again.
        is_adopted: True when the record was written.
        is_applied: True when the Region was changed.
        is_purged: True when old tombstones were removed.
        is_live: True when the record wishes the name.
        left_out: Certificates that several things share.
    """

    findings: tuple[Finding, ...] = ()
    is_deletion: bool = False
    is_pending: bool = False
    is_adopted: bool = False
    is_applied: bool = False
    is_purged: bool = False
    is_live: bool = False
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What a pass has found so far.

    Attributes:
        mode: What is done about a difference.
        begun_at_s: When the pass began, seconds since the epoch.
        ended_at_s: When it ended; 0 while it has not.
        looked_at: Keys that were compared.
        name_counts: Names that the record wishes, by the text of their kind.
        drift_counts: Differences, by the text of their cause.
        findings: The first of them.
        pending: Keys that must be looked at again: somebody is at work on them,
            or hotsite changed them a moment ago.
        adopted: Records that were written.
        applied: Keys that were made equal.
        purged: Records whose old tombstones were removed.
        deletions: Names that somebody deleted here, the first of them.
        deletion_counts: All of them, by the text of their kind.
        refused: Why the deletions were refused, one line a kind, with the list.
        left_out_count: Certificates that several things share.
        left_out: The first of them.
    """

    mode: Mode
    begun_at_s: float
    ended_at_s: float = 0.0
    looked_at: int = 0
    name_counts: Mapping[str, int] = field(default_factory=dict)
    drift_counts: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    pending: int = 0
    adopted: int = 0
    applied: int = 0
    purged: int = 0
    deletions: tuple[str, ...] = ()
    deletion_counts: Mapping[str, int] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    left_out_count: int = 0
    left_out: tuple[str, ...] = ()

    @property
    def drift_count(self) -> int:
        """Return how many differences there were."""
        return sum(self.drift_counts.values())

    @property
    def is_equal(self) -> bool:
        """Say whether the Region was found equal to the record, all of it."""
        return not (self.drift_count or self.pending or self.refused)

    def after(self, key: Key, look: Look) -> "Report":
        """Return the report with one more key in it.

        Args:
            key: Which key.
            look: What looking at it gave.
        """
        kind = key.kind.value
        names = {kind: 1} if look.is_live else {}
        deletions = {kind: 1} if look.is_deletion else {}
        shown = (str(key),) if look.is_deletion else ()
        causes = (finding.cause.value for finding in look.findings)
        # Each of the things that share one tells of it.
        shared = tuple(name for name in look.left_out if name not in self.left_out)
        return replace(
            self,
            looked_at=self.looked_at + 1,
            name_counts=_added(self.name_counts, names),
            drift_counts=_counted(self.drift_counts, causes),
            findings=(*self.findings, *look.findings)[:FINDINGS_MAX],
            pending=self.pending + look.is_pending,
            adopted=self.adopted + look.is_adopted,
            applied=self.applied + look.is_applied,
            purged=self.purged + look.is_purged,
            deletions=(*self.deletions, *shown)[:DELETIONS_MAX],
            deletion_counts=_added(self.deletion_counts, deletions),
            left_out_count=self.left_out_count + len(shared),
            left_out=(*self.left_out, *shared)[:FINDINGS_MAX],
        )


@dataclass(frozen=True, slots=True)
class State:
    """Where a pass stands, enough to go on from after a kill.

    Attributes:
        report: What was found so far.
        stage: Which part of the pass.
        token: Page that is being worked on.
        last_key: Key of that page, or of the one before, that was done last.
        restart_count: How often a list had to be begun again.
    """

    report: Report
    stage: Stage = Stage.RECORDS
    token: str | None = None
    last_key: str | None = None
    restart_count: int = 0

    def next_stage(self) -> "State":
        """Return the beginning of the next part."""
        stages = tuple(Stage)
        return State(self.report, stages[stages.index(self.stage) + 1])


def deleted_keys(report: Report) -> tuple[Key, ...]:
    """Return the keys of a report's deletions, kind by kind.

    Args:
        report: Of a pass that has looked at everything.
    """
    keys = [key for key in map(key_in, report.deletions) if key is not None]
    return tuple(key for kind in Kind for key in keys if key.kind is kind)


def left(keys: tuple[Key, ...], last_key: str | None) -> tuple[Key, ...]:
    """Return the keys of a page that come after the one that was done last.

    Args:
        keys: The page.
        last_key: Text of a key; where the page does not have it, the page has
            changed or is a new one, and all of it is left.
    """
    names = [str(key) for key in keys]
    if last_key is None or last_key not in names:
        return keys
    return keys[len(names) - names[::-1].index(last_key) :]


def _added(counts: Mapping[str, int], more: Mapping[str, int]) -> Mapping[str, int]:
    if not more:
        return counts
    return {**counts, **{name: counts.get(name, 0) + n for name, n in more.items()}}


def _counted(counts: Mapping[str, int], names: Iterable[str]) -> Mapping[str, int]:
    for name in names:
        counts = _added(counts, {name: 1})
    return counts
