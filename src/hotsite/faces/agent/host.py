"""Keep one device connected with the best credentials that it has.

What a phone staged is tried; it is promoted when the device has connected with it,
and what was used before goes on until then. Nothing is decided here that a phone
could not ask for again.
"""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hotsite.adapters.pan_vault import DirectoryVault
from hotsite.core.device_values import Acknowledged, Failed, Joined, Output
from hotsite.errors import HotsiteError
from hotsite.faces.agent import lines
from hotsite.faces.agent.config import read_agent
from hotsite.faces.agent.crew import Crew
from hotsite.flows.pan import PanDevice
from hotsite.flows.pan_endpoints import Progress

TRIAL_S_MAX = 30.0
_AGAIN_S_MIN, _AGAIN_S_MAX = 15.0, 600.0


class Host:
    """One device that phones may talk to, and its agent.

    Attributes:
        device: What phones see.
        delivered: Set once a site took a message under the credentials in use.
    """

    def __init__(
        self,
        device: PanDevice,
        vault: DirectoryVault,
        tell: Callable[[lines.Event], None],
        *,
        trial_s_max: float = TRIAL_S_MAX,
    ) -> None:
        """Make a host, offline. Needs a running event loop.

        Args:
            device: What phones see.
            vault: Where the device keeps things.
            tell: Hears what happens.
            trial_s_max: How long one attempt with new credentials takes, in seconds.
        """
        self.device = device
        self._trial_s_max = trial_s_max
        self.delivered = asyncio.Event()
        self._vault, self._tell = vault, tell
        self._changed = asyncio.Event()
        self._crew: Crew | None = None
        self._work: asyncio.Task[None] | None = None
        self._joined: asyncio.Future[str] | None = None
        self._reason = "no answer in time"
        device.desk.on_change = self._changed.set

    async def run(self) -> None:
        """Connect, try what is staged, and come back; until cancelled."""
        trial, again_s = self.device.desk.trial, _AGAIN_S_MIN
        if self._vault.staged().credentials is not None:
            trial.wait()
        try:
            while True:
                self._changed.clear()
                if self._vault.staged().credentials is not None:
                    if await self._try():
                        again_s = _AGAIN_S_MIN
                        continue
                    await self._use_current()
                    if await self._is_changed(again_s):
                        again_s = _AGAIN_S_MIN
                    else:
                        again_s = min(again_s * 2, _AGAIN_S_MAX)
                    continue
                await self._use_current()
                await self._is_changed(None)
        finally:
            await self._stop()

    async def _is_changed(self, patience_s: float | None) -> bool:
        """Wait until a phone has changed something, or for a time.

        Raises:
            UnreachableError: The agent's outbox cannot be read or written.
        """
        changed = asyncio.ensure_future(self._changed.wait())
        ends: set[asyncio.Future[Any]] = {changed}
        if self._crew is not None:
            ends.add(self._crew.broken)
        try:
            await asyncio.wait(
                ends, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED
            )
            if self._crew is not None and self._crew.broken.done():
                self._crew.broken.result()
        finally:
            changed.cancel()
        return self._changed.is_set()

    async def _try(self) -> bool:
        """Connect with what is staged; promote it if that works."""
        trial = self.device.desk.trial
        await self._stop()
        trial.begin()
        self._event("provision_trial", attempt=trial.attempts)
        try:
            await self._start(self._vault.lay_out())
            site = await self._site()
        except HotsiteError as error:
            site, self._reason = None, str(error)
        if site is None:
            await self._stop()
            if trial.progress is Progress.CONNECTING:
                trial.fail(self._reason)
            self._event("provision_failed", reason=self._reason)
            return False
        self._vault.promote()
        trial.connect(site)
        self._event("provision_committed", site=site)
        return True

    async def _site(self) -> str | None:
        """Return where the device connected to; None if it did not in time."""
        changed = asyncio.ensure_future(self._changed.wait())
        assert self._joined is not None  # noqa: S101 - made by _start
        try:
            await asyncio.wait(
                (self._joined, changed),
                timeout=self._trial_s_max,
                return_when=asyncio.FIRST_COMPLETED,
            )
            return self._joined.result() if self._joined.done() else None
        finally:
            changed.cancel()

    async def _use_current(self) -> None:
        """Run the agent with what is in use, if there is anything."""
        has_current = self._vault.current() is not None
        if self._crew is None and has_current:
            await self._start(self._vault.folder / "device.json")
        elif self._crew is not None and not has_current:
            await self._stop()

    async def _start(self, path: Path) -> None:
        self._reason = "no answer in time"
        self._joined = asyncio.get_running_loop().create_future()
        self.delivered.clear()
        crew = self._crew = Crew(read_agent(path), self._hear)
        self._work = asyncio.create_task(crew.run())

    async def _stop(self) -> None:
        work, self._work = self._work, None
        crew, self._crew = self._crew, None
        if work is not None:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
        if crew is not None:
            await crew.stop()

    def _hear(self, thing: str, output: Output) -> None:
        if isinstance(output, Joined):
            if self._joined is not None and not self._joined.done():
                self._joined.set_result(output.site)
        elif isinstance(output, Failed):
            self._reason = output.reason
        elif isinstance(output, Acknowledged):
            self.delivered.set()
        event = lines.device_event(thing, output) or lines.message_event(thing, output)
        if event is not None:
            self._tell(event)

    def _event(self, kind: str, **said: object) -> None:
        serial = self.device.identity.serial
        self._tell({"kind": kind, "serial": serial, **said})
