"""Every half hour: could this site take the fleet now? Loudly, when it could not."""

import logging
from functools import cache
from typing import Any

from hotsite.adapters.aws.metrics import MetricLog
from hotsite.adapters.aws.operations import DynamoOperations
from hotsite.adapters.aws.region_tables import DynamoHealthVerdicts
from hotsite.adapters.aws.replicas import other_region
from hotsite.adapters.aws.service_quotas import ServiceQuotas
from hotsite.adapters.aws.session import client
from hotsite.adapters.sites import HttpsSites
from hotsite.adapters.tls_door import TlsDoors
from hotsite.core.headroom import Fleet
from hotsite.core.site_readiness import ReadinessPolicy
from hotsite.faces.lambdas import environment, measures
from hotsite.faces.lambdas.site import clients_of, intake_of, layout_of
from hotsite.flows.readiness import Depth, Post
from hotsite.flows.readiness_sweep import Peer, sweep

_LOG = logging.getLogger(__name__)
# A name costs two reads; the sweep of the registry looks at all of them, in its turn.
_DEPTH = Depth(names_max=1000)
_QUOTAS = "service-quotas"


@cache
def _parts(account_id: str) -> tuple[Post, Peer, ReadinessPolicy, MetricLog]:
    told = environment.read()
    clients = clients_of(told.region)
    post = Post(
        told.letter,
        told.region,
        told.domain,
        intake_of(clients, layout_of(told, account_id)),
        DynamoHealthVerdicts(clients.dynamodb, told.applied),
        DynamoOperations(clients.dynamodb, told.operations),
        ServiceQuotas(client(_QUOTAS, told.region), told.region),
        TlsDoors(told.mqtt_port, told.api_port),
    )
    there = other_region(clients.dynamodb, told.operations, told.region)
    quotas = ServiceQuotas(client(_QUOTAS, there), there) if there else None
    sites = HttpsSites(told.domain, port=told.api_port)
    peer = Peer(there or "the other Region", quotas, sites, told.others)
    policy = ReadinessPolicy(Fleet(told.fleet_size, rto_s=told.rto_s))
    metrics = MetricLog(told.prefix, post.intake.site.clock)
    return post, peer, policy, metrics


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Look, judge, and say what is in the way."""
    del event
    post, peer, policy, metrics = _parts(context.invoked_function_arn.split(":")[4])
    found = sweep(post, peer, _DEPTH, policy)
    for point in found.not_ready:
        _LOG.error("not ready", extra={"noun": point.noun, "reason": point.text})
    metrics.put(measures.of_readiness(found))
    return {
        "ready": not found.not_ready,
        "points": {one.noun: one.text for one in found.not_ready},
    }
