"""Somebody with the app open, and what is looked at on each of its screens."""

import json
from pathlib import Path

from playwright.async_api import TimeoutError as PlaywrightTimeoutError

ROOT = Path(__file__).parents[2]
AXE = ROOT / "companion" / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = ROOT / "build" / "companion"


class Person:
    """Somebody with the app open, signed in, and what the browser complained about."""

    def __init__(self, page, server, local=None):
        self.page, self.server, self._local = page, server, local
        self.complaints = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)

    def _hear(self, message):
        # A request that failed is said on the screen, and is not the app's fault.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    async def sign_in(self):
        state = self._local.state
        await self.page.goto(self.server.url)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.get_by_label("User name").fill(state.username)
        await self.page.get_by_label("Password").fill(state.password)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.sees("My devices")
        await self.page.get_by_text("One moment").wait_for(state="hidden")

    async def sees(self, text, *, role="heading", limit_ms=30_000):
        where = self.page.get_by_role(role, name=text)
        try:
            await where.wait_for(timeout=limit_ms)
        except PlaywrightTimeoutError:
            shown = await self.page.locator("body").inner_text()
            raise AssertionError(
                f"not seen: {text}\n{shown}\n{self.complaints}"
            ) from None

    async def press(self, name):
        await self.page.get_by_role("button", name=name).click()

    async def chooses(self, code, way):
        await self.press("Add a device")
        await self.types(code, way)

    async def types(self, code, way):
        await self.page.get_by_label("Code on the label").fill(code)
        await self.page.locator(f"[data-way={way}]").click()

    async def is_online(self, device, limit_ms=60_000):
        await self.sees(f"{device.serial} is online", limit_ms=limit_ms)
        assert (await device.readings())[0].data == '{"temperature":21.5}'
        assert not self.complaints, self.complaints


def spaces(server, device):
    """Return the flag by which the app is on the internet, the device on a network."""
    app, there = f"127.0.0.1:{server.server_port}", f"127.0.0.1:{device.port}"
    return f"--ip-address-space-overrides={app}=public,{there}=local"


async def inspect(page, name):
    """Axe finds nothing; nothing is wider than the screen; a screenshot is kept."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SHOTS / f"{name}.png", full_page=True)
    wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{name}: {wide} px wider than the screen"
    await page.evaluate(AXE.read_text())
    found = json.loads(await page.evaluate("axe.run().then((r) => JSON.stringify(r))"))
    said = [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]]
    assert not said, f"{name}: {said}"
