"""What must hold at every moment, looked at from outside while it happens.

The watcher sees the truth: which Regions are up, where DNS really led, and what
both replicas hold. It raises at the first thing that must never happen.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from hotsite.core.epoch import Epoch, newest
from hotsite.core.operations import Claim, Entry, Look
from hotsite.core.standing import Posture, Standing, posture
from hotsite.disasters.failover.estate import Estate
from hotsite.sim.gates import BrokenInvariantError
from hotsite.sim.operations import Written

_EVERY_S = 2.0
_COMMAND_EVERY_S = 20.0
# A look and its calls, and the moment at which the watcher looks itself.
_LOOK_S = 10.0
# Health is stale after 90 s; then two checks, 10 s apart, and those who look later.
DARK_S_MAX = 130.0
# What a guard saw may be so old: a look lasts, and both sights are older than it.
_SIGHT_S = 45.0
# How long ago a device came that a guard counts, and how old a verdict may be.
_RESUMES_S = 120.0 + _SIGHT_S
_STALE_S = 90.0


@dataclass(slots=True)
class Watch:
    """What was seen so far.

    Attributes:
        estate: What is watched.
        both_s: Since when two sites have believed to be active.
        near_s: Since when, while they reach each other, as well.
        dark_s: Since when DNS has led to a dead site though another is well.
        astray_s: Since when it has led away from the active site, which is well.
        numbers: The newest epoch of each replica.
        sick_at_s: When each site was last seen to be sick.
        off_at_s: When each site was last seen not to believe that it is active.
        alone_at_s: When the sites were last seen not to reach each other.
        both_s_max: The longest time that both believed to be active.
        paused_s: Since when each replica has said that there is a pause.
        blind_at_s: When DNS was last seen not to answer.
    """

    estate: Estate
    both_s: float | None = None
    near_s: float | None = None
    dark_s: float | None = None
    astray_s: float | None = None
    numbers: dict[str, int] = field(default_factory=dict)
    sick_at_s: dict[str, float] = field(default_factory=dict)
    off_at_s: dict[str, float] = field(default_factory=dict)
    alone_at_s: float = 0.0
    both_s_max: float = 0.0
    paused_s: dict[str, float | None] = field(default_factory=dict)
    blind_at_s: float = 0.0

    def begin(self) -> None:
        """Watch from now on, for ever."""
        for site in self.estate.sites.values():
            sent = site.operations.on_write
            assert sent is not None  # noqa: S101 - both Regions are joined
            site.operations.on_write = self._witness(site.letter, sent)
        self.estate.scheduler.at(0.0, self._look_again)
        self.estate.scheduler.at(0.0, self._command_again)

    def posture(self, letter: str) -> Posture:
        """Return what a site believes of itself now."""
        return posture(
            self.estate.sites[letter].operations.peek(),
            letter,
            now_s=self.estate.scheduler.now_s(),
            policy=self.estate.plan.limits.fence,
        )

    def is_active(self, letter: str) -> bool:
        """Say whether a site would let commands go out now."""
        weather = self.estate.weather[letter]
        return (
            weather.is_up
            and weather.are_tables_up
            and self.posture(letter).standing is Standing.ACTIVE
        )

    def _look_again(self) -> None:
        self.estate.scheduler.at(_EVERY_S, self._look_again)
        now_s = self.estate.scheduler.now_s()
        for letter in self.estate.plan.sites:
            self._watch_epoch(letter)
            if not self._is_well(letter):
                self.sick_at_s[letter] = now_s
            if not self.is_active(letter):
                self.off_at_s[letter] = now_s
            if not all(self._reach(letter, one) for one in self.estate.others(letter)):
                self.alone_at_s = now_s
            pause = self.estate.sites[letter].operations.peek().pause
            since_s = self.paused_s.get(letter)
            self.paused_s[letter] = _since(since_s, now_s, is_on=pause.holds(now_s))
        if not self.estate.network.is_dns_up:
            self.blind_at_s = now_s
        self._watch_both(now_s)
        self._watch_dark(now_s)
        self._watch_astray(now_s)

    def _command_again(self) -> None:
        """Let each site that believes to be active say something to its devices."""
        self.estate.scheduler.at(_COMMAND_EVERY_S, self._command_again)
        for letter in self.estate.plan.sites:
            if self.is_active(letter):
                self.estate.fleet.command(letter, self.posture(letter).epoch.number)

    def _watch_epoch(self, letter: str) -> None:
        number = self.estate.sites[letter].operations.peek().newest.number
        before = self.numbers.get(letter, 0)
        if number < before:
            raise BrokenInvariantError(
                f"{letter} went from epoch {before} back to {number}"
            )
        self.numbers[letter] = number

    def _watch_both(self, now_s: float) -> None:
        fence = self.estate.plan.limits.fence
        active = [one for one in self.estate.plan.sites if self.is_active(one)]
        pairs = tuple(combinations(active, 2))
        self.both_s = _since(self.both_s, now_s, is_on=bool(pairs))
        near = any(self._reach(*pair) and self._reach(*pair[::-1]) for pair in pairs)
        self.near_s = _since(self.near_s, now_s, is_on=near)
        if self.both_s is not None:
            self.both_s_max = max(self.both_s_max, now_s - self.both_s)
            # Whom DNS does not lead to stops being sure once DNS had its time.
            allowed_s = fence.dns_s_max + fence.away_s_max + 2 * _LOOK_S + _EVERY_S
            if now_s - self.both_s > allowed_s:
                raise BrokenInvariantError("both sites believe to be active")
        if self.near_s is not None:
            allowed_s = fence.look_every_s + _LOOK_S + _EVERY_S
            if now_s - self.near_s > allowed_s:
                raise BrokenInvariantError(
                    "both sites believe to be active though they reach each other"
                )

    def _reach(self, letter: str, other: str) -> bool:
        """Say whether nothing keeps a site's guard from asking another site."""
        weather = self.estate.weather
        is_whole = self.estate.network.is_whole(letter, other)
        return (
            is_whole
            and weather[letter].is_guarded
            and all(
                one.is_up
                and one.are_tables_up
                and one.failure_share == one.lost_share == 0.0
                for one in (weather[letter], weather[other])
            )
        )

    def _watch_dark(self, now_s: float) -> None:
        leads_to = self.estate.names.leads_to()
        others = self.estate.others(leads_to)
        is_dark = not self.estate.is_open(leads_to) and any(map(self._is_well, others))
        self.dark_s = _since(self.dark_s, now_s, is_on=is_dark)
        if self.dark_s is not None and now_s - self.dark_s > DARK_S_MAX:
            raise BrokenInvariantError(
                f"DNS leads to {leads_to} though it is dead and another is well"
            )

    def _watch_astray(self, now_s: float) -> None:
        """See that DNS comes to the site which the newest epoch leads to."""
        books = [site.operations.peek() for site in self.estate.sites.values()]
        active = newest(book.newest for book in books).active
        is_paused = any(since_s is not None for since_s in self.paused_s.values())
        is_astray = (
            self._is_well(active)
            and not is_paused
            and self.estate.names.leads_to() != active
        )
        self.astray_s = _since(self.astray_s, now_s, is_on=is_astray)
        allowed_s = self.estate.plan.limits.fence.dwell_s + DARK_S_MAX + _STALE_S
        if self.astray_s is not None and now_s - self.astray_s > allowed_s:
            raise BrokenInvariantError(f"DNS leads away from {active}, which is active")

    def _is_well(self, letter: str) -> bool:
        """Say whether nothing keeps a site from being healthy, and seen to be."""
        weather = self.estate.weather[letter]
        return (
            self.estate.is_open(letter)
            and weather.are_tables_up
            and weather.is_guarded
            and weather.failure_share == weather.lost_share == 0.0
        )

    def _witness(
        self, letter: str, sent: Callable[[Written | Entry], None]
    ) -> Callable[[Written | Entry], None]:
        def see(told: Written | Entry) -> None:
            if isinstance(told, Written) and isinstance(told.item, Claim):
                is_own = told.item.epoch.active == letter
                if is_own:
                    self._see_claim(letter, told.item)
            sent(told)

        return see

    def _see_claim(self, letter: str, claim: Claim) -> None:
        """Judge a decision at the moment at which it is written."""
        epoch, book = claim.epoch, self.estate.sites[letter].operations.peek()
        self.estate.counts["epochs"] += 1
        self.estate.tell(letter, f"{epoch} by {epoch.by}: {epoch.reason}")
        if epoch.by == "operator":
            operation = book.operation(letter)
            if operation is None or operation.epoch != epoch.number:
                raise BrokenInvariantError(
                    f"{epoch} is of an operation that is not written down"
                )
            return
        now_s = self.estate.scheduler.now_s()
        # A pause may have ended since the watcher looked.
        paused_s = self.paused_s.get(letter) if book.pause.holds(now_s) else None
        if paused_s is not None and now_s - paused_s > _SIGHT_S:
            raise BrokenInvariantError(f"{epoch} was taken while paused")
        before = self._before(letter, claim)
        self._see_observers(letter, before.active, now_s)
        self._see_dwell(claim, before)

    def _before(self, letter: str, claim: Claim) -> Epoch:
        """Return the epoch that a site knew of when it took its own."""
        known = []
        for item in self.estate.sites[letter].operations.peek().items.values():
            match item:
                case Claim(epoch=one) | Look(heard=one):
                    known += [one] if one.number < claim.epoch.number else []
        return newest(known)

    def _see_observers(self, letter: str, before: str, now_s: float) -> None:
        """Ask whether the peers and the second observer were really as was said."""
        is_led = self.estate.names.led_to(letter, since_s=now_s - _SIGHT_S)
        enough = self.estate.plan.limits.fence.resumes_min
        have_come = self.estate.fleet.arrived(letter, _RESUMES_S) >= enough
        is_blind = now_s - self.blind_at_s <= _SIGHT_S
        if not is_led and not (is_blind and have_come):
            raise BrokenInvariantError(f"{letter} took over though DNS leads away")
        others = self.estate.others(letter)
        # Who takes again what was its own, does so because another one is silent.
        left = others if before == letter else (before,)
        sick_s = _latest(self.sick_at_s, left)
        if now_s - max(sick_s, self.alone_at_s) > _SIGHT_S + _STALE_S:
            raise BrokenInvariantError(f"{letter} took over from a site that answers")
        # DNS leads to b only because a is sick; to a also because b is not sure. Of
        # several standbys the sick one may be the one that it led to before.
        led_s = _latest(self.sick_at_s, others)
        if letter < max(others):
            led_s = max(led_s, _latest(self.off_at_s, others))
        if now_s - led_s > _SIGHT_S + _STALE_S:
            raise BrokenInvariantError(f"{letter} took over from a healthy site")

    def _see_dwell(self, claim: Claim, before: Epoch) -> None:
        """Taking again what was a site's own moves nobody, and may be at once."""
        epoch, fence = claim.epoch, self.estate.plan.limits.fence
        is_switch = before.active != epoch.active
        if is_switch and epoch.since_s - before.since_s < fence.dwell_s:
            raise BrokenInvariantError(f"{epoch} came too soon after {before}")


def _since(since_s: float | None, now_s: float, *, is_on: bool) -> float | None:
    if not is_on:
        return None
    return now_s if since_s is None else since_s


def _latest(at_s: Mapping[str, float], letters: Iterable[str]) -> float:
    return max(at_s.get(one, 0.0) for one in letters)
