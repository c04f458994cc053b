"""Two simulated Regions whole: tables, IoT Core, streams, events and workers."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from hotsite.core.registry import CertificateStatus, Key, Thing, thing_key
from hotsite.core.replication import Step, Verb
from hotsite.core.sweeping import Mode, Report
from hotsite.errors import RetryableError
from hotsite.flows.capture import capture
from hotsite.flows.replication import Site, apply_all
from hotsite.flows.sight import SETTLE_S, Intake
from hotsite.flows.sweep import SweepOptions, sweep
from hotsite.ports import Applied
from hotsite.sim.deletions import SimDeletionLedger
from hotsite.sim.gates import (
    BrokenInvariantError,
    Gate,
    GatedApplied,
    GatedClaims,
    GatedCursors,
    GatedLedger,
    GatedRecords,
    GatedRegistry,
)
from hotsite.sim.items import Item
from hotsite.sim.registry import SimRegistry
from hotsite.sim.registry_state import Rules
from hotsite.sim.scheduler import Scheduler, Worker
from hotsite.sim.streams import WORKER_S_MAX, Link, Stream
from hotsite.sim.surroundings import SimSurroundings
from hotsite.sim.tables import SimAppliedRecords, SimClaims, SimCursors, SimTables

FLEET_GROUP, FLEET_TYPE = "hotsite-fleet", "hotsite-device"
OUTSIDE = "outside"
REGIONS = ("a", "b")
# "It might take several seconds" (botocore model, DetachThingPrincipal).
_DETACH_S = (1.0, 8.0)
# 5 minutes from deprecation to deletion (botocore model, DeleteThingType).
_TYPE_DELETION_WAIT_S = 300.0
_DAY_S = 24 * 3600.0
# As often as the queue of the site's stack delivers a message.
_TELLINGS_MAX = 5
_SWEEP_EVERY_S = 300.0
_SWEEP_BUDGET_S = 30.0


@dataclass(slots=True)
class EventLuck:
    """How events of IoT Core fare: late, twice or never.

    Registry events may come more than once and in any order (AWS IoT developer
    guide, "Registry events"); CloudTrail delivers calls minutes later.
    """

    lost_share: float = 0.0
    double_share: float = 0.0
    delay_s_max: float = 5.0


@dataclass(slots=True)
class History:
    """What happened, for people.

    Attributes:
        lines: One fact each, oldest first.
    """

    scheduler: Scheduler
    lines: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Add a fact."""
        self.lines.append(f"{self.scheduler.now_s() - 1e6:9.1f} s  {text}")


class SimRegion:
    """One Region, and hotsite in it.

    Attributes:
        closed: Certificates whose revocation has reached this Region: the record
            with it was applied to an end.
        reopened: Those that somebody made ACTIVE again behind hotsite's back.
        buried: When outside deletions were taken over, by kind.
        rounds: How often a name was worked on; ``None`` counts the sweeps.
        is_dead: True while the Region does not exist for anybody.
    """

    def __init__(self, name: str, scheduler: Scheduler, chance: random.Random) -> None:
        """Start empty but for what the stacks make."""
        self.name, self.scheduler, self.chance = name, scheduler, chance
        self.history = History(scheduler)
        self.gate = Gate(name, scheduler, chance, on_applied=self._applied)
        self.tables = SimTables(name, scheduler)
        self.applied = SimAppliedRecords()
        rules = Rules(scheduler.now_s, _TYPE_DELETION_WAIT_S, self._later)
        self.registry = SimRegistry((FLEET_GROUP,), (FLEET_TYPE,), rules=rules)
        canary = f"hotsite-canary-{name}"
        self.registry.things[canary] = Thing(canary)
        self.registry.on_change = self._changed
        self.ledger = SimDeletionLedger()
        self.stream = Stream(name, scheduler, chance, self._replicate)
        self.event_luck = EventLuck()
        self.closed: set[str] = set()
        self.reopened: set[str] = set()
        self.buried: dict[str, list[float]] = {}
        self.rounds: Counter[Key | None] = Counter()
        self.is_dead = False
        self.is_sweeping = True
        self.site = Site(
            GatedRecords(self.gate, self.tables),
            GatedApplied(self.gate, self.applied),
            GatedRegistry(self.gate, self.registry),
            scheduler,
            SimSurroundings(self.registry),
        )
        self.claims = GatedClaims(self.gate, SimClaims(self.tables))
        cursors = GatedCursors(self.gate, SimCursors())
        self.intake = Intake(self.site, cursors, GatedLedger(self.gate, self.ledger))

    def work(
        self,
        name: str,
        job: Callable[[], None],
        on_end: Callable[[BaseException | None], None] | None = None,
    ) -> Worker:
        """Return a Lambda's worker, which may be killed at any call."""
        is_killed = self.chance.random() < self.stream.kill_share
        return Worker(
            name,
            self.name,
            job,
            deadline_s=self.scheduler.now_s() + WORKER_S_MAX,
            calls_left=self.chance.randrange(30) if is_killed else -1,
            on_end=on_end,
        )

    def tell(
        self, key: Key, *, revoked: frozenset[str] = frozenset(), count: int = 1
    ) -> None:
        """Let an event of IoT Core, or its next delivery, be heard.

        Args:
            key: What it is about.
            revoked: The certificates that the call revoked.
            count: The how many-th delivery it is.
        """
        luck = self.event_luck
        if self.is_dead or self.chance.random() < luck.lost_share:
            self.scheduler.counts["events lost"] += 1
            return
        copies = 2 if self.chance.random() < luck.double_share else 1
        self.scheduler.counts["events doubled"] += copies - 1
        for _ in range(copies):
            delay_s = self.chance.random() * luck.delay_s_max
            delay_s += 0.0 if count == 1 else SETTLE_S + 1
            self.scheduler.at(delay_s, lambda: self._hear(key, revoked, count))

    def sweep_now(self, mode: Mode, cursor: str | None = None) -> list[Report]:
        """Start a whole pass; its report is in the list once it has ended."""
        reports: list[Report] = []

        def job() -> None:
            self.rounds[None] += 1
            options = SweepOptions(mode=mode, cursor=cursor)
            passed = sweep(self.intake, options)
            reports.extend(one.report for one in passed if one.is_complete)

        self.scheduler.start(Worker("sweeper", self.name, job))
        return reports

    def sweep_on(self) -> None:
        """Go on with the scheduled sweep, and again in a few minutes."""
        if not self.is_sweeping:
            return
        self.scheduler.at(_SWEEP_EVERY_S, self.sweep_on)
        if not self.is_dead:
            self.scheduler.start(self.work("sweeper", self._sweep_a_bit))

    def die(self) -> None:
        """Stop everything in this Region at once."""
        self.is_dead = True
        self.history.add("dies")
        self.scheduler.kill(self.name)
        self.stream.stall()

    def live(self) -> None:
        """Go on where everything stopped."""
        if self.is_dead:
            self.is_dead = False
            self.history.add("is back")
        self.stream.resume()

    def _sweep_a_bit(self) -> None:
        self.rounds[None] += 1
        options = SweepOptions(Mode.ADOPT, _SWEEP_BUDGET_S, "sweep")
        for _ in sweep(self.intake, options):
            pass

    def _replicate(self, keys: tuple[Key, ...]) -> tuple[Key, ...]:
        self.rounds.update(set(keys))
        outcomes = apply_all(keys, self.site)
        return tuple(item.key for item in outcomes if item.is_retryable)

    def _hear(self, key: Key, revoked: frozenset[str], count: int) -> None:
        if self.is_dead:
            return

        def ended(error: BaseException | None) -> None:
            is_late = error is not None and not isinstance(error, _FINAL)
            if is_late and count < _TELLINGS_MAX:
                self.tell(key, revoked=revoked, count=count + 1)

        job = self.work("capture", lambda: self._capture(key, revoked), ended)
        self.scheduler.start(job)

    def _capture(self, key: Key, revoked: frozenset[str]) -> None:
        self.rounds[key] += 1
        for item in capture(key, self.intake, told=revoked):
            if item.is_changed:
                self.history.add(f"captured {item.key}: {item.reason}")

    def _later(self, action: Callable[[], None]) -> None:
        self.scheduler.at(self.chance.uniform(*_DETACH_S), action)

    def _changed(self, step: Step) -> None:
        """Judge one call that was made, and let it be heard."""
        worker = self.scheduler.current
        who = worker.name if worker else "nobody"
        self.history.add(
            f"{self.name}: {who}: {step.verb.value} {step.key} {step.target or ''}"
        )
        certificate = step.certificate
        if certificate is not None and who != OUTSIDE:
            there = self.registry.certificates.get(certificate.certificate_id)
            is_open = there is not None and there.status is CertificateStatus.ACTIVE
            self._check_closed(certificate.certificate_id, is_open=is_open)
        self.tell(step.key, revoked=_revoked_by(step))

    def _applied(self, line: Applied) -> None:
        is_end = not (line.leased_until_s or line.attempts or line.failure)
        if not is_end or line.record is None or line.digest != line.record.digest:
            return
        for certificate_id in line.record.revoked:
            self.closed.add(certificate_id)
            there = self.registry.certificates.get(certificate_id)
            is_open = there is not None and there.status is CertificateStatus.ACTIVE
            self._check_closed(certificate_id, is_open=is_open)

    def _check_closed(self, certificate_id: str, *, is_open: bool) -> None:
        is_ours = certificate_id in self.closed and certificate_id not in self.reopened
        if is_open and is_ours:
            raise BrokenInvariantError(
                f"revoked certificate {certificate_id[:8]} is ACTIVE in {self.name}"
            )

    def bury(self, item: Item) -> None:
        """Count a name that was deleted because it is gone in IoT Core."""
        worker = self.scheduler.current
        kind, _, _ = item.key[0].partition("#")
        is_body = item.is_deleted and item.key[1] == kind
        if not is_body or worker is None or worker.name not in {"capture", "sweeper"}:
            return
        now_s = self.scheduler.now_s()
        times_s = self.buried.setdefault(kind, [])
        times_s.append(now_s)
        recent = sum(1 for at_s in times_s if at_s > now_s - _DAY_S)
        names = sum(1 for name in self.tables.partitions if name.startswith(f"{kind}#"))
        if recent > max(5, names // 10):
            raise BrokenInvariantError(
                f"{recent} outside deletions of kind {kind} taken over in {self.name}"
            )


_FINAL = (SystemExit,)


class Estate:
    """Both Regions and what is between them."""

    def __init__(self, seed: int) -> None:
        """Start two empty Regions with the luck of a seed."""
        self.seed = seed
        self.chance = random.Random(seed)  # noqa: S311 - a simulation, no secret
        self.scheduler = Scheduler()
        self.regions = {
            name: SimRegion(name, self.scheduler, self.chance) for name in REGIONS
        }
        self.history = History(self.scheduler)
        self.links = {}
        for name, region in self.regions.items():
            other = self.regions[REGIONS[1 - REGIONS.index(name)]]
            link = Link(region.tables, other.tables, self.scheduler, self.chance)
            self.links[name] = link
            region.history = self.history
            region.tables.on_change = self._watcher(region, link)
            self.scheduler.at(60.0, region.sweep_on)

    def other(self, name: str) -> SimRegion:
        """Return the Region that is not the named one."""
        return self.regions[REGIONS[1 - REGIONS.index(name)]]

    def close(self) -> None:
        """End all workers."""
        self.scheduler.close()

    def is_calm(self, thing: str) -> bool:
        """Say whether nothing is under way about a thing."""
        key = thing_key(thing)
        records = [region.tables.peek(key) for region in self.regions.values()]
        if records[0].stamps != records[1].stamps:
            return False
        for region, record in zip(self.regions.values(), records, strict=True):
            line = region.applied.items.get(key)
            if line is None or line.leased_until_s or line.attempts or line.failure:
                return False
            seen = region.registry.peek(key)
            if line.digest != record.digest or seen.body != record.body:
                return False
        return True

    def _watcher(self, region: SimRegion, link: Link) -> Callable[[Item], None]:
        def watch(item: Item) -> None:
            region.stream.take(item)
            if item.origin == region.name:
                region.bury(item)
                link.send(item)

        return watch


def is_retryable(error: BaseException | None) -> bool:
    """Say whether a worker ended because of what may pass."""
    return isinstance(error, RetryableError)


def _revoked_by(step: Step) -> frozenset[str]:
    """Return the certificates that a call revoked: one, or none."""
    one = step.certificate
    is_update = step.verb is Verb.UPDATE_CERTIFICATE and one is not None
    if one is None or not is_update or one.status is not CertificateStatus.REVOKED:
        return frozenset()
    return frozenset({one.certificate_id})
