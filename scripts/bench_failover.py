"""How long a fleet is away when its Region falls silent or dies, by its names.

Real processes on this machine, so the figures are the machine's as well. A device
is back when telemetry that it published after the fault is stored in the other
Region. Stock clients (paho, the AWS IoT Device SDK v2) go through the same freeze.
"""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench_ground import Ground, ground
from benchmark import Result

from hotsite.core import move, telemetry
from hotsite.core.hardship import Follow
from hotsite.core.history import percentile
from hotsite.core.journal import DeviceConnected, DeviceDisconnected, Fact
from hotsite.core.scenario import FaultKind
from hotsite.ports import FleetPlan

DEVICES = 300
STEADY_S = 10.0
AWAY_S_MAX = 90.0
MOVE_WITHIN_S = 10.0
PEERS = 3
ROOT = Path(__file__).parents[1]
CLIENTS = ROOT / ".venv-clients" / "bin" / "python"


@dataclass(frozen=True)
class Case:
    """One failover.

    Attributes:
        name: Of the benchmark.
        follow: Which names the devices know.
        fault: What happens.
        p99_s_max: The bound.
        p50_s_max: Where there is one.
    """

    name: str
    follow: Follow
    fault: FaultKind
    p99_s_max: float
    p50_s_max: float | None = None


# The kill is the last: a frozen Region goes on, a killed one would have to return.
CASES = (
    Case(
        "failover-own-names-freeze", Follow.OWN_NAMES, FaultKind.REGION_FREEZE, 15, 10
    ),
    Case("failover-pre-warmed-freeze", Follow.PRE_WARMED, FaultKind.REGION_FREEZE, 5),
    Case("failover-dns-only-freeze", Follow.DNS, FaultKind.REGION_FREEZE, 60),
    Case("failover-own-names-kill", Follow.OWN_NAMES, FaultKind.REGION_KILL, 15, 10),
)


def failovers(count: int = DEVICES) -> Iterator[Result]:
    """Move the fleet once as planned, then lose its Region four times."""
    with ground(count + 2 * PEERS) as where:
        yield planned_move(where, count)
        where.watch(1)
        for case in CASES:
            with contextlib.ExitStack() as stack:
                has_peers = case.follow is Follow.DNS
                peers = stack.enter_context(stock(where, count)) if has_peers else {}
                away = play(where, case, count, peers)
            yield result(case, away, count, peers)


def play(
    where: Ground, case: Case, count: int, peers: Mapping[str, str]
) -> dict[str, float]:
    """Return how long each device was away, in seconds; who never came is missing."""
    plan = FleetPlan(publish_interval_s=2.0, seed=1, follow=case.follow)
    where.start(plan, where.things[:count])
    where.watch(STEADY_S)
    where.fresh()
    # The canaries' heartbeats arrive there, too.
    wanted = {*where.things[:count], *peers}
    away: dict[str, float] = {}
    at_s = where.world.inject(case.fault, region=where.active)

    def is_over(_: list[Fact]) -> bool:
        for item in where.fresh():
            if item.published_at_s >= at_s and item.thing in wanted:
                away.setdefault(item.thing, item.seen_at_s - at_s)
        return len(away) == len(wanted)

    where.until(is_over, AWAY_S_MAX)
    where.world.stop_fleet()
    if case.fault is FaultKind.REGION_FREEZE:
        where.thaw()
    return away


def result(
    case: Case, away: Mapping[str, float], count: int, peers: Mapping[str, str]
) -> Result:
    """Sum up one failover."""
    ours = [took_s for thing, took_s in away.items() if thing not in peers]
    details = {"devices": float(count), "back": float(len(ours))}
    for percent in (50, 90, 100):
        at_s = percentile(ours, percent, total=count)
        details[f"p{percent}_s"] = AWAY_S_MAX if at_s is None else at_s
    for kind in sorted(set(peers.values())):
        several = [away.get(t, AWAY_S_MAX) for t in peers if peers[t] == kind]
        details[f"{kind}_slowest_s"] = max(several)
        details[f"{kind}_fastest_s"] = min(several)
    if case.p50_s_max is not None:
        details["p50_s_max"] = case.p50_s_max
    return Result(
        case.name,
        percentile(ours, 99, total=count) or AWAY_S_MAX,
        "s (p99)",
        case.p99_s_max,
        is_upper_bound=True,
        peer="paho, stock settings" if "paho_slowest_s" in details else None,
        peer_value=details.get("paho_slowest_s"),
        details=details,
    )


def planned_move(where: Ground, count: int) -> Result:
    """Tell the fleet to go to the other Region, and see how long each was nowhere."""
    plan = FleetPlan(publish_interval_s=2.0, seed=1, follow=Follow.OWN_NAMES)
    things = where.things[:count]
    where.start(plan, things)
    where.watch(STEADY_S)
    order = move.encode(move.Move(to="b", within_s=MOVE_WITHIN_S, epoch=1))
    left: dict[str, float] = {}
    gaps: dict[str, float] = {}

    def is_over(facts: list[Fact]) -> bool:
        now_s = where.world.now_s()
        for fact in facts:
            if isinstance(fact, DeviceDisconnected):
                left[fact.thing] = now_s
            elif isinstance(fact, DeviceConnected) and fact.region == where.standby:
                # One that was there before it left the other one was never away.
                gaps[fact.thing] = now_s - left.get(fact.thing, now_s)
        return len(gaps) == count

    client = where.cloud.client("iot-data", where.active)
    for thing in things:
        client.publish(topic=telemetry.move_topic(thing), qos=1, payload=order)
        is_over(list(where.world.observe()))
    where.until(is_over, MOVE_WITHIN_S + 30)
    where.world.stop_fleet()
    found = list(gaps.values())
    return Result(
        "planned-move-gap",
        percentile(found, 99, total=count) or AWAY_S_MAX,
        "s (p99)",
        2.0,
        is_upper_bound=True,
        details={
            "devices": float(count),
            "moved": float(len(gaps)),
            "p50_s": percentile(found, 50, total=count) or 0.0,
            "max_s": max(found, default=AWAY_S_MAX),
            "within_s": MOVE_WITHIN_S,
        },
    )


@contextlib.contextmanager
def stock(where: Ground, count: int) -> Iterator[dict[str, str]]:
    """Run devices made with other people's clients; yield what each thing is."""
    kinds = {
        "paho": (sys.executable, ROOT / "conformance" / "paho_device.py"),
        "aws_sdk": (str(CLIENTS), ROOT / "conformance" / "aws_sdk_v2.py"),
    }
    there = {k: v for k, v in kinds.items() if v[1].exists() and Path(v[0]).exists()}
    started: list[subprocess.Popen[bytes]] = []
    peers: dict[str, str] = {}
    waiting = iter(where.things[count:])
    try:
        for kind, (python, program) in there.items():
            for thing in (next(waiting) for _ in range(PEERS)):
                peers[thing] = kind
                started.append(run_stock(where, thing, (python, str(program))))
        yield peers
    finally:
        for process in started:
            process.terminate()
            process.wait()


def run_stock(
    where: Ground, thing: str, program: tuple[str, str]
) -> "subprocess.Popen[bytes]":
    """Start one of them under the cloud's DNS, in a folder of its own."""
    member, state = where.world.member(thing), where.cloud.state
    own = where.folder / "stock" / thing
    own.mkdir(parents=True)
    for source, name in (
        (member.certificate, "device.pem"),
        (member.private_key, "device.key"),
    ):
        shutil.copy(source, own / name)
    told = {
        "HOTSITE_THING": thing,
        "HOTSITE_ENDPOINT": f"iot.{state.domain}",
        "HOTSITE_PORT": str(state.mqtt_port),
        "HOTSITE_CERTIFICATE": str(own / "device.pem"),
        "HOTSITE_PRIVATE_KEY": str(own / "device.key"),
        "HOTSITE_CA": state.ca,
        "HOTSITE_TELEMETRY_TOPIC": telemetry.telemetry_topic(thing),
        "HOTSITE_COMMAND_FILTER": telemetry.command_filter(thing),
    }
    run = [
        *(sys.executable, "-m", "hotsite.faces.cli.main", "local", "exec"),
        *("--dir", str(where.cloud.folder), "--", *program),
    ]
    with (own / "log").open("wb") as log:
        return subprocess.Popen(
            ["env", *(f"{key}={value}" for key, value in told.items()), *run],
            stdout=log,
            stderr=log,
        )


if __name__ == "__main__":
    for found in failovers(*map(int, sys.argv[1:])):
        print(found, flush=True)
