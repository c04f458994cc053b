"""Put a site's ports together for a Lambda: its composition root."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hotsite.adapters.aws.deletion_ledger import DynamoDeletionLedger
from hotsite.adapters.aws.iot_registry import IotRegistry
from hotsite.adapters.aws.quotas import DynamoQuota
from hotsite.adapters.aws.region_tables import DynamoAppliedRecords, DynamoCursors
from hotsite.adapters.aws.session import client
from hotsite.adapters.aws.surroundings import IotSurroundings
from hotsite.adapters.aws.tables import DynamoRecords
from hotsite.adapters.clock import SystemClock
from hotsite.core.policies import Place
from hotsite.core.scope import Scope
from hotsite.faces.lambdas.environment import Environment
from hotsite.flows.pacing import PacedRegistry, PacedSurroundings, PacingBudget
from hotsite.flows.replication import Site
from hotsite.flows.sight import Intake


@dataclass(frozen=True, slots=True)
class Clients:
    """The boto3 clients of one Region."""

    dynamodb: Any
    iot: Any
    data: Any


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a site is, and what its parts are called.

    Attributes:
        place: Its Region and account.
        prefix: First part of the names of everything that hotsite made.
        registry: Name of the registry table.
        applied: Name of its own table.
        quotas: How often each API of IoT Core may be called, a second.
    """

    place: Place
    prefix: str
    registry: str
    applied: str
    quotas: Mapping[str, float]


def open_site(
    environment: Environment,
    account_id: str,
    check_csr: Callable[[str], None] | None = None,
    *,
    budget: PacingBudget | None = None,
) -> Site:
    """Return the ports of this Region, with one client a service.

    Args:
        environment: What the stacks tell their functions.
        account_id: The AWS account, from the function's own ARN.
        check_csr: How to check a signing request, where one is expected.
        budget: How patient to be with the Region's quotas.
    """
    clients, layout = clients_of(environment.region), layout_of(environment, account_id)
    registry = paced(clients, layout, check_csr, budget=budget)
    around = IotSurroundings(clients.iot, layout.place)
    return Site(
        records=records_of(clients, layout),
        applied=DynamoAppliedRecords(clients.dynamodb, layout.applied),
        registry=registry,
        clock=SystemClock(),
        surroundings=PacedSurroundings(around, registry),
    )


def clients_of(region: str) -> Clients:
    """Return the clients of a Region."""
    return Clients(*(client(name, region) for name in ("dynamodb", "iot", "iot-data")))


def layout_of(environment: Environment, account_id: str) -> Layout:
    """Return where this site is, and what its parts are called."""
    return Layout(
        place=Place(environment.region, account_id),
        prefix=environment.prefix,
        registry=environment.registry,
        applied=environment.applied,
        quotas=environment.quotas,
    )


def intake_of(
    clients: Clients, layout: Layout, *, budget: PacingBudget | None = None
) -> Intake:
    """Return what taking in outside changes of a site works with.

    Args:
        clients: Of its Region.
        layout: Where it is, and what its parts are called.
        budget: How patient to be with the Region's quotas.
    """
    clock = SystemClock()
    registry = paced(clients, layout, budget=budget)
    around = IotSurroundings(clients.iot, layout.place)
    return Intake(
        site=Site(
            records=records_of(clients, layout),
            applied=DynamoAppliedRecords(clients.dynamodb, layout.applied),
            registry=registry,
            clock=clock,
            surroundings=PacedSurroundings(around, registry),
        ),
        cursors=DynamoCursors(clients.dynamodb, layout.applied),
        ledger=DynamoDeletionLedger(clients.dynamodb, layout.applied),
        scope=Scope(layout.prefix),
    )


def paced(
    clients: Clients,
    layout: Layout,
    check_csr: Callable[[str], None] | None = None,
    *,
    budget: PacingBudget | None = None,
) -> PacedRegistry:
    """Return IoT Core of a site, called within its quotas.

    Args:
        clients: Of its Region.
        layout: Where it is, and what its parts are called.
        check_csr: How to check a signing request, where one is expected.
        budget: How patient to be with the Region's quotas.
    """
    clock = SystemClock()
    return PacedRegistry(
        IotRegistry(clients.iot, layout.place, data=clients.data, check_csr=check_csr),
        DynamoQuota(clients.dynamodb, layout.applied, layout.quotas, clock=clock),
        clock,
        uniform=random.SystemRandom().random,
        budget=budget,
    )


def records_of(clients: Clients, layout: Layout) -> DynamoRecords:
    """Return the system of record, as this Region's replica has it."""
    return DynamoRecords(
        clients.dynamodb,
        layout.registry,
        origin=layout.place.region,
        clock=SystemClock(),
    )
