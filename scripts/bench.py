"""Write benchmarks, one JSON file each: a value beside its bound or a peer."""

import argparse
import json
import os
import platform
import struct
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from soak import run as play_seed

from hotsite.core.mqtt import Parser, encode
from hotsite.core.mqtt_packets import Publish
from hotsite.core.registry import Certificate, Thing
from hotsite.flows.replication import Site, apply
from hotsite.sim.clock import SimClock
from hotsite.sim.registry import SimRegistry
from hotsite.sim.tables import SimAppliedRecords, SimTables

DEVICES = 3000
MESSAGES = 20_000
SEEDS = 200


@dataclass(frozen=True)
class Result:
    """One figure and what it is to be held against."""

    name: str
    value: float
    unit: str
    against: float
    against_what: str


def _rate(count: int, work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return count / (time.perf_counter() - began_s)


def replication() -> Iterator[Result]:
    """Measure the engine alone, and count its calls."""
    clock = SimClock()
    tables = SimTables("a", clock)
    registry = SimRegistry()
    site = Site(tables, SimAppliedRecords(), registry, clock)
    names = [f"oven-{i}" for i in range(DEVICES)]

    def new_devices() -> None:
        for name in names:
            # A replica of one device at a time: the table itself is not measured.
            tables.items.clear()
            tables.put((name, "thing"), Thing(name, None, (), ("fleet",)))
            tables.put((name, f"certificate#{name}"), Certificate(name, "pem"))
            apply(name, site)

    rate = _rate(DEVICES, new_devices)
    yield Result("replication-engine", rate, "devices/s", 1000, "the bound, at least")
    calls = len(registry.calls)
    yield Result("iot-calls-per-new-device", calls / DEVICES, "calls", 4, "the bound")
    apply(names[-1], site)
    again = len(registry.calls) - calls
    yield Result("iot-calls-per-duplicate", again, "calls", 0, "the bound")


def codec() -> Iterator[Result]:
    """Measure the MQTT codec beside the smallest thing that could be done."""
    payload = b"x" * 200

    def ours() -> None:
        parser = Parser()
        for i in range(MESSAGES):
            parser.feed(
                encode(Publish("dt/oven-1/telemetry", payload, 1, i % 65535 + 1))
            )

    def bare() -> None:
        for i in range(MESSAGES):
            struct.pack("!BH", 0x32, i % 65535 + 1) + payload

    value = _rate(MESSAGES, ours)
    peer = _rate(MESSAGES, bare)
    yield Result("mqtt-codec", value, "messages/s", peer, "packing the header alone")


def simulation() -> Iterator[Result]:
    """Measure how many simulated disasters a second are played and judged."""

    def play() -> None:
        for seed in range(SEEDS):
            play_seed(seed)

    # 10,000 seeds in ten minutes.
    yield Result("simulated-drills", _rate(SEEDS, play), "drills/s", 17, "the bound")


def main() -> int:
    """Run all and write build/bench/*.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    machine = {"cpus": os.cpu_count(), "python": platform.python_version()}
    for bench in (replication, codec, simulation):
        for result in bench():
            document = {**asdict(result), "command": "make bench", "machine": machine}
            path = options.out / f"{result.name}.json"
            path.write_text(json.dumps(document, indent=1) + "\n")
            print(
                f"{result.name:28} {result.value:12,.1f} {result.unit:10} "
                f"({result.against_what}: {result.against:,.0f})"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
