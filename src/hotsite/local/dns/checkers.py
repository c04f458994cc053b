"""Keep the health checkers of every health check running.

Each checker is a task of its own with its own phase and opinion; what they say
together is judged by ``hotsite.core.healthcheck``.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hotsite.core.healthcheck import (
    CheckType,
    HealthCheckConfig,
    Opinion,
    Tally,
    observe,
)
from hotsite.local.dns.probe import Result, miss, probe

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How checkers run.

    Attributes:
        checker_count: Checkers per health check, 1 or more.
        seed: Start of their phases.
        time_scale: Factor on the intervals; 1 is real time.
    """

    checker_count: int
    seed: int
    time_scale: float


@dataclass(slots=True)
class _Watch:
    check: HealthCheckConfig
    opinions: list[Opinion]
    tasks: list[asyncio.Task[None]]


class Checkers:
    """All checkers of all health checks.

    Args:
        pace: How they run.
        find_address: Gives the IPv4 address of a name, or None.
        on_change: Called after a checker has turned its opinion.

    Attributes:
        unseen: Addresses that no checker reaches, whoever else does.
    """

    def __init__(
        self,
        pace: Pace,
        find_address: Callable[[str], str | None],
        on_change: Callable[[str], None],
    ) -> None:
        self._pace = pace
        self._find_address = find_address
        self._on_change = on_change
        self._watches: dict[str, _Watch] = {}
        self.unseen: frozenset[str] = frozenset()

    def watch(self, checks: Iterable[HealthCheckConfig]) -> None:
        """Run exactly these checks; one that has not changed keeps its opinions.

        Args:
            checks: Every health check there is now.
        """
        wanted = {
            check.id: check
            for check in checks
            if check.type is not CheckType.CALCULATED and not check.is_disabled
        }
        for name in list(self._watches):
            if wanted.get(name) != self._watches[name].check:
                self._stop(name)
        for name, check in wanted.items():
            if name not in self._watches:
                self._start(check)

    def tallies(self) -> dict[str, Tally]:
        """Return what the checkers of each check say together."""
        return {
            name: Tally(
                sum(opinion.is_healthy for opinion in watch.opinions),
                len(watch.opinions),
            )
            for name, watch in self._watches.items()
        }

    async def close(self) -> None:
        """Stop every checker."""
        tasks = [task for watch in self._watches.values() for task in watch.tasks]
        for name in list(self._watches):
            self._stop(name)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, check: HealthCheckConfig) -> None:
        count = self._pace.checker_count
        # A new check of Route 53 is healthy until there is data, an inverted one is
        # not. The zone here was made long ago: nobody had taken over when it began.
        first = Opinion(is_healthy=not check.is_inverted)
        watch = _Watch(check, [first] * count, [])
        self._watches[check.id] = watch
        # Route 53's checkers "don't coordinate with one another", so phases are
        # independent draws, not an even spread.
        draws = random.Random(f"{self._pace.seed} {check.id}")  # noqa: S311 - phases
        for number in range(count):
            phase_s = draws.random() * check.interval_s * self._pace.time_scale
            watch.tasks.append(
                asyncio.create_task(self._run(watch, number, phase_s=phase_s))
            )

    def _stop(self, name: str) -> None:
        for task in self._watches.pop(name).tasks:
            task.cancel()

    async def _run(self, watch: _Watch, number: int, *, phase_s: float) -> None:
        check = watch.check
        # Counted from a response to the next request (``RequestInterval``).
        pause_s = check.interval_s * self._pace.time_scale
        await asyncio.sleep(phase_s)
        while True:
            result = await self._probe(check)
            before = watch.opinions[number]
            after = observe(
                before, is_ok=result.is_ok, failure_threshold=check.failure_threshold
            )
            watch.opinions[number] = after
            if after.is_healthy != before.is_healthy:
                _LOGGER.info(
                    "health_check=%s checker=%d is_healthy=%s reason=%s",
                    check.id,
                    number,
                    after.is_healthy,
                    result.reason,
                )
                self._on_change(check.id)
            await asyncio.sleep(pause_s)

    async def _probe(self, check: HealthCheckConfig) -> Result:
        address = check.address or self._find_address(check.fqdn)
        if address is None:
            return Result(is_ok=False, reason=f"{check.fqdn} has no IPv4 address")
        if address in self.unseen:
            return await miss(check)
        return await probe(check, address)
