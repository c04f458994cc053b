"""Bring zones, health checks and answers together.

The one place that knows the whole state: what is served, what is watched, what
is healthy, and since when. Every change goes through ``_refresh``.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hotsite.core.dns import (
    Conditions,
    Question,
    ResponseCode,
    Simple,
    Weighted,
    choose,
    resolve,
)
from hotsite.core.healthcheck import HealthCheckConfig, Tally, Verdict, judge
from hotsite.errors import HotsiteError
from hotsite.local.dns.checkers import Checkers, Pace
from hotsite.local.dns.events import Events, Fact
from hotsite.local.dns.responder import Responder
from hotsite.local.dns.wire import check_values
from hotsite.local.dns.zonefile import ZoneFile, load_zone_file

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Health:
    """The verdict on one check, and since when it holds."""

    is_healthy: bool
    since_s: float


class Authority:
    """The state of one DNS process.

    Args:
        zone_path: The zone file.
        pace: How health checkers run.
        responder: What answers from the state.
        events: Who is told about changes.
    """

    def __init__(
        self, zone_path: Path, pace: Pace, responder: Responder, events: Events
    ) -> None:
        self._zone_path = zone_path
        self._responder = responder
        self._events = events
        self._checkers = Checkers(pace, self._find_address, self._on_opinion)
        self._zone_file = ZoneFile(())
        self._stamp: tuple[int, int, int] | None = None
        self._health: dict[str, _Health] = {}
        self._choices: dict[tuple[str, str], str] = {}
        self._unhealthy: frozenset[str] = frozenset()
        self._has_failover = True
        self._is_frozen = False

    def load(self) -> None:
        """Read the zone file and serve it; the old one stays if it is wrong.

        Raises:
            UnreachableError: The file cannot be read.
            InvalidInputError: It says something that Route 53 would not accept.
        """
        zone_file = load_zone_file(self._zone_path)
        check_values(zone_file.zones)
        self._zone_file = zone_file
        self._checkers.watch(zone_file.health_checks)
        self._refresh()
        self._events.tell(
            {"kind": "zones_loaded", "zones": len(zone_file.zones), "world_s": _now_s()}
        )

    def load_if_changed(self) -> None:
        """Read the zone file again if it is not the one that was read last."""
        stamp = self._file_stamp()
        if stamp is None or stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.load()
        except HotsiteError as error:
            _LOGGER.warning("zone file refused, the old one stays: %s", error)
            self._events.tell(
                {"kind": "zones_refused", "reason": str(error), "world_s": _now_s()}
            )

    def start(self) -> None:
        """Read the zone file for the first time.

        Raises:
            UnreachableError: The file cannot be read.
            InvalidInputError: It says something that Route 53 would not accept.
        """
        self._stamp = self._file_stamp()
        self.load()

    def set_failover(self, *, is_enabled: bool) -> None:
        """Let health decide answers, or answer as if everything were healthy."""
        self._has_failover = is_enabled
        _LOGGER.info("is_failover_enabled=%s", is_enabled)
        self._events.tell(
            {"kind": "failover_set", "is_enabled": is_enabled, "world_s": _now_s()}
        )
        self._refresh()

    def set_frozen(self, *, is_frozen: bool) -> None:
        """Answer from now on as now, whatever zones and health say; or by them."""
        self._is_frozen = is_frozen
        _LOGGER.info("is_frozen=%s", is_frozen)
        self._events.tell(
            {"kind": "answers_frozen", "is_frozen": is_frozen, "world_s": _now_s()}
        )
        self._refresh()

    def set_unseen(self, addresses: Iterable[str]) -> None:
        """Let no health checker reach these addresses."""
        self._checkers.unseen = frozenset(addresses)
        _LOGGER.info("unseen=%s", sorted(self._checkers.unseen))

    def status(self) -> dict[str, object]:
        """Describe the state, as the command ``status`` answers it."""
        return {
            "zones": [zone.name for zone in self._zone_file.zones],
            "health": [self._health_facts(check.id) for check in self._checks],
            "queries": self._responder.query_count,
            "is_failover_enabled": self._has_failover,
            "is_frozen": self._is_frozen,
        }

    def health_events(self) -> list[dict[str, Fact]]:
        """Describe what a new listener has missed: the health of every check."""
        return [self._health_event(check.id) for check in self._checks]

    async def close(self) -> None:
        """Stop every checker."""
        await self._checkers.close()

    @property
    def _checks(self) -> tuple[HealthCheckConfig, ...]:
        return self._zone_file.health_checks

    def _on_opinion(self, name: str) -> None:
        tally = self._checkers.tallies()[name]
        self._events.tell(
            {
                "kind": "checkers_turned",
                "health_check": name,
                "checkers_healthy": tally.healthy,
                "checkers": tally.checkers,
                "world_s": _now_s(),
            }
        )
        self._refresh()

    def _refresh(self) -> None:
        """Judge health again, and answer by it."""
        now_s = _now_s()
        checks = {check.id: check for check in self._checks}
        verdicts = judge(checks, self._checkers.tallies())
        before, self._health = self._health, {}
        for name, verdict in verdicts.items():
            old = before.get(name)
            is_same = old is not None and old.is_healthy == verdict.is_healthy
            since_s = old.since_s if old is not None and is_same else now_s
            self._health[name] = _Health(verdict.is_healthy, since_s)
        self._unhealthy = self._count_unhealthy(verdicts)
        if not self._is_frozen:
            self._responder.serve(self._zone_file.zones, unhealthy=self._unhealthy)
        for name, verdict in verdicts.items():
            old = before.get(name)
            if old is None or old.is_healthy != verdict.is_healthy:
                _LOGGER.info(
                    "health_check=%s is_healthy=%s reason=%s",
                    name,
                    verdict.is_healthy,
                    verdict.reason,
                )
                self._events.tell(self._health_event(name))
        if not self._is_frozen:
            self._tell_switches(now_s)

    def _count_unhealthy(self, verdicts: Mapping[str, Verdict]) -> frozenset[str]:
        if not self._has_failover:
            return frozenset()
        return frozenset(n for n, verdict in verdicts.items() if not verdict.is_healthy)

    def _tell_switches(self, now_s: float) -> None:
        """Tell which names answer with another record than before."""
        before, self._choices = self._choices, {}
        given = Conditions(self._unhealthy)
        groups = (group for zone in self._zone_file.zones for group in zone.groups())
        for group in groups:
            if isinstance(group[0].routing, Simple | Weighted):
                continue
            choice = choose(group, given)
            key = (choice.record.name, choice.record.type)
            self._choices[key] = choice.record.set_identifier or ""
            if before.get(key, self._choices[key]) == self._choices[key]:
                continue
            _LOGGER.info(
                "name=%s type=%s answer=%s reason=%s",
                *key,
                choice.record.values[0],
                choice.reason,
            )
            self._events.tell(
                {
                    "kind": "dns_switched",
                    "name": key[0],
                    "type": key[1],
                    "answer": choice.record.values[0],
                    "set_identifier": self._choices[key],
                    "reason": choice.reason,
                    "world_s": now_s,
                }
            )

    def _health_facts(self, name: str) -> dict[str, Fact]:
        tally = self._checkers.tallies().get(name, Tally(0, 0))
        health = self._health[name]
        return {
            "id": name,
            "healthy": health.is_healthy,
            "checkers_healthy": tally.healthy,
            "checkers": tally.checkers,
            "since_s": health.since_s,
        }

    def _health_event(self, name: str) -> dict[str, Fact]:
        facts = self._health_facts(name)
        return {
            "kind": "site_health",
            "health_check": name,
            "healthy": facts["healthy"],
            "checkers_healthy": facts["checkers_healthy"],
            "checkers": facts["checkers"],
            "world_s": facts["since_s"],
        }

    def _find_address(self, name: str) -> str | None:
        """Resolve a name as a checker does: IPv4, and by our own zones only."""
        given = Conditions(self._unhealthy)
        answer = resolve(self._zone_file.zones, Question(name, "A"), given)
        if answer.code is not ResponseCode.NO_ERROR:
            return None
        return next((line.value for line in answer.lines if line.type == "A"), None)

    def _file_stamp(self) -> tuple[int, int, int] | None:
        try:
            facts = self._zone_path.stat()
        except OSError:
            # Gone for a moment, or for good: what was read last stays served.
            return None
        return facts.st_ino, facts.st_mtime_ns, facts.st_size


def _now_s() -> float:
    return time.time()
