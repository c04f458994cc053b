"""A live local cloud, the companion app, and devices that a person may add."""

import argparse
import asyncio
import contextlib
import json
import threading

from hotsite.adapters.aws.hot_series import HotSeries
from hotsite.adapters.clock import SystemClock
from hotsite.adapters.pan_bumble import BumbleDoor
from hotsite.adapters.pan_http import HttpDoor
from hotsite.adapters.pan_security import DeviceSecurity, make_verifier
from hotsite.adapters.pan_vault import DirectoryVault
from hotsite.core.label import Label, device_name
from hotsite.core.onboarding import claim_of
from hotsite.core.provisioning import DeviceIdentity
from hotsite.core.series import Window
from hotsite.device import Agent
from hotsite.faces.cli import localclaim
from hotsite.faces.cli.companionserve import of_local
from hotsite.faces.companion.server import Server
from hotsite.flows.pan import PanDevice
from hotsite.flows.pan_endpoints import Desk

POP = "7F3K-9QWD-XM4T"
ADDRESS = "F0:F1:F2:F3:F4:F5"
_SALT, _VERIFIER = make_verifier("hotsite", POP, bytes(range(1, 17)))
_CONNECT_S_MAX = 60.0


@contextlib.contextmanager
def served(companion):
    """Serve an app on a port of its own."""
    with Server(companion, "127.0.0.1", 0) as server:
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}
        )
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def app_of(local, device=None):
    """Return the app of a cloud; a device's own Wi-Fi is a port on loopback."""
    if device is None:
        return of_local(local)
    return of_local(local, soft_ap=f"http://127.0.0.1:{device.port}")


class FieldDevice:
    """A device with its claim, which connects by itself once it can."""

    def __init__(self, local, folder, serial):
        self.local, self.serial = local, serial
        path = folder / f"{serial}.claim.json"
        localclaim.make(local, argparse.Namespace(id=serial, out=path))
        claim = claim_of(json.loads(path.read_text()), where=str(path))
        identity = DeviceIdentity(
            serial, "reference", local.state.domain, claim, _SALT, _VERIFIER
        )
        state = local.state
        resolver = {"address": state.dns_address, "port": state.dns_port}
        self.vault = DirectoryVault(folder / serial, {"resolver": resolver})
        self.vault.folder.mkdir()
        self._wake = asyncio.Event()
        self.desk = Desk(
            identity, self.vault, DeviceSecurity(), on_change=self._wake.set
        )
        self.pan = PanDevice(self.desk, clock=SystemClock())
        self.label = Label(serial, device_name(serial), POP)
        self.door = HttpDoor(self.pan)
        self._radio = None
        self._agent = None
        # Regions that were killed, and answer nobody.
        self.dead = frozenset()

    @property
    def port(self):
        return self.door.port

    async def open(self, air=None):
        """Answer over HTTP, and over the air if there is one."""
        await self.door.open("127.0.0.1", 0)
        if air is not None:
            self._radio = BumbleDoor(self.pan, interval_ms=20)
            await self._radio.use(air.device(self.label.name, ADDRESS))
        self._agent = asyncio.create_task(self._live())

    async def close(self):
        self._agent.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._agent
        if self._radio is not None:
            await self._radio.close()
        await self.door.close()

    async def _live(self):
        """Try what is staged; once connected, use it and send a reading."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self.vault.staged().credentials is None:
                continue
            self.desk.trial.begin()
            async with Agent(self.vault.lay_out()) as agent:
                try:
                    async with asyncio.timeout(_CONNECT_S_MAX):
                        await until(lambda a=agent: a.site)
                except TimeoutError:
                    self.desk.trial.fail("no site answers")
                    continue
                self.vault.promote()
                self.desk.trial.connect(self._own_name(agent.site))
                await agent.publish({"temperature": 21.5})
                await agent.delivered()

    def _own_name(self, site):
        """Return the owner's name of a site; the chain of names ends at AWS's."""
        for one in self.local.state.sites:
            if one.region in site:
                return f"iot-{one.letter}.{self.local.state.domain}"
        raise AssertionError(site)

    def locked_s(self):
        """Return what the device says to everybody: how long it takes no code."""
        said = self.pan.handle("proto-ver", b"---", peer="passer-by")
        return json.loads(said)["hotsite"]["locked_s"]

    async def readings(self):
        """Return what has arrived of it in a hot store, once something has."""
        async with asyncio.timeout(_CONNECT_S_MAX):
            while True:
                for site in self.local.state.sites:
                    if site.region not in self.dead:
                        rows = await asyncio.to_thread(self._rows, site.region)
                        if rows:
                            return rows
                await asyncio.sleep(0.1)

    def _rows(self, region):
        client = self.local.client("dynamodb", region)
        table = HotSeries(client, self.local.state.tables.telemetry)
        return table.read(self.serial, Window()).rows


async def until(condition):
    """Wait until something holds."""
    while not condition():  # noqa: ASYNC110 - what is looked at tells nobody
        await asyncio.sleep(0.02)
