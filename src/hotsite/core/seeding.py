"""Where the seeding of an existing registry stands, and what was left out."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from hotsite.core.registry import Key, Kind
from hotsite.errors import InvalidInputError

SHOWN_MAX = 200
LATER_MAX = 1000


class SeedStage(StrEnum):
    """The parts of a seeding, in order: what others need comes first."""

    COUNT = "counting things"
    TYPES = "thing types"
    POLICIES = "policies"
    GROUPS = "thing groups"
    CAS = "CA certificates"
    THINGS = "things"
    AGAIN = "second look"
    CERTIFICATES = "certificates of no thing"
    DYNAMIC_GROUPS = "dynamic thing groups"
    BILLING_GROUPS = "billing groups"
    DONE = "done"


# What things need: recorded before the first of them.
DEFINITIONS = frozenset(
    {SeedStage.TYPES, SeedStage.POLICIES, SeedStage.GROUPS, SeedStage.CAS}
)
KIND_OF: Mapping[SeedStage, Kind] = {
    SeedStage.COUNT: Kind.THING,
    SeedStage.TYPES: Kind.THING_TYPE,
    SeedStage.POLICIES: Kind.POLICY,
    SeedStage.GROUPS: Kind.THING_GROUP,
    SeedStage.CAS: Kind.CA_CERTIFICATE,
    SeedStage.THINGS: Kind.THING,
}


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several workers that seed the same Region side by side.

    Things are dealt out by the hash of their names. What they share (types,
    policies, groups, CA certificates) is the first worker's alone, and the others
    begin when it has done that.

    Attributes:
        index: Which worker, from 0.
        count: How many there are, 1 or more.
    """

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        """Refuse a worker that is none of them.

        Raises:
            InvalidInputError: The index is not below the count.
        """
        if not 0 <= self.index < self.count:
            raise InvalidInputError(f"there is no shard {self.index} of {self.count}")

    def has(self, key: Key) -> bool:
        """Say whether a key is this worker's.

        Args:
            key: Which key.
        """
        if key.kind is not Kind.THING:
            return not self.index
        if self.count == 1:
            return True
        digest = hashlib.sha256(key.name.encode()).digest()
        return int.from_bytes(digest[:4]) % self.count == self.index


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is not brought over.

    Attributes:
        count: How many.
        names: The first of them.
    """

    count: int = 0
    names: tuple[str, ...] = ()

    def plus(self, *names: str) -> "LeftOut":
        """Return it with more names."""
        return LeftOut(self.count + len(names), (*self.names, *names)[:SHOWN_MAX])


@dataclass(frozen=True, slots=True)
class SeedReport:
    """What a seeding has done so far.

    Attributes:
        begun_at_s: When it first began, seconds since the epoch.
        ended_at_s: When it ended; 0 while it has not.
        thing_count: Things that this worker is to look at.
        thing_done: Those that it has looked at.
        written: Names that were recorded since, of all kinds.
        known: Names that were recorded and applied before.
        failed: Names that could not be brought over, with the reason.
        pending: Names that must be looked at again by a later run.
        shared: Certificates that several things have.
        unattached: Certificates that no thing has.
        dynamic_groups: Dynamic thing groups.
        billing_groups: Billing groups.
    """

    begun_at_s: float
    ended_at_s: float = 0.0
    thing_count: int = 0
    thing_done: int = 0
    written: int = 0
    known: int = 0
    failed: LeftOut = field(default_factory=LeftOut)
    pending: LeftOut = field(default_factory=LeftOut)
    shared: LeftOut = field(default_factory=LeftOut)
    unattached: LeftOut = field(default_factory=LeftOut)
    dynamic_groups: LeftOut = field(default_factory=LeftOut)
    billing_groups: LeftOut = field(default_factory=LeftOut)


@dataclass(frozen=True, slots=True)
class SeedState:
    """Enough to go on from after a kill.

    Attributes:
        report: What was done so far.
        stage: Which part.
        token: The page that is being worked on.
        last_key: The key of that page, or of the one before, that was done last.
        later: Keys for the second look.
        restart_count: How often a list had to be begun again.
    """

    report: SeedReport
    stage: SeedStage = SeedStage.COUNT
    token: str | None = None
    last_key: str | None = None
    later: tuple[str, ...] = ()
    restart_count: int = 0

    def next_stage(self) -> "SeedState":
        """Return the beginning of the next part."""
        stages = tuple(SeedStage)
        stage = stages[stages.index(self.stage) + 1]
        return SeedState(self.report, stage, later=self.later)

    def restarted(self) -> "SeedState":
        """Return the beginning of this part, to read its list anew."""
        count = self.restart_count + 1
        is_count = self.stage is SeedStage.COUNT
        report = replace(self.report, thing_count=0) if is_count else self.report
        return SeedState(report, self.stage, later=self.later, restart_count=count)
