"""This Region's half of DNS: its health checks and its records, nothing of others.

Route 53 is global, so each site owns what speaks of it: no stack refers to
another Region's, and a failover changes no record at all. The primary's records go
by a calculated check: its own deep health, and the inverted check of the standby's
switch. So the standby takes the names over by answering 200 there, and a standby that
is silent moves nothing (docs/adr/0012-failover.md). Two active sites share the names
by weight or latency, each record with the same checks, and a name of its own says which
one is active (docs/adr/0014-two-active-sites.md). Where there are more standbys, the
secondary is a name like the first one: ``iot-from-b.`` answers as ``b`` and those after
it would, and so on to the last site (docs/adr/0020-more-standbys.md).
"""

from dataclasses import dataclass

from aws_cdk import aws_route53 as route53
from constructs import Construct

from hotsite.infra.constructs.api import HEALTH_PATH, SWITCH_PATH
from hotsite.infra.inputs import SiteInputs
from hotsite.settings import Sharing, SiteSettings

_Config = route53.CfnHealthCheck.HealthCheckConfigProperty
# What the records go by is named for good, so that others find it in a template.
HEALTH, SWITCH, PRIMARY, ANY = "Health", "Switch", "Primary", "Any"


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
        place = settings.sites.index(site)
        self._before, self._after = settings.sites[:place], settings.sites[place + 1 :]
        health = self._probe(HEALTH, site, HEALTH_PATH)
        self.check = self._primary(health) if self._after else health
        if settings.is_shared:
            self._shared("Iot", settings.iot_name, targets.iot)
            self._shared("Api", settings.api_name, targets.api)
            self._failover("Active", settings.witness_name, targets.iot)
        else:
            any_healthy = self._any(health)
            self._levels("Iot", targets.iot, any_healthy)
            self._levels("Api", targets.api, any_healthy)
        self._record("OwnIot", settings.own_iot_name(site), targets.iot)
        self._record("OwnApi", settings.own_api_name(site), targets.own_api)

    def _primary(self, health: str) -> str:
        """Return the check of a site that is healthy, and not taken over."""
        all_of = [health]
        for standby in self._after:
            named = _of(SWITCH, standby, self._inputs.settings.standby)
            all_of.append(self._probe(named, standby, SWITCH_PATH, is_inverted=True))
        config = _Config(
            type="CALCULATED", child_health_checks=all_of, health_threshold=len(all_of)
        )
        name = self._inputs.settings.witness_name
        if self._before:
            name = self._inputs.settings.from_name("iot", self._inputs.site)
        return self._check(PRIMARY, config, name)

    def _any(self, health: str) -> str:
        """Return the check that this site or one after it is healthy."""
        if not (self._before and self._after):
            return health
        any_of = [health]
        for standby in self._after:
            named = _of(HEALTH, standby)
            any_of.append(self._probe(named, standby, HEALTH_PATH))
        config = _Config(
            type="CALCULATED", child_health_checks=any_of, health_threshold=1
        )
        name = f"any: {self._inputs.settings.from_name('iot', self._inputs.site)}"
        return self._check(ANY, config, name)

    def _levels(self, noun: str, target: str, any_healthy: str) -> None:
        """Add this site's part in a failover name, and in the name that it leads to.

        The first site is the primary of the failover name, the last one only the
        secondary of the name before it; one in between is both.
        """
        before, after = self._before, self._after
        if not before:
            self._failover(noun, self._name(noun, before), target)
            return
        if not after:
            self._failover(_level(noun, before), self._name(noun, before[:-1]), target)
            return
        own = self._name(noun, before)
        record = self._failover(
            _level(noun, before), self._name(noun, before[:-1]), own
        )
        record.health_check_id = any_healthy
        record = self._failover(f"{noun}From", own, target)
        record.failover = "PRIMARY"

    def _name(self, noun: str, before: tuple[SiteSettings, ...]) -> str:
        """Return the name that is answered by the sites after some others."""
        settings, label = self._inputs.settings, noun.lower()
        if not before:
            return f"{label}.{settings.domain}"
        return settings.from_name(label, settings.sites[len(before)])

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

    def _failover(
        self, identifier: str, name: str, target: str
    ) -> route53.CfnRecordSet:
        record = self._record(identifier, name, target)
        record.failover = "PRIMARY" if self._inputs.is_active else "SECONDARY"
        record.set_identifier = self._inputs.site.region
        record.health_check_id = self.check
        return record

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


def _of(noun: str, site: SiteSettings, usual: SiteSettings | None = None) -> str:
    """Return the name of a check of another site; that of two sites stays as it was."""
    return noun if site == usual else f"{noun}{site.letter.upper()}"


def _level(noun: str, before: tuple[SiteSettings, ...]) -> str:
    """Return the name of the record of a level: that of the first one is the noun."""
    return noun if len(before) == 1 else f"{noun}Last"
