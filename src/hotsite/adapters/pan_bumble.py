"""Carry the PAN protocol over Bluetooth LE with bumble: a GATT server of our own.

The controller is any of bumble's transports: a USB dongle, a UART, an HCI socket, or
the simulated air of tests. It decides nothing.
"""

from typing import TYPE_CHECKING

from bumble import att
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, CharacteristicValue, Descriptor, Service
from bumble.hci import Address
from bumble.transport import open_transport

from hotsite.core.label import device_name
from hotsite.core.pan import SERVICE_UUID, VALUE_BYTES_MAX, Endpoint
from hotsite.errors import HotsiteError, RefusedError, RetryableError, UnreachableError
from hotsite.ports.pan import PanServer

if TYPE_CHECKING:
    from bumble.transport.common import Transport

DESCRIPTION = UUID.from_16_bits(0x2901)
NO_SESSION, NO_MESSAGE, NOT_STORED = 0x80, 0x81, 0x82
_INTERVAL_MS = 100.0


class BumbleDoor:
    """One device's GATT server."""

    def __init__(self, device: PanServer, *, interval_ms: float = _INTERVAL_MS) -> None:
        """Make a server, without a controller yet.

        Args:
            device: Who answers.
            interval_ms: Time between two advertisements, 20 to 10,240.
        """
        self._device = device
        self._interval_ms = interval_ms
        self._answers: dict[tuple[int, Endpoint], bytes] = {}
        self._transport: Transport | None = None
        self._radio: Device | None = None

    async def open(self, transport: str) -> None:
        """Take a controller and advertise.

        Args:
            transport: As bumble names them, for example ``usb:0``.

        Raises:
            UnreachableError: There is no such controller.
        """
        name = device_name(self._device.identity.serial)
        try:
            self._transport = await open_transport(transport)
        except Exception as error:  # Each of its drivers has its own.
            raise UnreachableError(f"Bluetooth {transport}: {error}") from error
        source, sink = self._transport.source, self._transport.sink
        address = Address.generate_static_address()
        await self.use(Device.with_hci(name, address, source, sink))

    async def use(self, radio: Device) -> None:
        """Advertise with a host that there is already."""
        self._radio = radio
        characteristics = [self._characteristic(endpoint) for endpoint in Endpoint]
        radio.add_service(Service(UUID(SERVICE_UUID), characteristics))
        radio.on(Device.EVENT_CONNECTION, self._greet)
        await radio.power_on()
        await self.advertise()

    async def advertise(self) -> None:
        """Say that the device is here; one connection ends it until it is over."""
        if self._radio is None:
            return
        name = device_name(self._device.identity.serial).encode("ascii")
        service = AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS
        flags = (AdvertisingData.FLAGS, bytes((0x06,)))
        uuid = (service, UUID(SERVICE_UUID).to_bytes())
        said = AdvertisingData([flags, uuid])
        answer = AdvertisingData([(AdvertisingData.COMPLETE_LOCAL_NAME, name)])
        await self._radio.start_advertising(
            auto_restart=True,
            advertising_data=bytes(said),
            scan_response_data=bytes(answer),
            advertising_interval_min=self._interval_ms,
            advertising_interval_max=self._interval_ms,
        )

    async def hush(self) -> None:
        """Say nothing any more; who is connected stays."""
        if self._radio is not None:
            await self._radio.stop_advertising()

    async def close(self) -> None:
        """Give the controller back."""
        if self._radio is not None:
            await self._radio.power_off()
        if self._transport is not None:
            await self._transport.close()

    def _greet(self, connection: Connection) -> None:
        def leave(_reason: int) -> None:
            self._device.leave(_peer(connection))
            for key in [key for key in self._answers if key[0] == connection.handle]:
                del self._answers[key]

        connection.on(Connection.EVENT_DISCONNECTION, leave)

    def _characteristic(self, endpoint: Endpoint) -> Characteristic[bytes]:
        def write(connection: Connection, value: bytes) -> None:
            self._write(endpoint, connection, bytes(value))

        def read(connection: Connection) -> bytes:
            return self._answers.get((connection.handle, endpoint), b"")

        return Characteristic(
            UUID(endpoint.uuid),
            Characteristic.Properties.READ | Characteristic.Properties.WRITE,
            Characteristic.Permissions.READABLE | Characteristic.Permissions.WRITEABLE,
            CharacteristicValue(read=read, write=write),
            [
                Descriptor(
                    DESCRIPTION,
                    Characteristic.Permissions.READABLE,
                    endpoint.word.encode("ascii"),
                )
            ],
        )

    def _write(self, endpoint: Endpoint, connection: Connection, value: bytes) -> None:
        key = (connection.handle, endpoint)
        self._answers.pop(key, None)
        if len(value) > VALUE_BYTES_MAX:
            raise att.ATT_Error(att.ErrorCode.INVALID_ATTRIBUTE_LENGTH)
        try:
            peer = _peer(connection)
            self._answers[key] = self._device.handle(endpoint.word, value, peer=peer)
        except HotsiteError as error:
            code = NO_MESSAGE
            if isinstance(error, RefusedError):
                code = NO_SESSION
            elif isinstance(error, RetryableError):
                code = NOT_STORED
            raise att.ATT_Error(att.ErrorCode(code)) from error


def _peer(connection: Connection) -> str:
    return f"ble {connection.handle}"
