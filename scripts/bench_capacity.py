"""How many live mTLS devices the fleet runner holds, and how fast it connects them.

Against mosquitto, which asks each device for a certificate of the same authority.
Both sides' processor time is measured, so that it can be said which of them binds.
The peer is `openssl s_time`: full TLS handshakes with a device's certificate and
nothing after them, from as many processes as there are cores.
"""

import contextlib
import datetime as dt
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmark import Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hotsite.adapters import device_key
from hotsite.adapters.clock import SystemClock
from hotsite.errors import NotReadyError
from hotsite.local.certificates import Authority, Pair

DEVICES = 2000
# A runner of one device is the zero of the memory of one more.
FEW = 1
KB = 1000
RSS_KB_MAX = 70.0
CONNECTS_PER_S_MIN = 700.0
ALL_S_MAX = 120.0
S_TIME_S = 4
HOST = "broker.hotsite.test"
SETTLE_S = 5.0
# The header of an answer, and one A record of 127.0.0.1 that points to the question.
DNS_FLAGS = bytes((0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0))
DNS_ANSWER = bytes((0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1))
DNS_QUESTION_TAIL = 4
CONFIG = """\
per_listener_settings false
listener {port} 127.0.0.1
allow_anonymous true
require_certificate true
cafile {ca}
certfile {certificate}
keyfile {key}
set_tcp_nodelay true
persistence false
log_dest none
user root
"""


@dataclass(frozen=True)
class Broker:
    """A mosquitto of this benchmark.

    Attributes:
        port: Where it listens.
        pid: Its process.
        authority: Who signed everybody's certificates.
    """

    port: int
    pid: int
    authority: Pair


@dataclass(frozen=True)
class Device:
    """Files of one device."""

    thing: str
    certificate: str
    private_key: str


@dataclass
class Run:
    """What one fleet runner did.

    Attributes:
        times_s: When devices connected, seconds since the first attempt.
        rss: Bytes of the runner once all were connected and quiet.
        fleet_cpu_s: Processor time of the runner while they connected.
        broker_cpu_s: That of the broker.
    """

    times_s: list[float] = field(default_factory=list)
    rss: int = 0
    fleet_cpu_s: float = 0.0
    broker_cpu_s: float = 0.0

    @property
    def per_s(self) -> float:
        """Return connections a second, from the first to the last."""
        return (len(self.times_s) - 1) / (self.times_s[-1] - self.times_s[0])


def capacity(count: int = DEVICES) -> Iterator[Result]:
    """Connect thousands of devices at once and let them stay."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        there = Path(folder)
        broker = stack.enter_context(mosquitto(there))
        resolver = stack.enter_context(name_server())
        made = devices(there, broker.authority, count)
        start = partial(connect, broker, resolver)
        few = start(made[:FEW], there / "few")
        many = start(made, there / "many")
        peer = s_time(broker, made[0])
    kb = (many.rss - few.rss) / (count - FEW) / KB
    yield Result(
        "fleet-memory",
        kb,
        "kB/device",
        RSS_KB_MAX,
        is_upper_bound=True,
        details={"devices": count, "rss_mb": many.rss / KB**2},
    )
    took_s = many.times_s[-1] - many.times_s[0]
    yield Result(
        "fleet-connects",
        many.per_s,
        "connects/s",
        CONNECTS_PER_S_MIN,
        peer="openssl s_time, TLS handshakes only",
        peer_value=peer,
        details={
            "devices": count,
            "took_s": took_s,
            "fleet_cores": many.fleet_cpu_s / took_s,
            "broker_cores": many.broker_cpu_s / took_s,
            "fleet_ms_per_connect": 1000 * many.fleet_cpu_s / count,
            "broker_ms_per_connect": 1000 * many.broker_cpu_s / count,
        },
    )


@contextlib.contextmanager
def mosquitto(folder: Path) -> Iterator[Broker]:
    """Run a mosquitto with certificates of its own authority.

    Raises:
        NotReadyError: It is not installed, or did not start.
    """
    # Debian keeps daemons where a user's PATH does not look.
    program = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if program is None:
        raise NotReadyError("mosquitto is not there: run scripts/tools.sh mosquitto")
    authority = Authority(folder, today())
    pair = authority.server("broker", [HOST])
    port = free_port()
    config = folder / "mosquitto.conf"
    text = CONFIG.format(
        port=port,
        ca=authority.pair.certificate,
        certificate=pair.certificate,
        key=pair.private_key,
    )
    config.write_text(text)
    process = subprocess.Popen([program, "-c", str(config)])
    try:
        await_port(port)
        yield Broker(port, process.pid, authority.pair)
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def name_server() -> Iterator[int]:
    """Answer every question with 127.0.0.1, as cheaply as can be."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        threading.Thread(target=answer, args=(server,), daemon=True).start()
        yield int(server.getsockname()[1])


def answer(server: socket.socket) -> None:
    """Answer until the socket is closed."""
    with contextlib.suppress(OSError):
        while True:
            query, peer = server.recvfrom(512)
            end = query.index(0, 12) + 1 + DNS_QUESTION_TAIL
            body = query[:2] + DNS_FLAGS + query[12:end] + DNS_ANSWER
            server.sendto(body, peer)


def devices(folder: Path, authority: Pair, count: int) -> list[Device]:
    """Make keys and certificates."""
    work = partial(issue, folder, authority)
    with ProcessPoolExecutor() as pool:
        return list(pool.map(work, range(count), chunksize=50))


def issue(folder: Path, authority: Pair, number: int) -> Device:
    """Make one device's key, and sign its certificate."""
    thing = f"device-{number:05d}"
    key = device_key.make(thing)
    private_key = folder / f"{thing}.key"
    key.save(private_key)
    csr = x509.load_pem_x509_csr(key.csr_pem.encode())
    parent = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    text = authority.private_key.read_bytes()
    signer = serialization.load_pem_private_key(text, None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise NotReadyError("the authority's key is of another kind")
    now = today()
    signed = (
        x509.CertificateBuilder()
        .subject_name(csr.subject)
        .issuer_name(parent.subject)
        .public_key(csr.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(signer, hashes.SHA256())
    )
    path = folder / f"{thing}.pem"
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    return Device(thing, str(path), str(private_key))


def connect(broker: Broker, resolver: int, made: Sequence[Device], folder: Path) -> Run:
    """Start a fleet runner whose devices connect all at once; let it settle."""
    folder.mkdir()
    config = folder / "fleet.json"
    config.write_text(
        json.dumps(
            {
                "devices": [vars(device) for device in made],
                "endpoints": [HOST],
                "port": broker.port,
                "ca": str(broker.authority.certificate),
                "resolver": {"address": "127.0.0.1", "port": resolver},
                # Nobody publishes: a connection is measured, not a message.
                "interval_s": 3600.0,
                "starts_per_s": 1e6,
                "policy": {"attempt_s_max": ALL_S_MAX},
            }
        )
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "hotsite.faces.agent.fleet", str(config)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        return follow(process, broker, len(made))
    finally:
        # It may be writing what nobody reads any more: it would never hear a stop.
        process.kill()
        process.wait()


def follow(process: "subprocess.Popen[str]", broker: Broker, count: int) -> Run:
    """Watch a fleet runner until all its devices are connected and quiet."""
    run = Run()
    until_s = time.monotonic() + ALL_S_MAX
    before: tuple[float, float] | None = None
    for line in process.stdout or ():
        said = json.loads(line)
        if before is None:
            # The first line: devices and their keys are read, nobody dialled yet.
            before = cpu_s(process.pid), cpu_s(broker.pid)
        if said["kind"] == "device_connected":
            run.times_s.append(said["at_s"])
        if len(run.times_s) == count:
            break
        if time.monotonic() > until_s:
            raise NotReadyError(f"{len(run.times_s)} of {count} devices connected")
    if before is None or len(run.times_s) < count:
        raise NotReadyError("the fleet runner ended early")
    run.fleet_cpu_s = cpu_s(process.pid) - before[0]
    run.broker_cpu_s = cpu_s(broker.pid) - before[1]
    time.sleep(SETTLE_S)
    run.rss = rss(process.pid)
    return run


def s_time(broker: Broker, device: Device) -> float:
    """Return TLS handshakes a second that openssl reaches against the broker."""
    command = [
        *("openssl", "s_time", "-new", "-time", str(S_TIME_S)),
        *("-connect", f"127.0.0.1:{broker.port}"),
        *("-cert", device.certificate, "-key", device.private_key),
        *("-CAfile", str(broker.authority.certificate)),
    ]
    several = [
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for _ in range(os.cpu_count() or 1)
    ]
    said = [process.communicate()[0] for process in several]
    found = [
        re.search(r"(\d+) connections in (\d+) real seconds", text) for text in said
    ]
    return sum(int(one[1]) / int(one[2]) for one in found if one)


def today() -> dt.datetime:
    """Return the time."""
    return dt.datetime.fromtimestamp(SystemClock().now_s(), dt.UTC)


def cpu_s(pid: int) -> float:
    """Return the processor time of a process so far, in seconds."""
    values = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")


def rss(pid: int) -> int:
    """Return how much memory of a process is in use, in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int) -> None:
    """Wait until somebody listens.

    Raises:
        NotReadyError: Nobody does.
    """
    until_s = time.monotonic() + 10
    while time.monotonic() < until_s:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), 1),
        ):
            return
        time.sleep(0.05)
    raise NotReadyError(f"nobody listens on port {port}")


if __name__ == "__main__":
    for result in capacity(*map(int, sys.argv[1:])):
        print(result)
