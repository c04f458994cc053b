"""An empty cloud: two Regions in which nothing is deployed, and a domain.

It is what an account is before hotsite: the owner has a hosted zone, delegated, and
nothing else. `hotsite deploy`, the AWS CLI and others find it by their environment,
as they find AWS: one endpoint for both Regions, and a file with what differs here.
"""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from hotsite.local import network, records
from hotsite.local.cloud import CloudConfig, CloudState, SiteState
from hotsite.local.deployment import Deployed, client
from hotsite.local.front import FrontConfig
from hotsite.local.plan import Plan
from hotsite.local.processes import Processes
from hotsite.local.pumps import Gateway
from hotsite.local.zones import ZonesConfig, read_told

PARAMETERS_FILE = "parameters.json"


def make_zones(plan: Plan) -> Deployed:
    """Make the owner's hosted zone in each Region's process.

    Args:
        plan: Where; nothing of it is deployed.

    Returns:
        What DNS answers meanwhile: the zone, and nothing in it.
    """
    for place in plan.places:
        route53 = client(place, "route53", account_id=plan.account_id)
        route53.create_hosted_zone(Name=plan.domain, CallerReference=plan.domain)
    told = read_told(route53, plan.domain)
    return Deployed((), tuple(told.records.values()), (), (), {}, {})


def gateways(state: CloudState) -> tuple[Gateway, ...]:
    """Return how to reach each Region's APIs."""
    return tuple(
        Gateway(site.region, site.address, state.gateway_port) for site in state.sites
    )


def stated(state: CloudState, folder: Path) -> CloudState:
    """Return a cloud's state with what only an empty one has.

    Args:
        state: Its addresses.
        folder: The cloud's.
    """
    return replace(
        state,
        front_url=f"http://{state.dns_address}:{network.GATEWAY_PORT}",
        parameters=str((folder / PARAMETERS_FILE).absolute()),
    )


def peers(state: CloudState, site: SiteState) -> tuple[tuple[str, str], ...]:
    """Return Region and gateway of each other site."""
    return tuple(
        (other.region, other.gateway_url) for other in state.sites if other != site
    )


def write_parameters(plan: Plan, path: Path) -> None:
    """Write what templates are told here and not on AWS: ports, issuer, authority.

    Args:
        plan: Has the values.
        path: Where; a JSON object.
    """
    values = {each.name: each.value for each in plan.parameters if each.value}
    path.write_text(json.dumps(values, indent=1) + "\n", "utf-8")


async def start(config: CloudConfig, state: CloudState, processes: Processes) -> None:
    """Start what only an empty cloud has: the endpoint, and the reader of Route 53.

    Args:
        config: What was asked for.
        state: Its addresses.
        processes: Starts and watches them.
    """
    folder = Path(config.folder)
    front = FrontConfig(state.dns_address, network.GATEWAY_PORT, gateways(state))
    zones = ZonesConfig(
        domain=config.domain,
        account_id=config.account_id,
        gateways=gateways(state),
        zone_path=str(folder / "zones.json"),
        dns_control=state.dns_control,
    )
    paths = {"front": folder / "front.json", "zones": folder / "zones-reader.json"}
    records.write(front, paths["front"])
    records.write(zones, paths["zones"])
    await asyncio.gather(
        *(
            processes.start(name, f"hotsite.local.{name}", path)
            for name, path in paths.items()
        )
    )
