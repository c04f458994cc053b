"""Play many seeds of simulated disasters; print each one that loses something.

A seed is four: the registry's, in which operators, outsiders and faults meet in
both Regions; a fleet's, whose devices and Region lose power while telemetry flows;
one of deciding, whose sites are cut off from each other while guards and operators
switch; and a drill's, as ``hotsite drill --world sim`` plays it. Of a long soak's
seeds each fourth one is a fleet's and each twentieth one of deciding, so that 10,000
fit ten minutes on two cores.
"""

import argparse
import itertools
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial

from hotsite.core.journal import Event, Fact
from hotsite.core.scenario import Fault, FaultKind, Scenario
from hotsite.core.verdict import Verdict, judge
from hotsite.disasters import disaster
from hotsite.disasters.failover import disaster as failover
from hotsite.disasters.outcome import Outcome, shrunk
from hotsite.disasters.telemetry import disaster as telemetry
from hotsite.errors import HotsiteError
from hotsite.flows.drill import play
from hotsite.sim.clock import SimClock
from hotsite.sim.world import SimWorld

PROGRESS_EVERY = 500
CHUNK = 20
INTERRUPTED = 130
LINES_MAX = 60
# From so many seeds on, some kinds are played for each so many-th seed only.
SPARING = (
    (1, {}),
    (101, {"telemetry": 4, "failover": 4}),
    (1001, {"telemetry": 4, "failover": 20}),
)
# What a seed is, and who plays it.
KINDS: dict[str, Callable[..., Outcome]] = {
    "registry": disaster.play,
    "telemetry": telemetry.play,
    "failover": failover.play,
}


class _Journal:
    def __init__(self, clock: SimClock) -> None:
        self._clock = clock
        self._began_s = clock.now_s()
        self.events: list[Event] = []

    def write(self, fact: Fact) -> None:
        now_s = self._clock.now_s()
        self.events.append(Event(now_s - self._began_s, now_s, fact))


@dataclass(slots=True)
class Played:
    """What became of some seeds.

    Attributes:
        seeds: How many.
        failures: Lines about each seed that lost something, by seed.
        counts: How often what happened in them, by kind of disaster.
    """

    seeds: int = 0
    failures: dict[int, tuple[str, ...]] = field(default_factory=dict)
    counts: dict[str, Counter[str]] = field(
        default_factory=lambda: {kind: Counter() for kind in KINDS}
    )

    def add(self, more: "Played") -> None:
        """Take in what became of more seeds."""
        self.seeds += more.seeds
        self.failures |= more.failures
        for kind, counts in more.counts.items():
            self.counts[kind] += counts


def region_loss(seed: int) -> Scenario:
    """Return the one loss of a Region that belongs to a seed."""
    chance = random.Random(seed)
    kinds = (FaultKind.REGION_KILL, FaultKind.REGION_FREEZE)
    return Scenario(
        name=f"seed-{seed}",
        title="A Region dies, perhaps after its replication fell behind.",
        fault=Fault(chance.choice(kinds)),
        devices=chance.randint(1, 12),
        seed=seed,
        publish_interval_s=chance.uniform(0.5, 10.0),
        steady_s=chance.uniform(5.0, 60.0),
        replication_lag_s=chance.choice((0.0, 1.0, 30.0, 300.0)),
    )


def run(seed: int) -> Verdict:
    """Play the loss of a Region, and judge it."""
    scenario, clock = region_loss(seed), SimClock()
    journal = _Journal(clock)
    play(scenario, "", SimWorld(clock, seed=seed), journal, clock)
    return judge(journal.events)


def sparing(count: int) -> Mapping[str, int]:
    """Return for each so many-th seed of a soak some kinds are played; else for all."""
    return next(every for first, every in reversed(SPARING) if count >= first)


def play_seeds(seeds: range, every: Mapping[str, int]) -> Played:
    """Play the disasters of some seeds; ``every`` is what ``sparing`` gives."""
    played = Played(len(seeds))
    for seed in seeds:
        problems: list[str] = []
        for kind, play_kind in KINDS.items():
            if seed % every.get(kind, 1):
                continue
            played.counts[kind]["seeds"] += 1
            outcome = play_kind(seed)
            played.counts[kind] += outcome.counts
            played.counts[kind]["things that happened"] += len(outcome.ops)
            problems.extend(f"{kind}: {problem}" for problem in outcome.problems)
        problems.extend(_problems_of_loss(seed))
        if problems:
            played.failures[seed] = tuple(problems)
    return played


def _problems_of_loss(seed: int) -> tuple[str, ...]:
    try:
        return tuple(run(seed).reasons)
    except HotsiteError as error:
        return (str(error),)


def all_played(seeds: range, processes: int) -> Iterator[Played]:
    """Play seeds in several processes; yield what became of them, as it comes."""
    play_some = partial(play_seeds, every=sparing(len(seeds)))
    if processes == 1:
        yield from map(play_some, _chunks(seeds))
        return
    chunks = _chunks(seeds)
    # Ctrl-C is for this process, which then ends the others.
    with ProcessPoolExecutor(processes, initializer=_ignore_interrupt) as pool:
        todo: set[Future[Played]] = set()
        try:
            while True:
                free = 2 * processes - len(todo)
                for chunk in itertools.islice(chunks, free):
                    todo.add(pool.submit(play_some, chunk))
                if not todo:
                    return
                done, todo = wait(todo, return_when=FIRST_COMPLETED)
                for one in done:
                    yield one.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _chunks(seeds: range) -> Iterator[range]:
    for start in range(0, len(seeds), CHUNK):
        yield seeds[start : start + CHUNK]


def _ignore_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def tell(seed: int, problems: tuple[str, ...]) -> Iterator[str]:
    """Yield what failed, how to see it again, and the shortest way to it."""
    yield f"seed {seed} failed: {'; '.join(problems)}"
    yield f"  again with: make soak FROM={seed} SEEDS=1"
    for kind, play_kind in KINDS.items():
        outcome = play_kind(seed)
        if not outcome.problems:
            continue
        small = shrunk(outcome, play_kind)
        count = f"{len(small.ops)} of its {len(outcome.ops)} happenings"
        yield f"  {kind}: {count} are enough:"
        yield from (f"    {op}" for op in small.ops)
        yield f"  then: {'; '.join(small.problems)}"
        yield from (f"    {line}" for line in small.lines[-LINES_MAX:])


def main() -> int:
    """Play the seeds; exit 1 when one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2, help="at once (2)")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    total, began_s = Played(), time.monotonic()
    try:
        for played in all_played(seeds, max(1, options.processes)):
            before = total.seeds
            total.add(played)
            for seed, problems in played.failures.items():
                print("\n".join(tell(seed, problems)), flush=True)
            if total.seeds // PROGRESS_EVERY > before // PROGRESS_EVERY:
                print(f"{total.seeds} seeds played", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"stopped after {total.seeds} seeds", file=sys.stderr)
        return INTERRUPTED
    failed = len(total.failures)
    for kind, counts in total.counts.items():
        happened = ", ".join(f"{n} {what}" for what, n in sorted(counts.items()))
        print(f"in them, {kind}: {happened}")
    took_s = time.monotonic() - began_s
    print(f"{total.seeds - failed} passed, {failed} failed, in {took_s:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
