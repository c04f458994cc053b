"""``ports.pan.Reach`` over the system's Bluetooth LE, with bleak."""

import asyncio
from uuid import UUID

from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from hotsite.core.label import Label
from hotsite.core.pan import SERVICE_UUID, Endpoint
from hotsite.errors import UnreachableError

_DESCRIPTION = str(UUID("00002901-0000-1000-8000-00805f9b34fb"))


class BleakReach:
    """Implements ``ports.pan.Reach``."""

    async def connect(self, label: Label, *, patience_s: float = 15.0) -> "BleakLink":
        """Look for a device by its name, and connect."""

        def is_wanted(device: BLEDevice, said: AdvertisementData) -> bool:
            return label.name in {said.local_name, device.name}

        try:
            found = await BleakScanner.find_device_by_filter(
                is_wanted, timeout=patience_s, service_uuids=[SERVICE_UUID]
            )
            if found is None:
                raise UnreachableError(f"{label.name} is not near")
            client = BleakClient(found, timeout=patience_s)
            await client.connect()
            return BleakLink(client, await _places(client))
        except (BleakError, OSError, TimeoutError) as error:
            raise UnreachableError(f"Bluetooth: {label.name}: {error}") from error

    async def close(self) -> None:
        """Do nothing: links are closed one by one."""


class BleakLink:
    """Implements ``ports.pan.Link``."""

    def __init__(
        self, client: BleakClient, places: dict[str, BleakGATTCharacteristic]
    ) -> None:
        self._client, self._places = client, places

    async def exchange(self, endpoint: Endpoint, value: bytes) -> bytes:
        """Return the device's answer."""
        place = self._places.get(endpoint.word)
        if place is None:
            raise UnreachableError(f"the device has no endpoint {endpoint.word}")
        try:
            await self._client.write_gatt_char(place, value, response=True)
            return bytes(await self._client.read_gatt_char(place))
        except (BleakError, OSError, TimeoutError) as error:
            raise UnreachableError(f"the link is lost: {error}") from error

    async def close(self) -> None:
        """Disconnect, if that has not happened."""
        try:
            await asyncio.wait_for(self._client.disconnect(), 5.0)
        except (BleakError, OSError, TimeoutError):
            return


async def _places(client: BleakClient) -> dict[str, BleakGATTCharacteristic]:
    """Return the characteristics by what their 0x2901 says."""
    service = client.services.get_service(SERVICE_UUID)
    if service is None:
        raise UnreachableError("the device has no service of ours")
    places = {}
    for place in service.characteristics:
        for descriptor in place.descriptors:
            if descriptor.uuid == _DESCRIPTION:
                said = await client.read_gatt_descriptor(descriptor.handle)
                places[bytes(said).decode("ascii", "replace")] = place
    return places
