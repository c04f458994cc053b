"""A person with a phone: the built app in a real browser, a device, a live cloud.

Bluetooth goes through the browser's own stack to a virtual radio, Wi-Fi through its
Local Network Access; the API, the issuer, DNS and the brokers are the local cloud's.
"""

import socket
import threading
import time

import pytest
from tests.pan.pan_world import DirectLink
from tests.rehearsal.browser import Air, Phone, chromium
from tests.rehearsal.companion_person import Person, inspect, spaces
from tests.rehearsal.companion_world import (
    ADDRESS,
    POP,
    FieldDevice,
    app_of,
    served,
    until,
)

from hotsite.adapters.pan_security import PhoneSecurity
from hotsite.adapters.resolver import DnsResolver
from hotsite.core.device_values import Resolved
from hotsite.faces.cli.clouds import private_cloud
from hotsite.faces.companion.relay import Upstream
from hotsite.flows.companion import open_session

pytestmark = [pytest.mark.local, pytest.mark.timeout(280)]
# A name leads to the other Region when checkers have failed three times in 30 s.
FAILOVER_MS = 150_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("companion")


@pytest.fixture(scope="module")
def local(folder):
    with private_cloud(folder, lambda _line: None) as found:
        yield found


@pytest.fixture
async def device(local, folder, request):
    serial = f"oven-{abs(hash(request.node.name)) % 10**8}"
    found = FieldDevice(local, folder, serial)
    yield found
    await found.close()


@pytest.fixture
async def person(local, device):
    """A person whose phone has Bluetooth, next to a device that is switched on."""
    air = Air()
    await device.open(air)
    with served(app_of(local, device)) as server:
        async with chromium() as browser:
            context = await browser.new_context(viewport={"width": 360, "height": 780})
            page = await context.new_page()
            found = Person(page, server, local)
            found.phone = Phone(air, device.label.name, ADDRESS)
            await found.phone.open(context, page)
            await found.sign_in()
            yield found


async def test_over_bluetooth_a_device_is_online_a_moment_later(person, device):
    began_s = time.monotonic()
    await person.chooses(device.label.qr(), "bluetooth")
    await person.is_online(device)
    took_s = time.monotonic() - began_s
    print(f"label to first telemetry over Bluetooth: {took_s:.1f} s")
    current = device.vault.current()
    assert current.names.iot[0] == f"iot.{device.local.state.domain}"
    assert device.desk.trial.site == f"iot-a.{device.local.state.domain}"
    for text in (POP, device.desk.identity.claim.secret):
        assert text not in await person.page.content()
    # Bringing it online again is told, not done.
    await person.press("Add another device")
    await person.types(device.label.qr(), "bluetooth")
    await person.sees("This device is already online")


async def test_a_wrong_code_is_said_and_the_right_one_works(person, device):
    await person.chooses("2222-2222-2222", "bluetooth")
    await person.sees("The code does not match")
    await person.press("Enter the code again")
    await person.types("7f3k 9qwd xm4t", "bluetooth")
    await person.is_online(device)


async def test_too_many_wrong_codes_say_how_long_to_wait(person, device):
    for _ in range(3):
        link = DirectLink(device.pan, "stranger")
        wrong = type(device.label)(device.serial, device.label.name, "2222-2222-2222")
        with pytest.raises(Exception, match=r"code|wait|locked"):
            await open_session(link, wrong, PhoneSecurity())
    await person.chooses(device.label.qr(), "bluetooth")
    await person.sees("Too many wrong codes")
    text = await person.page.get_by_role("alert").inner_text()
    assert "Wait" in text
    assert "seconds" in text
    await until(lambda: device.locked_s() == 0)
    await person.press("Try again")
    await person.is_online(device)


async def test_a_busy_device_is_said_and_waited_for(person, device):
    other = DirectLink(device.pan, "other phone")
    await open_session(other, device.label, PhoneSecurity())
    await person.chooses(device.label.qr(), "bluetooth")
    await person.sees("The device is busy")
    await other.close()
    await person.press("Try again")
    await person.is_online(device)


async def test_a_lost_link_is_said_and_going_on_ends_well(person, device):
    # Out of range in the middle of the handshake, and not back yet.
    person.phone.break_at = person.phone.writes + 3
    person.phone.is_in_range = True
    await person.chooses(device.label.qr(), "bluetooth")
    await person.sees("The connection to the device is gone")
    await person.press("Try again")
    await person.is_online(device)


async def test_while_the_api_is_down_nothing_is_lost(person, device, local):
    upstreams = person.server.companion.upstreams
    alive = upstreams["/v1"]
    upstreams["/v1"] = Upstream("127.0.0.1", 1, alive.context)
    await person.chooses(device.label.qr(), "bluetooth")
    await person.page.get_by_text("No answer yet. Attempt").wait_for(timeout=30_000)
    await person.sees("The service does not answer", limit_ms=120_000)
    csr = device.vault.staged().csr_pem
    upstreams["/v1"] = alive
    await person.press("Try again")
    await person.is_online(device)
    assert csr


async def test_over_the_devices_own_wifi_it_takes_two_visits(local, device):
    await device.open()
    with served(app_of(local, device)) as server:
        async with chromium(spaces(server, device)) as browser:
            context = await browser.new_context(viewport={"width": 360, "height": 780})
            page = await context.new_page()
            person = Person(page, server, local)
            await person.sign_in()
            await person.chooses(device.label.qr(), "wifi")
            await person.sees("Join the device's Wi-Fi")
            await context.grant_permissions(["local-network-access"])
            await person.press("I have joined it")
            await person.sees("Now back to the internet")
            # The browser may have ended the page meanwhile: what was done is kept.
            await page.reload()
            await person.press("Go on")
            await person.press("I am back online")
            await person.sees("Once more to the device")
            await person.press("I have joined it")
            await person.is_online(device)


async def test_without_leave_for_the_local_network_the_app_says_so(local, device):
    await device.open()
    with served(app_of(local, device)) as server:
        async with chromium(spaces(server, device)) as browser:
            context = await browser.new_context()
            person = Person(await context.new_page(), server, local)
            await person.sign_in()
            await person.chooses(device.label.qr(), "wifi")
            await person.press("I have joined it")
            await person.sees("The connection to the device is gone")


async def test_the_app_itself_is_there_without_a_network(local, device):
    await device.open()
    with served(app_of(local, device)) as server:
        async with chromium() as browser:
            context = await browser.new_context()
            page = await context.new_page()
            person = Person(page, server, local)
            await person.sign_in()
            await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
            session = await context.new_cdp_session(page)
            found = await session.send("Page.getInstallabilityErrors")
            # Pages of a test are incognito, and those alone cannot be installed.
            kinds = {error["errorId"] for error in found["installabilityErrors"]}
            assert kinds <= {"in-incognito"}, kinds
            await session.send(
                "Network.emulateNetworkConditions",
                {
                    "offline": True,
                    "latency": 0,
                    "downloadThroughput": 0,
                    "uploadThroughput": 0,
                },
            )
            await page.reload()
            await person.sees("My devices")
            await page.get_by_text("You are offline").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
async def test_every_screen_is_accessible(local, device, width, scheme):
    """Axe finds nothing; nothing is wider than the screen; screenshots are kept."""
    await device.open()
    with served(app_of(local, device)) as server:
        async with chromium(spaces(server, device)) as browser:
            context = await browser.new_context(
                viewport={"width": width, "height": 780}, color_scheme=scheme
            )
            await context.grant_permissions(["local-network-access"])
            person = Person(await context.new_page(), server, local)
            await walk(person, device, f"{width}-{scheme}")


async def walk(person, device, kind):
    page = person.page
    await page.goto(person.server.url)
    await person.sees("Bring a device online")
    await inspect(page, f"1-sign-in-{kind}")
    await person.sign_in()
    await inspect(page, f"2-home-{kind}")
    await person.chooses("7F3K", "bluetooth")
    await page.get_by_text("That is not a code of a device").wait_for()
    await inspect(page, f"3-label-{kind}")
    await person.types("2222-2222-2222", "wifi")
    await person.press("I have joined it")
    await person.sees("The code does not match")
    await inspect(page, f"4-wrong-code-{kind}")
    await person.press("Enter the code again")
    await person.types(POP, "wifi")
    await person.sees("Join the device's Wi-Fi")
    await inspect(page, f"5-join-{kind}")
    await person.press("I have joined it")
    await person.sees("Now back to the internet")
    await inspect(page, f"6-internet-{kind}")
    await page.reload()
    await person.sees("Go on with")
    await inspect(page, f"7-resume-{kind}")
    await person.press("Go on")
    await person.press("I am back online")
    await person.sees("Once more to the device")
    await person.press("I have joined it")
    await person.sees(f"{device.serial} is online")
    await inspect(page, f"8-done-{kind}")
    assert not person.complaints, person.complaints


class Detour:
    """Leads the first call past a wire that is cut when the answer comes."""

    def __init__(self, real, local, cut):
        self._real, self._cut = real, cut
        self._local, self._is_first = local, True

    async def resolve(self, name):
        if self._is_first:
            self._is_first = False
            return Resolved(self._cut.address, self._cut.address)
        return await self._real.resolve(name)


class Wire:
    """Passes one call on; the Region dies when its answer is on the way."""

    address = "127.0.9.9"

    def __init__(self, local):
        self._local = local
        self._listener = socket.create_server((self.address, local.state.https_port))
        self.is_cut = threading.Event()
        self._thread = threading.Thread(target=self._pass_on, daemon=True)
        self._thread.start()

    def close(self):
        self._listener.close()

    def _pass_on(self):
        caller, _ = self._listener.accept()
        state = self._local.state
        site = socket.create_connection((state.sites[0].address, state.https_port))
        # A handshake's share is some 600 bytes up, and tickets of 500 down; the claim
        # has a token and a request, its answer two certificates.
        sent = threading.Event()

        def up():
            count = 0
            while data := caller.recv(65_536):
                count += len(data)
                site.sendall(data)
                if count > 1_200:
                    sent.set()

        threading.Thread(target=up, daemon=True).start()
        while data := site.recv(65_536):
            if sent.is_set() and len(data) > 1_000:
                self._local.fault("kill", "a")
                self.is_cut.set()
                break
            caller.sendall(data)
        for one in (caller, site):
            one.shutdown(socket.SHUT_RDWR)
            one.close()


async def test_a_region_that_dies_with_the_answer_costs_nothing(person, device, local):
    upstreams = person.server.companion.upstreams
    alive = upstreams["/v1"]
    wire = Wire(local)
    real = DnsResolver(local.state.dns_address, local.state.dns_port)
    detour = Detour(real, local, wire)
    # Signing in has asked for the list of devices: only the claim takes the detour.
    upstreams["/v1"] = Upstream(alive.name, alive.port, alive.context, detour)
    device.dead = frozenset({local.state.sites[0].region})
    began_s = time.monotonic()
    await person.chooses(device.label.qr(), "bluetooth")
    await person.page.get_by_text("another Region may take over").wait_for(
        timeout=60_000
    )
    assert wire.is_cut.is_set()
    await person.is_online(device, limit_ms=FAILOVER_MS)
    print(f"label to telemetry past a dead Region: {time.monotonic() - began_s:.1f} s")
    assert device.desk.trial.site == f"iot-b.{local.state.domain}"
    wire.close()
