"""The shared quota in memory, and an IoT Core that refuses what is beyond it."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from hotsite.core import quota
from hotsite.core.apis import (
    API_OF,
    ISSUE_API,
    PAGE_API_OF,
    calls_of_observation,
)
from hotsite.core.quota import Bucket, Slots
from hotsite.core.registry import Certificate, Key, Kind
from hotsite.core.replication import Present, Step
from hotsite.errors import InvalidInputError, ThrottledError, UnreachableError
from hotsite.ports import Clock, KeyPage, Registry

_WINDOW_S = 1.0
# Times of today have a resolution of a quarter of a microsecond.
_ROUNDING_S = 1e-5


class SimQuota:
    """Implements ``ports.Quota`` for all workers that share the object."""

    def __init__(
        self, limits: Mapping[str, float], clock: Clock, *, share: float = quota.SHARE
    ) -> None:
        """Take calls a second by API, the time, and how much of it is ours."""
        self.buckets = {api: Bucket(limit, share) for api, limit in limits.items()}
        self.is_reachable = True
        self.take_count = 0
        self._clock = clock

    def take(self, api: str, count: int = 1, *, wait_s_max: float) -> Slots:
        """Take times at which an API may be called."""
        bucket, now_s = self._bucket(api), self._clock.now_s()
        if bucket.wait_s(now_s) > wait_s_max:
            raise ThrottledError(f"no slot for {api} within {wait_s_max:.1f} s")
        self.buckets[api], slots = quota.take(bucket, now_s, count)
        self.take_count += 1
        return slots

    def throttled(self, api: str) -> None:
        """Note that the Region refused a call for load."""
        self.buckets[api] = quota.slow(self._bucket(api), self._clock.now_s())

    def _bucket(self, api: str) -> Bucket:
        if not self.is_reachable:
            raise UnreachableError("the quota's table does not answer")
        if api not in self.buckets:
            raise InvalidInputError(f"no quota is known for {api}")
        return self.buckets[api]


class LimitedRegistry:
    """A registry that refuses calls beyond its quotas, and takes time.

    As strict as "transactions per second" can be read: no second anywhere holds
    more than the quota. A call without a quota here is not limited.
    """

    def __init__(
        self,
        registry: Registry,
        limits: Mapping[str, float],
        clock: Clock,
        *,
        latency_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Take what to call, calls a second by API, and how long a call takes."""
        self.made: dict[str, int] = {}
        self.refused: dict[str, int] = {}
        self._registry = registry
        self._limits = limits
        self._clock = clock
        self._latency_s = latency_s
        self._recent: dict[str, deque[float]] = {}

    def issue(self, csr_pem: str) -> Certificate:
        """Issue a certificate, if the quota allows."""
        self._pass([ISSUE_API])
        return self._registry.issue(csr_pem)

    def perform(self, step: Step) -> None:
        """Make one call, if the quota allows."""
        self._pass([API_OF[step.verb]])
        self._registry.perform(step)

    def observe(self, key: Key, certificate_ids: Sequence[str] = ()) -> Present:
        """Look at a key, if the quotas allow."""
        calls = calls_of_observation(key.kind, len(certificate_ids))
        apis = [api for api, count in calls.items() for _ in range(count)]
        self._pass(apis)
        return self._registry.observe(key, certificate_ids)

    def page(self, kind: Kind, token: str | None = None) -> KeyPage:
        """Return some names, if the quota allows."""
        apis = [PAGE_API_OF[kind]] if kind in PAGE_API_OF else []
        self._pass(apis)
        return self._registry.page(kind, token)

    def admit(self, api: str) -> None:
        """Count a call that somebody makes, or refuse it.

        Raises:
            ThrottledError: The quota of this second is used up.
        """
        now_s = self._clock.now_s()
        recent = self._recent.setdefault(api, deque())
        while recent and recent[0] <= now_s - _WINDOW_S + _ROUNDING_S:
            recent.popleft()
        if len(recent) >= self._limits.get(api, float("inf")):
            self.refused[api] = self.refused.get(api, 0) + 1
            raise ThrottledError(f"{api}: rate exceeded")
        recent.append(now_s)
        self.made[api] = self.made.get(api, 0) + 1

    def _pass(self, apis: Iterable[str]) -> None:
        for api in apis:
            way_s = self._latency_s() / 2
            self._clock.sleep(way_s)
            self.admit(api)
            self._clock.sleep(way_s)
