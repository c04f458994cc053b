"""This Region's half of DNS: its health check and its records, nothing of others.

Route 53 is global, so each site owns what speaks of it: no stack refers to
another Region's, and a failover changes no record at all.
"""

from dataclasses import dataclass

from aws_cdk import aws_route53 as route53
from constructs import Construct

from hotsite.infra.constructs.api import HEALTH_PATH
from hotsite.infra.inputs import SiteInputs


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
    """One health check, two failover records, two records of the site's own."""

    def __init__(self, scope: Construct, inputs: SiteInputs, targets: Targets) -> None:
        super().__init__(scope, "Names")
        self._inputs = inputs
        settings, site = inputs.settings, inputs.site
        self.check = self._health_check().attr_health_check_id
        self._failover("Iot", settings.iot_name, targets.iot)
        self._failover("Api", settings.api_name, targets.api)
        self._record("OwnIot", settings.own_iot_name(site), targets.iot)
        self._record("OwnApi", settings.own_api_name(site), targets.own_api)

    def _health_check(self) -> route53.CfnHealthCheck:
        # The site's own name: the failover name would follow the flip.
        inputs = self._inputs
        dns = inputs.settings.dns
        name = inputs.settings.own_api_name(inputs.site)
        return route53.CfnHealthCheck(
            self,
            "Health",
            health_check_config=route53.CfnHealthCheck.HealthCheckConfigProperty(
                type="HTTPS",
                fully_qualified_domain_name=name,
                port=inputs.health_check_port,
                resource_path=HEALTH_PATH,
                request_interval=dns.interval_s,
                failure_threshold=dns.failure_threshold,
                enable_sni=True,
            ),
            health_check_tags=[
                route53.CfnHealthCheck.HealthCheckTagProperty(key="Name", value=name)
            ],
        )

    def _failover(self, identifier: str, name: str, target: str) -> None:
        record = self._record(identifier, name, target)
        record.failover = "PRIMARY" if self._inputs.is_active else "SECONDARY"
        record.set_identifier = self._inputs.site.region
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
