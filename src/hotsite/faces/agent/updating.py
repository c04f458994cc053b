"""Run a device that updates itself: start, be healthy or go back, ask, start again.

A life lasts from one start of the firmware to the next. What a bootloader does between
two lives of a real device happens here in between, in one process.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from hotsite.core import jobs
from hotsite.core.device_values import Acknowledged, Output
from hotsite.core.firmware import FirmwareRefusedError, Reason
from hotsite.core.jobs import Execution
from hotsite.core.slots import Boot, State
from hotsite.errors import InvalidInputError, RetryableError
from hotsite.faces.agent import lines, loop
from hotsite.faces.agent.config import AgentConfig, read_agent
from hotsite.faces.agent.crew import Crew, make_clock
from hotsite.faces.agent.firmware import Kit, open_kit
from hotsite.faces.agent.jobs import Desk
from hotsite.flows import firmware as flow

_NO_ANSWER = 3
# How often to look whether a courier has brought something meanwhile.
_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What whoever started the agent wants of it.

    Attributes:
        is_json: Whether events go to stdout as JSON.
        message_count: Ends after so many; None for no end.
        time_s_max: Gives up after so many seconds; None for never.
    """

    is_json: bool
    message_count: int | None = None
    time_s_max: float | None = None


def run(path: Path, wishes: Wishes) -> int:
    """Run the agent of a directory, through as many versions as there are.

    Args:
        path: The directory, or its ``device.json``.
        wishes: How long, and who is told.

    Returns:
        0 done or asked to stop · 3 the time was up · 130 interrupted.

    Raises:
        InvalidInputError: A configuration or one of its files is wrong.
        NotReadyError: Another process runs this device.
        UnreachableError: The outbox or the slots cannot be read or written.
    """
    config = read_agent(path)
    with open_kit(path) as kit:
        return loop.run(UpdatingDevice(config, kit, wishes).run())


class UpdatingDevice:
    """One device, through all its lives in this process."""

    def __init__(self, config: AgentConfig, kit: Kit, wishes: Wishes) -> None:
        self._config, self._kit, self._wishes = config, kit, wishes
        self._clock = make_clock()
        thing = config.devices[0].thing
        self._desk = Desk(thing)
        self._topics = jobs.filters(thing) if kit.config.jobs else ()
        self._left = wishes.message_count

    async def run(self) -> int:
        """Run one version after the other; return the exit code."""
        stopped = loop.exit_on_signals()
        limit_s = self._wishes.time_s_max
        ends = asyncio.get_running_loop().create_future()
        if limit_s is not None:
            asyncio.get_running_loop().call_later(limit_s, _finish, ends, _NO_ANSWER)
        while True:
            decision = await asyncio.to_thread(flow.start, self._kit.slots)
            if decision.slot is None:
                raise InvalidInputError(decision.reason)
            running = flow.running(decision.slots)
            slot = decision.slot.value
            said = {"version": running.version, "slot": slot, "why": decision.reason}
            self._say("started", **said)
            code = await self._live(decision, stopped, ends)
            if code is not None:
                return code

    async def _live(
        self,
        decision: Boot,
        stopped: "asyncio.Future[int]",
        ends: "asyncio.Future[int]",
    ) -> int | None:
        """Run one version; return an exit code, or None to start again."""
        assert decision.slot is not None  # noqa: S101 - run() has looked
        try:
            payload = self._kit.payload(decision.slot)
        except InvalidInputError:
            # A real image crashes before it says anything: the same in the end.
            if decision.slots.state is not State.TRYING:
                raise
            await self._settle(is_healthy=False)
            return None
        acknowledged = asyncio.Event()
        config = replace(
            self._config, interval_s=payload.interval_s, more_topics=self._topics
        )
        crew = Crew(config, self._listener(acknowledged))
        (driver,) = crew.drivers.values()
        self._desk.use(driver)
        work = asyncio.create_task(crew.run(message_count=self._left))
        care = asyncio.create_task(self._care(decision, acknowledged))
        try:
            await asyncio.wait(
                (work, care, stopped, ends, crew.broken),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if crew.broken.done():
                crew.broken.result()
            for end in (stopped, ends):
                if end.done():
                    return end.result()
            if work.done():
                work.result()
                await self._confirmed(decision)
                return 0
            care.result()
            return None
        finally:
            work.cancel()
            care.cancel()
            if self._left is not None:
                self._left = max(0, self._left - crew.sample().published)
            await crew.stop()

    async def _care(self, decision: Boot, acknowledged: asyncio.Event) -> None:
        """Return when the device has to start again."""
        if decision.slots.state is State.TRYING:
            try:
                async with asyncio.timeout(self._kit.config.health_s):
                    await acknowledged.wait()
            except TimeoutError:
                await self._settle(is_healthy=False)
                return
            await self._settle(is_healthy=True)
        uniform = random.random
        interval_s = self._kit.config.interval_s
        # A fleet that was switched on together must not ask together.
        due_s = self._clock() + uniform() * interval_s
        while not await asyncio.to_thread(self._is_armed):
            if self._desk.rung.is_set() or self._clock() >= due_s:
                due_s = self._clock() + (0.5 + uniform()) * interval_s
                await self._update(self._desk.take())
                continue
            wait_s = min(_LOOK_S, max(0.0, due_s - self._clock()))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._desk.rung.wait(), wait_s)

    async def _confirmed(self, decision: Boot) -> None:
        """Settle what was acknowledged in the same moment in which the work ended."""
        if decision.slots.state is not State.TRYING:
            return
        slots = await asyncio.to_thread(flow.read, self._kit.slots)
        if slots.state is State.TRYING:
            await self._settle(is_healthy=True)

    async def _settle(self, *, is_healthy: bool) -> None:
        await asyncio.to_thread(flow.settle, self._kit.slots, lambda: is_healthy)
        self._say("confirmed" if is_healthy else "rolled_back")

    async def _update(self, job: Execution | None) -> None:
        """Ask, because it is time or because a job says so, and report to the job."""
        slots = await asyncio.to_thread(flow.read, self._kit.slots)
        running = flow.running(slots).version
        report = jobs.resumed(job, running) if job is not None else None
        if report is None:
            try:
                found = await asyncio.to_thread(update, self._kit)
            except FirmwareRefusedError as error:
                self._say("refused", reason=error.reason.value, detail=str(error))
                report = jobs.asked(error.reason, running, None)
            except RetryableError as error:
                self._say("unreachable", detail=str(error))
            else:
                self._say("checked", **found)
                report = jobs.asked(Reason(found["reason"]), running, found["version"])
        if job is not None and report is not None:
            self._desk.report(job, report)
            status = report.status.value
            self._say("job", job=job.job_id, status=status, **report.details)

    def _is_armed(self) -> bool:
        return flow.read(self._kit.slots).state is State.PENDING

    def _listener(self, acknowledged: asyncio.Event) -> Callable[[str, Output], None]:
        def tell(thing: str, output: Output) -> None:
            if isinstance(output, Acknowledged):
                acknowledged.set()
            if self._topics:
                self._desk.hear(output)
            event = lines.device_event(thing, output) or lines.message_event(
                thing, output
            )
            if event is not None:
                self._write(event)

        return tell

    def _say(self, kind: str, **facts: object) -> None:
        thing = self._config.devices[0].thing
        self._write({"kind": f"firmware_{kind}", "thing": thing, **facts})

    def _write(self, event: lines.Event) -> None:
        write = lines.write_json if self._wishes.is_json else lines.write_words
        write(event, at_s=self._clock())


class Found(TypedDict):
    """What asking came to: a reason, what runs, and what is offered."""

    reason: str
    running: str
    version: str | None


def update(kit: Kit) -> Found:
    """Ask once, and bring what is found as far as the next start.

    Returns:
        What was found, for a line.

    Raises:
        HotsiteError: It was refused, or nobody answers.
    """
    slots = flow.read(kit.slots)
    running = flow.running(slots)
    if slots.is_unconfirmed:
        reason = Reason.PENDING.value
        return {"reason": reason, "running": running.version, "version": None}
    found = flow.check(kit.slots, kit.source, make_clock()())
    if found.reason is Reason.TAKEN and found.image is not None:
        flow.stage(kit.slots, kit.source, found.image)
        flow.arm(kit.slots)
    return {
        "reason": found.reason.value,
        "running": running.version,
        "version": found.image.version if found.image is not None else None,
    }


def _finish(future: "asyncio.Future[int]", code: int) -> None:
    if not future.done():
        future.set_result(code)
