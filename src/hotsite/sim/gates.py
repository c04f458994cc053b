"""Every call to a port of a simulated Region: late, refused, lost, or the last.

A call is where workers take turns, and where the world goes wrong: it is
throttled, fails before or after it was made, or its worker dies in front of it.
A worker that calls another Region's port breaks the first rule of hotsite, and
the seed has failed.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from hotsite.core.deletions import Window
from hotsite.core.onboarding import Entry
from hotsite.core.registry import Certificate, Key, Kind, Record
from hotsite.core.replication import Present, Step
from hotsite.errors import RetryableError, ThrottledError, UnreachableError
from hotsite.ports import (
    Applied,
    AppliedPage,
    AppliedRecords,
    ClaimPage,
    Claims,
    Cursors,
    KeyPage,
    Records,
    Registry,
)
from hotsite.ports.deletions import DeletionLedger
from hotsite.sim.scheduler import Scheduler

T = TypeVar("T")


class BrokenInvariantError(AssertionError):
    """Something happened that must never happen."""


@dataclass(slots=True)
class Weather:
    """How calls to one Region fare now.

    Attributes:
        failure_share: Of calls that fail before they are made, 0 to 1.
        lost_share: Of calls that are made and never answered, 0 to 1.
        throttled_share: Of calls to IoT Core that are refused for load, 0 to 1.
        is_iot_up: False while IoT Core does not answer.
        are_tables_up: False while DynamoDB does not answer.
        latency_s: Of a call, at most, in seconds.
    """

    failure_share: float = 0.0
    lost_share: float = 0.0
    throttled_share: float = 0.0
    is_iot_up: bool = True
    are_tables_up: bool = True
    latency_s: float = 0.1

    def calm(self) -> None:
        """Let every call be answered."""
        self.failure_share = self.lost_share = self.throttled_share = 0.0
        self.is_iot_up = self.are_tables_up = True


@dataclass(slots=True)
class Gate:
    """What all calls to the ports of one Region go through.

    Attributes:
        region: Whose ports.
        scheduler: Who moves next.
        chance: The seed's.
        weather: How calls fare.
        calls: Calls to IoT Core by key.
        faults: Calls that failed.
        on_applied: Called with each line of the applied table that is written.
    """

    region: str
    scheduler: Scheduler
    chance: random.Random
    weather: Weather = field(default_factory=Weather)
    calls: dict[Key, int] = field(default_factory=dict)
    faults: int = 0
    on_applied: Callable[[Applied], None] | None = None

    def table(self, make: Callable[[], T]) -> T:
        """Make a call to a table."""
        return self._pass(make, is_up=lambda: self.weather.are_tables_up)

    def iot(self, make: Callable[[], T], key: Key | None = None) -> T:
        """Make a call to IoT Core."""
        if key is not None:
            self.calls[key] = self.calls.get(key, 0) + 1
        return self._pass(
            make,
            is_up=lambda: self.weather.is_iot_up,
            throttled_share=self.weather.throttled_share,
        )

    def _pass(
        self,
        make: Callable[[], T],
        *,
        is_up: Callable[[], bool],
        throttled_share: float = 0.0,
    ) -> T:
        worker = self.scheduler.current
        assert worker is not None  # noqa: S101 - judges look, they do not call
        if worker.region != self.region:
            raise BrokenInvariantError(f"{worker.name} has called {self.region}")
        weather = self.weather
        self.scheduler.count_call()
        self.scheduler.sleep(self.chance.random() * weather.latency_s)
        luck = self.chance.random()
        if not is_up() or luck < weather.failure_share:
            self._fail(UnreachableError(f"{self.region} does not answer"))
        if luck > 1 - throttled_share:
            self._fail(ThrottledError(f"{self.region}: rate exceeded"))
        result = make()
        if self.chance.random() < weather.lost_share:
            self._fail(UnreachableError(f"the answer of {self.region} is lost"))
        return result

    def _fail(self, error: RetryableError) -> None:
        self.faults += 1
        raise error


@dataclass(frozen=True, slots=True)
class GatedRecords:
    """``ports.Records`` behind a gate."""

    gate: Gate
    inner: Records

    def read(self, key: Key) -> Record:
        """Return the whole record of a key."""
        return self.gate.table(lambda: self.inner.read(key))

    def write(self, record: Record, *, previous: Record) -> None:
        """Write what differs between two records."""
        self.gate.table(lambda: self.inner.write(record, previous=previous))

    def write_enrolled(self, entry: Entry, record: Record) -> None:
        """Write the claim's answer and the device's record."""
        self.gate.table(lambda: self.inner.write_enrolled(entry, record))

    def write_revoked(self, key: Key, certificate_id: str) -> None:
        """Write the revocation of a certificate."""
        self.gate.table(lambda: self.inner.write_revoked(key, certificate_id))

    def page(self, token: str | None = None) -> KeyPage:
        """Return some of the keys."""
        return self.gate.table(lambda: self.inner.page(token))

    def purge(self, record: Record) -> None:
        """Remove the tombstones in a record."""
        self.gate.table(lambda: self.inner.purge(record))


@dataclass(frozen=True, slots=True)
class GatedClaims:
    """``ports.Claims`` behind a gate."""

    gate: Gate
    inner: Claims

    def read(self, claim_id: str) -> Entry | None:
        """Return a claim's line."""
        return self.gate.table(lambda: self.inner.read(claim_id))

    def page(self, token: str | None = None) -> ClaimPage:
        """Return some of the claims."""
        return self.gate.table(lambda: self.inner.page(token))

    def add(self, entry: Entry) -> bool:
        """Add an unused line."""
        return self.gate.table(lambda: self.inner.add(entry))

    def take(self, entry: Entry) -> None:
        """Mark a claim as taken."""
        self.gate.table(lambda: self.inner.take(entry))


@dataclass(frozen=True, slots=True)
class GatedApplied:
    """``ports.AppliedRecords`` behind a gate."""

    gate: Gate
    inner: AppliedRecords

    def read(self, key: Key) -> Applied | None:
        """Return what was applied of a key."""
        return self.gate.table(lambda: self.inner.read(key))

    def write(self, applied: Applied, *, previous: Applied | None) -> Applied:
        """Write a line."""
        return self.gate.table(lambda: self._write(applied, previous))

    def page(self, token: str | None = None) -> AppliedPage:
        """Return some of the lines."""
        return self.gate.table(lambda: self.inner.page(token))

    def _write(self, applied: Applied, previous: Applied | None) -> Applied:
        written = self.inner.write(applied, previous=previous)
        if self.gate.on_applied is not None:
            self.gate.on_applied(written)
        return written


@dataclass(frozen=True, slots=True)
class GatedLedger:
    """``ports.DeletionLedger`` behind a gate."""

    gate: Gate
    inner: DeletionLedger

    def read(self, kind: Kind) -> Window:
        """Return what was counted of a kind."""
        return self.gate.table(lambda: self.inner.read(kind))

    def update(self, kind: Kind, change: Callable[[Window], Window]) -> None:
        """Change a window."""
        self.gate.table(lambda: self.inner.update(kind, change))


@dataclass(frozen=True, slots=True)
class GatedCursors:
    """``ports.Cursors`` behind a gate."""

    gate: Gate
    inner: Cursors

    def read(self, name: str) -> str | None:
        """Return what was kept."""
        return self.gate.table(lambda: self.inner.read(name))

    def write(self, name: str, text: str | None) -> None:
        """Keep a text."""
        self.gate.table(lambda: self.inner.write(name, text))


@dataclass(frozen=True, slots=True)
class GatedRegistry:
    """``ports.Registry`` behind a gate."""

    gate: Gate
    inner: Registry

    def issue(self, csr_pem: str) -> Certificate:
        """Issue a certificate."""
        return self.gate.iot(lambda: self.inner.issue(csr_pem))

    def perform(self, step: Step) -> None:
        """Make one call."""
        self.gate.iot(lambda: self.inner.perform(step), step.key)

    def observe(self, key: Key, certificate_ids: Sequence[str] = ()) -> Present:
        """Return what IoT Core holds of a key."""
        return self.gate.iot(lambda: self.inner.observe(key, certificate_ids), key)

    def page(self, kind: Kind, token: str | None = None) -> KeyPage:
        """Return some of the names of a kind."""
        return self.gate.iot(lambda: self.inner.page(kind, token))
