"""What the functions of a site tell CloudWatch; alarms look at some of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hotsite.adapters.aws.metrics import Metric, Unit
from hotsite.core.drift import Cause
from hotsite.core.metering import Exposure
from hotsite.core.sweeping import Report
from hotsite.flows.hearing import Hearing
from hotsite.flows.readiness_sweep import Swept
from hotsite.flows.replication import Outcome

LAG, PENDING, FAILED = "ReplicationLag", "OldestPending", "FailedNames"
CALLS, RETRIED = "IotCalls", "RetriedNames"
TAKEN, ECHOES = "TakenChanges", "EchoedChanges"
REFUSED, PASS = "RefusedDeletions", "SweepPass"
NOT_READY, CERTIFICATE = "NotReady", "CertificateSeconds"
TURNED_AWAY = "TurnedAwayDevices"
RPO_HOT, RPO_MESSAGES, RPO_COLD = "RpoHotSeconds", "RpoHotMessages", "RpoColdSeconds"


def of_batch(
    outcomes: Sequence[Outcome], late: Iterable[Mapping[str, Any]], now_s: float
) -> tuple[Metric, ...]:
    """Return the metrics of one batch of a stream.

    Args:
        outcomes: One a name.
        late: Stream records of names that must be tried again; their time is that
            of the write, to the second (``ApproximateCreationDateTime``).
        now_s: The time, in seconds since the epoch.
    """
    written = [
        float(record.get("ApproximateCreationDateTime", now_s)) for record in late
    ]
    pending_s = max((now_s - at_s for at_s in written), default=0.0)
    lags = tuple(item.lag_s for item in outcomes if item.lag_s is not None)
    failed = sum(1 for item in outcomes if item.failure is not None)
    return (
        Metric(LAG, Unit.SECONDS, lags),
        Metric(PENDING, Unit.SECONDS, (max(0.0, pending_s),)),
        Metric(FAILED, Unit.COUNT, (failed,)),
        Metric(RETRIED, Unit.COUNT, (sum(item.is_retryable for item in outcomes),)),
        Metric(CALLS, Unit.COUNT, (sum(item.call_count for item in outcomes),)),
    )


def of_coming(turned_away: int) -> tuple[Metric, ...]:
    """Return the metrics of who came to a site.

    Args:
        turned_away: Devices that another site had not let in.
    """
    return (Metric(TURNED_AWAY, Unit.COUNT, (turned_away,)),)


def of_hearing(found: Hearing) -> tuple[Metric, ...]:
    """Return the metrics of one batch of told changes."""
    taken = sum(item.is_changed for item in found.taken)
    refused = sum(item.is_refused for item in found.taken)
    return (
        Metric(REFUSED, Unit.COUNT, (refused,)),
        Metric(TAKEN, Unit.COUNT, (taken,)),
        Metric(ECHOES, Unit.COUNT, (found.echo_count,)),
    )


def of_pass(report: Report) -> tuple[Metric, ...]:
    """Return the metrics of one whole pass of the sweep."""
    failed = report.drift_counts.get(Cause.FAILED.value, 0)
    return (
        Metric(FAILED, Unit.COUNT, (failed,)),
        Metric(REFUSED, Unit.COUNT, (len(report.refused),)),
        Metric(TAKEN, Unit.COUNT, (report.adopted,)),
        Metric(PASS, Unit.SECONDS, (report.ended_at_s - report.begun_at_s,)),
    )


def of_readiness(found: Swept) -> tuple[Metric, ...]:
    """Return the metrics of one look at whether the site is ready."""
    lives_s = [
        door.expires_s - found.facts.now_s
        for door in found.facts.doors
        if door.expires_s is not None
    ]
    return (
        Metric(NOT_READY, Unit.COUNT, (len(found.not_ready),)),
        Metric(CERTIFICATE, Unit.SECONDS, (min(lives_s),) if lives_s else ()),
    )


def of_exposure(found: Exposure) -> tuple[Metric, ...]:
    """Return the metrics of what would be lost; what was not measured has none."""
    figures = (
        (RPO_HOT, Unit.SECONDS, found.hot_s),
        (RPO_MESSAGES, Unit.COUNT, found.messages),
        (RPO_COLD, Unit.SECONDS, found.cold_s),
    )
    return tuple(
        Metric(name, unit, (value,))
        for name, unit, value in figures
        if value is not None
    )
