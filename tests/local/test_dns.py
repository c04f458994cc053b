"""The DNS process as a whole: real sockets, real endpoints, an unmodified client."""

import contextlib
import datetime as dt
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hotsite.core.dns import Failover, Record, Role, Weighted, Zone
from hotsite.core.healthcheck import CheckType, HealthCheckConfig
from hotsite.errors import InvalidInputError, UnreachableError
from hotsite.local.dns.client import DnsControl
from hotsite.local.dns.probe import probe
from hotsite.local.dns.zonefile import (
    ZoneFile,
    dump_zone_file,
    health_check_from_route53,
    load_zone_file,
    region_zone,
    zone_from_route53,
)

pytestmark = [pytest.mark.local, pytest.mark.timeout(60)]

SERVER, REGION_A, REGION_B = "127.0.21.53", "127.0.21.1", "127.0.21.2"
PORT, TARGET_PORT = 5353, 8443
APEX = "hotsite.test"
A_NAME = "abc-ats.iot.eu-central-1.amazonaws.com."
B_NAME = "def-ats.iot.eu-west-1.amazonaws.com."

# An HTTPS endpoint that answers with what it was greeted by.
TARGET = """
import asyncio, ssl, sys
address, port, certificate, status = sys.argv[1:]
greeted = {}
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate)
context.sni_callback = lambda tls, name, _: greeted.update({id(tls): name})
async def serve(reader, writer):
    try:
        head = await reader.readuntil(b"\\r\\n\\r\\n")
        host = head.split(b"Host: ")[1].split(b"\\r\\n")[0].decode()
        name = greeted.pop(id(writer.get_extra_info("ssl_object")), "")
        body = f"sni={name} host={host}".encode()
        writer.write(f"HTTP/1.1 {status} X\\r\\n\\r\\n".encode() + body)
        await writer.drain()
    except (OSError, EOFError):
        pass
    finally:
        writer.close()
async def main():
    server = await asyncio.start_server(serve, address, int(port), ssl=context)
    print("ready", flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Running:
    process: subprocess.Popen
    control: DnsControl
    zone_path: Path


def wait_ready(process):
    assert "ready" in process.stdout.readline(), "the process ended before it was ready"


@contextlib.contextmanager
def started(arguments):
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate that names somebody else and expired: nobody may care."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody.else")])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "target.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def start_target(certificate):
    with contextlib.ExitStack() as stack:

        def start(address, status="200"):
            arguments = ["-c", TARGET, address, str(TARGET_PORT), certificate, status]
            process = stack.enter_context(started(arguments))
            wait_ready(process)
            return process

        yield start


@pytest.fixture
def start_dns(tmp_path):
    with contextlib.ExitStack() as stack:

        def start(zone_file, **changes):
            dump_zone_file(zone_file, tmp_path / "zones.json")
            config = {
                "address": SERVER,
                "ports": [PORT],
                "zone_path": str(tmp_path / "zones.json"),
                "control_path": str(tmp_path / "dns.sock"),
                "time_scale": 0.1,
                "seed": 7,
                **changes,
            }
            (tmp_path / "dns.json").write_text(json.dumps(config))
            arguments = ["-m", "hotsite.local.dns", str(tmp_path / "dns.json")]
            process = stack.enter_context(started(arguments))
            wait_ready(process)
            control = DnsControl(tmp_path / "dns.sock")
            return Running(process, control, tmp_path / "zones.json")

        yield start


def own_zone(*more, is_watched=False):
    check_a, check_b = ("site-a", "site-b") if is_watched else (None, None)
    primary, secondary = Failover(Role.PRIMARY), Failover(Role.SECONDARY)
    iot = f"iot.{APEX}"
    return Zone(
        APEX,
        (
            Record(iot, "CNAME", 10, (A_NAME,), primary, "a", check_a),
            Record(iot, "CNAME", 10, (B_NAME,), secondary, "b", check_b),
            Record(f"api-a.{APEX}", "A", 10, (REGION_A,)),
            Record(f"api-b.{APEX}", "A", 10, (REGION_B,)),
            *more,
        ),
    )


def health_check(name, **changes):
    return HealthCheckConfig(
        **{
            "id": f"site-{name}",
            "type": CheckType.HTTPS,
            "fqdn": f"api-{name}.{APEX}",
            "port": TARGET_PORT,
            "path": "/healthz",
            "interval_s": 10,
            "failure_threshold": 2,
            **changes,
        }
    )


def zone_file(*checks, more=()):
    zone = own_zone(*more, is_watched=bool(checks))
    regions = (
        region_zone("eu-central-1", REGION_A),
        region_zone("eu-west-1", REGION_B),
    )
    return ZoneFile((zone, *regions), checks)


BOTH = zone_file(health_check("a"), health_check("b"))


def ask(name, kind="A", *, over=dns.query.udp, **options):
    query = dns.message.make_query(name, kind, **options)
    return over(query, SERVER, port=PORT, timeout=5)


def addresses(name=f"iot.{APEX}"):
    found = ask(name).answer
    return [item.to_text() for rrset in found for item in rrset]


def first(events, kind, **facts):
    """Wait for the first event of a kind with these facts; return what came."""
    seen = []
    for event in events:
        seen.append(event)
        if event.kind == kind and facts.items() <= event.facts.items():
            return seen
    raise AssertionError(f"no {kind}: {seen}")


def test_killed_site_loses_the_name_when_18_percent_of_checkers_are_left(
    start_target, start_dns
):
    targets = [start_target(address) for address in (REGION_A, REGION_B)]
    server = start_dns(BOTH)
    assert addresses() == [A_NAME, REGION_A]
    with server.control.events(silence_s_max=20) as events:
        targets[0].kill()
        seen = first(events, "dns_switched", name=f"iot.{APEX}")
    assert addresses() == [B_NAME, REGION_B]
    down = [e for e in seen if e.kind == "site_health" and not e.facts["healthy"]]
    assert [e.facts["checkers_healthy"] for e in down] == [2]
    assert seen[-1].facts["set_identifier"] == "b"
    health = {each.id: each for each in server.control.status().health}
    assert not health["site-a"].is_healthy
    assert health["site-a"].since_s == pytest.approx(down[0].world_s)
    assert health["site-b"].is_healthy
    with server.control.events(silence_s_max=20) as events:
        start_target(REGION_A)
        first(events, "dns_switched", set_identifier="a")
    assert addresses() == [A_NAME, REGION_A]


def test_frozen_site_is_down_although_its_port_still_accepts(start_target, start_dns):
    targets = [start_target(address) for address in (REGION_A, REGION_B)]
    server = start_dns(BOTH)
    with server.control.events(silence_s_max=20) as events:
        targets[0].send_signal(signal.SIGSTOP)
        first(events, "dns_switched", set_identifier="b")
    with socket.create_connection((REGION_A, TARGET_PORT), timeout=5):
        assert addresses() == [B_NAME, REGION_B]


def test_both_sites_down_leaves_the_name_with_the_primary(start_dns):
    server = start_dns(BOTH)
    with server.control.events(silence_s_max=20) as events:
        first(events, "site_health", health_check="site-a", healthy=False)
    with server.control.events(silence_s_max=20) as events:
        first(events, "site_health", health_check="site-b", healthy=False)
    assert addresses() == [A_NAME, REGION_A]


def test_disabled_failover_answers_as_if_all_were_well(start_target, start_dns):
    start_target(REGION_A, "503")
    start_target(REGION_B)
    server = start_dns(BOTH)
    server.control.disable_failover()
    with server.control.events(silence_s_max=20) as events:
        first(events, "site_health", health_check="site-a", healthy=False)
    assert not server.control.status().is_failover_enabled
    assert addresses() == [A_NAME, REGION_A]
    server.control.enable_failover()
    assert addresses() == [B_NAME, REGION_B]


TLS_SEARCH = CheckType.HTTPS_STR_MATCH
GREETED = f"sni=api-a.{APEX} host=api-a.{APEX}:8443"


@pytest.mark.parametrize(
    ("changes", "address", "status", "is_ok"),
    [
        ({}, REGION_A, "200", True),
        ({}, REGION_A, "399", True),
        ({}, REGION_A, "404", False),
        ({}, REGION_A, "199", False),
        ({}, REGION_A, "nonsense", False),
        ({"type": TLS_SEARCH, "search_string": GREETED}, REGION_A, "200", True),
        ({"type": TLS_SEARCH, "search_string": GREETED}, REGION_A, "503", False),
        (
            {"type": TLS_SEARCH, "search_string": "sni=api", "has_sni": False},
            REGION_A,
            "200",
            False,
        ),
        (
            {"type": TLS_SEARCH, "search_string": "sni=None", "has_sni": False},
            REGION_A,
            "200",
            True,
        ),
        ({"type": CheckType.TCP}, REGION_A, "503", True),
        ({"type": CheckType.HTTP}, REGION_A, "200", False),
        ({"port": TARGET_PORT + 1}, REGION_A, "200", False),
        ({}, "192.0.2.1", "200", False),
        ({}, "::1", "200", False),
    ],
)
async def test_probe_sees_what_a_health_checker_of_route_53_would(
    start_target, changes, address, status, is_ok
):
    start_target(REGION_A, status)
    result = await probe(health_check("a", **changes), address)
    assert result.is_ok is is_ok, result.reason
    assert result.reason


async def test_probe_gives_up_on_a_frozen_endpoint_unless_it_only_connects(
    start_target,
):
    start_target(REGION_A).send_signal(signal.SIGSTOP)
    result = await probe(health_check("a"), REGION_A)
    assert (result.is_ok, result.reason) == (False, "no answer in time")
    assert (await probe(health_check("a", type=CheckType.TCP), REGION_A)).is_ok


def test_name_that_our_zones_do_not_hold_is_down(start_dns):
    check = health_check("a", fqdn="api-a.example.com")
    parent = HealthCheckConfig(
        "p", CheckType.CALCULATED, children=("site-a",), threshold=1, is_inverted=True
    )
    server = start_dns(ZoneFile((own_zone(),), (check, parent)))
    with server.control.events(silence_s_max=20) as events:
        first(events, "site_health", health_check="site-a", healthy=False)
        first(events, "site_health", health_check="p", healthy=True)


def test_answers_follow_the_standards_over_udp_and_tcp(start_dns):
    many = tuple(f"127.0.21.{i}" for i in range(60, 200))
    some = many[:50]
    start_dns(
        zone_file(
            more=(
                Record(f"many.{APEX}", "A", 5, many),
                Record(f"some.{APEX}", "A", 5, some),
                Record(f"txt.{APEX}", "TXT", 5, ('"one" "two"',)),
            )
        )
    )
    found = ask(f"IoT.{APEX}")
    assert found.flags & dns.flags.AA
    assert [rrset.ttl for rrset in found.answer] == [10, 60]
    assert found.question[0].name.to_text() == f"IoT.{APEX}."
    assert ask(f"txt.{APEX}", "TXT").answer[0][0].to_text() == '"one" "two"'
    missing = ask(f"nothing.{APEX}")
    assert missing.rcode() == dns.rcode.NXDOMAIN
    assert [rrset.name.to_text() for rrset in missing.authority] == [f"{APEX}."]
    no_data = ask(f"api-a.{APEX}", "AAAA")
    assert (no_data.rcode(), len(no_data.authority)) == (dns.rcode.NOERROR, 1)
    for name, kind in (("example.com", "A"), (APEX, "ANY")):
        assert ask(name, kind).rcode() == dns.rcode.REFUSED
    cut = ask(f"some.{APEX}")
    assert cut.flags & dns.flags.TC
    assert not cut.answer
    assert len(ask(f"some.{APEX}", use_edns=0, payload=4096).answer[0]) == len(some)
    assert ask(f"many.{APEX}", use_edns=0, payload=4096).flags & dns.flags.TC
    assert len(ask(f"many.{APEX}", over=dns.query.tcp).answer[0]) == len(many)
    assert ask(APEX, use_edns=1).rcode() == dns.rcode.BADVERS


def test_several_questions_share_a_tcp_connection_and_silence_ends_it(start_dns):
    start_dns(zone_file(), tcp_idle_s=0.5)
    with socket.create_connection((SERVER, PORT), timeout=10) as connection:
        queries = [dns.message.make_query(f"api-{x}.{APEX}", "A") for x in "ab"]
        wires = [query.to_wire() for query in queries]
        sent = b"".join(struct.pack("!H", len(wire)) + wire for wire in wires)
        connection.sendall(sent[:5])
        connection.sendall(sent[5:])
        with connection.makefile("rb") as stream:
            for query, address in zip(queries, (REGION_A, REGION_B), strict=True):
                (length,) = struct.unpack("!H", stream.read(2))
                answer = dns.message.from_wire(stream.read(length))
                assert query.is_response(answer)
                assert answer.answer[0][0].to_text() == address
            assert stream.read() == b""


def test_malformed_packets_never_stop_it(start_dns):
    server = start_dns(zone_file())
    dice = random.Random(11)
    good = dns.message.make_query(f"iot.{APEX}", "A", use_edns=0).to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(2000):
            packet = bytearray(good)
            for _ in range(dice.randrange(1, 8)):
                packet[dice.randrange(len(packet))] = dice.randrange(256)
            cut = packet[: dice.randrange(len(packet) + 1)]
            noise = dice.randbytes(dice.randrange(600))
            sender.sendto((packet, cut, noise)[number % 3], (SERVER, PORT))
            if number % 100 == 0:
                assert addresses() == [A_NAME, REGION_A]
    pointers = struct.pack("!6H", 1, 0, 1, 0, 0, 1) + b"\xc0\x0c" * 30_000
    with socket.create_connection((SERVER, PORT), timeout=5) as connection:
        connection.sendall(struct.pack("!H", len(pointers)) + pointers)
        assert connection.recv(100)[5] & 0xF == dns.rcode.FORMERR
    assert addresses() == [A_NAME, REGION_A]
    assert server.process.poll() is None


def test_weighted_answers_are_drawn_for_each_question(start_dns):
    group = tuple(
        Record(f"w.{APEX}", "A", 5, (address,), Weighted(weight), address)
        for address, weight in ((REGION_A, 3), (REGION_B, 1))
    )
    start_dns(zone_file(more=group))
    found = [addresses(f"w.{APEX}")[0] for _ in range(200)]
    assert 110 < found.count(REGION_A) < 190


def test_changed_zone_file_is_served_and_a_wrong_one_is_not(start_dns):
    server = start_dns(zone_file())
    with server.control.events(silence_s_max=10) as events:
        record = Record(f"new.{APEX}", "A", 5, (REGION_B,))
        dump_zone_file(zone_file(more=(record,)), server.zone_path)
        first(events, "zones_loaded")
        assert addresses(f"new.{APEX}") == [REGION_B]
        broken = server.zone_path.with_name("broken.json")
        broken.write_text("{")
        broken.replace(server.zone_path)
        first(events, "zones_refused")
        with pytest.raises(InvalidInputError, match="not JSON"):
            server.control.reload()
        wrong = Record(f"new.{APEX}", "A", 5, ("not an address",))
        dump_zone_file(zone_file(more=(wrong,)), server.zone_path)
        seen = first(events, "zones_refused")
    assert "bad value" in seen[-1].facts["reason"]
    assert addresses(f"new.{APEX}") == [REGION_B]


def test_status_counts_queries_and_names_the_zones(start_dns):
    server = start_dns(zone_file())
    before = server.control.status()
    addresses()
    after = server.control.status()
    assert after.query_count == before.query_count + 1
    assert after.zones == (
        APEX,
        "eu-central-1.amazonaws.com",
        "eu-west-1.amazonaws.com",
    )
    assert after.is_failover_enabled


def test_taken_port_is_one_clear_line_and_exit_code_3(start_dns, tmp_path):
    start_dns(zone_file())
    again = subprocess.run(
        [sys.executable, "-m", "hotsite.local.dns", tmp_path / "dns.json"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert again.returncode == 3
    assert again.stderr == f"dns: {SERVER}:{PORT} is taken by another process\n"
    assert addresses() == [A_NAME, REGION_A]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"adress": SERVER}, "unknown key 'adress'"),
        ({"address": "192.0.2.1"}, "address must be a loopback address"),
        ({"ports": [70_000]}, "ports must be 1 to 65535"),
        ({"control_path": "/" + "x" * 200}, "control_path is longer"),
        ({"address": None}, "address is missing"),
    ],
)
def test_wrong_configuration_is_one_clear_line_and_exit_code_2(tmp_path, changes, line):
    config = {"address": SERVER, "zone_path": "z", "control_path": "c", **changes}
    (tmp_path / "dns.json").write_text(json.dumps(config))
    ended = subprocess.run(
        [sys.executable, "-m", "hotsite.local.dns", tmp_path / "dns.json"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 2
    assert line in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_signal_ends_it_and_leaves_no_port_and_no_socket(start_dns, tmp_path):
    server = start_dns(BOTH)
    with server.control.events(silence_s_max=10) as events:
        os.kill(server.process.pid, signal.SIGTERM)
        with pytest.raises(UnreachableError, match="ended"):
            first(events, "never")
    assert server.process.wait(10) == 0
    assert not (tmp_path / "dns.sock").exists()
    with pytest.raises(UnreachableError):
        server.control.status()
    start_dns(BOTH)
    assert addresses() == [A_NAME, REGION_A]


def test_killed_process_leaves_nothing_that_stops_the_next(start_dns):
    start_dns(zone_file()).process.kill()
    start_dns(zone_file())
    assert addresses() == [A_NAME, REGION_A]


def test_frozen_site_costs_no_file_descriptors(start_target, start_dns):
    targets = [start_target(address) for address in (REGION_A, REGION_B)]
    server = start_dns(BOTH)
    descriptors = Path(f"/proc/{server.process.pid}/fd")
    if not descriptors.exists():
        pytest.skip("only Linux shows the descriptors of another process")
    for target in targets:
        target.send_signal(signal.SIGSTOP)
    with server.control.events(silence_s_max=20) as events:
        first(events, "checkers_turned", checkers_healthy=0)
        # One per checker while it waits, and a few of its own.
        assert len(list(descriptors.iterdir())) < 2 * 16 + 30


def test_route_53_answers_and_properties_become_a_zone_file(tmp_path):
    sets = [
        {
            "Name": f"{APEX}.",
            "Type": "SOA",
            "TTL": 900,
            "ResourceRecords": [{"Value": "ns. h. 1 2 3 4 5"}],
        },
        {
            "Name": f"iot.{APEX}.",
            "Type": "CNAME",
            "SetIdentifier": "a",
            "Failover": "PRIMARY",
            "TTL": 10,
            "ResourceRecords": [{"Value": A_NAME}],
            "HealthCheckId": "site-a",
        },
        {
            "Name": f"\\052.x.{APEX}.",
            "Type": "A",
            "SetIdentifier": "w",
            "Weight": 5,
            "TTL": 10,
            "ResourceRecords": [{"Value": REGION_A}],
        },
        {
            "Name": f"l.{APEX}.",
            "Type": "A",
            "SetIdentifier": "l",
            "Region": "eu-west-1",
            "TTL": "10",
            "ResourceRecords": [{"Value": REGION_A}],
        },
    ]
    zone = zone_from_route53(f"{APEX}.", sets)
    assert [record.name for record in zone.records] == [
        APEX,
        f"iot.{APEX}",
        f"*.x.{APEX}",
        f"l.{APEX}",
    ]
    check = health_check_from_route53(
        "site-a",
        {
            "Type": "HTTPS",
            "FullyQualifiedDomainName": f"API-a.{APEX}",
            "Port": "8443",
            "ResourcePath": "healthz",
            "RequestInterval": 10,
            "FailureThreshold": "2",
            "EnableSNI": "true",
            "MeasureLatency": False,
        },
    )
    assert check == health_check("a")
    whole = ZoneFile((zone,), (check,))
    dump_zone_file(whole, tmp_path / "zones.json")
    assert load_zone_file(tmp_path / "zones.json") == whole


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"AliasTarget": {"DNSName": "x."}}, "alias"),
        ({"GeoLocation": {"CountryCode": "DE"}}, "unknown key 'GeoLocation'"),
        ({"Failover": "THIRD", "SetIdentifier": "x"}, "cannot be 'THIRD'"),
        ({"TTL": "soon"}, "TTL must be a whole number"),
        ({"Type": "CNAME", "Name": f"{APEX}."}, "apex"),
    ],
)
def test_record_set_that_is_not_supported_is_refused(changes, problem):
    record_set = {
        "Name": f"x.{APEX}.",
        "Type": "A",
        "TTL": 10,
        "ResourceRecords": [{"Value": REGION_A}],
        **changes,
    }
    with pytest.raises(InvalidInputError, match=problem):
        zone_from_route53(APEX, [record_set])


def test_record_with_an_unknown_health_check_is_refused():
    with pytest.raises(InvalidInputError, match="unknown health check 'site-a'"):
        ZoneFile((own_zone(is_watched=True),), ())


def test_alarm_health_check_is_refused():
    with pytest.raises(InvalidInputError, match="CLOUDWATCH_METRIC"):
        health_check_from_route53("x", {"Type": "CLOUDWATCH_METRIC"})
