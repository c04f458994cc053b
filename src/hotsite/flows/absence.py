"""Look through the records for what happened while a site was away."""

from hotsite.core.absence import Absence, Known
from hotsite.core.registry import Key
from hotsite.errors import InvalidInputError
from hotsite.flows.replication_status import keys_of
from hotsite.ports import AppliedRecords, Records


def absence(records: Records, applied: AppliedRecords, *, since_s: float) -> Absence:
    """Compare what is wished with what a site has applied.

    Args:
        records: The system of record, as the returning site's Region shows it.
        applied: What that Region has applied.
        since_s: When the site left, seconds since the epoch.

    Returns:
        What happened; it costs two reads a name.

    Raises:
        UnreachableError: A table did not answer.
    """
    found = Absence(since_s)
    for key in keys_of(records):
        found = _with(found, key, records, applied)
    return found


def _with(
    found: Absence, key: Key, records: Records, applied: AppliedRecords
) -> Absence:
    line = applied.read(key)
    try:
        record = records.read(key)
    except InvalidInputError as error:
        return found.unreadable(f"{key} cannot be read: {error}")
    if line is None:
        return found.plus(record, Known(None, is_current=False))
    is_current = line.digest == record.digest and not line.attempts
    return found.plus(record, Known(line.record, is_current, line.failure))
