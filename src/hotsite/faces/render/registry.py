"""What the commands of the registry say to people."""

from collections.abc import Iterator, Sequence

from hotsite.core.sampling import share_max
from hotsite.core.seeding import LeftOut, SeedReport
from hotsite.core.sweeping import Mode, Report
from hotsite.flows.redrive import Redriven
from hotsite.flows.replication_status import ReplicationStatus

_SHOWN_MAX = 20


def seed_text(region: str, report: SeedReport) -> str:
    """Return what a seeding did."""
    took_s = max(0.0, report.ended_at_s - report.begun_at_s)
    lines = [
        f"{region}: {report.thing_done:,} things looked at in {took_s:.0f} s",
        f"  {report.written:,} records written, {report.known:,} known before",
        *_left_out("could not be brought over", report.failed),
        *_left_out("must be looked at again: run seed again", report.pending),
        *_left_out("certificates of several things, not recorded", report.shared),
        *_left_out("certificates of no thing, not recorded", report.unattached),
        *_left_out("dynamic thing groups, not recorded", report.dynamic_groups),
        *_left_out("billing groups, not recorded", report.billing_groups),
    ]
    return "\n".join(lines)


def sweep_text(region: str, report: Report, *, sample: int | None = None) -> str:
    """Return what a comparison of one Region found.

    Args:
        region: Which.
        report: What it found.
        sample: How many names were asked for; nothing when all were looked at.
    """
    word = "equal to the record" if report.is_equal else "not equal to the record"
    lines = [
        f"{region}: {word}; {report.looked_at:,} keys looked at",
        *_done(report),
        *(f"  {cause}: {count:,}" for cause, count in report.drift_counts.items()),
        *(f"    {item.text}" for item in report.findings[:_SHOWN_MAX]),
        *_more(report.drift_count, min(len(report.findings), _SHOWN_MAX)),
        *_deletions(report),
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
    bound = share_of_bad_max(report)
    return (
        f"with 95 % confidence, no more than {100 * bound:.2f} % of the recorded "
        "names differ"
    )


def share_of_bad_max(report: Report) -> float:
    """Return how large the share of differing names can be, after a sample."""
    bad = len({finding.key for finding in report.findings}) + report.pending
    return share_max(min(bad, report.looked_at), report.looked_at)


def status_text(region: str, found: ReplicationStatus | str) -> str:
    """Return how far replication is in one Region.

    Args:
        region: Which.
        found: What was found, or why nothing was.
    """
    if isinstance(found, str):
        return f"{region}: does not answer: {found}"
    of = "of" if found.is_whole else "of the first"
    counts = f"{found.applied:,} applied, {found.pending:,} pending"
    lines = [
        f"{region}: {counts}, {found.failed:,} failed {of} {found.names:,} names",
        f"  lag p50 {_seconds(found.lag_p50_s)}, p99 {_seconds(found.lag_p99_s)}",
    ]
    if found.pending:
        lines.append(f"  oldest pending: {_seconds(found.oldest_pending_s)}")
        lines += [f"    {key}" for key in found.pending_keys[:_SHOWN_MAX]]
        lines += _more(found.pending, min(len(found.pending_keys), _SHOWN_MAX))
    lines += [f"  failed {one.key}: {one.reason}" for one in found.failures]
    lines += _more(found.failed, len(found.failures))
    return "\n".join(lines)


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


def _deletions(report: Report) -> Iterator[str]:
    count = sum(report.deletion_counts.values())
    if not count:
        return
    what = "would be" if report.mode is Mode.REPORT else "were to be"
    yield f"  deleted here by somebody, and {what} deleted everywhere: {count:,}"
    yield from (f"    {name}" for name in report.deletions[:_SHOWN_MAX])
    yield from _more(count, min(len(report.deletions), _SHOWN_MAX))


def _left_out(what: str, found: LeftOut) -> Iterator[str]:
    if not found.count:
        return
    yield f"  {found.count:,} {what}"
    shown = found.names[:_SHOWN_MAX]
    yield from (f"    {name}" for name in shown)
    yield from _more(found.count, len(shown))


def _more(count: int, shown: int) -> Iterator[str]:
    if count > shown:
        yield f"    and {count - shown:,} more"


def _seconds(duration_s: float | None) -> str:
    return "unknown" if duration_s is None else f"{duration_s:.1f} s"
