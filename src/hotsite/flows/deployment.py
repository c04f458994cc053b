"""Deploy stacks, say what that would do, and remove them: look, decide, act.

No step depends on what an earlier run knew: every stack is looked at, and goes on from
where it is. A run that was killed between any two calls is followed by one that ends
in the same stacks.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hotsite.core import deployment
from hotsite.core.deployment import Act, Decision, Part
from hotsite.core.stacks import (
    Event,
    Order,
    Proposal,
    Review,
    Seen,
    Stack,
    is_absent,
    order_for,
    tiers,
)
from hotsite.errors import NotReadyError, PermanentError
from hotsite.ports.clock import Clock
from hotsite.ports.deployment import Packages, Stacks

Tell = Callable[[Stack, Event], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look, and for how long.

    Attributes:
        look_every_s: Between two looks at stacks that are on their way, in seconds.
        stack_s_max: Longest that one stack may take, in seconds. ACM validates a
            certificate within minutes, and gives up after 72 hours.
    """

    look_every_s: float = 3.0
    stack_s_max: float = 3600.0


# Of most fleets: two sites, and so two stacks of each noun.
_PAIR = 2


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be there.

    Attributes:
        stacks: In the order in which they deploy.
        given: Values of parameters, of whatever stack has them.
        takes_over: Whether new stacks take what is there by their names.
        standby: Region whose stacks are changed first, where all are there.
        active: Region whose stacks are changed last then.
    """

    stacks: tuple[Stack, ...]
    given: Mapping[str, str]
    takes_over: bool = False
    standby: str = ""
    active: str = ""


@dataclass(slots=True)
class _Track:
    """One stack on its way."""

    stack: Stack
    until_s: float
    before: frozenset[str]
    is_begun: bool = False
    told: set[str] = field(default_factory=set)


class Deployment:
    """Stacks in several Regions, by one account.

    Args:
        places: CloudFormation by Region.
        clock: Waits.
        tell: Told each event of each stack.
        pace: How often to look.
    """

    def __init__(
        self,
        places: Mapping[str, Stacks],
        clock: Clock,
        tell: Tell,
        pace: Pace | None = None,
    ) -> None:
        self._places = places
        self._clock = clock
        self._tell = tell
        self._pace = pace or Pace()

    def look(self, stacks: Iterable[Stack]) -> dict[str, Seen]:
        """Return those stacks that have something, by name."""
        found = {one.name: self._places[one.region].look(one.name) for one in stacks}
        return {n: seen for n, seen in found.items() if seen and not is_absent(seen)}

    def foresee(self, wish: Wish) -> Iterator[Part]:
        """Yield what deploying would do to each stack; nothing is changed.

        What a stack takes from one that is not there yet cannot be reviewed: such a
        stack is created, or its change is shown when the deployment comes to it.
        """
        outputs: dict[str, Mapping[str, str]] = {}
        for stack in wish.stacks:
            place = self._places[stack.region]
            seen = place.look(stack.name)
            if seen is None or is_absent(seen):
                yield deployment.part_of(stack, seen, None)
                continue
            outputs[stack.name] = seen.outputs
            needed = dict.fromkeys(need.stack for need in stack.needs)
            absent = [name for name in needed if name not in outputs]
            if absent:
                yield deployment.part_later(stack, absent)
                continue
            order = order_for(stack, seen, wish.given, outputs)
            yield deployment.part_of(stack, seen, self._reviewed(place, order))

    def deploy(self, wish: Wish) -> Iterator[tuple[Stack, Decision]]:
        """Make everything that is wished for, and yield what became of each stack.

        Raises:
            PermanentError: A stack failed; those before it are done.
            NotReadyError: A stack takes longer than it may.
            HotsiteError: A Region does not answer.
        """
        outputs: dict[str, Mapping[str, str]] = {}
        for tier in tiers(wish.stacks):
            for group in self._grouped(tier, wish):
                yield from self._advance(group, wish, outputs)

    def remove(self, stacks: Sequence[Stack]) -> Iterator[tuple[Stack, Decision]]:
        """Remove stacks, the last first, and yield what became of each.

        Raises:
            PermanentError: A stack cannot be removed; those behind it are gone.
            NotReadyError: A stack takes longer than it may.
            HotsiteError: A Region does not answer.
        """
        for tier in reversed(tiers(stacks)):
            tracks = [self._track(stack) for stack in reversed(tier)]
            while tracks:
                for track in list(tracks):
                    decision = self._remove_step(track)
                    if decision.act is Act.DONE:
                        tracks.remove(track)
                        yield track.stack, decision
                if tracks:
                    self._clock.sleep(self._pace.look_every_s)

    def _grouped(
        self, tier: tuple[Stack, ...], wish: Wish
    ) -> tuple[tuple[Stack, ...], ...]:
        """Return twins side by side when they are new, else the standbys' first.

        A site that is new beside others is made before those lead to it.

        A change that does harm should do it where nobody is served.
        """
        there = self.look(tier)
        new = tuple(stack for stack in tier if stack.name not in there)
        if new and (not there or len(tier) <= _PAIR):
            return (tier,)
        ends = (wish.active, wish.standby)
        ordered = sorted(
            tier, key=lambda stack: (stack.region == ends[0], stack.region != ends[1])
        )
        changed = tuple((stack,) for stack in ordered if stack not in new)
        return (new, *changed) if new else changed

    def _advance(
        self,
        group: tuple[Stack, ...],
        wish: Wish,
        outputs: dict[str, Mapping[str, str]],
    ) -> Iterator[tuple[Stack, Decision]]:
        tracks = [self._track(stack) for stack in group]
        while tracks:
            for track in list(tracks):
                decision = self._step(track, wish, outputs)
                if decision.act is Act.DONE:
                    tracks.remove(track)
                    yield track.stack, decision
            if tracks:
                self._clock.sleep(self._pace.look_every_s)

    def _step(
        self, track: _Track, wish: Wish, outputs: dict[str, Mapping[str, str]]
    ) -> Decision:
        """Look at one stack, and do the next thing with it."""
        stack, place = track.stack, self._places[track.stack.region]
        seen = place.look(stack.name)
        order = order_for(stack, seen, wish.given, outputs, takes_over=wish.takes_over)
        proposal = None if track.is_begun else place.proposal(stack.name, order.name)
        decision = deployment.decide(seen, proposal, is_begun=track.is_begun)
        self._tell_events(track, place)
        match decision.act:
            case Act.PROPOSE:
                place.propose(order)
            case Act.EXECUTE:
                place.execute(stack.name, order.name)
                track.is_begun = True
            case Act.CLEAR:
                place.remove(stack.name)
            case Act.DONE:
                if proposal is not None:
                    place.discard(stack.name, order.name)
                outputs[stack.name] = seen.outputs if seen else {}
            case Act.FAIL:
                if proposal is not None:
                    place.discard(stack.name, order.name)
                raise self._failed(track, place, decision)
            case Act.WAIT:
                self._check_time(track)
        return decision

    def _remove_step(self, track: _Track) -> Decision:
        stack, place = track.stack, self._places[track.stack.region]
        seen = place.look(stack.name)
        decision = deployment.decide_removal(seen, is_begun=track.is_begun)
        if seen is not None:
            self._tell_events(track, place)
        match decision.act:
            case Act.CLEAR:
                place.remove(stack.name)
                track.is_begun = True
            case Act.FAIL:
                raise self._failed(track, place, decision)
            case Act.WAIT:
                self._check_time(track)
            case _:
                pass
        return decision

    def _reviewed(self, place: Stacks, order: Order) -> Proposal:
        """Have a change reviewed, and leave nothing of it."""
        name, change = order.stack.name, order.name
        until_s = self._clock.now_s() + self._pace.stack_s_max
        place.propose(order)
        while True:
            found = place.proposal(name, change)
            if found is not None and found.review is not Review.PENDING:
                place.discard(name, change)
                return found
            if self._clock.now_s() > until_s:
                raise NotReadyError(f"{name}: CloudFormation does not review {change}")
            self._clock.sleep(self._pace.look_every_s)

    def _track(self, stack: Stack) -> _Track:
        # What happened before this run is no news.
        place = self._places[stack.region]
        is_there = place.look(stack.name) is not None
        events = place.events(stack.name) if is_there else ()
        until_s = self._clock.now_s() + self._pace.stack_s_max
        return _Track(stack, until_s, frozenset(event.id for event in events))

    def _tell_events(self, track: _Track, place: Stacks) -> None:
        if not track.is_begun:
            return
        for event in place.events(track.stack.name):
            if event.id not in track.told | track.before:
                track.told.add(event.id)
                self._tell(track.stack, event)

    def _failed(
        self, track: _Track, place: Stacks, decision: Decision
    ) -> PermanentError:
        stack = track.stack
        failures: Sequence[Event] = ()
        if track.is_begun:
            failures = [
                event
                for event in place.events(stack.name)
                if event.is_failure and event.id not in track.before
            ]
        first = failures[0] if failures else None
        why = f"{first.resource} ({first.kind}): {first.reason}; " if first else ""
        return PermanentError(
            f"stack {stack.name} in {stack.region}: {why}{decision.reason}"
        )

    def _check_time(self, track: _Track) -> None:
        if self._clock.now_s() > track.until_s:
            raise NotReadyError(
                f"stack {track.stack.name} in {track.stack.region} is still on its way "
                f"after {self._pace.stack_s_max:.0f} s: run this again to go on"
            )


def upload(
    packages: Mapping[str, Packages], contents: Mapping[str, Callable[[], bytes]]
) -> Iterator[tuple[str, str]]:
    """Put Lambda code where templates look for it; yield Region and name of each.

    A package is named by its content, so what is there is not put again.

    Args:
        packages: Buckets by Region.
        contents: Reads a package, by its name.
    """
    for region, place in packages.items():
        place.prepare()
        there = place.names()
        for name, read in contents.items():
            if name not in there:
                place.put(name, read())
                yield region, name
