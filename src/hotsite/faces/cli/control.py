"""What an operator works with: all sites' ports, on AWS or in a local cloud.

Opening calls nothing: what is asked of whom is for the operation to decide, and a
forced failover must not touch a Region that is dead. No client here is of the control
plane of AWS IoT or Route 53.
"""

import argparse
import asyncio
import getpass
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hotsite.adapters.aws.commands import IotCommands
from hotsite.adapters.aws.compute import AwsCompute
from hotsite.adapters.aws.meter import DynamoMeterReadings
from hotsite.adapters.aws.operations import DynamoOperations
from hotsite.adapters.aws.region_tables import DynamoAppliedRecords
from hotsite.adapters.aws.tables import DynamoRecords
from hotsite.adapters.clock import SystemClock
from hotsite.adapters.names import ResolvedNames
from hotsite.adapters.sites import HttpsSites
from hotsite.core.preflight import Fleet, Limits
from hotsite.errors import InvalidInputError
from hotsite.faces.cli import sites
from hotsite.faces.cli.files import read_settings
from hotsite.faces.cli.sites import Remote
from hotsite.flows.control import Control, Desk
from hotsite.flows.lagging import MeasuredLags
from hotsite.local.client import LocalCloud
from hotsite.ports.operations import Compute

# Two cores share both brokers and all their clients: more at once is only slower.
_LOCAL_CONNECTS_PER_S = 100.0
# The name server there answers all who ask, and remembers nothing.
_LOCAL_DNS_S_MAX = 90.0


@dataclass(frozen=True, slots=True)
class Opened:
    """The world that a command was pointed at.

    Attributes:
        control: What operations work with; nothing of it was called yet.
        regions: AWS Region by the letter of the site.
    """

    control: Control
    regions: Mapping[str, str]

    def letter(self, name: str) -> str:
        """Return the letter of a site that is named by letter or Region.

        Raises:
            InvalidInputError: There is no such site.
        """
        for letter, region in self.regions.items():
            if name in {letter, region}:
                return letter
        known = ", ".join(f"{one} ({region})" for one, region in self.regions.items())
        raise InvalidInputError(f"there is no site {name!r}; there are {known}")


Tell = Callable[[str], None]
Open = Callable[[argparse.Namespace, Tell], Opened]


def open_control(options: argparse.Namespace, tell: Tell) -> Opened:
    """Return what an operator works with, in the world of ``sites.add_arguments``.

    Raises:
        InvalidInputError: The settings are missing or wrong.
        NotReadyError: The local cloud is not up.
    """
    remotes = sites.open_all(options)
    if options.local is not None:
        return _in_cloud(sites.local_cloud(options.local), remotes, tell)
    settings = read_settings(options.config)
    telemetry = settings.telemetry
    fleet = Fleet(telemetry.fleet_size, connects_per_s=telemetry.connects_per_s)
    control = Control(
        _desks(remotes),
        HttpsSites(settings.domain),
        ResolvedNames(
            settings.domain,
            settings.witness_name,
            sites=[site.letter for site in settings.sites],
        ),
        SystemClock(),
        _operator(),
        settings.witness_name,
        Limits(fleet=fleet, ttl_s=settings.dns.ttl_s),
        tell,
    )
    return Opened(control, _regions(remotes))


def of_cloud(local: LocalCloud, tell: Tell) -> Opened:
    """Return what an operator of a local cloud works with.

    Args:
        local: The cloud.
        tell: Takes a line of progress.
    """
    return _in_cloud(local, tuple(sites.of_cloud(local)), tell)


def _in_cloud(local: LocalCloud, remotes: tuple[Remote, ...], tell: Tell) -> Opened:
    state, resolver = local.state, local.resolver
    control = Control(
        _desks(remotes),
        local.doors,
        ResolvedNames(
            state.domain,
            state.witness_name,
            lambda name: asyncio.run(resolver.resolve(name)).site,
            sites=[site.letter for site in state.sites],
        ),
        SystemClock(),
        _operator(),
        state.witness_name,
        Limits(
            fleet=Fleet(connects_per_s=_LOCAL_CONNECTS_PER_S),
            dns_wait_s_max=_LOCAL_DNS_S_MAX,
        ),
        tell,
    )
    return Opened(control, _regions(remotes))


def _desks(remotes: tuple[Remote, ...]) -> Mapping[str, Desk]:
    regions = _regions(remotes)
    return {
        one.letter: _desk(one, {k: v for k, v in regions.items() if k != one.letter})
        for one in remotes
    }


def _desk(remote: Remote, others: Mapping[str, str]) -> Desk:
    dynamodb, clock = remote.client("dynamodb"), SystemClock()
    registry, applied_table = remote.tables
    records = DynamoRecords(dynamodb, registry, origin=remote.region, clock=clock)
    applied = DynamoAppliedRecords(dynamodb, applied_table)
    readings = DynamoMeterReadings(dynamodb, applied_table)
    lags = {
        letter: MeasuredLags(records, applied, readings, clock, region)
        for letter, region in others.items()
    }
    return Desk(
        remote.letter,
        DynamoOperations(dynamodb, remote.operations),
        next(iter(lags.values())),
        records,
        applied,
        IotCommands(remote.client("iot-data")),
        _compute(remote),
        lags,
    )


def _compute(remote: Remote) -> Compute | None:
    if not remote.is_pilot_light:
        return None
    events, lambdas = remote.client("events"), remote.client("lambda")
    return AwsCompute(events, lambdas, remote.prefix)


def _regions(remotes: tuple[Remote, ...]) -> Mapping[str, str]:
    return {remote.letter: remote.region for remote in remotes}


def _operator() -> str:
    """Return who operates, for the journal."""
    return f"{getpass.getuser()}@{socket.gethostname()}"
