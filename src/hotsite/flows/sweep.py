"""Compare all of the record with a Region, and all of the Region with the record.

First every key of the table, then every name of IoT Core that the table does not
know. In pages, within a time budget, to be gone on with by the next call: where
a pass stands is kept after every few keys, and to do a key twice is harmless.

A list only says what to look at. That a name is gone is concluded by looking at
that name alone and finding nothing, so a list that fails or ends too soon can
delete nothing. What was deleted is collected over the pass, and taken over at
its end if all of it together is within the limit; otherwise none of it. A person
who has seen the list can give a limit for one run; it is for the list as a whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hotsite.core import deletions
from hotsite.core.deletions import Limit
from hotsite.core.progress import Costs, Progress, progress
from hotsite.core.registry import Key, Kind
from hotsite.core.sampling import Draw, Sample
from hotsite.core.sweeping import (
    LISTED,
    Mode,
    Report,
    Stage,
    State,
    deleted_keys,
    left,
)
from hotsite.errors import (
    InvalidInputError,
    PermanentError,
    UnsafePlanError,
)
from hotsite.flows import notes
from hotsite.flows.inspection import TOMBSTONE_S_MIN, Inspector
from hotsite.flows.notes import name_counts, write_name_counts
from hotsite.flows.sight import Intake
from hotsite.ports import KeyPage, Records

# After so many keys the place is written down: so many are done twice at most.
_STRIDE = 25
_RESTARTS_MAX = 3


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """How to sweep.

    Attributes:
        mode: What to do about a difference; by default nothing.
        budget_s: When to stop for now, in seconds; nothing to go on to the end.
        cursor: Name under which the place is kept, to go on there; nothing to
            begin anew and to keep nothing.
        costs: What looking at a name costs, for the time that is left.
        tombstone_s_min: Age from which a tombstone may go, in seconds.
        deletion_count_max: How many deletions may be taken over by this pass, of
            all kinds together, 0 or more; nothing for what the intake's limit says.
    """

    mode: Mode = Mode.REPORT
    budget_s: float | None = None
    cursor: str | None = None
    costs: Costs | None = None
    tombstone_s_min: float = TOMBSTONE_S_MIN
    deletion_count_max: int | None = None


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """Where a sweep stands.

    Attributes:
        progress: How far it is.
        report: What it has found.
        is_complete: True at the end of a pass.
    """

    progress: Progress
    report: Report
    is_complete: bool = False


def sweep(intake: Intake, options: SweepOptions) -> Iterator[SweepProgress]:
    """Sweep one Region, until the end of the pass or of the budget.

    Args:
        intake: The Region.
        options: How.

    Yields:
        Where it stands, after every few keys; the last one of a whole pass is
        complete. Stop asking at any time: the next call goes on from there.

    Raises:
        UnreachableError: A table or the Region did not answer.
        ThrottledError: The quota of the Region is used up.
    """
    return _Sweep(intake, options).run()


def sweep_sample(intake: Intake, sample: Sample, options: SweepOptions) -> Report:
    """Look at some keys of the record, drawn at random.

    What the record does not know at all is not looked for.

    Args:
        intake: The Region.
        sample: How many, and which draw.
        options: How; a budget or cursor makes no difference.

    Returns:
        The report of those keys; ``core.sampling.share_max`` says what it proves.

    Raises:
        UnreachableError: A table or the Region did not answer.
        ThrottledError: The quota of the Region is used up.
    """
    draw, token = Draw(sample), None
    while True:
        page = intake.site.records.page(token)
        for key in page.keys:
            if intake.scope.is_kept(key):
                draw.offer(key)
        token = page.next_token
        if token is None:
            break
    inspector = Inspector(intake, options.mode)
    now_s = intake.site.clock.now_s
    report = Report(options.mode, now_s())
    for key in draw.keys:
        report = report.after(key, inspector.inspect(key))
    return replace(report, ended_at_s=now_s())


@dataclass(frozen=True, slots=True)
class _Sweep:
    intake: Intake
    options: SweepOptions

    def run(self) -> Iterator[SweepProgress]:
        state = self._begun()
        begun_s, done_before = self._now_s(), state.report.looked_at
        total = sum(name_counts(self.intake.cursors).values()) or None
        while state.stage is not Stage.DONE:
            state = self._advanced(state)
            self._keep(state)
            done = state.report.looked_at - done_before
            elapsed_s = self._now_s() - begun_s
            yield SweepProgress(
                progress(
                    state.stage.value,
                    done=done,
                    total=None if total is None else max(done, total - done_before),
                    elapsed_s=elapsed_s,
                    costs=self.options.costs,
                ),
                state.report,
                is_complete=state.stage is Stage.DONE,
            )
            budget_s = self.options.budget_s
            if budget_s is not None and elapsed_s >= budget_s:
                return

    def _begun(self) -> State:
        fresh = State(Report(self.options.mode, self._now_s()))
        if self.options.cursor is None:
            return fresh
        kept = notes.read(self.intake.cursors, self.options.cursor, State)
        is_same = kept is not None and kept.report.mode is self.options.mode
        return kept if kept is not None and is_same else fresh

    def _keep(self, state: State) -> None:
        if self.options.cursor is None:
            return
        is_done = state.stage is Stage.DONE
        kept = None if is_done else state
        notes.write(self.intake.cursors, self.options.cursor, kept)

    def _advanced(self, state: State) -> State:
        if state.stage is Stage.DELETIONS:
            return self._with_deletions(state)
        try:
            page = self._page(state)
        except PermanentError:
            # A token that has become too old: this list is read anew.
            if state.token is None or state.restart_count >= _RESTARTS_MAX:
                raise
            count = state.restart_count + 1
            return State(state.report, state.stage, restart_count=count)
        report, last_key = state.report, state.last_key
        keys = left(page.keys, last_key)
        for key in keys[:_STRIDE]:
            report = self._looked(key, state.stage, report)
            last_key = str(key)
        if len(keys) > _STRIDE:
            return replace(state, report=report, last_key=last_key)
        if page.next_token is None:
            return replace(state, report=report).next_stage()
        return replace(state, report=report, token=page.next_token, last_key=last_key)

    def _page(self, state: State) -> KeyPage:
        site, kind = self.intake.site, LISTED.get(state.stage)
        if kind is None:
            return site.records.page(state.token)
        return site.registry.page(kind, state.token)

    def _looked(self, key: Key, stage: Stage, report: Report) -> Report:
        site = self.intake.site
        if not self.intake.scope.is_kept(key):
            return report
        keys = [key]
        if key.kind is Kind.THING:
            # Shadows cannot be listed: they are found by their things.
            keys.append(Key(Kind.SHADOWS, key.name))
        for item in keys:
            is_of_table = stage is Stage.RECORDS and item == key
            if is_of_table or _is_unknown(item, site.records):
                report = report.after(item, self._inspector(self.intake).inspect(item))
        return report

    def _with_deletions(self, state: State) -> State:
        """Take over the next few deletions, or refuse those of a kind."""
        report = state.report
        if state.last_key is None and self.options.cursor is not None:
            write_name_counts(self.intake.cursors, report.name_counts)
        keys = deleted_keys(report)
        todo = left(keys, state.last_key)
        if not todo:
            ended = replace(_with_unlisted(report), ended_at_s=self._now_s())
            return replace(state, report=ended).next_stage()
        kind = todo[0].kind
        same = [key for key in todo if key.kind is kind]
        done = sum(key.kind is kind for key in keys) - len(same)
        is_given = self.options.deletion_count_max is not None
        last_key = str((todo if is_given else same)[-1])
        try:
            limit = self._limit(kind, same, report, done)
            if self.options.mode is not Mode.REPORT:
                for key in same[:_STRIDE]:
                    report = self._deleted(key, report, limit)
                last_key = str(same[:_STRIDE][-1])
        except UnsafePlanError as error:
            report = replace(report, refused=(*report.refused, str(error)))
        return replace(state, report=report, last_key=last_key)

    def _limit(self, kind: Kind, keys: list[Key], report: Report, done: int) -> Limit:
        """Return the limit for the rest of a kind, which is within it."""
        before = self.intake.ledger.read(kind).count(self._now_s())
        count = report.deletion_counts.get(kind.value, 0) - done
        given = self.options.deletion_count_max
        if given is not None:
            total = sum(report.deletion_counts.values())
            deletions.check_given(report.deletions, count=total, count_max=given)
            return Limit(share_max=0.0, floor=before + count)
        deletions.check(
            kind,
            tuple(key.name for key in keys),
            count=count,
            count_max=self.intake.limit.count_max(
                report.name_counts.get(kind.value, 0)
            ),
            before=before,
        )
        return self.intake.limit

    def _deleted(self, key: Key, report: Report, limit: Limit) -> Report:
        intake = replace(self.intake, limit=limit)
        look = self._inspector(intake, is_deleting=True).inspect(key)
        return replace(
            report,
            adopted=report.adopted + look.is_adopted,
            applied=report.applied + look.is_applied,
            pending=report.pending + look.is_pending,
        )

    def _inspector(self, intake: Intake, *, is_deleting: bool = False) -> Inspector:
        return Inspector(
            intake,
            self.options.mode,
            is_deleting=is_deleting,
            tombstone_s_min=self.options.tombstone_s_min,
        )

    def _now_s(self) -> float:
        return self.intake.site.clock.now_s()


def _with_unlisted(report: Report) -> Report:
    """Return the report, what its list had no room for left to the next pass."""
    if report.mode is Mode.REPORT or report.refused:
        return report
    rest = sum(report.deletion_counts.values()) - len(report.deletions)
    return replace(report, pending=report.pending + rest)


def _is_unknown(key: Key, records: Records) -> bool:
    """Say whether the table has nothing of a key; unreadable is not nothing."""
    try:
        return records.read(key).is_absent
    except InvalidInputError:
        return False
