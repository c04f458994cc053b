"""How far replication is in one Region, as values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """A record that can never be applied, and why."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReplicationStatus:
    """How far one Region is.

    Attributes:
        names: Keys in the table, those of tombstones included.
        applied: Keys whose record is applied.
        failed: Keys whose record can never be applied.
        failures: The first of them, with the reason.
        pending: Keys whose record is still to be applied.
        pending_keys: The first of them.
        oldest_pending_s: Age of the oldest of those records, in seconds.
        lag_p50_s: Median time from a record's last write until it was applied,
            in seconds; nothing when none was applied.
        lag_p99_s: The time that 99 of 100 did not exceed.
        lag_max_s: The longest.
        is_whole: False when not every key was looked at.
    """

    names: int = 0
    applied: int = 0
    failed: int = 0
    failures: tuple[Failure, ...] = ()
    pending: int = 0
    pending_keys: tuple[str, ...] = ()
    oldest_pending_s: float = 0.0
    lag_p50_s: float | None = None
    lag_p99_s: float | None = None
    lag_max_s: float | None = None
    is_whole: bool = True
