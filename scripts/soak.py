"""Play many seeds of simulated disasters; print each one that loses something."""

import argparse
import random
import sys

from hotsite.core.journal import Event, Fact
from hotsite.core.scenario import Fault, FaultKind, Scenario
from hotsite.core.verdict import Verdict, judge
from hotsite.errors import HotsiteError
from hotsite.flows.drill import play
from hotsite.sim.clock import SimClock
from hotsite.sim.world import SimWorld

PROGRESS_EVERY = 500


class _Journal:
    def __init__(self, clock: SimClock) -> None:
        self._clock = clock
        self._began_s = clock.now_s()
        self.events: list[Event] = []

    def write(self, fact: Fact) -> None:
        now_s = self._clock.now_s()
        self.events.append(Event(now_s - self._began_s, now_s, fact))


def disaster(seed: int) -> Scenario:
    """Return the one disaster that belongs to a seed."""
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
    """Play one seed and judge it."""
    scenario, clock = disaster(seed), SimClock()
    journal = _Journal(clock)
    play(scenario, "", SimWorld(clock, seed=seed), journal, clock)
    return judge(journal.events)


def main() -> int:
    """Play the seeds; exit 1 when one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1000)
    options = parser.parse_args()
    failed = 0
    for number in range(options.seeds):
        seed = options.first + number
        try:
            reasons = run(seed).reasons
        except HotsiteError as error:
            reasons = (str(error),)
        if reasons:
            failed += 1
            print(f"seed {seed} failed: {'; '.join(reasons)}")
            print(f"  again with: make soak FROM={seed} SEEDS=1")
        if number % PROGRESS_EVERY == PROGRESS_EVERY - 1:
            print(f"{number + 1} seeds played", file=sys.stderr)
    print(f"{options.seeds - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
