"""Ask one endpoint once whether it is well, as a Route 53 health checker does.

Limits and meaning: Route 53 developer guide, "How Amazon Route 53 determines
whether a health check is healthy". Only this machine is ever asked.
"""

import asyncio
import ipaddress
import socket
import ssl
from dataclasses import dataclass

from hotsite.core.healthcheck import CheckType, HealthCheckConfig

# TCP checks connect within 10 s; HTTP(S) checks within 4 s, and the status must
# arrive within 2 s after that, the TLS handshake included (the guide sets no
# limit of its own for it). The searched string may take 2 s more.
_TCP_CONNECT_S = 10.0
_HTTP_CONNECT_S = 4.0
STATUS_S = 2.0
_BODY_S = 2.0
_SEARCH_BYTES = 5120
_HEAD_BYTES_MAX = 16_384
_STATUS_OK = range(200, 400)
_USUAL_PORTS = frozenset({(False, 80), (True, 443)})
# What an HTTP answer begins with, as in "HTTP/1.1 200".
_STATUS_WORDS_MIN = 2


@dataclass(frozen=True, slots=True)
class Result:
    """Whether the endpoint is well, and how we know."""

    is_ok: bool
    reason: str


_LATE = Result(is_ok=False, reason="no answer in time")


async def miss(check: HealthCheckConfig) -> Result:
    """Wait as long as a probe does whose packets are lost."""
    await asyncio.sleep(_connect_s_max(check))
    return _LATE


async def probe(check: HealthCheckConfig, address: str) -> Result:
    """Probe an endpoint once.

    Args:
        check: What to ask; not a calculated check.
        address: The IPv4 address of the endpoint.

    Returns:
        The result; never raises for anything the endpoint does.
    """
    endpoint = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    endpoint.settimeout(0)
    try:
        if not ipaddress.IPv4Address(address).is_loopback:
            return Result(is_ok=False, reason=f"{address} is not on this machine")
        async with asyncio.timeout(_connect_s_max(check)):
            loop = asyncio.get_running_loop()
            await loop.sock_connect(endpoint, (address, check.port))
        if check.type is CheckType.TCP:
            return Result(is_ok=True, reason="connected")
        return await _ask(check, address, endpoint)
    except TimeoutError:
        return _LATE
    except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
        return Result(is_ok=False, reason=str(error) or type(error).__name__)
    finally:
        endpoint.close()


def _connect_s_max(check: HealthCheckConfig) -> float:
    return _TCP_CONNECT_S if check.type is CheckType.TCP else _HTTP_CONNECT_S


async def _ask(
    check: HealthCheckConfig, address: str, endpoint: socket.socket
) -> Result:
    name = check.fqdn or address
    tls = _tls() if check.type.has_tls else None
    server_name = (name if check.has_sni else "") if tls else None
    writer = None
    try:
        async with asyncio.timeout(STATUS_S):
            reader, writer = await asyncio.open_connection(
                sock=endpoint, ssl=tls, server_hostname=server_name
            )
            writer.write(_request(check, name))
            line = await reader.readuntil(b"\n")
        words = line.split()
        if len(words) < _STATUS_WORDS_MIN or not words[0].startswith(b"HTTP/"):
            return Result(is_ok=False, reason="not an HTTP answer")
        status = int(words[1])
        if status not in _STATUS_OK:
            return Result(is_ok=False, reason=f"status {status}")
        if check.type.has_search and not await _has_string(check, reader):
            return Result(is_ok=False, reason="the string is not in the body")
        return Result(is_ok=True, reason=f"status {status}")
    finally:
        if writer is not None:
            # An orderly TLS farewell would wait for an endpoint that may be frozen.
            writer.transport.abort()


async def _has_string(check: HealthCheckConfig, reader: asyncio.StreamReader) -> bool:
    wanted = check.search_string.encode()
    async with asyncio.timeout(_BODY_S):
        head = 0
        while (line := await reader.readline()) not in {b"\r\n", b"\n", b""}:
            head += len(line)
            if head > _HEAD_BYTES_MAX:
                return False
        body = b""
        while len(body) < _SEARCH_BYTES:
            more = await reader.read(_SEARCH_BYTES - len(body))
            body += more
            if wanted in body:
                return True
            if not more:
                return False
    return False


def _request(check: HealthCheckConfig, name: str) -> bytes:
    """Write the request; the port is in Host unless it is the usual one.

    Source: Route 53 API, ``HealthCheckConfig$FullyQualifiedDomainName``.
    """
    is_usual = (check.type.has_tls, check.port) in _USUAL_PORTS
    host = name if is_usual else f"{name}:{check.port}"
    return (
        f"GET {check.path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
        f"User-Agent: Amazon-Route53-Health-Check-Service (ref {check.id})\r\n"
        "Accept: */*\r\n\r\n"
    ).encode()


def _tls() -> ssl.SSLContext:
    """Make a context that checks nothing: Route 53 does not validate certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
