"""Say how far replication is in one Region, from its own tables alone.

Page by page, in constant memory, and without a call to IoT Core.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hotsite.core.lags import Lags
from hotsite.core.registry import Key
from hotsite.core.replication_status import Failure, ReplicationStatus
from hotsite.errors import InvalidInputError
from hotsite.flows.replication import Site
from hotsite.ports import Records

_SHOWN_MAX = 100


def replication_status(
    site: Site, *, names_max: int | None = None
) -> ReplicationStatus:
    """Compare the records of a Region with what it has applied.

    Args:
        site: The Region.
        names_max: Stop after so many keys; nothing to look at all of them. A key
            costs two reads.

    Returns:
        How far it is.

    Raises:
        UnreachableError: A table did not answer.
    """
    count = _Count(site)
    for number, key in enumerate(keys_of(site.records)):
        if names_max is not None and number >= names_max:
            return replace(count.status(), is_whole=False)
        count.add(key)
    return count.status()


def keys_of(records: Records) -> Iterator[Key]:
    """Yield the keys of the table; one that two pages share comes once."""
    token, last = None, None
    while True:
        page = records.page(token)
        for key in page.keys:
            if key != last:
                yield key
            last = key
        token = page.next_token
        if token is None:
            return


@dataclass(slots=True)
class _Count:
    site: Site
    lags: Lags = field(default_factory=Lags)
    so_far: ReplicationStatus = field(default_factory=ReplicationStatus)

    def add(self, key: Key) -> None:
        line = self.site.applied.read(key)
        so_far = replace(self.so_far, names=self.so_far.names + 1)
        failure = line.failure if line else None
        try:
            record = self.site.records.read(key)
        except InvalidInputError as error:
            self.so_far = _failed(so_far, key, str(error))
            return
        is_tried = line is not None and line.digest == record.digest
        # A plan that was begun and not ended may have left anything here.
        is_ended = is_tried and line is not None and not line.attempts
        if is_tried and failure is not None and not record.is_absent:
            self.so_far = _failed(so_far, key, failure)
        elif record.is_absent or is_ended:
            self.so_far = replace(so_far, applied=so_far.applied + 1)
            if line is not None and line.applied_at_s and line.call_count:
                self.lags.add(line.lag_s)
        else:
            age_s = max(0.0, self.site.clock.now_s() - record.written_at_s)
            self.so_far = replace(
                so_far,
                pending=so_far.pending + 1,
                pending_keys=(*so_far.pending_keys, str(key))[:_SHOWN_MAX],
                oldest_pending_s=max(so_far.oldest_pending_s, age_s),
            )

    def status(self) -> ReplicationStatus:
        return replace(
            self.so_far,
            lag_p50_s=self.lags.percentile_s(0.5),
            lag_p99_s=self.lags.percentile_s(0.99),
            lag_max_s=self.lags.max_s if self.lags.count else None,
        )


def _failed(status: ReplicationStatus, key: Key, reason: str) -> ReplicationStatus:
    failures = (*status.failures, Failure(str(key), reason))[:_SHOWN_MAX]
    return replace(status, failed=status.failed + 1, failures=failures)
