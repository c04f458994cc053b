"""Move the devices of one site to where DNS leads, in cohorts, at a measured pace.

Nobody can list who is connected to AWS IoT Core without fleet indexing, so all
things of the record are told, and who is not there hears nothing. First an order
to move, which a device follows when it suits it; then ``DeleteConnection`` for who
stayed. Both may be repeated: the order carries the number of the epoch.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from hotsite.core.move import Move
from hotsite.core.preflight import Limits
from hotsite.core.registry import Kind
from hotsite.errors import NotReadyError, ThrottledError
from hotsite.ports import Clock, Records
from hotsite.ports.operations import Commands

_Answer = TypeVar("_Answer")

# Of a drain that has gone through all things.
END = "end"
_THROTTLED_MAX = 8
_THROTTLED_S = 1.0


@dataclass(frozen=True, slots=True)
class Drain:
    """What a drain works with.

    Attributes:
        records: Who there is.
        commands: Of the site that they shall leave.
        clock: The time.
        limits: Pace and cohorts.
        to: The failover name.
        epoch: The number of the epoch that moves them.
    """

    records: Records
    commands: Commands
    clock: Clock
    limits: Limits
    to: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Checks:
    """What happens between two cohorts.

    Attributes:
        keep: Writes down where the drain stands, and how many more were moved.
        missing: Returns why the drain has to stop, or nothing.
    """

    keep: Callable[[str, int], None]
    missing: Callable[[], str | None]


def go_through(
    plan: Drain,
    act: Callable[[Drain, tuple[str, ...]], int],
    token: str | None,
    checks: Checks,
) -> None:
    """Do something to all things, cohort by cohort.

    Args:
        plan: The drain.
        act: Does it to a cohort, and returns how many connections that costs.
        token: Where to begin; None for the beginning.
        checks: What happens between two cohorts.

    Raises:
        NotReadyError: The target is not fit to take more.
        RetryableError: A table or the broker did not answer.
    """
    while token != END:
        page = plan.records.page(token)
        things = tuple(key.name for key in page.keys if key.kind is Kind.THING)
        moved = 0
        for cohort in _cohorts(things, plan.limits):
            why_not = checks.missing()
            if why_not is not None:
                raise NotReadyError(f"stopped: {why_not}")
            began_s = plan.clock.now_s()
            count = act(plan, cohort)
            moved += count
            spent_s = plan.clock.now_s() - began_s
            pace_s = count / plan.limits.fleet.pace_per_s
            plan.clock.sleep(max(0.0, pace_s - spent_s))
        token = page.next_token or END
        checks.keep(token, moved)


def order(plan: Drain, cohort: tuple[str, ...]) -> int:
    """Tell a cohort to move within the time that its pace allows."""
    within_s = len(cohort) / plan.limits.fleet.pace_per_s
    move = Move(plan.to, within_s, plan.epoch)
    for thing in cohort:
        _patiently(plan, partial(plan.commands.order, thing, move))
    return len(cohort)


def cut(plan: Drain, cohort: tuple[str, ...]) -> int:
    """End the connections of those who are still there."""
    count = 0
    for thing in cohort:
        was_there = _patiently(plan, partial(plan.commands.disconnect, thing))
        if was_there:
            count += 1
            # They come back at once, all of them, unlike those who were told.
            plan.clock.sleep(1 / plan.limits.fleet.pace_per_s)
    return count


def _cohorts(things: tuple[str, ...], limits: Limits) -> Iterator[tuple[str, ...]]:
    size = max(1, int(limits.fleet.pace_per_s * limits.cohort_s))
    for begin in range(0, len(things), size):
        yield things[begin : begin + size]


def _patiently(plan: Drain, make: Callable[[], _Answer]) -> _Answer:
    for _ in range(_THROTTLED_MAX - 1):
        try:
            return make()
        except ThrottledError:
            plan.clock.sleep(_THROTTLED_S)
    return make()
