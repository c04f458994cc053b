"""Scenarios: what a drill does, and what it is judged against.

A scenario is a file in ``drills/``; the same file is played against every
world. Nothing here reads the file: a face hands over what it parsed.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from hotsite.core import records
from hotsite.core.churn import Churn
from hotsite.core.course import Course, problems
from hotsite.core.hardship import NOTICE_S, Follow, Power, Sick
from hotsite.core.outbox import OutboxPolicy
from hotsite.core.strategy import Strategy
from hotsite.errors import InvalidInputError

# Whether a value is fine, which one it is, and what it must be.
_Rule: TypeAlias = tuple[object, str, str]
_Figures: TypeAlias = tuple[tuple[str, float], ...]
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
DEVICES_MAX = 100_000
WINDOW_S_MAX = 3600.0
CHANGES_MAX = 10_000
RATE_PER_S_MAX = 100.0
SICK_LAG_S_MAX = 300.0
PROCESSES_MAX = 10
CUTS_PER_MIN_MAX = 120.0


class FaultKind(StrEnum):
    """What happens to a site.

    ``REGION_KILL`` ends all its processes: connections are reset at once.
    ``REGION_FREEZE`` stops them: sockets stay open and never answer.
    ``REGION_FREEZE_THEN_KILL`` does both, one after the other.
    """

    REGION_KILL = "region-kill"
    REGION_FREEZE = "region-freeze"
    REGION_FREEZE_THEN_KILL = "region-freeze-then-kill"
    NONE = "none"


class FaultSite(StrEnum):
    """Which site the fault is injected into."""

    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Objectives:
    """What a drill is judged against.

    Attributes:
        rto_s: Longest allowed time from the fault until 99 % of the devices'
            telemetry is stored in the surviving site, in seconds, above 0.
        rpo_messages: Most acknowledged messages that may be missing at the
            end, 0 or more.
        puback_loss_min: Fewest messages that a device which trusts the PUBACK
            must have lost, 0 or more: with fewer the drill proves nothing.
        power_cuts_min: Fewest power cuts that the fleet must have gone through.
    """

    rto_s: float = 60.0
    rpo_messages: int = 0
    puback_loss_min: int = 0
    power_cuts_min: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, and where.

    Attributes:
        kind: What happens.
        site: To which site.
        kill_after_s: Seconds from the freeze until the site is killed, where the
            kind is ``REGION_FREEZE_THEN_KILL``.
    """

    kind: FaultKind
    site: FaultSite = FaultSite.ACTIVE
    kill_after_s: float = 15.0

    @property
    def first(self) -> FaultKind:
        """Return what happens at once; recovery is counted from it."""
        is_double = self.kind is FaultKind.REGION_FREEZE_THEN_KILL
        return FaultKind.REGION_FREEZE if is_double else self.kind

    @property
    def is_final(self) -> bool:
        """Return whether the site is dead in the end, so that it can return."""
        return self.kind in {FaultKind.REGION_KILL, FaultKind.REGION_FREEZE_THEN_KILL}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One drill, before it is played.

    Attributes:
        name: Lower-case letters, digits and hyphens; the file's name.
        title: One sentence: what the drill shows.
        fault: What goes wrong; without one a drill measures no recovery.
        objectives: What the drill is judged against.
        devices: Size of the fleet, 1 to 100 000.
        seed: Seed of every random choice, 0 or more.
        publish_interval_s: Time between two messages of a device, above 0.
        steady_s: Steady state that is recorded before the fault.
        recovery_limit_s: Longest wait for the fleet to recover.
        stay_healthy_s: Window after recovery in which no device may be lost.
        onboard_after: New devices to onboard after the fault, 0 or more.
        dns_failover: Whether health checks may move the failover names.
        replication_lag_s: Lag of the global tables, where a world can set it.
        churn: What is done to the registry, in a drill of the registry; its fleet
            does not publish, and it has objectives of its own.
        devices_follow: Which names the devices know.
        power: How devices lose their power, or None if they never do.
        sick: How the active Region is sick before the fault, or None.
        region_returns: Whether the killed Region comes back in the end, with
            what it never replicated.
        strategy: What the other Region does while nothing is wrong.
        course: What breaks and mends, and what operators do, in a drill of
            deciding; it has no ``fault``.
    """

    name: str
    title: str
    fault: Fault = Fault(FaultKind.NONE)
    objectives: Objectives = Objectives()
    devices: int = 50
    seed: int = 1
    publish_interval_s: float = 2.0
    steady_s: float = 12.0
    recovery_limit_s: float = 90.0
    stay_healthy_s: float = 12.0
    onboard_after: int = 1
    dns_failover: bool = True
    replication_lag_s: float = 0.0
    churn: Churn | None = None
    devices_follow: Follow = Follow.DNS
    power: Power | None = None
    sick: Sick | None = None
    region_returns: bool = False
    strategy: Strategy = Strategy.HOT_SITE
    course: Course | None = None

    @property
    def things(self) -> list[str]:
        """Return the names of the fleet, which the seed makes unique."""
        return [f"oven-{self.seed}-{i:05d}" for i in range(self.devices)]

    @property
    def has_fault(self) -> bool:
        """Return whether anything goes wrong at all."""
        return self.fault.kind is not FaultKind.NONE

    @property
    def lag_s(self) -> float:
        """Return the replication lag at the time of the fault, in seconds."""
        sick = self.sick
        return self.replication_lag_s if sick is None else sick.lag_s(self.seed)

    @property
    def retention_s(self) -> float:
        """Return how long devices keep what was acknowledged, in seconds.

        It covers the lag of a Region that dies sick and the time to notice.
        """
        return max(OutboxPolicy().retention_s, self.lag_s + NOTICE_S)


def parse(mapping: Mapping[str, object], *, source: str) -> Scenario:
    """Turn what a scenario file says into a scenario.

    Args:
        mapping: The parsed TOML document.
        source: Where it came from; every error message starts with it.

    Returns:
        The scenario, every value checked.

    Raises:
        InvalidInputError: A key is missing or unknown, or a value is not
            allowed; the message is one line.
    """
    scenario = records.read(Scenario, mapping, where=source)
    check(scenario, source=source)
    return scenario


def check(scenario: Scenario, *, source: str) -> None:
    """Refuse a scenario that cannot be played or judged.

    Call it again after overriding a value of a parsed scenario.

    Args:
        scenario: The scenario.
        source: Where it came from; every error message starts with it.

    Raises:
        InvalidInputError: A value is out of its range; the message names it.
    """
    windows, counts, lengths = _figures(scenario)
    rules = (
        (_NAME.fullmatch(scenario.name), "name", "1 to 64 of a-z, 0-9 and -"),
        (_is_line(scenario.title), "title", "one sentence on one line"),
        (1 <= scenario.devices <= DEVICES_MAX, "devices", f"1 to {DEVICES_MAX}"),
        *((count >= 0, key, "0 or more") for key, count in counts),
        *(
            (0 <= length_s <= WINDOW_S_MAX, key, f"0 to {WINDOW_S_MAX:g} seconds")
            for key, length_s in windows
        ),
        *(
            (
                math.isfinite(length_s) and length_s > 0,
                key,
                "more than 0 seconds, and finite",
            )
            for key, length_s in lengths
        ),
    )
    _refuse(rules, source)
    _check_hardship(scenario, source)
    _check_churn(scenario, source)
    _check_course(scenario, source)


def _figures(scenario: Scenario) -> tuple[_Figures, _Figures, _Figures]:
    """Return windows, counts and lengths, each with its key."""
    windows = (
        ("steady_s", scenario.steady_s),
        ("stay_healthy_s", scenario.stay_healthy_s),
        ("replication_lag_s", scenario.replication_lag_s),
        ("fault: kill_after_s", scenario.fault.kill_after_s),
    )
    counts = (
        ("seed", scenario.seed),
        ("onboard_after", scenario.onboard_after),
        ("objectives: rpo_messages", scenario.objectives.rpo_messages),
        ("objectives: puback_loss_min", scenario.objectives.puback_loss_min),
        ("objectives: power_cuts_min", scenario.objectives.power_cuts_min),
    )
    lengths = (
        ("publish_interval_s", scenario.publish_interval_s),
        ("recovery_limit_s", scenario.recovery_limit_s),
        ("objectives: rto_s", scenario.objectives.rto_s),
    )
    return windows, counts, lengths


def _is_line(text: str) -> bool:
    return bool(text.strip()) and "\n" not in text


def _refuse(rules: Iterable[_Rule], source: str) -> None:
    for is_fine, key, wanted in rules:
        if not is_fine:
            raise InvalidInputError(f"{source}: {key} must be {wanted}")


def _check_hardship(scenario: Scenario, source: str) -> None:
    power, sick = scenario.power or Power(), scenario.sick or Sick()
    _refuse(
        (
            (
                0 < power.cuts_per_min <= CUTS_PER_MIN_MAX,
                "power: cuts_per_min",
                f"above 0, at most {CUTS_PER_MIN_MAX:g}",
            ),
            (
                1 <= power.processes <= PROCESSES_MAX,
                "power: processes",
                f"1 to {PROCESSES_MAX}",
            ),
            (
                0 <= power.off_s_max <= WINDOW_S_MAX,
                "power: off_s_max",
                f"0 to {WINDOW_S_MAX:g} seconds",
            ),
            (
                0 < sick.for_s <= WINDOW_S_MAX,
                "sick: for_s",
                f"above 0, at most {WINDOW_S_MAX:g} seconds",
            ),
            (
                0 <= sick.lag_s_min <= sick.lag_s_max <= SICK_LAG_S_MAX,
                "sick: lag_s_min and lag_s_max",
                f"in order, 0 to {SICK_LAG_S_MAX:g} seconds",
            ),
        ),
        source,
    )
    if scenario.region_returns and not scenario.fault.is_final:
        raise InvalidInputError(
            f"{source}: region_returns must be false: only a killed Region can return"
        )


def _check_churn(scenario: Scenario, source: str) -> None:
    churn = scenario.churn
    if churn is None:
        return
    goals = churn.objectives
    counts = (
        ("before", churn.before),
        ("meanwhile", churn.meanwhile),
        ("after", churn.after),
        ("objectives: drift", goals.drift),
        ("objectives: devices_lost", goals.devices_lost),
        ("objectives: shut_out_let_in", goals.shut_out_let_in),
    )
    lengths = (
        ("quiet_limit_s", churn.quiet_limit_s),
        ("sweep_after_s", churn.sweep_after_s),
        ("objectives: lag_p99_s", goals.lag_p99_s),
    )
    rules = (
        (0 < churn.rate_per_s <= RATE_PER_S_MAX, "rate_per_s", "above 0, at most 100"),
        (0 <= churn.outside_share <= 1, "outside_share", "0 to 1"),
        *(
            (0 <= count <= CHANGES_MAX, key, f"0 to {CHANGES_MAX}")
            for key, count in counts
        ),
        *(
            (0 < length_s <= WINDOW_S_MAX, key, f"above 0, at most {WINDOW_S_MAX:g}")
            for key, length_s in lengths
        ),
    )
    _refuse(rules, f"{source}: churn")
    if scenario.fault.kind is not FaultKind.REGION_KILL:
        text = 'fault: kind must be "region-kill": only a killed Region can return'
        raise InvalidInputError(f"{source}: {text}")


def _check_course(scenario: Scenario, source: str) -> None:
    if scenario.course is None:
        if scenario.strategy is Strategy.PILOT_LIGHT:
            text = "strategy: a pilot light needs a course, in which somebody lights it"
            raise InvalidInputError(f"{source}: {text}")
        return
    rules = ((False, key, wanted) for key, wanted in problems(scenario.course))
    _refuse(rules, f"{source}: course")
    if scenario.has_fault or scenario.churn is not None:
        text = "course must be alone: its acts are its faults"
        raise InvalidInputError(f"{source}: {text}")
