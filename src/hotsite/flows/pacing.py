"""Call IoT Core within its quotas: wait for a slot first, back off when refused.

Everything that calls the registry of a Region goes through one of these, so that
replication, onboarding, seeding and the sweep share one quota fairly.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from hotsite.core.apis import (
    API_OF,
    ISSUE_API,
    PAGE_API_OF,
    calls_of_observation,
)
from hotsite.core.backoff import BackoffPolicy, full_jitter_s
from hotsite.core.quota import Slots, lease_count
from hotsite.core.registry import Certificate, Key, Kind, Shadows
from hotsite.core.replication import Present, Step
from hotsite.errors import InvalidInputError, ThrottledError
from hotsite.ports import Clock, KeyPage, Quota, Registry
from hotsite.ports.unrecorded import NamePage, Surroundings, Unrecorded

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class PacingBudget:
    """How much patience one call has.

    Attributes:
        attempt_count_max: How often a call is made that is refused for load.
        wait_s_max: Longest time spent waiting for one call, in seconds: for its
            slot, and after refusals.
        backoff: How to space the attempts.
    """

    attempt_count_max: int = 4
    wait_s_max: float = 10.0
    backoff: BackoffPolicy = field(
        default_factory=lambda: BackoffPolicy(base_s=0.5, cap_s=8.0)
    )

    def __post_init__(self) -> None:
        """Refuse a budget that allows nothing.

        Raises:
            InvalidInputError: A value is outside its range.
        """
        if self.attempt_count_max < 1 or self.wait_s_max < 0:
            raise InvalidInputError(
                "pacing: at least 1 attempt, and a wait of 0 s or more"
            )


_NO_SLOTS = Slots(first_s=0.0, interval_s=1.0, count=0, late_s=0.0)
# How much of the longest time between two calls is remembered at the next one: a
# worker that was slow a few calls ago may be slow again, and waste a lease.
_BUSY_MEMORY = 0.95


@dataclass(frozen=True, slots=True)
class _Lease:
    """Slots this worker holds, and how it uses them.

    Attributes:
        slots: Those that are left.
        used_s: When the one before them was to be used.
        busy_s: The longest time of late until it wanted the next one.
        taken: How many were taken at once.
    """

    slots: Slots
    used_s: float
    busy_s: float | None = None
    taken: int = 1


class PacedRegistry:
    """Implements ``ports.Registry`` on another one, within its quotas.

    For one worker, which makes one call after the other: it is not safe to
    share between threads. A worker that is faster than the slots takes several
    at once and saves writes to the shared quota; what it holds dies with it.
    """

    def __init__(
        self,
        registry: Registry,
        quota: Quota,
        clock: Clock,
        *,
        uniform: Callable[[], float],
        budget: PacingBudget | None = None,
    ) -> None:
        """Take what to call, the shared quota, and how patient to be.

        Args:
            registry: IoT Core of one Region, which itself never tries again.
            quota: That Region's shared quota.
            clock: The time.
            uniform: Gives a random number, 0 to 1, for the spread of attempts.
            budget: How much patience one call has.
        """
        self._registry = registry
        self._quota = quota
        self._clock = clock
        self._uniform = uniform
        self._budget = budget or PacingBudget()
        self._leases: dict[str, _Lease] = {}

    def issue(self, csr_pem: str) -> Certificate:
        """Issue an ACTIVE certificate for a signing request."""
        return self.paced({ISSUE_API: 1}, lambda: self._registry.issue(csr_pem))

    def perform(self, step: Step) -> None:
        """Make one call."""
        self.paced({API_OF[step.verb]: 1}, lambda: self._registry.perform(step))

    def observe(self, key: Key, certificate_ids: Sequence[str] = ()) -> Present:
        """Return what IoT Core holds of a key, whole.

        How many certificates are attached is only known afterwards; what they
        cost is taken then, so that the next caller waits for it.
        """
        calls = calls_of_observation(key.kind, len(certificate_ids))
        found = self.paced(calls, lambda: self._registry.observe(key, certificate_ids))
        real = calls_of_observation(key.kind, _part_count(found))
        for api, count in real.items():
            owed = count - calls.get(api, 0)
            if owed > 0:
                self._quota.take(api, owed, wait_s_max=float("inf"))
        return found

    def page(self, kind: Kind, token: str | None = None) -> KeyPage:
        """Return some of the names of a kind that IoT Core holds."""
        calls = {PAGE_API_OF[kind]: 1} if kind in PAGE_API_OF else {}
        return self.paced(calls, lambda: self._registry.page(kind, token))

    def paced(self, calls: Mapping[str, int], make: Callable[[], _Answer]) -> _Answer:
        """Make other calls to the same Region, within its quotas.

        Args:
            calls: How many of each API ``make`` makes.
            make: Makes them; it may be called again.

        Returns:
            What it returned.

        Raises:
            ThrottledError: There was no slot, or the Region refused too often.
        """
        budget = self._budget
        give_up_s = self._clock.now_s() + budget.wait_s_max
        attempt = 0
        while True:
            attempt += 1
            self._wait(calls, give_up_s)
            try:
                return make()
            except ThrottledError:
                for api in calls:
                    self._leases.pop(api, None)
                    self._quota.throttled(api)
                wait_s = full_jitter_s(attempt - 1, self._uniform(), budget.backoff)
                is_last = attempt == budget.attempt_count_max
                if is_last or self._clock.now_s() + wait_s > give_up_s:
                    raise
                self._clock.sleep(wait_s)

    def _wait(self, calls: Mapping[str, int], give_up_s: float) -> None:
        ready_s = max(
            (self._slot_s(api, count, give_up_s) for api, count in calls.items()),
            default=0.0,
        )
        wait_s = ready_s - self._clock.now_s()
        if wait_s > 0:
            self._clock.sleep(wait_s)

    def _slot_s(self, api: str, count: int, give_up_s: float) -> float:
        """Return when some calls may be made, and keep the slots left over."""
        now_s = self._clock.now_s()
        lease = self._leases.get(api) or _Lease(_NO_SLOTS, now_s)
        busy_s = None
        if api in self._leases:
            forgotten_s = _BUSY_MEMORY * (lease.busy_s or 0.0)
            busy_s = max(0.0, now_s - lease.used_s, forgotten_s)
        slots, taken = lease.slots.after(now_s), lease.taken
        if slots.count < count:
            taken = lease_count(slots.interval_s, busy_s=busy_s, previous=taken)
            wait_s_max = max(0.0, give_up_s - now_s)
            slots = self._quota.take(api, max(count, taken), wait_s_max=wait_s_max)
        ready_s = slots.first_s + (count - 1) * slots.interval_s
        self._leases[api] = _Lease(
            slots.without(count), max(now_s, ready_s), busy_s, taken
        )
        return ready_s


class PacedSurroundings:
    """Implements ``ports.Surroundings`` on another one, within the same quotas."""

    def __init__(self, surroundings: Surroundings, pace: PacedRegistry) -> None:
        """Take what to call, and who keeps the pace of the Region.

        Args:
            surroundings: Of the same Region.
            pace: The registry that this worker calls.
        """
        self._surroundings = surroundings
        self._pace = pace

    def things_of(self, certificate_id: str) -> tuple[str, ...]:
        """Return the names of the things that a certificate is attached to."""
        return self._pace.paced(
            {"ListPrincipalThings": 1},
            lambda: self._surroundings.things_of(certificate_id),
        )

    def page(self, what: Unrecorded, token: str | None = None) -> NamePage:
        """Return some names; what looking at each costs is not counted."""
        apis = {
            Unrecorded.CERTIFICATE: "ListCertificates",
            Unrecorded.DYNAMIC_GROUP: "ListThingGroups",
        }
        calls = {apis[what]: 1} if what in apis else {}
        return self._pace.paced(calls, lambda: self._surroundings.page(what, token))


def _part_count(found: Present) -> int:
    if isinstance(found.body, Shadows):
        return len(found.body.documents)
    return len(found.certificates)
