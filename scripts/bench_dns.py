"""How many questions a second the local name server answers on one core, beside Knot.

dnsperf asks for the names of a site while health checkers watch both sites and one of
them comes and goes, so that answers are judged again. Each server has one core, and
dnsperf the other one. Knot serves the same records, always: it knows no health.
Both are told in answers a second of the server's own CPU time, which other work on
the machine distorts less than the time on the wall.
"""

import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from benchmark import Result

from hotsite.core.dns import Failover, Record, Role, Zone
from hotsite.core.healthcheck import CheckType, HealthCheckConfig
from hotsite.local.dns.client import DnsControl, DnsEvent
from hotsite.local.dns.zonefile import ZoneFile, dump_zone_file, region_zone

ANSWERS_PER_S_MIN = 50_000.0
ROUNDS, ROUND_S = 5, 4
APEX = "hotsite.test"
REGIONS = {"a": ("eu-central-1", "127.0.231.1"), "b": ("eu-west-1", "127.0.232.1")}
OURS, KNOT = "127.0.231.53", "127.0.232.53"
PORT, TARGET_PORT = 5353, 8080
SERVER_CORE, CLIENT_CORE = 0, 1
KNOT_PROGRAM = "/usr/sbin/knotd"
TTL_S = 10
# Ten times as many probes as Route 53 would send, and a site that comes or goes
# twice in the time that a checker needs to miss it.
TIME_SCALE, CHANGE_EVERY_S = 0.1, 8.0
# What both sites answer to health checkers, until they are stopped.
TARGET = """
import asyncio, sys
async def serve(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
    writer.close()
async def main():
    server = await asyncio.start_server(serve, sys.argv[1], int(sys.argv[2]))
    print("ready", flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@dataclass(frozen=True)
class Round:
    """What one run of dnsperf found."""

    per_s: float
    per_cpu_s: float
    lost: int


@dataclass(frozen=True)
class Server:
    """A name server that runs."""

    address: str
    process: subprocess.Popen[bytes]

    def cpu_s(self) -> float:
        """Return the CPU time that it has used."""
        used = psutil.Process(self.process.pid).cpu_times()
        return float(used.user + used.system)


def answering() -> Iterator[Result]:
    """Ask both servers in turn."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        questions = folder / "questions"
        questions.write_text("".join(f"{each} A\n" for each in names()))
        ours = stack.enter_context(hotsite(folder))
        knot = stack.enter_context(knotd(folder))
        found: dict[str, list[Round]] = {OURS: [], KNOT: []}
        switches = stack.enter_context(seen(DnsControl(folder / "dns.sock")))
        for server in (ours, knot) * ROUNDS:
            found[server.address].append(asked(server, questions))
        yield result(found[OURS], found[KNOT], switches=len(switches))


@contextlib.contextmanager
def seen(control: DnsControl) -> Iterator[list[DnsEvent]]:
    """Collect which names turned to another record."""
    found: list[DnsEvent] = []

    def collect() -> None:
        found.extend(event for event in events if event.kind == "dns_switched")

    with control.events() as events:
        thread = threading.Thread(target=collect, daemon=True)
        thread.start()
        yield found
    thread.join()


def result(ours: list[Round], knot: list[Round], *, switches: int) -> Result:
    """Return the medians, ours beside Knot's."""
    return Result(
        "dns-server",
        middle(ours, "per_cpu_s"),
        "answers/CPU s",
        ANSWERS_PER_S_MIN,
        peer="Knot DNS, one worker, static zone",
        peer_value=middle(knot, "per_cpu_s"),
        details={
            "answers_per_s": middle(ours, "per_s"),
            "answers_per_s_lowest": min(each.per_s for each in ours),
            "answers_per_s_highest": max(each.per_s for each in ours),
            "answers_per_cpu_s_lowest": min(each.per_cpu_s for each in ours),
            "lost": float(sum(each.lost for each in ours)),
            "knot_answers_per_s": middle(knot, "per_s"),
            "switches": float(switches),
            "rounds": float(ROUNDS),
        },
    )


def middle(rounds: list[Round], name: str) -> float:
    """Return the median of one figure."""
    return statistics.median(getattr(each, name) for each in rounds)


def asked(server: Server, questions: Path) -> Round:
    """Let dnsperf ask as fast as it can; see what it cost the server."""
    before_s = server.cpu_s()
    said = subprocess.run(
        [
            *("taskset", "-c", str(CLIENT_CORE), "dnsperf"),
            *("-s", server.address, "-p", str(PORT), "-d", str(questions)),
            *("-l", str(ROUND_S), "-c", "8", "-T", "1", "-q", "400"),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    used_s = server.cpu_s() - before_s
    answered = number(said, r"Queries completed:\s+(\d+)")
    return Round(
        per_s=number(said, r"Queries per second:\s+([\d.]+)"),
        per_cpu_s=answered / used_s,
        lost=int(number(said, r"Queries lost:\s+(\d+)")),
    )


def number(text: str, pattern: str) -> float:
    """Return a number that dnsperf says."""
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"dnsperf does not say {pattern}:\n{text}")
    return float(match[1])


def names() -> list[str]:
    """Return what devices and apps ask for."""
    own = [f"{one}.{APEX}" for one in ("iot", "iot-a", "iot-b", "api")]
    return [*own, *(endpoint(region) for region, _ in REGIONS.values())]


def endpoint(region: str) -> str:
    """Return an endpoint's name as AWS shapes it."""
    return f"a0123456789ab-ats.iot.{region}.amazonaws.com"


def zone_file() -> ZoneFile:
    """Return a failover pair, own names, and the Regions' zones."""
    roles = {"a": Role.PRIMARY, "b": Role.SECONDARY}
    records = []
    for letter, (region, address) in REGIONS.items():
        pair = (Failover(roles[letter]), letter, letter)
        target = (endpoint(region),)
        records += [
            Record(f"iot.{APEX}", "CNAME", TTL_S, target, *pair),
            Record(f"api.{APEX}", "A", TTL_S, (address,), *pair),
            Record(f"iot-{letter}.{APEX}", "CNAME", TTL_S, target),
        ]
    checks = tuple(
        HealthCheckConfig(
            id=letter,
            type=CheckType.HTTP,
            address=address,
            port=TARGET_PORT,
            interval_s=10,
            failure_threshold=1,
        )
        for letter, (_, address) in REGIONS.items()
    )
    regions = (region_zone(*each) for each in REGIONS.values())
    return ZoneFile((Zone(APEX, tuple(records)), *regions), checks)


@contextlib.contextmanager
def hotsite(folder: Path) -> Iterator[Server]:
    """Run our server, whose health checks see one site come and go."""
    dump_zone_file(zone_file(), folder / "zones.json")
    config = {
        "address": OURS,
        "ports": [PORT],
        "zone_path": str(folder / "zones.json"),
        "control_path": str(folder / "dns.sock"),
        "time_scale": TIME_SCALE,
    }
    (folder / "dns.json").write_text(json.dumps(config))
    with contextlib.ExitStack() as stack:
        for _, address in REGIONS.values():
            run = (sys.executable, "-c", TARGET, address, str(TARGET_PORT))
            stack.enter_context(running(run, core=CLIENT_CORE))
        run = (sys.executable, "-m", "hotsite.local.dns", str(folder / "dns.json"))
        process = stack.enter_context(running(run, core=SERVER_CORE))
        control = DnsControl(folder / "dns.sock")
        stack.enter_context(coming_and_going(control))
        yield Server(OURS, process)


@contextlib.contextmanager
def coming_and_going(control: DnsControl) -> Iterator[None]:
    """Let one site be unseen by checkers for half of the time."""
    ended = threading.Event()

    def change() -> None:
        is_unseen = False
        while not ended.wait(CHANGE_EVERY_S):
            is_unseen = not is_unseen
            control.set_unseen([REGIONS["a"][1]] if is_unseen else [])

    thread = threading.Thread(target=change, daemon=True)
    thread.start()
    yield
    ended.set()
    thread.join()


@contextlib.contextmanager
def knotd(folder: Path) -> Iterator[Server]:
    """Run Knot with one worker and the records that are answered while all is well."""
    config = [
        "server:",
        f"  listen: {KNOT}@{PORT}",
        f"  rundir: {folder}",
        "  udp-workers: 1",
        "  tcp-workers: 1",
        "  background-workers: 1",
        "database:",
        f"  storage: {folder}",
        "zone:",
    ]
    for zone, text in static_zones().items():
        path = folder / f"{zone}.zone"
        path.write_text(text)
        config += [f"  - domain: {zone}", f"    file: {path}"]
    (folder / "knot.conf").write_text("\n".join(config) + "\n")
    run = (KNOT_PROGRAM, "-c", str(folder / "knot.conf"))
    with running(run, core=SERVER_CORE) as process:
        wait_for(KNOT)
        yield Server(KNOT, process)


def static_zones() -> dict[str, str]:
    """Return the same records as zone files."""
    soa = "@ 900 IN SOA ns.hotsite.test. root.hotsite.test. 1 7200 900 1209600 86400\n"
    soa += "@ 900 IN NS ns.hotsite.test.\n"
    region, address = REGIONS["a"]
    own = f"iot {TTL_S} IN CNAME {endpoint(region)}.\napi {TTL_S} IN A {address}\n"
    own += f"ns {TTL_S} IN A {KNOT}\n"
    zones = {}
    for letter, (region, address) in REGIONS.items():
        own += f"iot-{letter} {TTL_S} IN CNAME {endpoint(region)}.\n"
        zones[f"{region}.amazonaws.com"] = f"{soa}*.iot 60 IN A {address}\n"
    return {APEX: soa + own, **zones}


@contextlib.contextmanager
def running(
    command: tuple[str, ...], *, core: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process on one core until it is not needed any more."""
    is_ours = command[0] == sys.executable
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *command],
        stdout=subprocess.PIPE if is_ours else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        if process.stdout is not None and not process.stdout.readline():
            raise SystemExit(f"{' '.join(command)} ended before it was ready")
        yield process
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def wait_for(address: str) -> None:
    """Wait until a server answers."""
    until_s = time.monotonic() + 10
    question = ["dig", "+short", "+tries=1", "+time=1", f"@{address}", "-p", str(PORT)]
    while time.monotonic() < until_s:
        asked = [*question, f"api.{APEX}"]
        if subprocess.run(asked, capture_output=True, check=False).stdout.strip():
            return
        time.sleep(0.05)
    raise SystemExit(f"{address} does not answer")


if __name__ == "__main__":
    if (os.cpu_count() or 1) <= CLIENT_CORE:
        raise SystemExit("a server and a client need a core each")
    for found in answering():
        print(found)
