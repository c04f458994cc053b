"""This Region's half of DNS: its health checks and its records, nothing of others.

Route 53 is global, so each site owns what speaks of it: no stack refers to
another Region's, and a failover changes no record at all. The primary's records go
by a calculated check: its own deep health, and the inverted check of the standby's
switch. So the standby takes the names over by answering 200 there, and a standby that
is silent moves nothing (docs/adr/0012-failover.md). Two active sites share the names
by weight or latency, each record with the same checks, and a name of its own says which
one is active (docs/adr/0014-two-active-sites.md).
"""

from dataclasses import dataclass

from aws_cdk import aws_route53 as route53
from constructs import Construct

from hotsite.infra.constructs.api import HEALTH_PATH, SWITCH_PATH
from hotsite.infra.inputs import SiteInputs
from hotsite.settings import Sharing, SiteSettings

_Config = route53.CfnHealthCheck.HealthCheckConfigProperty
# What the records go by is named for good, so that others find it in a template.
HEALTH, SWITCH, PRIMARY = "Health", "Switch", "Primary"


@dataclass(frozen=True, slots=True)
class Targets:
    """Where the names lead in this Region.

    Attributes:
        iot: The Data-ATS endpoint.
        api: API Gateway's host behind ``api.``.
        own_api: API Gateway's host behind this site's own API name.
    """

    iot: str
    api: str
    own_api: str


class Names(Construct):
    """Health checks, what the failover names answer, and the site's own records."""

    def __init__(self, scope: Construct, inputs: SiteInputs, targets: Targets) -> None:
        super().__init__(scope, "Names")
        self._inputs = inputs
        settings, site = inputs.settings, inputs.site
        health = self._probe(HEALTH, site, HEALTH_PATH)
        self.check = self._primary(health) if inputs.is_active else health
        if settings.is_shared:
            self._shared("Iot", settings.iot_name, targets.iot)
            self._shared("Api", settings.api_name, targets.api)
            self._failover("Active", settings.witness_name, targets.iot)
        else:
            self._failover("Iot", settings.iot_name, targets.iot)
            self._failover("Api", settings.api_name, targets.api)
        self._record("OwnIot", settings.own_iot_name(site), targets.iot)
        self._record("OwnApi", settings.own_api_name(site), targets.own_api)

    def _primary(self, health: str) -> str:
        """Return the check of a site that is healthy, and not taken over."""
        standby = self._inputs.settings.standby
        switch = self._probe(SWITCH, standby, SWITCH_PATH, is_inverted=True)
        both = [health, switch]
        config = _Config(
            type="CALCULATED", child_health_checks=both, health_threshold=len(both)
        )
        return self._check(PRIMARY, config, self._inputs.settings.witness_name)

    def _probe(
        self,
        identifier: str,
        site: SiteSettings,
        path: str,
        *,
        is_inverted: bool = False,
    ) -> str:
        # The site's own name: the failover name would follow the flip.
        dns, name = self._inputs.settings.dns, self._inputs.settings.own_api_name(site)
        config = _Config(
            type="HTTPS",
            fully_qualified_domain_name=name,
            port=self._inputs.health_check_port,
            resource_path=path,
            request_interval=dns.interval_s,
            failure_threshold=dns.failure_threshold,
            enable_sni=True,
            inverted=is_inverted or None,
        )
        return self._check(identifier, config, f"{name}{path}")

    def _check(self, identifier: str, config: _Config, name: str) -> str:
        tag = route53.CfnHealthCheck.HealthCheckTagProperty(key="Name", value=name)
        made = route53.CfnHealthCheck(
            self, identifier, health_check_config=config, health_check_tags=[tag]
        )
        made.override_logical_id(identifier)
        return made.attr_health_check_id

    def _failover(self, identifier: str, name: str, target: str) -> None:
        record = self._record(identifier, name, target)
        record.failover = "PRIMARY" if self._inputs.is_active else "SECONDARY"
        record.set_identifier = self._inputs.site.region
        record.health_check_id = self.check

    def _shared(self, identifier: str, name: str, target: str) -> None:
        """Add this site's half of a name that both sites answer."""
        record = self._record(identifier, name, target)
        site = self._inputs.site
        if self._inputs.settings.dns.sharing is Sharing.LATENCY:
            record.region = site.region
        else:
            record.weight = site.weight
        record.set_identifier = site.region
        record.health_check_id = self.check

    def _record(self, identifier: str, name: str, target: str) -> route53.CfnRecordSet:
        return route53.CfnRecordSet(
            self,
            identifier,
            hosted_zone_id=self._inputs.hosted_zone_id,
            name=f"{name}.",
            type="CNAME",
            ttl=str(self._inputs.settings.dns.ttl_s),
            resource_records=[target],
        )
