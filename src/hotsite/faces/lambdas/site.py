"""Put a site's ports together for a Lambda: its composition root."""

from collections.abc import Callable

from hotsite.adapters.aws.iot_registry import IotRegistry
from hotsite.adapters.aws.region_tables import DynamoAppliedRecords
from hotsite.adapters.aws.session import client
from hotsite.adapters.aws.tables import DynamoRecords
from hotsite.adapters.clock import SystemClock
from hotsite.core.policies import Place
from hotsite.faces.lambdas.environment import Environment
from hotsite.flows.replication import Site


def open_site(
    environment: Environment,
    account_id: str,
    check_csr: Callable[[str], None] | None = None,
) -> Site:
    """Return the ports of this Region, with one client a service.

    Args:
        environment: What the site stack tells its functions.
        account_id: The AWS account, from the function's own ARN.
        check_csr: How to check a signing request, where one is expected.
    """
    region, clock = environment.region, SystemClock()
    dynamodb = client("dynamodb", region)
    return Site(
        records=DynamoRecords(
            dynamodb, environment.registry, origin=region, clock=clock
        ),
        applied=DynamoAppliedRecords(dynamodb, environment.applied),
        registry=IotRegistry(
            client("iot", region),
            Place(region, account_id),
            data=client("iot-data", region),
            check_csr=check_csr,
        ),
        clock=clock,
    )
