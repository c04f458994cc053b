"""What the DNS process is told once, at its start."""

from dataclasses import dataclass
from pathlib import Path

from hotsite.errors import InvalidInputError
from hotsite.local.dns.reading import read_json

# Linux: sizeof(sockaddr_un.sun_path) is 108 with the closing zero; 103 elsewhere.
_SOCKET_PATH_BYTES_MAX = 103

CHECKERS = 16


@dataclass(frozen=True, slots=True)
class DnsConfig:
    """The configuration of one DNS process.

    Attributes:
        address: The loopback address that everything binds to.
        zone_path: The zone file; it is read again whenever it changes.
        control_path: The Unix socket for ``DnsControl``, at most 103 bytes long.
        ports: Ports for UDP and TCP; each must be free.
        optional_ports: Those of ``ports`` that are skipped with a warning when
            the system does not permit them (53 for an ordinary user).
        checker_count: Health checkers per health check. Route 53 does not
            document its number; 16 assumes two in each of its eight Regions.
        seed: Start of the checkers' phases and of weighted answers.
        time_scale: Factor on the health checks' intervals; 1 is real time. Time
            limits of probes are never scaled.
        tcp_idle_s: Seconds after which a silent TCP connection is closed.
        query_log: File that every question is added to; None for nowhere.
    """

    address: str
    zone_path: Path
    control_path: Path
    ports: tuple[int, ...] = (53, 5353)
    optional_ports: frozenset[int] = frozenset({53})
    checker_count: int = CHECKERS
    seed: int = 0
    time_scale: float = 1.0
    tcp_idle_s: float = 10.0
    query_log: Path | None = None


def load_config(path: Path) -> DnsConfig:
    """Read the configuration of a DNS process.

    Args:
        path: A JSON file with the attributes of ``DnsConfig`` as keys.

    Returns:
        The checked configuration.

    Raises:
        UnreachableError: The file cannot be read.
        InvalidInputError: A key is unknown, or a value is not allowed.
    """
    reader = read_json(path)
    ports = tuple(p for p in reader.items("ports") if isinstance(p, int)) or (53, 5353)
    optional = {p for p in reader.items("optional_ports") if isinstance(p, int)}
    query_log = reader.text("query_log", "")
    config = DnsConfig(
        address=reader.text("address"),
        zone_path=Path(reader.text("zone_path")),
        control_path=Path(reader.text("control_path")),
        ports=ports,
        optional_ports=frozenset(optional or {53}),
        checker_count=reader.whole("checker_count", CHECKERS),
        seed=reader.whole("seed", 0),
        time_scale=reader.number("time_scale", 1.0),
        tcp_idle_s=reader.number("tcp_idle_s", 10.0),
        query_log=Path(query_log) if query_log else None,
    )
    reader.done()
    rules = (
        (config.address.startswith("127."), "address must be a loopback address"),
        (all(0 < p < 1 << 16 for p in ports), "ports must be 1 to 65535"),
        (config.checker_count > 0, "checker_count must be 1 or more"),
        (config.time_scale > 0, "time_scale must be more than 0"),
        (config.tcp_idle_s > 0, "tcp_idle_s must be more than 0"),
        (
            len(bytes(config.control_path)) <= _SOCKET_PATH_BYTES_MAX,
            f"control_path is longer than {_SOCKET_PATH_BYTES_MAX} bytes",
        ),
    )
    for is_fine, problem in rules:
        if not is_fine:
            raise InvalidInputError(f"{path}: {problem}")
    return config
