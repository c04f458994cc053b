"""Run one Region: bind, serve, watch certificates, say when it is ready."""

import asyncio
import contextlib
import importlib
import json
import logging
import resource
import sys

import uvloop
from hypercorn.asyncio import serve as serve_http

from hotsite.errors import UnreachableError
from hotsite.local.region.config import RegionConfig
from hotsite.local.region.patches import Region
from hotsite.local.region.persistence import Keeper
from hotsite.local.region.service_quotas import AccountQuotas
from hotsite.local.region.statefile import StateFile
from hotsite.local.region.tables import Tables
from hotsite.local.region.web import Gateway, ServerConfig

_logger = logging.getLogger(__name__)

# A session of a certificate that stops being ACTIVE lives at most this much longer;
# AWS says "within a few minutes" (Developer Guide, "Activate or deactivate a client
# certificate").
REVOCATION_POLL_S = 0.5
READY_S_MAX = 30.0


def run(config: RegionConfig) -> None:
    """Serve until SIGTERM or SIGINT; the environment is already set.

    Raises:
        OSError: an address or port is taken.
        UnknownMinistackError: another ministack is installed.
        UnreachableError: a listener did not come up.
    """
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(config))


async def _serve(config: RegionConfig) -> None:
    region_tables = Tables(config)
    region = Region(config, region_tables.on_write)
    region.install()
    region_tables.emit = region.emit
    keeper = _kept(config, region_tables)
    await importlib.import_module("ministack.services.iot").mtls_start()
    application = importlib.import_module("ministack.app").app
    account = AccountQuotas(config.region)
    gateway = Gateway(
        config, region_tables, application, keeper, region.limits, account
    )
    region.deliveries.start()
    tasks = [
        asyncio.create_task(_announce(config)),
        asyncio.create_task(_watch_certificates(region)),
    ]
    if keeper is not None:
        tasks.append(asyncio.create_task(keeper.sweep()))
    try:
        await serve_http(gateway, ServerConfig(config))  # type: ignore[arg-type]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _kept(config: RegionConfig, region_tables: Tables) -> Keeper | None:
    if not config.is_kept:
        return None
    keeper = Keeper(StateFile(config.state_dir / "state.sqlite"), region_tables)
    keeper.restore()
    keeper.start()
    return keeper


async def _announce(config: RegionConfig) -> None:
    ports = (config.gateway_port, config.mqtt_port, config.https_port)
    async with asyncio.timeout(READY_S_MAX):
        for port in ports:
            while not await _is_accepting(config.address, port):  # noqa: ASYNC110 - sockets send no events
                await asyncio.sleep(0.01)
    ready = {
        "kind": "ready",
        "region": config.region,
        "endpoint_url": config.gateway_url,
        "data_endpoint": config.data_endpoint,
        "mqtt": f"{config.address}:{config.mqtt_port}",
        "https": f"{config.address}:{config.https_port}",
    }
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()


async def _is_accepting(address: str, port: int) -> bool:
    try:
        _reader, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def _watch_certificates(region: Region) -> None:
    listener = region.listener
    if listener is None:
        raise UnreachableError("the MQTT listener is not bound")
    while True:
        await asyncio.sleep(REVOCATION_POLL_S)
        dropped = listener.drop(region.is_active)
        if dropped:
            _logger.info("sessions_dropped", extra={"count": dropped})
