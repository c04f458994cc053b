"""Run many agents in one process: ``python -m hotsite.faces.agent.fleet CONFIG``.

Events go to stdout, one JSON object a line; commands come on stdin the same
way: ``{"command": "report", "fault_at_s": …}``, ``pause``, ``resume``, ``stop``.
The end of stdin is a stop, so that no fleet outlives whoever started it.
"""

import asyncio
import json
import sys
import threading
from pathlib import Path
from typing import Any

from hotsite.core.device_values import Failed, Output
from hotsite.errors import (
    HotsiteError,
    InvalidInputError,
    PermanentError,
    UnreachableError,
)
from hotsite.faces.agent import lines, loop
from hotsite.faces.agent.config import AgentConfig, read_fleet
from hotsite.faces.agent.crew import Crew

_SAMPLE_S = 1.0
_WRONG_INPUT = 2
_NO_ANSWER = 3


class _Fleet:
    """The crew with its two pipes."""

    def __init__(self, config: AgentConfig) -> None:
        self.crew = Crew(config, self._tell)
        self.stopped = loop.exit_on_signals()
        self._retention_s = config.keeping.retention_s
        self._reporting: set[asyncio.Future[None]] = set()

    async def run(self) -> int:
        """Run until a command, a signal or the end of stdin says stop."""
        crew = self.crew
        here = asyncio.get_running_loop()
        threading.Thread(target=self._listen, args=(here,), daemon=True).start()
        tasks = [
            asyncio.create_task(crew.run()),
            asyncio.create_task(self._sample()),
        ]
        try:
            ends: list[asyncio.Future[None]] = [*tasks, crew.broken]
            waiting: set[asyncio.Future[Any]] = {*ends, self.stopped}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for end in ends:
                if end.done():
                    end.result()
            return self.stopped.result()
        finally:
            for task in tasks:
                task.cancel()
            await crew.stop()

    def command(self, line: str) -> None:
        """Obey one line of stdin."""
        try:
            asked = json.loads(line)
            name, fault_at_s = asked["command"], asked.get("fault_at_s")
        except (ValueError, TypeError, KeyError, AttributeError):
            self._write({"kind": "command_refused", "line": line.strip()})
            return
        match name:
            case "report":
                reporting = asyncio.ensure_future(self._report(fault_at_s))
                self._reporting.add(reporting)
                reporting.add_done_callback(self._reporting.discard)
            case "pause" | "resume":
                self.crew.is_paused = name == "pause"
            case "stop":
                self.stop()
            case _:
                self._write({"kind": "command_refused", "line": line.strip()})

    def stop(self) -> None:
        """End the run with exit code 0."""
        if not self.stopped.done():
            self.stopped.set_result(0)

    def _listen(self, here: asyncio.AbstractEventLoop) -> None:
        """Read stdin in a thread: it may be a pipe, a file or a terminal."""
        try:
            for line in sys.stdin:
                here.call_soon_threadsafe(self.command, line)
            here.call_soon_threadsafe(self.stop)
        except RuntimeError:
            # The loop ended first; nobody is left to hear.
            return

    async def _report(self, fault_at_s: float | None) -> None:
        try:
            # A message that is on its way to the disk arrives after the report.
            await self.crew.written()
        except UnreachableError:
            # The run ends of it.
            return
        since_s = None if fault_at_s is None else self.crew.clock() - fault_at_s
        # Later, messages from after the fault may have left the outbox as well.
        has_before = since_s is not None and since_s <= self._retention_s
        moment_s = float("inf") if fault_at_s is None else fault_at_s
        for thing, driver in self.crew.drivers.items():
            for report in driver.device.outbox.report(before_s=moment_s):
                if report.published:
                    event = lines.report_event(thing, report, has_before=has_before)
                    self._write(event)
        self._write({"kind": "report_done"})

    async def _sample(self) -> None:
        while True:
            self._write(lines.sample_event(self.crew.sample()))
            await asyncio.sleep(_SAMPLE_S)

    def _tell(self, thing: str, output: Output) -> None:
        # A fleet without a broker fails thousands of times: the sample counts.
        is_told = not isinstance(output, Failed)
        event = lines.device_event(thing, output) if is_told else None
        if event is not None:
            self._write(event)

    def _write(self, event: lines.Event) -> None:
        lines.write_json(event, at_s=self.crew.clock())


async def _run(config: AgentConfig) -> int:
    return await _Fleet(config).run()


def main(arguments: list[str]) -> int:
    """Run a fleet.

    Args:
        arguments: The path of the configuration, nothing else.

    Returns:
        0 asked to stop · 2 wrong input · 3 a file broke · 130 interrupted.
    """
    try:
        if len(arguments) != 1:
            raise InvalidInputError("usage: python -m hotsite.faces.agent.fleet CONFIG")
        return loop.run(_run(read_fleet(Path(arguments[0]))))
    except HotsiteError as error:
        sys.stderr.write(f"fleet: {error}\n")
        return _WRONG_INPUT if isinstance(error, PermanentError) else _NO_ANSWER


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
