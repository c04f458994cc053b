"""What a local cloud is told, and what it tells whoever wants to use it.

``cloud.json`` in the cloud's folder is written whole or not at all, readable by
its owner only: it holds the password of the local test user.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hotsite.core.strategy import Strategy, witness_name
from hotsite.errors import InvalidInputError, NotReadyError
from hotsite.local import network, records, sentinel
from hotsite.local.faults import Fault
from hotsite.local.processes import Identity, is_alive
from hotsite.local.region.config import DELIVERY_S

SCHEMA = 1
STATE_FILE = "cloud.json"
LOCK_FILE = "lock"
STARTING, READY, FAILED = "starting", "ready", "failed"
# The emulator accepts any secret; boto3 wants one.
SECRET = "local"  # noqa: S105 (the emulator has no secrets)


@dataclass(frozen=True, slots=True)
class Site:
    """One Region of the cloud.

    Attributes:
        letter: ``a`` to ``d``.
        region: AWS Region code.
    """

    letter: str
    region: str


@dataclass(frozen=True, slots=True)
class Tables:
    """Names of the tables that the templates make.

    Attributes:
        registry: The system of record.
        telemetry: The hot store.
        applied: What a Region has applied.
    """

    registry: str
    telemetry: str
    applied: str


@dataclass(frozen=True, slots=True)
class CloudConfig:
    """What the supervisor is told when it starts.

    Attributes:
        name: Of the cloud.
        folder: Where everything of the cloud is kept.
        domain: The owner's domain.
        sites: Region a, then Region b, then further ones.
        tables: Names of the tables.
        templates: Folder with templates and ``stacks.json``.
        lambdas: Folder with the Lambda zips for this machine.
        account_id: 12 digits.
        audience: Whom the app users' tokens are for.
        scope: What these tokens allow.
        dns_port: Port of the DNS server, beside 53 where that is allowed.
        block: First block of addresses to try, odd.
        time_scale: Factor on the health checks' intervals; 1 is real time.
        raised_quotas: JSON of API names and calls a second, as the parameter
            ``RaisedQuotas`` of the stacks takes it; empty for AWS's defaults.
        is_observed: Whether brokers and name server write down what they see of
            clients, into ``sightings-*.jsonl`` in the folder.
        delivery_s: Longest that cold telemetry waits for more of it, in seconds.
        strategy: What the templates make of the standby.
        is_empty: Whether nothing is deployed, and others will.
        global_tables: Names of the tables that replicate once they are there, in an
            empty cloud.
    """

    name: str
    folder: str
    domain: str
    sites: tuple[Site, ...]
    tables: Tables
    templates: str
    lambdas: str
    account_id: str = "123456789012"
    audience: str = "hotsite"
    scope: str = "devices:write"
    dns_port: int = network.DNS_PORT
    block: int = 1
    time_scale: float = 1.0
    raised_quotas: str = ""
    is_observed: bool = False
    delivery_s: float = DELIVERY_S
    strategy: Strategy = Strategy.HOT_SITE
    is_empty: bool = False
    global_tables: tuple[str, ...] = ()

    @property
    def lit(self) -> tuple[Site, ...]:
        """Return the sites whose compute is on."""
        return self.sites[: 1 if self.strategy is Strategy.PILOT_LIGHT else None]


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One process of the cloud.

    Attributes:
        identity: Which process.
        state: ``running``, ``killed``, ``frozen`` or ``died``.
    """

    identity: Identity
    state: str


@dataclass(frozen=True, slots=True)
class SiteState:
    """Where one Region is.

    Attributes:
        letter: ``a`` to ``d``.
        region: AWS Region code.
        address: Loopback address of all its ports.
        gateway_url: Of its AWS APIs.
    """

    letter: str
    region: str
    address: str
    gateway_url: str


@dataclass(frozen=True, slots=True)
class Step:
    """How long one step of the start took, in seconds since the start."""

    name: str
    done_s: float


@dataclass(frozen=True, slots=True)
class CloudState:
    """Everything that clients of a local cloud need.

    Attributes:
        schema: Version of this document.
        name: Of the cloud.
        state: ``starting``, ``ready`` or ``failed``.
        reason: Who died, when it failed.
        mark: What every process of the cloud carries in its environment.
        block: Number of the block of addresses.
        domain: The owner's domain.
        account_id: 12 digits; also the access key.
        supervisor: The process that owns the cloud.
        processes: All others.
        sites: Region a, then Region b, then further ones.
        tables: Names of the tables.
        gateway_port: Of the AWS APIs.
        mqtt_port: Of MQTT over mutual TLS.
        https_port: Of the onboarding API.
        dns_address: Of the DNS server.
        dns_port: Its port that is always there.
        dns_ports: All its ports.
        control: Path of the supervisor's socket.
        dns_control: Path of the DNS process's socket.
        backbone_control: Path of the backbone's socket.
        ca: Path of the authority's certificate.
        issuer_url: Who signs the app users' tokens.
        username: The local test user.
        password: Of that user.
        started_world_s: When it was started, in seconds since the epoch.
        steps: How long the start took.
        faults: What was injected and lasts; kills and freezes are in `processes`.
        strategy: What the standby was when it was made.
        front_url: One endpoint for both Regions, in an empty cloud.
        parameters: File of what templates are told here, in an empty cloud.
    """

    schema: int
    name: str
    state: str
    reason: str
    mark: str
    block: int
    domain: str
    account_id: str
    supervisor: Identity
    processes: tuple[ProcessState, ...]
    sites: tuple[SiteState, ...]
    tables: Tables
    gateway_port: int
    mqtt_port: int
    https_port: int
    dns_address: str
    dns_port: int
    dns_ports: tuple[int, ...]
    control: str
    dns_control: str
    backbone_control: str
    ca: str
    issuer_url: str
    username: str
    password: str
    started_world_s: float
    steps: tuple[Step, ...]
    faults: tuple[Fault, ...] = ()
    strategy: Strategy = Strategy.HOT_SITE
    front_url: str = ""
    parameters: str = ""

    @property
    def witness_name(self) -> str:
        """Return the name that leads to the active site."""
        return witness_name(self.strategy, self.domain)


def read_state(folder: Path) -> CloudState:
    """Read what a cloud says about itself.

    Args:
        folder: The cloud's folder.

    Raises:
        NotReadyError: No cloud has been started there.
        InvalidInputError: The file is unreadable, or of another version.
    """
    path = folder / STATE_FILE
    if not path.exists():
        raise NotReadyError(f"no local cloud is up in {folder}; run: hotsite local up")
    try:
        state = records.read(CloudState, path)
    except InvalidInputError:
        # It may have been removed since we looked: then it is down.
        if not path.exists():
            raise NotReadyError(f"no local cloud is up in {folder}") from None
        raise
    if state.schema != SCHEMA:
        raise InvalidInputError(f"{path}: schema {state.schema} is not {SCHEMA}")
    return state


def region_control(state: CloudState, site: SiteState) -> Path:
    """Return the path of the socket that takes a Region's faults.

    Args:
        state: The cloud's.
        site: The Region's.
    """
    return Path(state.control).with_name(f"{site.letter}.sock")


def troubles(state: CloudState) -> Iterator[str]:
    """Yield what is wrong with a cloud: first the reason, if it told one.

    Args:
        state: What the cloud last said.
    """
    if state.reason:
        yield state.reason
    elif not is_alive(state.supervisor):
        yield f"supervisor (pid {state.supervisor.pid}) died"
    for process in state.processes:
        is_expected = process.state in {"running", "frozen"} and not state.reason
        if is_expected and not is_alive(process.identity):
            yield f"{process.identity.name} (pid {process.identity.pid}) died"


def left_over(state: CloudState) -> tuple[int, ...]:
    """Return process numbers of a cloud that still run, its supervisor's included.

    Args:
        state: What the cloud last said.
    """
    known = (state.supervisor, *(process.identity for process in state.processes))
    alive = {identity.pid for identity in known if is_alive(identity)}
    return tuple(sorted(alive | set(sentinel.marked(state.mark))))
