"""A small cloud whose names are watched, and its unmodified clients."""

import http.client
import json
import socket
import ssl
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config
from tests.local.cloud_world import DOMAIN, TABLES, wait_until
from tests.local.region_world import Authority

from hotsite.adapters.mqtt import Credentials, Target
from hotsite.adapters.mqtt_probe import connect_once
from hotsite.core.dns import Failover, Record, Role, Zone
from hotsite.core.healthcheck import CheckType, HealthCheckConfig
from hotsite.errors import HotsiteError
from hotsite.local.client import LocalCloud
from hotsite.local.cloud import SECRET
from hotsite.local.dns.zonefile import ZoneFile, dump_zone_file
from hotsite.local.templates import SITE_HEALTH, health_check_id

THING = "oven-1"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}],
}


@dataclass(frozen=True)
class Clients:
    """What anybody may do to the two Regions of a cloud."""

    local: LocalCloud
    device: Credentials

    def aws(self, service, site, **settings):
        """A client that asks once and waits a second."""
        place = self.local.site(site)
        once = Config(
            connect_timeout=1,
            read_timeout=settings.pop("read_s", 1),
            retries={"total_max_attempts": 1},
        )
        return boto3.client(
            service,
            region_name=place.region,
            endpoint_url=place.gateway_url,
            aws_access_key_id=self.local.state.account_id,
            aws_secret_access_key=SECRET,
            config=once,
        )

    def target(self, site):
        port = self.local.state.mqtt_port
        return Target(self.local.address(site), port, f"iot-{site}.{DOMAIN}")

    def connect(self, site, limit_s=5.0):
        """One real mTLS CONNECT; raises what the probe raises."""
        return connect_once(self.target(site), self.device, THING, limit_s=limit_s)

    def is_connecting(self, site):
        try:
            return self.connect(site, 1.0) > 0
        except HotsiteError:
            return False

    def status_of_api(self, site, limit_s=1.0):
        """What HTTPS under the API's name answers; None for no answer in time."""
        context = ssl.create_default_context(cafile=self.local.state.ca)
        where = (self.local.address(site), self.local.state.https_port)
        name = f"api-{site}.{DOMAIN}"
        connection = http.client.HTTPSConnection(name, timeout=limit_s)
        try:
            plain = socket.create_connection(where, limit_s)
            connection.sock = context.wrap_socket(plain, server_hostname=name)
            connection.request("GET", "/")
            return connection.getresponse().status
        except TimeoutError:
            return None
        finally:
            connection.close()

    def dig(self, name=f"iot.{DOMAIN}"):
        """The letter of the site that a name leads to."""
        state = self.local.state
        server = [f"@{state.dns_address}", "-p", str(state.dns_port)]
        command = ["dig", "+short", "+tries=1", "+time=2", *server, name]
        said = subprocess.run(command, capture_output=True, text=True, check=True)
        (found,) = (s.letter for s in state.sites if s.address == said.stdout.strip())
        return found

    def await_dig(self, site, limit_s=20):
        wait_until(lambda: self.dig() == site, limit_s)

    def put(self, site, pk, **settings):
        item = {"pk": {"S": pk}, "sk": {"S": "-"}}
        self.aws("dynamodb", site, **settings).put_item(
            TableName=TABLES.registry, Item=item
        )

    def has(self, site, pk):
        key = {"pk": {"S": pk}, "sk": {"S": "-"}}
        found = self.aws("dynamodb", site).get_item(
            TableName=TABLES.registry, Key=key, ConsistentRead=True
        )
        return "Item" in found


@dataclass(frozen=True)
class Side:
    """One Region of a cloud, as the helpers of single Regions see one."""

    local: LocalCloud
    site: str

    def client(self, service):
        return self.local.client(service, self.site)


def watched_names(local: LocalCloud):
    """Let DNS serve a failover pair that health checkers watch."""
    roles = {"a": Role.PRIMARY, "b": Role.SECONDARY}
    name = f"iot.{DOMAIN}"
    records = tuple(
        Record(
            name,
            "A",
            1,
            (site.address,),
            Failover(roles[site.letter]),
            site.letter,
            health_check_id(site.region, SITE_HEALTH),
        )
        for site in local.state.sites
    )
    checks = tuple(
        HealthCheckConfig(
            id=health_check_id(site.region, SITE_HEALTH),
            type=CheckType.HTTP,
            address=site.address,
            port=local.state.gateway_port,
            path="/_ministack/health",
            interval_s=10,
            failure_threshold=1,
        )
        for site in local.state.sites
    )
    zones = ZoneFile((Zone(DOMAIN, records),), checks)
    dump_zone_file(zones, local.folder / "zones.json")
    local.dns.reload()


def onboarded(local: LocalCloud, folder: Path):
    """One device that both Regions know."""
    authority = Authority(folder)
    files = authority.device(THING)
    for site in ("a", "b"):
        iot = local.client("iot", site)
        iot.create_policy(policyName="all", policyDocument=json.dumps(POLICY))
        made = iot.register_certificate_without_ca(
            certificatePem=files.certificate.read_text(), status="ACTIVE"
        )
        iot.attach_policy(policyName="all", target=made["certificateArn"])
        iot.create_thing(thingName=THING)
        iot.attach_thing_principal(thingName=THING, principal=made["certificateArn"])
    ca = Path(local.state.ca).read_text()
    return Credentials(files.certificate.read_text(), files.private_key, ca)


def never(condition, for_s):
    """Watch that something stays untrue for so long."""
    until_s = time.monotonic() + for_s
    while time.monotonic() < until_s:
        assert not condition(), condition
        time.sleep(0.05)
