"""A device that a phone provisions, against a broker on real TLS sockets."""

import asyncio
import contextlib
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from tests.agent.conftest import NAME, PORT
from tests.pan.pan_world import LABEL, DirectLink, identity

from hotsite.adapters.pan_security import DeviceSecurity, PhoneSecurity
from hotsite.adapters.pan_vault import DirectoryVault
from hotsite.core.pan import Endpoint
from hotsite.errors import NotReadyError
from hotsite.faces.agent.host import Host
from hotsite.faces.agent.provision import MonotonicClock
from hotsite.flows.companion import Course, onboard, open_session
from hotsite.flows.pan import PanDevice
from hotsite.flows.pan_endpoints import Desk

DOMAIN = "hotsite.test"
EXTRAS = {
    "resolver": {"address": "127.0.31.53", "port": 15353},
    "interval_s": 0.1,
    "policy": {"attempt_s_max": 1.0},
}


class Owner:
    """The phone, its owner and the API behind them."""

    def __init__(self, authority, folder):
        self.authority, self.folder = authority, folder
        self.events, self.names = [], [NAME]
        self.port = PORT

    @contextlib.asynccontextmanager
    async def device(self, **limits):
        """Run the device; leaving is a loss of power that it did not notice."""
        who = identity()
        object.__setattr__(who, "domain", DOMAIN)
        vault = DirectoryVault(self.folder, EXTRAS)
        device = PanDevice(Desk(who, vault, DeviceSecurity()), clock=MonotonicClock())
        host = Host(device, vault, self.events.append, **limits)
        work = asyncio.create_task(host.run())
        try:
            yield host
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work

    async def onboard(self, host, **course):
        async def claim(document):
            csr = x509.load_pem_x509_csr(document["csr"].encode())
            signed = self.authority._sign(
                csr.subject, csr.public_key(), [], is_ca=False
            )
            pem = signed.public_bytes(serialization.Encoding.PEM).decode()
            return {
                "thing": "oven-1",
                "certificate_id": str(signed.serial_number),
                "certificate": pem,
                "ca": self.authority.path.read_text(),
                "iot": {"names": self.names, "port": self.port},
                "api": f"api.{DOMAIN}",
            }

        async def pause():
            await asyncio.sleep(0.02)

        session = await open_session(DirectLink(host.device), LABEL, PhoneSecurity())
        return await onboard(session, Course(claim, pause, **course))


@pytest.fixture
def owner(authority, tmp_path):
    return Owner(authority, tmp_path)


async def test_a_device_connects_with_what_a_phone_brought_and_delivers(
    owner, name_server, broker_a
):
    async with owner.device() as host:
        assert (await owner.onboard(host))["state"] == "provisioned"
        async with asyncio.timeout(5):
            await host.delivered.wait()
    kinds = [event["kind"] for event in owner.events]
    assert kinds.index("device_connected") < kinds.index("provision_committed")
    assert json.loads(broker_a.received[0][1])["seq"] == 1
    # After a restart it connects by itself, with nothing to try.
    owner.events.clear()
    async with owner.device() as host:
        await broker_a.until(lambda: len(broker_a.connects) == 2)
        assert host.device.desk.vault.staged().credentials is None


async def test_names_that_lead_nowhere_leave_the_old_ones_in_use(
    owner, name_server, broker_a
):
    async with owner.device(trial_s_max=0.3) as host:
        await owner.onboard(host)
        host.device.leave("phone")
        owner.port = 1
        with pytest.raises(NotReadyError, match="failed"):
            await owner.onboard(host, is_fresh=True, looks_max=40)
        vault = host.device.desk.vault
        assert vault.current().names.port == PORT
        await broker_a.until(lambda: len(broker_a.connects) >= 2)
        session = await open_session(DirectLink(host.device), LABEL, PhoneSecurity())
        # The owner puts the names right, and the same key and certificate work.
        right = {"iot": {"names": [NAME], "port": PORT}, "api": f"api.{DOMAIN}"}
        await session.call(Endpoint.ENDPOINTS, {"do": "store", **right})
        await broker_a.until(lambda: vault.staged().credentials is None)
        assert vault.current().names.port == PORT


async def test_a_device_that_loses_power_on_trial_tries_again(
    owner, name_server, broker_a
):
    owner.port = 1
    async with owner.device(trial_s_max=5.0) as host:
        status = await owner.onboard(host, looks_max=0)
        assert status["state"] == "pending"
    staged = owner.folder / "staged.json"
    assert json.loads(staged.read_text())["key"]
    staged.write_text(staged.read_text().replace('"port": 1', f'"port": {PORT}'))
    async with owner.device() as host:
        async with asyncio.timeout(5):
            await host.delivered.wait()
        assert host.device.desk.vault.current().names.port == PORT
    assert not staged.exists()


async def test_a_reset_takes_the_agent_off(owner, name_server, broker_a):
    async with owner.device() as host:
        await owner.onboard(host)
        session = await open_session(DirectLink(host.device), LABEL, PhoneSecurity())
        await session.call(Endpoint.INFO, {"do": "reset", "serial": "oven-1"})
        await broker_a.until(lambda: broker_a.goodbyes == 1)
        assert not (owner.folder / "device.json").exists()
