"""Keep what a topic rule or a function could not handle, with the reason."""

from dataclasses import replace

from hotsite.core.arrivals import Refused, messages_in, reason_of
from hotsite.ports.telemetry import ErrorArchive


def keep(refused: Refused, archive: ErrorArchive) -> Refused:
    """Put a refusal into the archive.

    Args:
        refused: What was refused. Without a reason its own content is asked: the
            rule that turns messages away cannot say what is wrong with them.
        archive: Of the site.

    Returns:
        What was kept.

    Raises:
        RetryableError: The archive did not answer; again is safe.
    """
    if not refused.reason:
        _, rejects = messages_in(refused)
        reason = reason_of(rejects) if rejects else "the topic rule turned it away"
        refused = replace(refused, reason=reason)
    archive.put(refused)
    return refused
