"""What the commands of the registry say to people."""

from collections.abc import Iterator, Mapping, Sequence

from hotsite.core.replication_status import ReplicationStatus
from hotsite.core.sampling import share_max
from hotsite.core.seeding import LeftOut, SeedReport
from hotsite.core.sweeping import Mode, Report
from hotsite.flows.redrive import Redriven

_SHOWN_MAX = 20
_TEXT_MAX, _END = 240, 80
_NOTHING = "-"
_HEAD = (
    *("Region", "names", "applied", "pending", "failed"),
    *("lag p50", "lag p99", "oldest pending"),
)


def seed_text(region: str, report: SeedReport) -> str:
    """Return what a seeding did."""
    took_s = max(0.0, report.ended_at_s - report.begun_at_s)
    lines = [
        f"{region}: {report.thing_done:,} things looked at in {took_s:.0f} s",
        f"  {report.written:,} records written, {report.known:,} known before",
        *_left_out("could not be recorded", report.failed),
        *_left_out("at work on by others, so run seed again", report.pending),
        *_left_out("certificates of several things, not recorded", report.shared),
        *_left_out("certificates of no thing, not recorded", report.unattached),
        *_left_out("dynamic thing groups, not recorded", report.dynamic_groups),
        *_left_out("billing groups, not recorded", report.billing_groups),
    ]
    return "\n".join(lines)


def sweep_text(
    region: str,
    report: Report,
    *,
    sample: int | None = None,
    is_listing: bool = False,
) -> str:
    """Return what a comparison of one Region found.

    Args:
        region: Which.
        report: What it found.
        sample: How many names were asked for; nothing when all were looked at.
        is_listing: True to name every deletion that the report names.
    """
    word = "equal to the record" if report.is_equal else "not equal to the record"
    lines = [
        f"{region}: {word}; {report.looked_at:,} keys looked at",
        *_done(report),
        *(f"  {cause}: {count:,}" for cause, count in report.drift_counts.items()),
        *(f"    {_cut(item.text)}" for item in report.findings[:_SHOWN_MAX]),
        *_more(report.drift_count, min(len(report.findings), _SHOWN_MAX)),
        *_deletions(report, None if is_listing else _SHOWN_MAX),
        *(f"  refused: {reason}" for reason in report.refused),
    ]
    if report.pending:
        lines.append(f"  {report.pending:,} keys are being worked on: verify again")
    if report.left_out_count:
        names = LeftOut(report.left_out_count, report.left_out)
        lines += _left_out("certificates of several things, not recorded", names)
    if sample is not None:
        lines.append(f"  {bound_text(report)}")
    return "\n".join(lines)


def bound_text(report: Report) -> str:
    """Return what a sample proves."""
    if not report.looked_at:
        return "the record has no names yet, so this proves nothing"
    bound = share_of_bad_max(report)
    return (
        f"with 95 % confidence, no more than {100 * bound:.2f} % of the recorded "
        "names differ"
    )


def share_of_bad_max(report: Report) -> float:
    """Return how large the share of differing names can be, after a sample."""
    bad = len({finding.key for finding in report.findings}) + report.pending
    return share_max(min(bad, report.looked_at), report.looked_at)


def status_text(found: Mapping[str, ReplicationStatus | str]) -> str:
    """Return how far replication is, a line a Region, then what needs a person.

    Args:
        found: By Region: what was found, or why nothing was.
    """
    whole = {name: one for name, one in found.items() if not isinstance(one, str)}
    rows = [_HEAD, *(_row(name, one) for name, one in whole.items())]
    lines = list(_columns(rows)) if whole else []
    for name, one in found.items():
        if isinstance(one, str):
            lines.append(f"{name} does not answer: {one}")
    for name, one in whole.items():
        if not one.is_whole:
            lines.append(f"{name}: the first {one.names:,} names only; --names 0: all")
        if one.pending:
            lines.append(f"pending in {name}:")
            lines += [f"  {_cut(key)}" for key in one.pending_keys[:_SHOWN_MAX]]
            lines += _more(one.pending, min(len(one.pending_keys), _SHOWN_MAX))
    return "\n".join((*lines, *_failures(whole)))


def _row(region: str, found: ReplicationStatus) -> tuple[str, ...]:
    counts = (found.names, found.applied, found.pending, found.failed)
    oldest = _seconds(found.oldest_pending_s) if found.pending else _NOTHING
    lags = (_seconds(found.lag_p50_s), _seconds(found.lag_p99_s))
    return (region, *(f"{count:,}" for count in counts), *lags, oldest)


def _failures(found: Mapping[str, ReplicationStatus]) -> Iterator[str]:
    """Yield each failed name once, with the Regions that say the same of it."""
    places: dict[tuple[str, str], list[str]] = {}
    for region, one in found.items():
        for failure in one.failures:
            places.setdefault((failure.key, failure.reason), []).append(region)
    by_place: dict[str, list[tuple[str, str]]] = {}
    for pair, regions in places.items():
        by_place.setdefault(" and ".join(regions), []).append(pair)
    for place, pairs in by_place.items():
        yield f"can never be applied in {place}:"
        yield from (f"  {_cut(key)}: {_cut(reason)}" for key, reason in pairs)
    for region, one in found.items():
        if one.failed > len(one.failures):
            yield f"and {one.failed - len(one.failures):,} more in {region}"


def _columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield the rows of a table; numbers end where their heads end."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells in rows:
        pairs = zip(cells, widths[1:], strict=True)
        ends = (cell.rjust(width) for cell, width in pairs)
        yield "  ".join((name.ljust(widths[0]), *ends)).rstrip()


def _cut(text: str) -> str:
    """Return a text that fits on a few lines, its beginning and its end."""
    if len(text) <= _TEXT_MAX:
        return text
    return f"{text[: _TEXT_MAX - _END]}… {text[-_END:]}"


def redriven_text(region: str, found: Sequence[Redriven]) -> str:
    """Return what became of the batches that were put aside in a Region."""
    kept = [batch for batch in found if not batch.is_deleted]
    lines = [
        f"{region}: {len(found) - len(kept):,} of {len(found):,} batches worked off",
        *(f"  kept {batch.name}: {batch.reason}" for batch in kept),
    ]
    failures = [
        outcome
        for batch in found
        for outcome in batch.outcomes
        if outcome.failure is not None
    ]
    lines += [f"  failed {one.key}: {one.failure}" for one in failures[:_SHOWN_MAX]]
    lines += _more(len(failures), min(len(failures), _SHOWN_MAX))
    return "\n".join(lines)


def _done(report: Report) -> Iterator[str]:
    if report.mode is Mode.REPORT:
        return
    yield (
        f"  taken into the record: {report.adopted:,}; made equal: "
        f"{report.applied:,}; old tombstones removed: {report.purged:,}"
    )


def _deletions(report: Report, shown_max: int | None) -> Iterator[str]:
    count = sum(report.deletion_counts.values())
    if not count:
        return
    what = "would be" if report.mode is Mode.REPORT else "were to be"
    shown = report.deletions[:shown_max]
    yield f"  deleted here by somebody, and {what} deleted everywhere: {count:,}"
    yield from (f"    {_cut(name)}" for name in shown)
    yield from _more(count, len(shown))


def _left_out(what: str, found: LeftOut) -> Iterator[str]:
    if not found.count:
        return
    yield f"  {what}: {found.count:,}"
    shown = found.names[:_SHOWN_MAX]
    yield from (f"    {_cut(name)}" for name in shown)
    yield from _more(found.count, len(shown))


def _more(count: int, shown: int) -> Iterator[str]:
    if count > shown:
        yield f"    and {count - shown:,} more"


def _seconds(duration_s: float | None) -> str:
    return _NOTHING if duration_s is None else f"{duration_s:.1f} s"
