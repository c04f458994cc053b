"""Carry the PAN protocol over Bluetooth LE with BlueZ: a GATT application on D-Bus.

For Linux devices whose adapter belongs to the system. BlueZ has the radio, advertises
and takes values apart; it decides nothing here either.
https://github.com/bluez/bluez/tree/master/doc (org.bluez.GattManager, .Gatt*,
.LEAdvertisingManager) names the interfaces.
"""

from typing import Annotated

from dbus_fast import BusType, DBusError, Message, MessageType, PropertyAccess, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import (
    DBusBool,
    DBusBytes,
    DBusDict,
    DBusObjectPath,
    DBusSignature,
    DBusStr,
)
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

from hotsite.core.label import device_name
from hotsite.core.pan import SERVICE_UUID, VALUE_BYTES_MAX, Endpoint
from hotsite.errors import HotsiteError, RefusedError, RetryableError, UnreachableError
from hotsite.ports.pan import PanServer

_BLUEZ, _ROOT = "org.bluez", "/com/hotsite/pan"
_SERVICE, _ADVERTISEMENT = f"{_ROOT}/service", f"{_ROOT}/advertisement"
_OBJECTS = "org.freedesktop.DBus.ObjectManager"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_DESCRIPTION = "00002901-0000-1000-8000-00805f9b34fb"
_READ = PropertyAccess.READ
_Strings = Annotated[list[str], DBusSignature("as")]
# BlueZ hands a number in the message on as ATT's error code (doc, WriteValue).
_FAILED = "org.bluez.Error.Failed"


class BluezDoor:
    """One device's GATT application."""

    def __init__(self, device: PanServer) -> None:
        self._device = device
        self._bus: MessageBus | None = None
        self._adapter = ""

    async def open(self, adapter: str) -> None:
        """Register the application, and advertise.

        Args:
            adapter: ``bluez``, or ``bluez:hci1`` for one adapter of several.

        Raises:
            UnreachableError: BlueZ is not there, has no such adapter, or says no.
        """
        wanted = adapter.partition(":")[2]
        name = device_name(self._device.identity.serial)
        try:
            self._bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
            self._adapter = await self._find(wanted)
            self._export(name)
            await self._watch()
            manager = {"GattManager1": _ROOT, "LEAdvertisingManager1": _ADVERTISEMENT}
            for interface, path in manager.items():
                what = interface.removesuffix("Manager1").removeprefix("LE")
                member = {"Gatt": "RegisterApplication"}.get(
                    what, "RegisterAdvertisement"
                )
                await self._call(
                    self._adapter, f"{_BLUEZ}.{interface}", member, "oa{sv}", path, {}
                )
        except (DBusError, OSError, EOFError) as error:
            raise UnreachableError(f"BlueZ: {error}") from error

    async def close(self) -> None:
        """Leave the bus; BlueZ forgets the application."""
        if self._bus is not None:
            self._bus.disconnect()

    async def _find(self, wanted: str) -> str:
        found = await self._call("/", _OBJECTS, "GetManagedObjects", "")
        for path, interfaces in sorted(found.items()):
            is_able = f"{_BLUEZ}.GattManager1" in interfaces
            if is_able and wanted in {"", path.rpartition("/")[2]}:
                return str(path)
        raise UnreachableError(f"BlueZ has no adapter {wanted or 'at all'}")

    def _export(self, name: str) -> None:
        assert self._bus is not None  # noqa: S101 - opened by the one caller
        self._bus.export(_SERVICE, _Service())
        for number, endpoint in enumerate(Endpoint):
            path = f"{_SERVICE}/char{number}"
            self._bus.export(path, _Characteristic(self._device, endpoint))
            self._bus.export(f"{path}/name", _Description(path, endpoint))
        self._bus.export(_ADVERTISEMENT, _Advertisement(name))

    async def _watch(self) -> None:
        """Hear of connections that end."""
        assert self._bus is not None  # noqa: S101 - opened by the one caller
        self._bus.add_message_handler(self._hear)
        rule = f"type='signal',interface='{_PROPERTIES}',member='PropertiesChanged'"
        message = Message(
            destination="org.freedesktop.DBus",
            path="/org/freedesktop/DBus",
            interface="org.freedesktop.DBus",
            member="AddMatch",
            signature="s",
            body=[f"{rule},arg0='{_BLUEZ}.Device1'"],
        )
        await self._bus.call(message)

    def _hear(self, message: Message) -> None:
        if message.member != "PropertiesChanged" or len(message.body) < 2:  # noqa: PLR2004 - interface, changes
            return
        connected = message.body[1].get("Connected")
        if message.body[0] == f"{_BLUEZ}.Device1" and connected == Variant("b", False):  # noqa: FBT003 - a D-Bus value
            self._device.leave(_peer(message.path or ""))

    async def _call(
        self, path: str, interface: str, member: str, signature: str, *body: object
    ) -> dict[str, dict[str, object]]:
        assert self._bus is not None  # noqa: S101 - opened by the one caller
        message = Message(
            destination=_BLUEZ,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        reply = await self._bus.call(message)
        if reply is None or reply.message_type is MessageType.ERROR:
            why = reply.body[0] if reply is not None and reply.body else "no reply"
            raise UnreachableError(f"BlueZ: {member}: {why}")
        said: dict[str, dict[str, object]] = reply.body[0] if reply.body else {}
        return said


class _Service(ServiceInterface):
    def __init__(self) -> None:
        super().__init__(f"{_BLUEZ}.GattService1")

    @dbus_property(access=_READ, name="UUID")
    def uuid(self) -> DBusStr:
        return SERVICE_UUID

    @dbus_property(access=_READ, name="Primary")
    def primary(self) -> DBusBool:
        return True


class _Characteristic(ServiceInterface):
    def __init__(self, device: PanServer, endpoint: Endpoint) -> None:
        super().__init__(f"{_BLUEZ}.GattCharacteristic1")
        self._device, self._endpoint = device, endpoint
        self._answers: dict[str, bytes] = {}

    @dbus_property(access=_READ, name="UUID")
    def uuid(self) -> DBusStr:
        return self._endpoint.uuid

    @dbus_property(access=_READ, name="Service")
    def service(self) -> DBusObjectPath:
        return _SERVICE

    @dbus_property(access=_READ, name="Flags")
    def flags(self) -> _Strings:
        return ["read", "write"]

    @dbus_method(name="ReadValue")
    def read_value(self, options: DBusDict) -> DBusBytes:
        peer = _peer(str(_option(options, "device", "")))
        return self._answers.get(peer, b"")[_offset(options) :]

    @dbus_method(name="WriteValue")
    def write_value(self, value: DBusBytes, options: DBusDict) -> None:
        peer = _peer(str(_option(options, "device", "")))
        # One phone at a time: what another one did not read is of no use.
        self._answers.clear()
        if len(value) > VALUE_BYTES_MAX or _offset(options):
            raise DBusError(f"{_BLUEZ}.Error.InvalidValueLength", "at most 480 bytes")
        try:
            answer = self._device.handle(self._endpoint.word, bytes(value), peer=peer)
            self._answers[peer] = answer
        except HotsiteError as error:
            code = "0x81"
            if isinstance(error, RefusedError):
                code = "0x80"
            elif isinstance(error, RetryableError):
                code = "0x82"
            raise DBusError(_FAILED, code) from error


class _Description(ServiceInterface):
    def __init__(self, characteristic: str, endpoint: Endpoint) -> None:
        super().__init__(f"{_BLUEZ}.GattDescriptor1")
        self._characteristic, self._endpoint = characteristic, endpoint

    @dbus_property(access=_READ, name="UUID")
    def uuid(self) -> DBusStr:
        return _DESCRIPTION

    @dbus_property(access=_READ, name="Characteristic")
    def characteristic(self) -> DBusObjectPath:
        return self._characteristic

    @dbus_property(access=_READ, name="Flags")
    def flags(self) -> _Strings:
        return ["read"]

    @dbus_method(name="ReadValue")
    def read_value(self, options: DBusDict) -> DBusBytes:
        return self._endpoint.word.encode("ascii")[_offset(options) :]


class _Advertisement(ServiceInterface):
    def __init__(self, name: str) -> None:
        super().__init__(f"{_BLUEZ}.LEAdvertisement1")
        self._local_name = name

    @dbus_property(access=_READ, name="Type")
    def type(self) -> DBusStr:
        return "peripheral"

    @dbus_property(access=_READ, name="ServiceUUIDs")
    def service_uuids(self) -> _Strings:
        return [SERVICE_UUID]

    @dbus_property(access=_READ, name="LocalName")
    def local_name(self) -> DBusStr:
        return self._local_name

    @dbus_method(name="Release")
    def release(self) -> None:
        """Hear that BlueZ does not advertise any more."""


def _option(options: DBusDict, key: str, default: object) -> object:
    value = options.get(key)
    return value.value if isinstance(value, Variant) else default


def _offset(options: DBusDict) -> int:
    offset = _option(options, "offset", 0)
    return offset if isinstance(offset, int) else 0


def _peer(path: str) -> str:
    return f"bluez {path}"
