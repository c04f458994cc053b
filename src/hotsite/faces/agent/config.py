"""Read what an agent or a fleet of agents is told: one JSON file.

Paths in it are relative to the file. A private key is only ever a path.
"""

import json
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from hotsite.core.backoff import BackoffPolicy
from hotsite.core.device_values import (
    CRITICAL,
    PUBLISH_INTERVAL_S,
    DevicePolicy,
    check_endpoint,
)
from hotsite.core.error_budget import BudgetPolicy
from hotsite.core.mqtt_packets import Version
from hotsite.core.outbox import OutboxPolicy, Overflow
from hotsite.errors import InvalidInputError

_PORT_MAX = 65_535
_PEM = "-----BEGIN"
# Beside the configuration: a device keeps what it has not delivered.
_OUTBOX = "outbox.sqlite"
_USUAL = DevicePolicy()
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """One device: its thing name, its certificate (PEM text) and its key's path."""

    thing: str
    certificate: str
    private_key: Path


@dataclass(frozen=True, slots=True)
class NameServer:
    """The name server to ask instead of the machine's."""

    address: str
    port: int = 53


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """What one process of agents does.

    Attributes:
        devices: Whose agents run here.
        endpoints: Names of the brokers under the owner's domain, in order.
        authority: The certificates of the brokers' authority, PEM text.
        outbox: The file that keeps messages.
        ports: The brokers' TCP ports: all names on one, then all on the next.
        resolver: The name server, or None for the machine's resolver.
        interval_s: Time between two messages of a device, in seconds, above 0.
        seed: Chooses each device's phase, readings and jitter.
        starts_per_s: How many devices start in a second at the beginning.
        is_listening: Whether devices subscribe to their commands.
        standby_connection: Whether each device keeps a second connection, to the
            other site, and uses it the moment that the first one dies. The limits
            are then shorter by default: 2 s for a PUBACK, a PINGREQ every 2 s.
        policy: The limits of each device.
        keeping: How much each outbox keeps.
        more_topics: What each device subscribes to besides its commands.
    """

    devices: tuple[DeviceConfig, ...]
    endpoints: tuple[str, ...]
    authority: str
    outbox: Path
    ports: tuple[int, ...] = (8883,)
    resolver: NameServer | None = None
    interval_s: float = PUBLISH_INTERVAL_S
    seed: int = 0
    starts_per_s: float = 100.0
    is_listening: bool = True
    standby_connection: bool = False
    policy: DevicePolicy = field(default_factory=DevicePolicy)
    keeping: OutboxPolicy = field(default_factory=OutboxPolicy)
    more_topics: tuple[str, ...] = ()


def read_agent(path: Path) -> AgentConfig:
    """Read the configuration of one agent.

    Args:
        path: ``device.json``, or the directory that holds it.

    Returns:
        The configuration; one device.

    Raises:
        InvalidInputError: The file is missing or says something wrong.
    """
    path = path / "device.json" if path.is_dir() else path
    table = _Table.load(path)
    device = _device(table)
    return _common(table, (device,))


def read_fleet(path: Path) -> AgentConfig:
    """Read the configuration of many agents in one process.

    Args:
        path: A JSON file whose ``devices`` is a list of thing, certificate and
            private_key.

    Returns:
        The configuration; one or more devices.

    Raises:
        InvalidInputError: The file is missing or says something wrong.
    """
    table = _Table.load(path)
    entries = table.take("devices", list)
    devices = []
    for index, entry in enumerate(entries):
        item = _Table(entry, f"{table.where} devices[{index}]", table.directory)
        devices.append(_device(item))
        item.finish()
    things = {device.thing for device in devices}
    if not devices or len(things) != len(devices):
        raise InvalidInputError(f"{table.where} needs devices, each thing once")
    return _common(table, tuple(devices))


class _Table:
    """One JSON object; every key is taken once, and none is left over."""

    def __init__(self, value: object, where: str, directory: Path) -> None:
        if not isinstance(value, dict):
            raise InvalidInputError(f"{where} must be a JSON object")
        self._values = dict(value)
        self.where = where
        self.directory = directory

    @classmethod
    def load(cls, path: Path) -> "_Table":
        try:
            value = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise InvalidInputError(f"{path}: {error}") from error
        return cls(value, f"{path}:", path.parent)

    def take(
        self, key: str, kind: type[_Value], default: _Value | None = None
    ) -> _Value:
        """Return a value and cross it off; without a default it must be there."""
        value = self._values.pop(key, default)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            what = f"{kind.__name__}, not {value!r}" if value is not None else "there"
            raise InvalidInputError(f"{self.where} {key} must be {what}")
        return value

    def table(self, key: str) -> "_Table":
        """Return the object under a key; an absent one is empty."""
        value = self._values.pop(key, None)
        where = f"{self.where} {key}:"
        return _Table({} if value is None else value, where, self.directory)

    def path(self, key: str, default: str | None = None) -> Path:
        """Return a path, made absolute from where the file is."""
        return self.directory / self.take(key, str, default)

    def pem(self, key: str) -> str:
        """Return PEM text, which stands here or in the file that is named here."""
        value = self.take(key, str)
        if value.lstrip().startswith(_PEM):
            return value
        try:
            return (self.directory / value).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInputError(f"{self.where} {key}: {error}") from error

    def finish(self) -> None:
        """Refuse what nobody took: a misspelt key is a setting that nobody obeys."""
        for key in sorted(self._values):
            raise InvalidInputError(f"{self.where} unknown key {key!r}")


def _device(table: _Table) -> DeviceConfig:
    return DeviceConfig(
        thing=table.take("thing", str),
        certificate=table.pem("certificate"),
        private_key=table.path("private_key"),
    )


def _common(table: _Table, devices: tuple[DeviceConfig, ...]) -> AgentConfig:
    endpoints = table.take("endpoints", list)
    if not endpoints:
        raise InvalidInputError(f"{table.where} endpoints must name one or more")
    for name in endpoints:
        check_endpoint(str(name))
    default = AgentConfig(devices, tuple(endpoints), "", Path())
    has_standby = table.take("standby_connection", bool, default.standby_connection)
    server = table.table("resolver")
    address = server.take("address", str, "")
    resolver = NameServer(address, server.take("port", int, 53)) if address else None
    server.finish()
    config = replace(
        default,
        authority=table.pem("ca"),
        outbox=table.path("outbox", _OUTBOX),
        ports=_ports(table),
        resolver=resolver,
        interval_s=table.take("interval_s", float, default.interval_s),
        seed=table.take("seed", int, default.seed),
        starts_per_s=table.take("starts_per_s", float, default.starts_per_s),
        is_listening=table.take("is_listening", bool, default.is_listening),
        standby_connection=has_standby,
        policy=_policy(table.table("policy"), CRITICAL if has_standby else _USUAL),
        keeping=_keeping(table.table("keeping")),
    )
    table.finish()
    if min(config.interval_s, config.starts_per_s) <= 0:
        raise InvalidInputError(
            f"{table.where} interval_s and starts_per_s must be above 0"
        )
    return config


def _ports(table: _Table) -> tuple[int, ...]:
    """Return the list under ``ports``, or the one ``port``."""
    ports = table.take("ports", list, [table.take("port", int, 8883)])
    for port in ports:
        if type(port) is not int or not 0 < port <= _PORT_MAX:
            raise InvalidInputError(f"{table.where} a port must be 1 to {_PORT_MAX}")
    if not ports:
        raise InvalidInputError(f"{table.where} ports must name one or more")
    return tuple(ports)


def _policy(table: _Table, default: DevicePolicy) -> DevicePolicy:
    backoff = table.table("backoff")
    spacing = BackoffPolicy(**_numbers(backoff, BackoffPolicy()))
    version = table.take("version", int, int(Version.V5))
    if version not in set(Version):
        raise InvalidInputError(f"{table.where} version must be 4 (3.1.1) or 5")
    budget = BudgetPolicy(**_numbers(table.table("budget"), BudgetPolicy()))
    limits = _numbers(table, default)
    return DevicePolicy(
        **limits, backoff=spacing, budget=budget, version=Version(version)
    )


def _keeping(table: _Table) -> OutboxPolicy:
    overflow = table.take("overflow", str, Overflow.REFUSE.value)
    known = [choice.value for choice in Overflow]
    if overflow not in known:
        raise InvalidInputError(f"{table.where} overflow must be one of {known}")
    limits = _numbers(table, OutboxPolicy())
    return OutboxPolicy(**limits, overflow=Overflow(overflow))


def _numbers(
    table: _Table, default: DevicePolicy | OutboxPolicy | BackoffPolicy | BudgetPolicy
) -> dict[str, Any]:
    """Take every number that a policy has, by its own name; nothing else."""
    numbers = {}
    for item in fields(default):
        value = getattr(default, item.name)
        if type(value) in {int, float}:
            numbers[item.name] = table.take(item.name, type(value), value)
    table.finish()
    return numbers
