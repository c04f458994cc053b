"""How fast a site says whether it is healthy, in the local cloud.

Route 53 gives an endpoint two seconds after the connection; ours shall take less than
50 ms, 99 times of 100. Measured twice: the handler's own time, and the whole answer
over HTTPS on a connection of its own, as a checker makes it. Beside it stands the
barest HTTPS answer of the same process, asked in turn: what is not ours is in both.
"""

import contextlib
import http.client
import os
import socket
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

from benchmark import Result

from hotsite.core.history import percentile
from hotsite.errors import NotReadyError
from hotsite.faces.cli.clouds import private_cloud
from hotsite.local import cloud as clouds
from hotsite.local.client import LocalCloud

ROUNDS = 300
WARM = 30
P99_MS_MAX = 50.0
HEALTHY_S_MAX = 120.0
SITE = "a"
HEALTHY, MISDIRECTED = 200, 421


def health() -> Iterator[Result]:
    """Ask a healthy site how it is, again and again."""
    with (
        tempfile.TemporaryDirectory() as folder,
        private_cloud(Path(folder), lambda _: None) as cloud,
    ):
        wait_healthy(cloud)
        asked, bare = [], []
        for number in range(WARM + ROUNDS):
            pair = ask(cloud, own_host(cloud)), ask(cloud, "nobody.invalid")
            if number >= WARM:
                asked.append(took_of(pair[0], HEALTHY))
                bare.append(took_of(pair[1], MISDIRECTED))
        yield result(
            "health-https", asked, peer="a bare 421 of the same Region", bare=bare
        )
        yield result("health-handler", list(handled(cloud)))


def result(
    name: str, took_ms: list[float], *, peer: str | None = None, bare: list[float] = ()
) -> Result:
    """Return what one row of answers gave."""
    return Result(
        name,
        rank(took_ms, 99),
        "ms (p99)",
        P99_MS_MAX,
        is_upper_bound=True,
        peer=peer,
        peer_value=rank(bare, 99) if bare else None,
        details={
            "p50_ms": rank(took_ms, 50),
            "max_ms": max(took_ms),
            "answers": float(len(took_ms)),
            **({"peer_p50_ms": rank(bare, 50)} if bare else {}),
        },
    )


def rank(values: list[float], percent: int) -> float:
    """Return a percentile, rounded to a microsecond."""
    found = percentile(values, percent, total=len(values))
    return round(found or 0.0, 3)


def own_host(cloud: LocalCloud) -> str:
    """Return the site's own API name."""
    return f"api-{SITE}.{cloud.state.domain}"


def ask(cloud: LocalCloud, host: str) -> tuple[int, float]:
    """Ask on a new connection; return the status and the milliseconds."""
    context = ssl.create_default_context(cafile=cloud.state.ca)
    began_s = time.perf_counter()
    plain = socket.create_connection((cloud.address(SITE), cloud.state.https_port), 5.0)
    # Without this a small request waits for the ACK of the handshake's last bytes.
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    name = own_host(cloud)
    with context.wrap_socket(plain, server_hostname=name) as tls:
        connection = http.client.HTTPConnection(host)
        connection.sock = tls
        connection.request("GET", "/healthz", headers={"connection": "close"})
        answer = connection.getresponse()
        answer.read()
        return answer.status, 1000 * (time.perf_counter() - began_s)


def took_of(found: tuple[int, float], status: int) -> float:
    """Return how long an answer took, if it is the one that is to be measured."""
    if found[0] != status:
        raise NotReadyError(f"the site answered {found[0]}, not {status}")
    return found[1]


def wait_healthy(cloud: LocalCloud) -> None:
    """Wait for the canary's first message."""
    until_s = time.monotonic() + HEALTHY_S_MAX
    while time.monotonic() < until_s:
        with contextlib.suppress(OSError):
            if ask(cloud, own_host(cloud))[0] == HEALTHY:
                return
        time.sleep(0.5)
    raise NotReadyError("the site did not get healthy")


def handled(cloud: LocalCloud) -> Iterator[float]:
    """Call the handler as Lambda does; yield its own milliseconds."""
    from hotsite.faces.lambdas.health import handler  # noqa: PLC0415

    before = dict(os.environ)  # noqa: TID251 (it is the function's face)
    os.environ |= variables(cloud)  # noqa: TID251
    try:
        for number in range(WARM + ROUNDS):
            began_s = time.perf_counter()
            answer = handler({}, SimpleNamespace())
            took_ms = 1000 * (time.perf_counter() - began_s)
            if number >= WARM:
                yield took_of((answer["statusCode"], took_ms), HEALTHY)
    finally:
        os.environ.clear()  # noqa: TID251
        os.environ |= before  # noqa: TID251


def variables(cloud: LocalCloud) -> dict[str, str]:
    """Return what the site's stack tells the function."""
    state, site = cloud.state, cloud.site(SITE)
    return {
        "AWS_ENDPOINT_URL": site.gateway_url,
        "AWS_ACCESS_KEY_ID": state.account_id,
        "AWS_SECRET_ACCESS_KEY": clouds.SECRET,
        "SITE_REGION": site.region,
        "SITE_LETTER": site.letter,
        "DOMAIN": state.domain,
        "TABLE_REGISTRY": state.tables.registry,
        "TABLE_TELEMETRY": state.tables.telemetry,
        "TABLE_APPLIED": state.tables.applied,
        "TABLE_OPERATIONS": "hotsite-operations",
        "FLEET_GROUP": "hotsite-fleet",
        "THING_TYPE": "hotsite-device",
        "PREFIX": "hotsite",
    }


if __name__ == "__main__":
    for found in health():
        print(found)
    sys.exit(0)
