"""An account to deploy into, as ports; who opens it knows what it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hotsite.flows.deployment import Pace
from hotsite.ports.clock import Clock
from hotsite.ports.deployment import Account, Packages, Stacks
from hotsite.ports.operations import Compute, Operations

ASSET_KEY_PREFIX = "hotsite/"


def asset_bucket(prefix: str, account_id: str, region: str) -> str:
    """Return the name of the bucket that Lambda code is put into."""
    return f"{prefix}-assets-{account_id}-{region}"


@dataclass(frozen=True, slots=True)
class World:
    """An account, and how to work in it.

    Attributes:
        account: What is to be known of it.
        stacks: CloudFormation by Region.
        packages: Gives the bucket of Lambda code in a Region, by its name.
        compute: Gives the canary and the meter of a Region.
        operations: Gives a Region's replica of the operations table.
        clock: Waits.
        pace: How often to look.
    """

    account: Account
    stacks: Mapping[str, Stacks]
    packages: Callable[[str, str], Packages]
    compute: Callable[[str], Compute]
    operations: Callable[[str], Operations]
    clock: Clock
    pace: Pace
