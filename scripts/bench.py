"""Measure the parts that a disaster leans on, each beside its bound or a peer.

One JSON file a benchmark; every figure is the median of several rounds, and a
peer is measured in turn with the subject, so that a busy machine hurts both.
"""

import argparse
import json
import os
import platform
import struct
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from bench_api import api
from bench_capacity import capacity
from bench_connects import connects
from bench_dns import answering
from bench_failover import failovers
from bench_forecast import forecasts
from bench_health import health
from bench_lag import registry_lag
from bench_registry import quotas, replication
from bench_replay import replay
from bench_seed import seeding
from bench_synth import synth
from benchmark import ROUNDS, Rates, Result, details_of, rate
from dnslib import QTYPE, RR, A, DNSRecord
from soak import run as play_seed

from hotsite.core.mqtt import Parser, encode
from hotsite.core.mqtt_packets import Publish
from hotsite.local.dns.responder import Responder
from hotsite.local.dns.zonefile import region_zone

QUERIES = 2000
PACKETS = 2000
DRILLS = 5
# 10,000 seeds in ten minutes.
DRILLS_PER_S_MIN = 17.0
# Below this, figures are told with two digits after the point.
WHOLE_MIN = 20


def dns() -> Iterable[Result]:
    """Answer names that were never asked before, and one that was."""
    zone = region_zone("eu-west-1", "127.0.2.1")
    names = [f"x{n}-ats.iot.eu-west-1.amazonaws.com" for n in range(QUERIES)]
    packets = [bytes(DNSRecord.question(name).pack()) for name in names]
    fresh, repeated, bare = [], [], []
    for _ in range(ROUNDS):
        responder = Responder(seed=7)
        responder.serve([zone], unhealthy=frozenset())
        fresh.append(rate(QUERIES, partial(answer_all, responder, packets)))
        repeated.append(rate(QUERIES, partial(answer_all, responder, packets)))
        bare.append(rate(QUERIES, lambda: [bare_answer(p) for p in packets]))
    peer = Rates.of(bare).median
    for name, rates in (("dns-new-names", fresh), ("dns-repeated", repeated)):
        found = Rates.of(rates)
        yield Result(
            name,
            found.median,
            "answers/s",
            peer="dnslib parse and pack, no lookup",
            peer_value=peer,
            details=details_of(found),
        )


def answer_all(responder: Responder, packets: Iterable[bytes]) -> None:
    """Answer every query."""
    for packet in packets:
        responder.respond(packet)


def bare_answer(packet: bytes) -> bytes:
    """Answer as the shortest dnslib server would, from no zone at all."""
    reply = DNSRecord.parse(packet).reply()
    reply.add_answer(RR(reply.q.qname, QTYPE.A, rdata=A("127.0.2.1"), ttl=60))
    return bytes(reply.pack())


def mqtt() -> Iterable[Result]:
    """Encode a telemetry message and parse it again."""
    payload = json.dumps(
        {"sk": "0000000001#000000000001", "epoch": 1, "seq": 1, "data": {"t": 21.5}}
    ).encode()
    packet = Publish("dt/oven-1/telemetry", payload, packet_id=7)
    subject, bare = [], []
    for _ in range(ROUNDS):
        subject.append(rate(PACKETS, lambda: both_ways(packet)))
        bare.append(rate(PACKETS, lambda: bare_both_ways(packet)))
    found = Rates.of(subject)
    yield Result(
        "mqtt-codec",
        found.median,
        "messages/s",
        peer="bare struct, one fixed packet shape, nothing checked",
        peer_value=Rates.of(bare).median,
        details=details_of(found),
    )


def both_ways(packet: Publish) -> None:
    """Encode and parse a packet again and again."""
    parser = Parser()
    for _ in range(PACKETS):
        parser.feed(encode(packet))


def bare_both_ways(packet: Publish) -> None:
    """Do the same to the bytes, knowing beforehand what they mean."""
    for _ in range(PACKETS):
        topic = packet.topic.encode()
        size = 2 + len(topic) + 2 + 1 + len(packet.payload)
        head = struct.pack("!BBBH", 0x32, size % 128 | 128, size // 128, len(topic))
        data = head + topic + struct.pack("!HB", packet.packet_id or 0, 0)
        data += packet.payload
        length = struct.unpack_from("!H", data, 3)[0]
        data[5 : 5 + length].decode()
        struct.unpack_from("!HB", data, 5 + length)
        data[8 + length :]


def drills() -> Iterable[Result]:
    """Play simulated disasters, the same seeds each round."""

    def play() -> None:
        for seed in range(DRILLS):
            play_seed(seed)

    found = Rates.of(rate(DRILLS, play) for _ in range(ROUNDS))
    yield Result(
        "simulated-drills",
        found.median,
        "drills/s",
        DRILLS_PER_S_MIN,
        details=details_of(found),
    )


def machine() -> dict[str, object]:
    """Return where the figures were measured."""
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "load_1_min": round(os.getloadavg()[0], 2),
    }


def write(result: Result, folder: Path, command: str) -> None:
    """Write one result, with what it takes to repeat it."""
    document = {
        "schema": 1,
        **asdict(result),
        "is_met": result.is_met,
        "command": command,
        "machine": machine(),
    }
    text = json.dumps(document, indent=2)
    (folder / f"{result.name}.json").write_text(f"{text}\n")


def line(result: Result) -> str:
    """Return one line of the table."""
    digits = 0 if result.value >= WHOLE_MIN else 2
    words = [f"{result.name:31}{result.value:12,.{digits}f} {result.unit:11}"]
    if result.bound is not None:
        sign = "<=" if result.is_upper_bound else ">="
        said = "met" if result.is_met else "MISSED"
        words.append(f"{said}: {sign} {result.bound:,.0f}")
    if result.peer_value is not None:
        words.append(f"{result.value / result.peer_value:.2f} x {result.peer}")
    return " ".join(words).rstrip()


BENCHMARKS: tuple[Callable[[], Iterable[Result]], ...] = (
    replication,
    quotas,
    seeding,
    dns,
    answering,
    mqtt,
    drills,
    forecasts,
    connects,
    registry_lag,
    capacity,
    replay,
    failovers,
    api,
    health,
    synth,
)


def main() -> int:
    """Run every benchmark; exit 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    names = [benchmark.__name__ for benchmark in BENCHMARKS]
    parser.add_argument("--only", choices=names, action="append")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    has_missed = False
    for benchmark in BENCHMARKS:
        if benchmark.__name__ not in (options.only or names):
            continue
        command = f"scripts/bench.py --only {benchmark.__name__}"
        for result in benchmark():
            write(result, options.out, command)
            print(line(result), flush=True)
            has_missed = has_missed or result.is_met is False
    return 1 if has_missed else 0


if __name__ == "__main__":
    sys.exit(main())
