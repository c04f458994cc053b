"""Bring an existing registry of one Region into the records.

From there the replicators make every other Region equal, at their own pace and
within their own quotas. Nothing in the source's IoT Core is changed, and what
the record knows already is left as it is: differences are the sweep's.

In pages, in constant memory, and resumable after a kill at any point: where it
stands is kept after every few names, and to do a name twice is harmless.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hotsite.core.progress import Costs, Progress, progress
from hotsite.core.registry import Key, Kind, Names, ThingGroup, key_in
from hotsite.core.seeding import (
    DEFINITIONS,
    KIND_OF,
    LATER_MAX,
    SeedReport,
    SeedStage,
    SeedState,
    Shard,
)
from hotsite.core.sweeping import left
from hotsite.errors import (
    ConflictError,
    NotReadyError,
    PermanentError,
)
from hotsite.flows import notes
from hotsite.flows.capture import capture_one
from hotsite.flows.sight import Intake
from hotsite.ports.unrecorded import Surroundings, Unrecorded

_STRIDE = 25
_RESTARTS_MAX = 3
_UNRECORDED = {
    SeedStage.CERTIFICATES: Unrecorded.CERTIFICATE,
    SeedStage.DYNAMIC_GROUPS: Unrecorded.DYNAMIC_GROUP,
    SeedStage.BILLING_GROUPS: Unrecorded.BILLING_GROUP,
}


@dataclass(frozen=True, slots=True)
class SeedOptions:
    """How to seed.

    Attributes:
        cursor: Name under which the place is kept; each shard adds its own.
        budget_s: When to stop for now, in seconds; nothing to go on to the end.
        shard: Which of several workers this one is.
        costs: What a thing costs, for the time that is left.
        is_telling_strays: True to ask of each certificate whose it is, which costs
            one call, and to tell of those of no thing and of several.
    """

    cursor: str = "seed"
    budget_s: float | None = None
    shard: Shard = field(default_factory=Shard)
    costs: Costs | None = None
    is_telling_strays: bool = True


@dataclass(frozen=True, slots=True)
class SeedProgress:
    """Where a seeding stands.

    Attributes:
        progress: How far it is.
        report: What it has done.
        is_complete: True at the end.
        is_defined: True when what things need is recorded.
    """

    progress: Progress
    report: SeedReport
    is_complete: bool = False
    is_defined: bool = False


def seed(intake: Intake, options: SeedOptions) -> Iterator[SeedProgress]:
    """Seed from one Region, until the end or until the budget is used up.

    Args:
        intake: The Region whose registry is brought over.
        options: How.

    Yields:
        Where it stands, after every few names; the last one is complete. Stop
        asking at any time: the next call goes on from there.

    Raises:
        UnreachableError: A table or the Region did not answer.
        ThrottledError: The quota of the Region is used up.
    """
    return _Seed(intake, options).run()


def seed_definitions(intake: Intake, options: SeedOptions) -> Iterator[SeedProgress]:
    """Seed as the first of several workers, until the others may begin.

    Args:
        intake: The Region whose registry is brought over.
        options: How; the shard is the first one, and ``seed`` goes on from here.

    Yields:
        Where it stands, as ``seed`` does.

    Raises:
        UnreachableError: A table or the Region did not answer.
        ThrottledError: The quota of the Region is used up.
    """
    for state in seed(intake, options):
        yield state
        if state.is_defined:
            return


@dataclass(frozen=True, slots=True)
class _Seed:
    intake: Intake
    options: SeedOptions

    def run(self) -> Iterator[SeedProgress]:
        fresh = SeedState(SeedReport(self._now_s()))
        state = notes.read(self.intake.cursors, self._cursor(), SeedState) or fresh
        begun_s, done_before = self._now_s(), state.report.thing_done
        pace_s = begun_s
        while state.stage is not SeedStage.DONE:
            if state.stage is not SeedStage.THINGS:
                pace_s = self._now_s()
            state = self._advanced(state)
            is_done = state.stage is SeedStage.DONE
            if is_done:
                ended = replace(state.report, ended_at_s=self._now_s())
                state = replace(state, report=ended)
                self._keep_counts(ended)
            note = None if is_done else state
            notes.write(self.intake.cursors, self._cursor(), note)
            now_s = self._now_s()
            stand = self._progress(state, done_before, now_s - pace_s)
            is_defined = state.stage not in {SeedStage.COUNT, *DEFINITIONS}
            yield SeedProgress(stand, state.report, is_done, is_defined)
            budget_s = self.options.budget_s
            if budget_s is not None and now_s - begun_s >= budget_s:
                return

    def _progress(
        self, state: SeedState, done_before: int, elapsed_s: float
    ) -> Progress:
        report = state.report
        is_counted = state.stage is not SeedStage.COUNT
        total = max(0, report.thing_count - done_before)
        return progress(
            state.stage.value,
            done=report.thing_done - done_before,
            total=total if is_counted else None,
            elapsed_s=elapsed_s,
            costs=self.options.costs,
        )

    def _advanced(self, state: SeedState) -> SeedState:
        try:
            if state.stage is SeedStage.AGAIN:
                return self._again(state)
            if state.stage in _UNRECORDED:
                return self._unrecorded(state)
            if state.stage in DEFINITIONS and self.options.shard.index:
                return state.next_stage()
            return self._page(state)
        except PermanentError:
            # A token that has become too old: this list is read anew.
            if state.token is None or state.restart_count >= _RESTARTS_MAX:
                raise
            return state.restarted()

    def _page(self, state: SeedState) -> SeedState:
        kind = KIND_OF[state.stage]
        page = self.intake.site.registry.page(kind, state.token)
        keys = left(page.keys, state.last_key)
        is_count = state.stage is SeedStage.COUNT
        now = keys if is_count else keys[:_STRIDE]
        for key in now:
            if not (self.intake.scope.is_kept(key) and self.options.shard.has(key)):
                continue
            state = _counted(state) if is_count else self._brought(key, state)
        last_key = str(now[-1]) if now else state.last_key
        if len(keys) > len(now):
            return replace(state, last_key=last_key)
        if page.next_token is None:
            return state.next_stage()
        return replace(state, token=page.next_token, last_key=last_key)

    def _brought(self, key: Key, state: SeedState) -> SeedState:
        """Bring one name over, with what belongs to it."""
        if key.kind is Kind.THING_GROUP and not self._is_known(key):
            for parent in self._parents(key):
                # It counts when its own turn comes, whatever becomes of it now.
                self._taken(parent, state)
        state = self._taken(key, state)
        if key.kind is not Kind.THING:
            return state
        state = self._taken(Key(Kind.SHADOWS, key.name), state)
        done = replace(state.report, thing_done=state.report.thing_done + 1)
        return replace(state, report=done)

    def _parents(self, key: Key) -> tuple[Key, ...]:
        """Return the groups above one, the topmost first."""
        found: list[Key] = []
        while True:
            body = self.intake.site.registry.observe(key).body
            parent = body.parent if isinstance(body, ThingGroup) else None
            if parent is None or Key(Kind.THING_GROUP, parent) in found:
                return tuple(reversed(found))
            key = Key(Kind.THING_GROUP, parent)
            found.append(key)

    def _taken(self, key: Key, state: SeedState) -> SeedState:
        report = state.report
        try:
            if self._is_known(key):
                return replace(state, report=self._with_known(key, report))
            found = capture_one(key, self.intake, is_loss_allowed=False)
        except (ConflictError, NotReadyError):
            return _for_later(key, state)
        except PermanentError as error:
            failed = report.failed.plus(f"{key}: {error}")
            return replace(state, report=replace(report, failed=failed))
        if found.is_early:
            return _for_later(key, state)
        if found.failure is not None:
            failed = report.failed.plus(f"{key}: {found.failure}")
            report = replace(report, failed=failed)
        report = replace(
            report,
            written=report.written + found.is_changed,
            shared=report.shared.plus(*self._shared(found.left_out)),
        )
        return replace(state, report=report)

    def _shared(self, seen: Names) -> Names:
        """Return what a thing's look tells, unless each certificate is asked for.

        A thing that an earlier run did is not looked at again, so only the list of
        all certificates is whole, and has each of them once.
        """
        is_asked_for = self.options.is_telling_strays
        return () if is_asked_for and self.intake.site.surroundings else seen

    def _is_known(self, key: Key) -> bool:
        """Say whether a name is recorded and applied here already."""
        line = self.intake.site.applied.read(key)
        if line is None or line.record is None or line.attempts or line.failure:
            return False
        record = self.intake.site.records.read(key)
        return not record.is_absent and record.digest == line.digest

    def _with_known(self, key: Key, report: SeedReport) -> SeedReport:
        """Count a name that is recorded: by this seeding too, if it was killed."""
        written_at_s = self.intake.site.records.read(key).written_at_s
        if written_at_s >= report.begun_at_s:
            return replace(report, written=report.written + 1)
        return replace(report, known=report.known + 1)

    def _again(self, state: SeedState) -> SeedState:
        """Look a second time at what others were at work on."""
        texts, rest = state.later[:_STRIDE], state.later[_STRIDE:]
        state = replace(state, later=())
        for key in map(key_in, texts):
            if key is not None:
                state = self._taken(key, state)
        pending = state.report.pending.plus(*state.later)
        state = replace(
            state, report=replace(state.report, pending=pending), later=rest
        )
        return state if rest else state.next_stage()

    def _unrecorded(self, state: SeedState) -> SeedState:
        what, around = _UNRECORDED[state.stage], self.intake.site.surroundings
        is_costly = what is Unrecorded.CERTIFICATE
        is_left = is_costly and not self.options.is_telling_strays
        if around is None or is_left or self.options.shard.index:
            return state.next_stage()
        page = around.page(what, state.token)
        begin = (
            page.names.index(state.last_key) + 1
            if (state.last_key in page.names)
            else 0
        )
        names = page.names[begin : begin + _STRIDE] if is_costly else page.names
        state = replace(state, report=_with_strays(what, names, around, state.report))
        last_key = names[-1] if names else state.last_key
        if is_costly and begin + len(names) < len(page.names):
            return replace(state, last_key=last_key)
        if page.next_token is None:
            return state.next_stage()
        return replace(state, token=page.next_token, last_key=last_key)

    def _keep_counts(self, report: SeedReport) -> None:
        """Give the deletion limit its first count; a sweep makes it exact."""
        is_whole = self.options.shard.count == 1
        if is_whole and not notes.name_counts(self.intake.cursors):
            count = {Kind.THING.value: report.thing_done}
            notes.write_name_counts(self.intake.cursors, count)

    def _cursor(self) -> str:
        shard = self.options.shard
        return f"{self.options.cursor}-{shard.index}-of-{shard.count}"

    def _now_s(self) -> float:
        return self.intake.site.clock.now_s()


def _counted(state: SeedState) -> SeedState:
    report = state.report
    return replace(state, report=replace(report, thing_count=report.thing_count + 1))


def _for_later(key: Key, state: SeedState) -> SeedState:
    if len(state.later) < LATER_MAX:
        return replace(state, later=(*state.later, str(key)))
    pending = state.report.pending.plus(str(key))
    return replace(state, report=replace(state.report, pending=pending))


def _with_strays(
    what: Unrecorded, names: tuple[str, ...], around: Surroundings, report: SeedReport
) -> SeedReport:
    if what is Unrecorded.CERTIFICATE:
        counts = {name: len(around.things_of(name)) for name in names}
        strays = (name for name, count in counts.items() if not count)
        shared = (name for name, count in counts.items() if count > 1)
        return replace(
            report,
            unattached=report.unattached.plus(*strays),
            shared=report.shared.plus(*shared),
        )
    if what is Unrecorded.DYNAMIC_GROUP:
        return replace(report, dynamic_groups=report.dynamic_groups.plus(*names))
    return replace(report, billing_groups=report.billing_groups.plus(*names))
