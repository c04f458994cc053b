"""A person with a phone carries firmware: the app in a real browser, a real device.

The device verifies a repository that is really signed, with its slots on disk. The API
is a small one over TLS that serves the same bytes by the same code as a site's, so no
cloud is needed; whoever opens the app is signed in already.
"""

import contextlib
import json
import random
import ssl
import time

import pytest
from tests.agent.authority import Authority
from tests.firmware_site import Where, site
from tests.firmware_world import Device, Signer
from tests.pan.pan_world import LABEL, DirectLink, make_device
from tests.pan.pan_world import Authority as Issuer
from tests.rehearsal.browser import Air, Phone, chromium
from tests.rehearsal.companion_person import Person, inspect, spaces
from tests.rehearsal.companion_world import ADDRESS, served
from tests.sample_firmware import image

from hotsite.adapters.clock import SystemClock
from hotsite.adapters.pan_bumble import BumbleDoor
from hotsite.adapters.pan_http import HttpDoor
from hotsite.adapters.pan_security import PhoneSecurity
from hotsite.core.companion import AppConfig
from hotsite.core.pan import Endpoint
from hotsite.faces.companion.relay import Upstream
from hotsite.faces.companion.server import Companion
from hotsite.flows.companion import open_session

pytestmark = pytest.mark.timeout(200)
API, PORT = "127.0.32.9", 18449
IMAGE_BYTES = 256 * 1024
# With a real browser, its Bluetooth stack and a virtual radio on one machine.
CARRY_S_MAX = 5.0
DONE = "The new firmware is on the device"


class NearDevice:
    """A device that runs 1.0.0 and answers phones."""

    def __init__(self, folder, root):
        self.kit = Device(folder / "slots", root, bytes_max=2 * IMAGE_BYTES)
        (folder / "vault").mkdir()
        courier = self.kit.courier()
        self.pan = make_device(folder / "vault", SystemClock(), firmware=courier)
        self.door = HttpDoor(self.pan)
        self._radio = None

    @property
    def port(self):
        return self.door.port

    async def open(self, air):
        await self.door.open("127.0.0.1", 0)
        self._radio = BumbleDoor(self.pan, interval_ms=20)
        await self._radio.use(air.device(LABEL.name, ADDRESS))

    async def provision(self):
        """Give it a certificate, as another phone did some other day."""
        link = DirectLink(self.pan, "another phone")
        session = await open_session(link, LABEL, PhoneSecurity())
        request = await session.call(Endpoint.CSR, {"do": "make"})
        stored = {"do": "store", "answer": Issuer().answer(request)}
        await session.call(Endpoint.CREDENTIALS, stored)
        self.pan.desk.vault.promote()
        await link.close()

    async def close(self):
        await self._radio.close()
        await self.door.close()


class World:
    """A signed release, its API, a device, and who serves the app."""

    def __init__(self, folder):
        content = random.Random(7).randbytes(IMAGE_BYTES)
        self.signer = Signer(folder / "release").begin()
        self.signer.release(image(content), content)
        self.device = NearDevice(folder, self.signer.root())
        self.air = Air()
        authority = Authority(folder)
        context = ssl.create_default_context(cafile=str(authority.path))
        self.upstream = Upstream("api.hotsite.test", PORT, context, Where(api=API))
        self.site = site(self.signer.folder, authority, API, port=PORT)

    def app(self):
        config = AppConfig(
            ".",
            "./authorize",
            "./token",
            "app",
            "s",
            f"http://127.0.0.1:{self.device.port}",
        )
        return Companion(config, upstreams={"/v1": self.upstream})


@pytest.fixture
async def world(tmp_path):
    found = World(tmp_path)
    await found.device.open(found.air)
    with found.site as asked:
        found.asked = asked
        yield found
    await found.device.close()


@contextlib.asynccontextmanager
async def opened(world, width=360, scheme="light"):
    """Open the app on a phone with Bluetooth, near the device."""
    with served(world.app()) as server:
        async with chromium(spaces(server, world.device)) as browser:
            context = await browser.new_context(
                viewport={"width": width, "height": 780}, color_scheme=scheme
            )
            await context.grant_permissions(["local-network-access"])
            token = {"token": "a-token", "untilMs": (time.time() + 3600) * 1000}
            said = json.dumps(json.dumps(token))
            script = f"sessionStorage.setItem('hotsite.token', {said})"
            page = await context.new_page()
            await page.add_init_script(script)
            person = Person(page, server)
            person.phone = Phone(world.air, LABEL.name, ADDRESS)
            await person.phone.open(context, page)
            await page.goto(server.url)
            await person.sees("My devices")
            yield person


async def wants_update(person, way):
    await person.press("Update a device near you")
    await person.types(LABEL.qr(), way)


async def test_256_kb_over_bluetooth(world):
    async with opened(world) as person:
        await person.press("Update a device near you")
        await person.page.get_by_label("Code on the label").fill(LABEL.qr())
        began_s = time.monotonic()
        await person.page.locator("[data-way=bluetooth]").click()
        await person.sees(DONE)
        took_s = time.monotonic() - began_s
        print(f"256 KB of firmware through the app over Bluetooth: {took_s:.1f} s")
        await person.page.get_by_text("Until then 1.0.0 runs").wait_for()
        assert world.device.kit.finish().version == "1.1.0"
        assert all("authorization" not in str(one) for one in world.asked)
        assert not person.complaints, person.complaints
    assert took_s <= CARRY_S_MAX


async def test_after_adding_a_device_its_firmware_is_one_press_away(world):
    await world.device.provision()
    async with opened(world) as person:
        await person.chooses(LABEL.qr(), "bluetooth")
        await person.sees("This device is already online")
        await person.press("Update its firmware")
        await person.sees(DONE)
        await person.press("My devices")
        await wants_update(person, "bluetooth")
        await person.sees(DONE)
        await person.page.get_by_text("Until then 1.0.0 runs").wait_for()
        assert world.device.kit.finish().version == "1.1.0"


async def test_a_lost_link_goes_on_where_it_was(world):
    async with opened(world) as person:
        phone = person.phone
        phone.break_at = 3
        await wants_update(person, "bluetooth")
        await person.sees("The connection to the device is gone")
        # Once more in the middle of the image: that one the app mends by itself.
        phone.break_at = phone.writes + 300
        await person.press("Try again")
        await person.sees(DONE)
        assert phone.writes > phone.break_at
        # Once over the whole of it, and a handshake or two.
        assert phone.writes < IMAGE_BYTES // 458 + 120
        assert world.device.kit.finish().version == "1.1.0"


async def test_while_the_api_is_away_the_device_keeps_what_it_has(world):
    async with opened(world) as person:
        upstreams = person.server.companion.upstreams
        alive = upstreams["/v1"]
        upstreams["/v1"] = Upstream("127.0.0.1", 1, alive.context)
        await wants_update(person, "bluetooth")
        await person.page.get_by_text("another Region may take over").wait_for()
        await person.sees("The service does not answer", limit_ms=120_000)
        upstreams["/v1"] = alive
        await person.press("Try again")
        await person.sees(DONE)


@pytest.mark.parametrize(
    ("width", "scheme"), [(360, "light"), (1440, "light"), (360, "dark")]
)
async def test_every_screen_by_the_devices_own_wifi(world, width, scheme):
    kind = f"{width}-{scheme}"
    target = next((world.signer.folder / "targets").rglob("*.bin"))
    good = target.read_bytes()
    target.write_bytes(good[:-1] + b"?")
    async with opened(world, width, scheme) as person:
        page = person.page
        await inspect(page, f"firmware-1-home-{kind}")
        await person.press("Update a device near you")
        await inspect(page, f"firmware-2-label-{kind}")
        await person.types(LABEL.qr(), "wifi")
        await person.sees("Join the device's Wi-Fi")
        await inspect(page, f"firmware-3-join-{kind}")
        count = len(world.asked)
        await person.press("I have joined it")
        await page.get_by_text("of 262,144 bytes").wait_for()
        await inspect(page, f"firmware-4-bring-{kind}")
        await person.sees("The device refused the firmware")
        await page.get_by_text("A file is not what was signed").wait_for()
        await inspect(page, f"firmware-5-refused-{kind}")
        # By the device's Wi-Fi there is no internet: nothing is fetched there.
        assert len(world.asked) == count
        target.write_bytes(good)
        await person.press("Try again")
        await person.sees("Back to the internet")
        await inspect(page, f"firmware-6-internet-{kind}")
        await person.press("I am back online")
        await person.press("I have joined it")
        await person.sees(DONE)
        await inspect(page, f"firmware-7-done-{kind}")
        assert world.device.kit.finish().version == "1.1.0"
        assert not person.complaints, person.complaints
