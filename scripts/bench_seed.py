"""Seed a million things, stopped and taken up again, and see how much memory it needs.

In a process of its own, so that the peak is that of the seeding alone. The
simulated Regions are part of it: they keep a few bytes a thing.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmark import Result

from hotsite.core.seeding import SeedReport
from hotsite.flows.replication import Site
from hotsite.flows.seed import SeedOptions, seed
from hotsite.flows.sight import Intake
from hotsite.sim.clock import SimClock
from hotsite.sim.deletions import SimDeletionLedger
from hotsite.sim.fleet_registry import (
    Fleet,
    FleetApplied,
    FleetRecords,
    FleetRegistry,
)
from hotsite.sim.tables import SimCursors

THINGS = 1_000_000
MEMORY_MB_MAX = 300.0
# Left off this often, as a command that is stopped and started again.
STOPS = 20
_KIB_PER_MB = 1e6 / 1024


def seeding() -> Iterator[Result]:
    """Seed in a fresh process and tell of it."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__)), "--things", str(THINGS)],
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout)
    yield Result(
        "seeding-memory",
        found["memory_mb"],
        "MB",
        MEMORY_MB_MAX,
        is_upper_bound=True,
        details=found,
    )


def seed_all(thing_count: int) -> dict[str, float]:
    """Seed a fleet with several stops, check it, and return the figures.

    Raises:
        SystemExit: A thing was lost, or looked at much more than once.
    """
    fleet = Fleet(thing_count)
    records, registry = FleetRecords(fleet), FleetRegistry(fleet)
    site = Site(records, FleetApplied(fleet), registry, SimClock())
    intake = Intake(site, SimCursors(), SimDeletionLedger())
    began_s, stops = time.perf_counter(), 0
    report = None
    while report is None:
        report = _run(intake, thing_count // STOPS)
        stops += report is None
    duration_s = time.perf_counter() - began_s
    looks = registry.calls["DescribeThing"]
    if report.thing_done != thing_count or records.write_count < thing_count:
        raise SystemExit(f"{thing_count} things, {report.thing_done} seeded")
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "things": thing_count,
        "memory_mb": peak_kib / _KIB_PER_MB,
        "things_per_s": thing_count / duration_s,
        "stops": stops,
        "looks_per_thing": looks / thing_count,
        "iot_calls_per_thing": registry.calls.total() / thing_count,
    }


def _run(intake: Intake, things_max: int) -> SeedReport | None:
    """Seed on for some things; return the report when that was the end."""
    first = None
    for stand in seed(intake, SeedOptions()):
        if stand.is_complete:
            return stand.report
        done = stand.report.thing_done
        first = done if first is None else first
        if done - first >= things_max:
            break
    return None


def main() -> int:
    """Print the figures of one seeding as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--things", type=int, default=THINGS)
    print(json.dumps(seed_all(parser.parse_args().things)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
