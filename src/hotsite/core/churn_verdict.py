"""The verdict on a registry under churn, recomputed from the journal alone.

What ought to be follows from the changes that were acknowledged; what is, from
connecting with every certificate, asking each Region for every device, and
comparing all of the record with all of each Region.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hotsite.core.churn import (
    Action,
    CertificateTried,
    ChurnObjectives,
    DeviceFound,
    Outcome,
    RegionSwept,
    RegistryChanged,
    SiteReturned,
    Way,
)
from hotsite.core.fates import Fates, fates_of
from hotsite.core.history import History, percentile
from hotsite.core.journal import DeviceApplied, DeviceOnboarded, Fact

_SHOWN_MAX = 5


@dataclass(frozen=True, slots=True)
class ChurnFigures:
    """What became of all names; a figure that was not measured is None.

    Attributes:
        changes: Changes that were acknowledged, by action.
        outside: How many of them were made behind hotsite's back.
        while_one_lived: How many while the other Region was dead.
        returned: Whether the killed Region came back.
        living: Devices that ought to connect in both Regions.
        revoked: Devices that were shut out for good.
        deleted: Devices that ought to be gone.
        lost: Living devices that a Region lacks or does not let in.
        undeleted: Deleted devices that a Region still has.
        stale: Living devices of which a Region shows an older change.
        shut_out_tried: Tries to connect with what must not be let in.
        shut_out_let_in: How many of them a broker accepted.
        drift: Differences that a comparison of both Regions found at the end.
        adopted: Outside changes that only the sweep, called to help, took in.
        lag_p99_s: Time from a record's write until the other Region had applied
            it, while both lived.
    """

    changes: dict[str, int]
    outside: int
    while_one_lived: int
    returned: bool
    living: int
    revoked: int
    deleted: int
    lost: int | None
    undeleted: int | None
    stale: int | None
    shut_out_tried: int
    shut_out_let_in: int | None
    drift: int | None
    adopted: int
    lag_p99_s: float | None


@dataclass(slots=True)
class _Findings:
    """What was found, and what is missing from it."""

    history: History
    fates: Fates
    regions: tuple[str, str]
    lost: set[str] = field(default_factory=set)
    undeleted: set[str] = field(default_factory=set)
    stale: set[str] = field(default_factory=set)
    let_in: set[str] = field(default_factory=set)
    shut_tried: int = 0
    unmeasured: set[str] = field(default_factory=set)

    def gather(self) -> None:
        """Compare what is with what ought to be, in each Region."""
        found = {(f.thing, f.region): f for _, f in self.history.each(DeviceFound)}
        tried = {
            (f.thing, f.certificate, f.region): f
            for _, f in self.history.each(CertificateTried)
        }
        for region in self.regions:
            for thing in sorted(self.fates):
                self._look(thing, found.get((thing, region)))
                for number in self.fates[thing].certificates:
                    self._try(thing, number, tried.get((thing, number, region)))

    def _look(self, thing: str, found: DeviceFound | None) -> None:
        fate = self.fates[thing]
        if found is None:
            self.unmeasured.add(thing)
        elif fate.is_deleted and found.is_there:
            self.undeleted.add(thing)
        elif not fate.is_deleted and not found.is_there:
            self.lost.add(thing)
        elif not fate.is_deleted and (found.update, found.shadow) != (
            fate.update,
            fate.shadow,
        ):
            self.stale.add(thing)

    def _try(self, thing: str, number: int, tried: CertificateTried | None) -> None:
        if tried is None or tried.outcome is Outcome.UNREACHABLE:
            self.unmeasured.add(thing)
            return
        is_in = tried.outcome is Outcome.ACCEPTED
        if number in self.fates[thing].open_ones:
            if not is_in:
                self.lost.add(thing)
            return
        self.shut_tried += 1
        if is_in:
            self.let_in.add(f"{thing} with certificate {number} in {tried.region}")


@dataclass(frozen=True, slots=True)
class ChurnJudgement:
    """Figures, and why they do not do."""

    figures: ChurnFigures
    reasons: tuple[str, ...]


def judge_churn(history: History, goals: ChurnObjectives) -> ChurnJudgement:
    """Judge a drill of the registry.

    Args:
        history: The drill.
        goals: What it is judged against.

    Returns:
        The figures, and one sentence for each objective that was not met or not
        measured.
    """
    started = history.started
    findings = _Findings(
        history, fates_of(history.events), (started.active, started.standby)
    )
    findings.gather()
    figures = _figures(history, findings)
    reasons = (
        *_course_reasons(history, figures),
        *_device_reasons(findings, goals),
        *_parity_reasons(history, figures, goals),
    )
    return ChurnJudgement(figures, reasons)


def _figures(history: History, findings: _Findings) -> ChurnFigures:
    fates = findings.fates.values()
    changes = [fact for _, fact in history.each(RegistryChanged)]
    counts = Counter(fact.action.value for fact in changes)
    is_whole = not findings.unmeasured and bool(findings.fates)

    def known(things: set[str]) -> int | None:
        return len(things) if is_whole or things else None

    return ChurnFigures(
        changes={action.value: counts[action.value] for action in Action},
        outside=sum(fact.way is Way.OUTSIDE for fact in changes),
        while_one_lived=sum(1 for _ in _while_one_lived(history)),
        returned=any(True for _ in history.each(SiteReturned)),
        living=sum(bool(fate.open_ones) for fate in fates),
        revoked=sum(fate.is_revoked for fate in fates),
        deleted=sum(fate.is_deleted for fate in fates),
        lost=known(findings.lost),
        undeleted=known(findings.undeleted),
        stale=known(findings.stale),
        shut_out_tried=findings.shut_tried,
        shut_out_let_in=known(findings.let_in),
        drift=_drift(history),
        adopted=sum(f.adopted for _, f in history.each(RegionSwept) if f.is_repair),
        lag_p99_s=_lag_p99_s(history),
    )


def _while_one_lived(history: History) -> Iterator[RegistryChanged]:
    is_lost = False
    for event in history.events:
        if event.fact is history.fault:
            is_lost = True
        elif isinstance(event.fact, SiteReturned):
            is_lost = False
        elif is_lost and isinstance(event.fact, RegistryChanged):
            yield event.fact


def _last_looks(history: History) -> dict[str, RegionSwept]:
    """Return the last comparison of each Region that changed nothing."""
    return {f.region: f for _, f in history.each(RegionSwept) if not f.is_repair}


def _drift(history: History) -> int | None:
    looks = _last_looks(history)
    wanted = {history.started.active, history.started.standby}
    if looks.keys() != wanted:
        return None
    return sum(look.drift + look.pending for look in looks.values())


def _is_deletion(fact: Fact) -> bool:
    return isinstance(fact, RegistryChanged) and fact.action is Action.DELETE


def _lag_p99_s(history: History) -> float | None:
    """Return the lag of the changes before the fault, in the other Region."""
    changed_in: dict[str, str] = {}
    lags: dict[str, float | None] = {}
    for event in history.events:
        if event.fact is history.fault:
            break
        match event.fact:
            case (
                DeviceOnboarded(thing=thing, region=region)
                | RegistryChanged(thing=thing, region=region)
            ):
                changed_in[thing] = region
                lags[thing] = None
                if _is_deletion(event.fact):
                    # Made and deleted by others at once, it may have no record.
                    del lags[thing]
            case DeviceApplied(thing=thing, region=region, lag_s=measured_s):
                if changed_in.get(thing, region) != region:
                    lags[thing] = measured_s
            case _:
                pass
    known = [lag_s for lag_s in lags.values() if lag_s is not None]
    lag_s = percentile(known, 99, total=len(lags))
    return lag_s if lag_s is None else round(lag_s, 3)


def _course_reasons(history: History, figures: ChurnFigures) -> Iterator[str]:
    if history.fault is None:
        yield "no Region was killed"
    elif not figures.returned:
        yield f"{history.fault.region} never returned"
    for action, count in figures.changes.items():
        if not count:
            yield f"nothing was done of kind {action}, so nothing is proved of it"


def _device_reasons(findings: _Findings, goals: ChurnObjectives) -> Iterator[str]:
    if findings.unmeasured or not findings.fates:
        yield f"not measured to the end: {_some(findings.unmeasured)}"
    lost = findings.lost | findings.stale | findings.undeleted
    if len(lost) > goals.devices_lost:
        for text, things in (
            ("missing, or not let in, in a Region", findings.lost),
            ("deleted, and still in a Region", findings.undeleted),
            ("an older change in a Region", findings.stale),
        ):
            if things:
                yield f"{text}: {_some(things)}"
    if len(findings.let_in) > goals.shut_out_let_in:
        yield f"shut out, and yet let in: {_some(findings.let_in)}"


def _parity_reasons(
    history: History, figures: ChurnFigures, goals: ChurnObjectives
) -> Iterator[str]:
    if figures.drift is None:
        yield "not every Region was compared with the record at the end"
    elif figures.drift > goals.drift:
        yield f"{figures.drift} differences between the record and the Regions"
        for look in _last_looks(history).values():
            yield from (f"{look.region}: {text}" for text in look.findings[:_SHOWN_MAX])
    if figures.lag_p99_s is None:
        yield "the lag of replication was not measured for 99 % of the devices"
    elif figures.lag_p99_s > goals.lag_p99_s:
        yield (
            f"lag p99 was {figures.lag_p99_s:.1f} s; the objective is"
            f" {goals.lag_p99_s:g} s"
        )


def _some(things: Iterable[str]) -> str:
    names = sorted(things)
    more = len(names) - _SHOWN_MAX
    shown = ", ".join(names[:_SHOWN_MAX]) or "nothing at all"
    return f"{shown} and {more} more" if more > 0 else shown
