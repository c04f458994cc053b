"""Every few minutes: a bit of the endless comparison of table and registry."""

import logging
from functools import cache
from typing import Any

from hotsite.adapters.aws.metrics import MetricLog
from hotsite.core.sweeping import Mode
from hotsite.faces.lambdas import environment, measures
from hotsite.faces.lambdas.site import clients_of, intake_of, layout_of
from hotsite.flows.sight import Intake
from hotsite.flows.sweep import SweepOptions, sweep

_LOG = logging.getLogger(__name__)
# The function has 60 s, and its last few keys may wait for the quotas.
_OPTIONS = SweepOptions(mode=Mode.ADOPT, budget_s=30.0, cursor="sweep")


@cache
def _parts(account_id: str) -> tuple[Intake, MetricLog]:
    settings = environment.read()
    layout = layout_of(settings, account_id)
    intake = intake_of(clients_of(settings.region), layout)
    return intake, MetricLog(settings.prefix, intake.site.clock)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Go on where the last run stopped; say how far it came."""
    del event
    intake, metrics = _parts(context.invoked_function_arn.split(":")[4])
    last = None
    for last in sweep(intake, _OPTIONS):
        _LOG.info("swept", extra={"stage": last.progress.stage})
    if last is None:
        return {}
    report = last.report
    for reason in report.refused:
        _LOG.error("deletions refused", extra={"reason": reason})
    if last.is_complete:
        metrics.put(measures.of_pass(report))
    done = {"looked_at": report.looked_at, "drift": report.drift_count}
    return {**done, "adopted": report.adopted, "complete": last.is_complete}
