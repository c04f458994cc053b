"""Bluetooth LE: a device and a phone on bumble's simulated air."""

import pytest
from bumble.controller import Controller
from bumble.device import Device
from bumble.hci import Address
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink
from tests.pan.pan_world import LABEL, make_device
from tests.pan.test_pan_device import Shelf, course

from hotsite.adapters.pan_bumble import BumbleDoor
from hotsite.adapters.pan_bumble_link import BumbleReach
from hotsite.adapters.pan_security import PhoneSecurity
from hotsite.core.label import Label
from hotsite.core.pan import Endpoint
from hotsite.errors import RefusedError, UnreachableError
from hotsite.flows.companion import carry, onboard, open_session


def radio(link, name, address):
    controller = Controller(name, link=link, public_address=address)
    host = Host(controller, AsyncPipeSink(controller))
    return Device(address=Address(address), host=host, name=name)


@pytest.fixture
async def air(tmp_path):
    shelf = Shelf()
    device = make_device(tmp_path, firmware=shelf)
    link = LocalLink()
    door = BumbleDoor(device, interval_ms=20)
    await door.use(radio(link, "HS-oven-1", "F0:F1:F2:F3:F4:F5"))
    phone = radio(link, "phone", "E0:E1:E2:E3:E4:E5")
    await phone.power_on()
    reach = BumbleReach(phone)
    yield device, door, reach
    await reach.close()
    await door.close()


async def test_a_device_is_found_by_name_and_provisioned(air):
    device, _, reach = air
    link = await reach.connect(LABEL)
    session = await open_session(link, LABEL, PhoneSecurity())
    assert (await onboard(session, course(device)))["state"] == "provisioned"
    await link.close()
    # The disconnection has ended the session, and the device is seen again.
    again = await reach.connect(LABEL)
    with pytest.raises(UnreachableError, match="knows no session"):
        await again.exchange(Endpoint.INFO, bytes(20))
    wrong = Label("oven-1", "HS-oven-1", "2222-2222-2222")
    with pytest.raises(RefusedError, match="code is wrong"):
        await open_session(again, wrong, PhoneSecurity())
    await again.close()


async def test_firmware_arrives_through_the_phone(air):
    device, _, reach = air
    link = await reach.connect(LABEL)
    session = await open_session(link, LABEL, PhoneSecurity())
    files = {"timestamp.json": b"{}", "image": bytes(range(256)) * 64}

    async def fetch(name):
        return files.get(name)

    assert (await carry(session, fetch))["state"] == "applied"
    assert device.desk.firmware.have == files
    await link.close()


async def test_who_is_not_near_is_not_found(air):
    _, _, reach = air
    elsewhere = Label("oven-2", "HS-oven-2", LABEL.pop)
    with pytest.raises(UnreachableError, match="not near"):
        await reach.connect(elsewhere, patience_s=0.3)


async def test_a_lost_link_is_told_as_such(air):
    _, _, reach = air
    link = await reach.connect(LABEL)
    await link.close()
    with pytest.raises(UnreachableError):
        await link.exchange(Endpoint.PROTO_VER, b"---")
