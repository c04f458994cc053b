"""A device behind BlueZ: a D-Bus of its own, and who plays BlueZ's part on it."""

import asyncio
import contextlib

import pytest
from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusDict, DBusObjectPath
from dbus_fast.service import ServiceInterface, dbus_method
from tests.pan.pan_world import LABEL, make_device
from tests.pan.test_pan_device import course

from hotsite.adapters.pan_bluez import BluezDoor
from hotsite.adapters.pan_security import PhoneSecurity
from hotsite.core.pan import SERVICE_UUID, Endpoint
from hotsite.errors import UnreachableError
from hotsite.flows.companion import WaitError, onboard, open_session

ADAPTER, PHONE = "/org/bluez/hci0", "/org/bluez/hci0/dev_E0"
OBJECTS = "org.freedesktop.DBus.ObjectManager"


class Gatt(ServiceInterface):
    def __init__(self):
        super().__init__("org.bluez.GattManager1")
        self.root = None

    @dbus_method(name="RegisterApplication")
    def register(self, path: DBusObjectPath, options: DBusDict) -> None:
        self.root = path


class Advertising(ServiceInterface):
    def __init__(self):
        super().__init__("org.bluez.LEAdvertisingManager1")
        self.path = None

    @dbus_method(name="RegisterAdvertisement")
    def register(self, path: DBusObjectPath, options: DBusDict) -> None:
        self.path = path


class Bluez:
    """BlueZ, as far as a GATT application sees it; also the phone's link."""

    def __init__(self, bus):
        self.bus, self.gatt, self.advertising = bus, Gatt(), Advertising()
        self.places, self.app, self.phone = {}, None, PHONE
        self.gone = {"Connected": Variant("b", value=False)}

    async def begin(self):
        self.bus.export(ADAPTER, self.gatt)
        self.bus.export(ADAPTER, self.advertising)
        await self.bus.request_name("org.bluez")

    async def call(self, path, interface, member, signature="", *body):
        reply = await self.bus.call(
            Message(
                destination=self.app,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=list(body),
            )
        )
        if reply.message_type is MessageType.ERROR:
            raise UnreachableError(f"{reply.error_name}: {reply.body[0]}")
        return reply.body[0] if reply.body else None

    async def look(self, app):
        """Read the application as BlueZ does, and its names as phones do."""
        self.app = app
        found = await self.call(self.gatt.root, OBJECTS, "GetManagedObjects")
        services = [
            what["org.bluez.GattService1"]["UUID"].value
            for what in found.values()
            if "org.bluez.GattService1" in what
        ]
        assert services == [SERVICE_UUID]
        for path, what in found.items():
            if "org.bluez.GattDescriptor1" in what:
                of = what["org.bluez.GattDescriptor1"]["Characteristic"].value
                interface = "org.bluez.GattDescriptor1"
                name = await self.call(path, interface, "ReadValue", "a{sv}", {})
                uuid = found[of]["org.bluez.GattCharacteristic1"]["UUID"].value
                assert Endpoint.named(name.decode()).uuid == uuid
                self.places[name.decode()] = of

    async def exchange(self, endpoint, value):
        options = {"device": Variant("o", self.phone)}
        path, interface = self.places[endpoint.word], "org.bluez.GattCharacteristic1"
        await self.call(path, interface, "WriteValue", "aya{sv}", value, options)
        whole = await self.call(path, interface, "ReadValue", "a{sv}", options)
        options["offset"] = Variant("q", 22)
        rest = await self.call(path, interface, "ReadValue", "a{sv}", options)
        assert rest == whole[22:]
        return whole

    async def close(self):
        """Tell all that the phone is gone."""
        await self.bus.send(
            Message(
                message_type=MessageType.SIGNAL,
                path=self.phone,
                interface="org.freedesktop.DBus.Properties",
                member="PropertiesChanged",
                signature="sa{sv}as",
                body=[
                    "org.bluez.Device1",
                    {"Connected": Variant("b", value=False)},
                    [],
                ],
            )
        )


@pytest.fixture
async def address(tmp_path, monkeypatch):
    place = f"unix:path={tmp_path}/bus"
    daemon = await asyncio.create_subprocess_exec(
        *("dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address"),
        f"--address={place}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await daemon.stdout.readline()
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", place)
    yield place
    with contextlib.suppress(ProcessLookupError):
        daemon.kill()
    await daemon.wait()


@pytest.fixture
async def bluez(address):
    bus = await MessageBus(bus_address=address, bus_type=BusType.SYSTEM).connect()
    played = Bluez(bus)
    await played.begin()
    yield played
    bus.disconnect()


async def test_a_device_is_provisioned_through_bluez(tmp_path, bluez):
    device = make_device(tmp_path)
    door = BluezDoor(device)
    await door.open("bluez")
    await bluez.look(door._bus.unique_name)
    properties = "org.freedesktop.DBus.Properties"
    said = await bluez.call(
        bluez.advertising.path,
        properties,
        "GetAll",
        "s",
        "org.bluez.LEAdvertisement1",
    )
    assert said["LocalName"].value == "HS-oven-1"
    session = await open_session(bluez, LABEL, PhoneSecurity())
    assert (await onboard(session, course(device)))["state"] == "provisioned"
    bluez.phone = PHONE + "_other"
    with pytest.raises(WaitError, match="busy"):
        await open_session(bluez, LABEL, PhoneSecurity())
    bluez.phone = PHONE
    await bluez.close()
    # Signals and calls of one sender arrive in order.
    with pytest.raises(UnreachableError, match="0x80"):
        await bluez.exchange(Endpoint.INFO, bytes(20))
    for value, code in ((bytes(481), "480"), (bytes(3), "0x81")):
        with pytest.raises(UnreachableError, match=code):
            await bluez.exchange(Endpoint.PROV_SESSION, value)
    await door.close()


async def test_an_adapter_that_is_not_there_is_told(tmp_path, bluez):
    with pytest.raises(UnreachableError, match="no adapter hci7"):
        await BluezDoor(make_device(tmp_path)).open("bluez:hci7")


async def test_no_bluez_is_told(tmp_path, address):
    with pytest.raises(UnreachableError, match="BlueZ"):
        await BluezDoor(make_device(tmp_path)).open("bluez")
