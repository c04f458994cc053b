"""Bring a local cloud up: certificates, processes, templates, names, health."""

import asyncio
import datetime as dt
import hashlib
import http.client
import json
import secrets
import shutil
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hotsite.core.epoch import SITES
from hotsite.errors import NotReadyError
from hotsite.local import bare, cloud, control, deployment, network, records
from hotsite.local.backbone import BackboneConfig
from hotsite.local.certificates import Authority, Pair
from hotsite.local.cloud import CloudConfig, CloudState, SiteState
from hotsite.local.dns.zonefile import (
    ZoneFile,
    dump_zone_file,
    health_check_from_route53,
    region_zone,
    zone_from_route53,
)
from hotsite.local.issuer import IssuerConfig
from hotsite.local.network import Block
from hotsite.local.plan import Parameter, Place, Plan
from hotsite.local.processes import Identity, Processes
from hotsite.local.pumps import Gateway
from hotsite.local.region.config import CertificateFiles, RegionConfig, dump
from hotsite.local.templates import HealthCheck

USERNAME = "companion"
# The endpoint's first label has 14 characters on AWS; any stable text will do.
_PREFIX_LENGTH = 12
_HEALTHY_S_MAX = 60.0
_LOOK_EVERY_S = 0.4
_ANSWER_S_MAX = 4.0
_SAID_MAX = 1_000
Note = Callable[[str], None]


def draft(config: CloudConfig, block: Block, mark: str) -> CloudState:
    """Return the state of a cloud that has nothing but its addresses.

    Args:
        config: What was asked for.
        block: The claimed addresses.
        mark: What every process of it carries.
    """
    folder = Path(config.folder)
    sockets = control.socket_path(folder, "control.sock").parent
    may_serve_53 = network.may_bind(block.global_address, network.DNS_PORT_PRIVILEGED)
    privileged = (network.DNS_PORT_PRIVILEGED,) if may_serve_53 else ()
    return CloudState(
        schema=cloud.SCHEMA,
        name=config.name,
        state=cloud.STARTING,
        reason="",
        mark=mark,
        block=block.number,
        domain=config.domain,
        account_id=config.account_id,
        supervisor=Identity("supervisor", 0, 0),
        processes=(),
        strategy=config.strategy,
        sites=tuple(
            SiteState(
                site.letter,
                site.region,
                block.region_address(site.letter),
                f"http://{block.region_address(site.letter)}:{network.GATEWAY_PORT}",
            )
            for site in config.sites
        ),
        tables=config.tables,
        gateway_port=network.GATEWAY_PORT,
        mqtt_port=network.MQTT_PORT,
        https_port=network.HTTPS_PORT,
        dns_address=block.global_address,
        dns_port=config.dns_port,
        dns_ports=(*privileged, config.dns_port),
        control=str(sockets / "control.sock"),
        dns_control=str(sockets / "dns.sock"),
        backbone_control=str(sockets / "bone.sock"),
        ca=str((folder / "certificates" / "ca.pem").absolute()),
        issuer_url=f"https://{block.global_address}:{network.ISSUER_PORT}",
        username=USERNAME,
        password=secrets.token_urlsafe(18),
        started_world_s=time.time(),
        steps=(),
    )


def remove_scratch(state: CloudState, folder: Path) -> None:
    """Remove the folder of sockets that did not fit into the cloud's own.

    Args:
        state: The cloud.
        folder: The cloud's folder, which stays.
    """
    sockets = Path(state.control).parent
    if sockets != folder.absolute() and sockets.name.startswith("hotsite-"):
        shutil.rmtree(sockets, ignore_errors=True)


async def bring_up(
    config: CloudConfig, state: CloudState, processes: Processes, note: Note
) -> None:
    """Start and deploy everything; done when the standby could take over.

    Args:
        config: What was asked for.
        state: Its addresses, sockets and user.
        processes: Starts and watches the children.
        note: Told after each step.

    Raises:
        HotsiteError: A step failed.
    """
    builder = _Builder(config, state)
    configs = await asyncio.to_thread(builder.write_configs)
    regions = [
        processes.start(f"region-{site.letter}", "hotsite.local.region", path)
        for site, path in zip(state.sites, configs, strict=True)
    ]
    issuer = processes.start("issuer", "hotsite.local.issuer", builder.path("issuer"))
    await asyncio.gather(*regions, issuer)
    note("Regions and issuer answer")
    if config.is_empty:
        await _bring_up_empty(builder, config, state, processes)
        note(f"{_all(config)} Regions are empty, names answer")
        return
    done = await asyncio.to_thread(deployment.deploy, builder.plan)
    note(f"templates deployed in {_all(config)} Regions")
    await asyncio.to_thread(builder.write_names, done)
    # A pilot light is off: nobody wakes its canary, and nobody waits for its health.
    regions_lit = {site.region for site in config.lit}
    waking = (
        asyncio.to_thread(deployment.wake, builder.plan, canary)
        for canary in done.canaries
        if canary.place.region in regions_lit
    )
    backbone = builder.path("backbone")
    await asyncio.gather(
        processes.start("backbone", "hotsite.local.backbone", backbone),
        processes.start("dns", "hotsite.local.dns", builder.path("dns")),
        *waking,
    )
    note("names answer, tables replicate")
    limit_s = time.monotonic() + _HEALTHY_S_MAX
    for check in done.health_checks:
        if check.is_of_site and check.region in regions_lit:
            await _await_healthy(check, state, limit_s)
    off = [site.letter for site in config.sites if site not in config.lit]
    note(f"site a healthy, off: {', '.join(off)}" if off else _all(config, "healthy"))


def _all(config: CloudConfig, what: str = "") -> str:
    count = len(config.sites)
    who = f"all {count}" if count > len(SITES) else "both"
    return f"{who} sites {what}" if what else who


async def _bring_up_empty(
    builder: "_Builder", config: CloudConfig, state: CloudState, processes: Processes
) -> None:
    done = await asyncio.to_thread(bare.make_zones, builder.plan)
    done = replace(done, global_tables=config.global_tables)
    await asyncio.to_thread(builder.write_names, done)
    bare.write_parameters(builder.plan, Path(state.parameters))
    backbone = builder.path("backbone")
    await asyncio.gather(
        processes.start("backbone", "hotsite.local.backbone", backbone),
        processes.start("dns", "hotsite.local.dns", builder.path("dns")),
    )
    await bare.start(config, state, processes)


async def _await_healthy(
    check: HealthCheck, state: CloudState, deadline_s: float
) -> None:
    """Ask as Route 53 does, until the site's own verdict is good.

    The checkers start by calling every site healthy, so their word is no proof.
    """
    said = "not asked yet"
    while time.monotonic() < deadline_s:
        try:
            status, said = await asyncio.to_thread(_ask, check, state)
        except (OSError, http.client.HTTPException) as error:
            status, said = 0, str(error)
        if status == http.HTTPStatus.OK:
            return
        await asyncio.sleep(_LOOK_EVERY_S)
    raise NotReadyError(
        f"{check.id} is not healthy after {_HEALTHY_S_MAX:.0f} s: {said}"
    )


def _ask(check: HealthCheck, state: CloudState) -> tuple[int, str]:
    name = str(check.properties["FullyQualifiedDomainName"])
    port = int(check.properties["Port"])
    (address,) = (s.address for s in state.sites if check.id.startswith(s.region))
    context = ssl.create_default_context(cafile=state.ca)
    connection = http.client.HTTPSConnection(name, port, timeout=_ANSWER_S_MAX)
    with socket.create_connection((address, port), _ANSWER_S_MAX) as plain:
        connection.sock = context.wrap_socket(plain, server_hostname=name)
        connection.request("GET", str(check.properties.get("ResourcePath", "/")))
        response = connection.getresponse()
        said = response.read(_SAID_MAX).decode(errors="replace")
        connection.close()
    return response.status, said


class _Builder:
    """Writes every file that the cloud's processes are started with."""

    def __init__(self, config: CloudConfig, state: CloudState) -> None:
        self._config = config
        self._state = state
        self._folder = Path(config.folder).absolute()
        self.plan = Plan(
            places=tuple(
                Place(site.letter, site.region, site.gateway_url)
                for site in state.sites
            ),
            templates=config.templates,
            assets=config.lambdas,
            domain=config.domain,
            account_id=config.account_id,
            parameters=(),
        )

    def path(self, name: str) -> Path:
        """Return where a process's configuration is."""
        return self._folder / f"{name}.json"

    def write_configs(self) -> list[Path]:
        """Write what the Regions and the issuer need; return the Regions'."""
        state, config = self._state, self._config
        authority = Authority(self._folder / "certificates", dt.datetime.now(dt.UTC))
        own = authority.server("issuer", [state.dns_address])
        issuer = IssuerConfig(
            address=state.dns_address,
            port=network.ISSUER_PORT,
            certificate=str(own.certificate),
            private_key=str(own.private_key),
            audience=config.audience,
            scope=config.scope,
            username=state.username,
            password=state.password,
        )
        records.write(issuer, self.path("issuer"), mode=0o600)
        paths = [self._write_region(site, authority) for site in state.sites]
        self.plan = replace(
            self.plan,
            parameters=(
                Parameter("HealthCheckPort", str(network.HTTPS_PORT)),
                Parameter("MqttPort", str(network.MQTT_PORT)),
                Parameter("JwtIssuer", state.issuer_url),
                Parameter("JwtAudience", config.audience),
                Parameter("JwtScope", config.scope),
                # A page of this machine, from any port; and a drill is one user.
                Parameter("AppOrigins", "*"),
                Parameter("UserRatePerS", "1000"),
                Parameter("RaisedQuotas", config.raised_quotas),
                Parameter("DeviceCa", Path(state.ca).read_text("ascii")),
            ),
        )
        return paths

    def _write_region(self, site: SiteState, authority: Authority) -> Path:
        domain, letter = self._config.domain, site.letter
        shutil.rmtree(self._folder / f"region-{letter}", ignore_errors=True)
        seed = f"{self._config.account_id} {site.region}".encode()
        prefix = f"a{hashlib.sha256(seed).hexdigest()[: _PREFIX_LENGTH - 1]}"
        endpoint = f"{prefix}-ats.iot.{site.region}.amazonaws.com"
        mqtt_names = (f"iot.{domain}", f"iot-{letter}.{domain}", endpoint)
        https_names = (
            f"api.{domain}",
            f"api-{letter}.{domain}",
            f"*.execute-api.{site.region}.amazonaws.com",
        )
        mqtt = authority.server(f"iot-{letter}", mqtt_names)
        https = authority.server(f"api-{letter}", https_names)
        config = RegionConfig(
            region=site.region,
            account_id=self._config.account_id,
            address=site.address,
            gateway_port=network.GATEWAY_PORT,
            mqtt_port=network.MQTT_PORT,
            https_port=network.HTTPS_PORT,
            state_dir=self._folder / f"region-{letter}",
            mqtt_certificates=(_files(mqtt),),
            https_certificates=(_files(https),),
            mqtt_server_names=mqtt_names,
            endpoint_prefix=prefix,
            ca_path=Path(self._state.ca),
            access_key_id=self._config.account_id,
            secret_access_key=cloud.SECRET,
            sightings=self._sightings(letter),
            delivery_s=self._config.delivery_s,
            name_server=f"{self._state.dns_address}:{self._state.dns_port}",
            control=cloud.region_control(self._state, site),
            peers=bare.peers(self._state, site) if self._config.is_empty else (),
        )
        config.state_dir.mkdir(parents=True)
        path = self.path(f"region-{letter}")
        dump(config, path)
        return path

    def write_names(self, done: deployment.Deployed) -> None:
        """Write what the DNS process and the backbone are started with."""
        state, config = self._state, self._config
        zones = [region_zone(site.region, site.address) for site in state.sites]
        zone = zone_from_route53(config.domain, done.record_sets)
        checks = tuple(
            health_check_from_route53(check.id, check.properties)
            for check in done.health_checks
        )
        zone_path = self._folder / "zones.json"
        dump_zone_file(ZoneFile((zone, *zones), checks), zone_path)
        dns = {
            "address": state.dns_address,
            "zone_path": str(zone_path),
            "control_path": state.dns_control,
            "ports": list(state.dns_ports),
            "time_scale": config.time_scale,
            "query_log": str(self._sightings("dns") or ""),
        }
        self.path("dns").write_text(json.dumps(dns, indent=1), "utf-8")
        backbone = BackboneConfig(
            gateways=tuple(
                Gateway(site.region, site.address, state.gateway_port)
                for site in state.sites
            ),
            tables=done.global_tables,
            control_socket=state.backbone_control,
            account_id=config.account_id,
        )
        records.write(backbone, self.path("backbone"))

    def _sightings(self, name: str) -> Path | None:
        is_observed = self._config.is_observed
        return self._folder / f"sightings-{name}.jsonl" if is_observed else None


def _files(pair: Pair) -> CertificateFiles:
    return CertificateFiles(pair.certificate, pair.private_key)
