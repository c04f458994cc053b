"""``ports.pan.Reach`` over Bluetooth LE with bumble: a central of our own.

For the simulated air of tests and factories, and for a controller that nobody else
uses; the system's Bluetooth is reached by ``pan_bleak``.
"""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from bumble import att
from bumble.core import UUID, AdvertisingData, BaseBumbleError
from bumble.device import Advertisement, Connection, Device, Peer
from bumble.gatt import GATT_DEVICE_NAME_CHARACTERISTIC
from bumble.gatt_client import CharacteristicProxy
from bumble.hci import Address
from bumble.transport import open_transport
from bumble.transport.common import Transport

from hotsite.adapters.pan_bumble import DESCRIPTION, NO_SESSION
from hotsite.core.label import Label
from hotsite.core.pan import SERVICE_UUID, Endpoint
from hotsite.errors import UnreachableError

_MTU = 517
_PATIENCE_S = 10.0
_SERVICE = UUID(SERVICE_UUID)
_UUIDS = AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS
_Value = TypeVar("_Value")


class BumbleReach:
    """Implements ``ports.pan.Reach``."""

    def __init__(self, radio: Device, transport: Transport | None = None) -> None:
        self._radio, self._transport = radio, transport

    @classmethod
    async def open(cls, transport: str) -> "BumbleReach":
        """Take a controller.

        Args:
            transport: As bumble names them, for example ``usb:0``.

        Raises:
            UnreachableError: There is no such controller.
        """
        try:
            opened = await open_transport(transport)
        except Exception as error:  # Each of its drivers has its own.
            raise UnreachableError(f"Bluetooth {transport}: {error}") from error
        radio = Device.with_hci(
            "hotsite", Address.generate_static_address(), opened.source, opened.sink
        )
        await radio.power_on()
        return cls(radio, opened)

    async def connect(self, label: Label, *, patience_s: float = 10.0) -> "BumbleLink":
        """Look for a device by its name, and connect.

        A name comes with the scan response, which is not always heard (and never on
        bumble's simulated air): a device of ours without one is asked for it.
        """
        strangers: set[Address] = set()
        try:
            async with asyncio.timeout(patience_s):
                while True:
                    address, is_named = await self._find(label.name, strangers)
                    link = await self._open(address)
                    if is_named or await link.name() == label.name:
                        return link
                    strangers.add(address)
                    await link.close()
        except TimeoutError as error:
            raise UnreachableError(f"{label.name} is not near") from error

    async def close(self) -> None:
        """Give the controller back."""
        await self._radio.power_off()
        if self._transport is not None:
            await self._transport.close()

    async def _find(self, name: str, strangers: set[Address]) -> tuple[Address, bool]:
        """Return an address, and whether the name was heard."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[tuple[Address, bool]] = loop.create_future()

        def look(advertisement: Advertisement) -> None:
            data, address = advertisement.data, advertisement.address
            said = data.get(AdvertisingData.COMPLETE_LOCAL_NAME)
            is_ours = any(
                isinstance(uuids, list) and _SERVICE in uuids
                for uuids in data.get_all(_UUIDS)
            )
            is_open = said is None and is_ours and address not in strangers
            if (said == name or is_open) and not found.done():
                found.set_result((address, said is not None))

        self._radio.on(Device.EVENT_ADVERTISEMENT, look)
        try:
            await self._radio.start_scanning()
            return await found
        finally:
            self._radio.remove_listener(Device.EVENT_ADVERTISEMENT, look)
            await self._radio.stop_scanning()

    async def _open(self, address: Address) -> "BumbleLink":
        peer = Peer(await _within(_PATIENCE_S, self._radio.connect(address)))
        return BumbleLink(peer, await _within(_PATIENCE_S, _discover(peer)))


class BumbleLink:
    """Implements ``ports.pan.Link``."""

    def __init__(
        self, peer: Peer, places: dict[str, CharacteristicProxy[bytes]]
    ) -> None:
        self._peer, self._places = peer, places
        self._is_lost = False
        peer.connection.on(Connection.EVENT_DISCONNECTION, self._lose)

    async def exchange(self, endpoint: Endpoint, value: bytes) -> bytes:
        """Return the device's answer."""
        place = self._places.get(endpoint.word)
        if place is None:
            raise UnreachableError(f"the device has no endpoint {endpoint.word}")
        if self._is_lost:
            raise UnreachableError("the link is lost")
        work = self._peer.connection.cancel_on_disconnection(
            self._exchange(place, value)
        )
        return await _within(_PATIENCE_S, work)

    async def name(self) -> str:
        """Return what the device calls itself."""
        read = self._peer.read_characteristics_by_uuid(GATT_DEVICE_NAME_CHARACTERISTIC)
        values = await _within(_PATIENCE_S, read)
        return bytes(values[0]).decode("utf-8", "replace") if values else ""

    async def close(self) -> None:
        """Disconnect, if that has not happened."""
        try:
            await asyncio.wait_for(self._peer.connection.disconnect(), 5.0)
        except (BaseBumbleError, TimeoutError):
            return

    def _lose(self, _reason: int) -> None:
        self._is_lost = True

    async def _exchange(self, place: CharacteristicProxy[bytes], value: bytes) -> bytes:
        await place.write_value(value, with_response=True)
        return bytes(await place.read_value())


async def _discover(peer: Peer) -> dict[str, CharacteristicProxy[bytes]]:
    """Return the characteristics by what their 0x2901 says."""
    await peer.request_mtu(_MTU)
    services = await peer.discover_service(_SERVICE)
    if not services:
        raise UnreachableError("the device has no service of ours")
    places = {}
    for place in await peer.discover_characteristics(service=services[0]):
        await place.discover_descriptors()
        said = place.get_descriptor(DESCRIPTION)
        if said is not None:
            places[bytes(await said.read_value()).decode("ascii", "replace")] = place
    return places


async def _within(patience_s: float, work: Awaitable[_Value]) -> _Value:
    try:
        return await asyncio.wait_for(work, patience_s)
    except att.ATT_Error as error:
        what = "knows no session" if error.error_code == NO_SESSION else str(error)
        raise UnreachableError(f"the device {what}") from error
    except (BaseBumbleError, asyncio.CancelledError, TimeoutError) as error:
        if isinstance(error, asyncio.CancelledError) and _is_ours():
            raise
        raise UnreachableError(f"the link is lost: {error!r}") from error


def _is_ours() -> bool:
    """Say whether this task itself is cancelled, rather than what it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
