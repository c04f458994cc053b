"""A real Chromium without a screen, and its Bluetooth, bridged to a virtual radio.

The browser's own emulation (DevTools protocol, domain BluetoothEmulation) hands over
what a page does with GATT; a bumble central does the same with a bumble peripheral.
Nothing of the app is replaced.
"""

import asyncio
import base64
import contextlib
import shutil

from bumble import att
from bumble.controller import Controller
from bumble.core import UUID
from bumble.device import Device, Peer
from bumble.hci import Address
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink
from playwright.async_api import async_playwright

# As root in a sandbox of its own, and without calls to a browser maker's services.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-features=WebBluetooth",
)
_DESCRIPTION = "00002901-0000-1000-8000-00805f9b34fb"
_SERVICE = "427b9004-c418-4e6f-b74c-4ef4a412933f"
_CDP = "BluetoothEmulation."
_FAILED = 0x0E
_SUCCESS, _TIMEOUT = 0, 0x08
# What Chrome asks for on Android, and the longest packet of Bluetooth 4.2's radio.
_MTU, _RADIO_BYTES = 517, 251


@contextlib.asynccontextmanager
async def chromium(*flags):
    """Start a browser; the caller opens pages in it."""
    program = shutil.which("chromium")
    assert program, "chromium is missing; run: scripts/tools.sh chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program, headless=True, args=[*_FLAGS, *flags]
        )
        try:
            yield browser
        finally:
            await browser.close()


class Air:
    """The virtual radio: devices and one phone hear each other on it."""

    def __init__(self):
        self.link = LocalLink()

    def device(self, name, address):
        """Return a Bluetooth device with a controller of its own."""
        controller = Controller(name, link=self.link, public_address=address)
        controller.le_acl_data_packet_length = _RADIO_BYTES
        host = Host(controller, AsyncPipeSink(controller))
        return Device(name=name, address=Address(address), host=host)


class Phone:
    """What a page's Bluetooth reaches: one peripheral on the air."""

    def __init__(self, air, name, address):
        self._radio = air.device("phone", "E0:E1:E2:E3:E4:E5")
        self.name, self.address = name, address
        self._connection, self._peer = None, None
        self._known, self._descriptions = {}, {}
        self._answered = set()
        self._tasks = set()
        self.is_in_range = True
        self.writes = 0
        # Break the link before this write, counted from 1; never by default.
        self.break_at = 0

    async def open(self, context, page):
        """Put the peripheral where the page's Bluetooth finds it."""
        await self._radio.power_on()
        self._browser = await context.browser.new_browser_cdp_session()
        self._page = await context.new_cdp_session(page)
        for event, handle in (
            ("gattOperationReceived", self._on_gatt),
            ("characteristicOperationReceived", self._on_characteristic),
            ("descriptorOperationReceived", self._on_descriptor),
        ):
            self._browser.on(_CDP + event, lambda e, h=handle: self._start(h(e)))
        self._page.on("DeviceAccess.deviceRequestPrompted", self._on_prompt)
        await self._page.send("DeviceAccess.enable")
        await self._send("enable", state="powered-on", leSupported=True)
        await self._send(
            "simulatePreconnectedPeripheral",
            address=self.address,
            name=self.name,
            manufacturerData=[],
            knownServiceUuids=[_SERVICE],
        )

    async def drop(self):
        """Lose the link, as by walking away."""
        connection = self._connection
        # The browser hears it first: it would explore a link that is about to end.
        await self._lost(connection)
        if connection is not None:
            with contextlib.suppress(Exception):
                await connection.disconnect()

    async def _lost(self, connection):
        if connection is None or connection is not self._connection:
            return
        self._connection = self._peer = None
        with contextlib.suppress(Exception):
            await self._send("simulateGATTDisconnection", address=self.address)

    def _start(self, work):
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, command, **parameters):
        return await self._browser.send(_CDP + command, parameters)

    def _on_prompt(self, event):
        # The event comes twice, and answering twice ends the browser.
        if event["devices"] and event["id"] not in self._answered:
            self._answered.add(event["id"])
            chosen = {"id": event["id"], "deviceId": event["devices"][0]["id"]}
            self._start(self._page.send("DeviceAccess.selectPrompt", chosen))

    async def _on_gatt(self, event):
        kind, code = event["type"], _SUCCESS
        try:
            if kind == "connection":
                await self._connect()
            elif kind == "discovery":
                await self._discover()
            elif self._connection is not None:
                connection, self._connection = self._connection, None
                await connection.disconnect()
        except Exception:  # noqa: BLE001 - whatever it was, the page's link failed
            code = _TIMEOUT
        await self._send(
            "simulateGATTOperationResponse",
            address=self.address,
            type=kind,
            code=code,
        )

    async def _connect(self):
        assert self.is_in_range
        connection = await self._radio.connect(Address(self.address), timeout=3.0)
        connection.on("disconnection", lambda _: self._start(self._lost(connection)))
        peer = Peer(connection)
        await peer.request_mtu(_MTU)
        await peer.discover_services()
        await peer.discover_characteristics()
        self._connection, self._peer = connection, peer

    def _characteristics(self):
        (service,) = (s for s in self._peer.services if s.uuid == UUID(_SERVICE))
        return {str(c.uuid.to_hex_str("-")).lower(): c for c in service.characteristics}

    async def _discover(self):
        # With the link, the browser has forgotten what was there.
        service = await self._send(
            "addService", address=self.address, serviceUuid=_SERVICE
        )
        for uuid, characteristic in self._characteristics().items():
            added = await self._send(
                "addCharacteristic",
                serviceId=service["serviceId"],
                characteristicUuid=uuid,
                properties={"read": True, "write": True},
            )
            self._known[added["characteristicId"]] = uuid
            await characteristic.discover_descriptors()
            (described,) = characteristic.descriptors
            text = await described.read_value()
            made = await self._send(
                "addDescriptor",
                characteristicId=added["characteristicId"],
                descriptorUuid=_DESCRIPTION,
            )
            self._descriptions[made["descriptorId"]] = bytes(text)

    async def _on_characteristic(self, event):
        answer = {
            "characteristicId": event["characteristicId"],
            "type": event["type"],
            "code": _SUCCESS,
        }
        try:
            uuid = self._known[event["characteristicId"]]
            characteristic = self._characteristics()[uuid]
            if event["type"] == "read":
                value = bytes(await characteristic.read_value())
                answer["data"] = base64.b64encode(value).decode()
            else:
                self.writes += 1
                value = base64.b64decode(event["data"])
                if self.writes == self.break_at:
                    # The browser waits for each operation that it was told of.
                    answer["code"] = _FAILED
                    self._start(self.drop())
                else:
                    await characteristic.write_value(value, with_response=True)
        except att.ATT_Error as error:
            answer["code"] = int(error.error_code)
        except Exception:  # noqa: BLE001 - whatever it was, the operation failed
            answer["code"] = _FAILED
        with contextlib.suppress(Exception):
            await self._send("simulateCharacteristicOperationResponse", **answer)

    async def _on_descriptor(self, event):
        data = base64.b64encode(self._descriptions[event["descriptorId"]]).decode()
        await self._send(
            "simulateDescriptorOperationResponse",
            descriptorId=event["descriptorId"],
            type="read",
            code=_SUCCESS,
            data=data,
        )
