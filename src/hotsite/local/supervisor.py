"""`python -m hotsite.local.supervisor CONFIG.json`: owns one local cloud.

It claims addresses, starts every process, deploys the templates and says so in
``cloud.json``. It then waits: for an order to stop, for a child that dies, or for
its lifeline (standard input) to end without the word ``detach``.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hotsite.errors import HotsiteError, InvalidInputError, NotReadyError
from hotsite.local import bare, bringup, cloud, control, network, records, sentinel
from hotsite.local.cloud import CloudConfig, CloudState, ProcessState, Step
from hotsite.local.faults import Fault
from hotsite.local.injector import Injector
from hotsite.local.processes import Processes, identify, is_here

EXIT_WRONG, EXIT_DEAD = 2, 3
# Longest time from the first process to a cloud that is ready.
READY_S_MAX = 120.0


class Supervisor:
    """One cloud from its claim to its end.

    Args:
        config: What was asked for.
        say: Takes one JSON object a line, until nobody listens.
    """

    def __init__(self, config: CloudConfig, say: Callable[..., None]) -> None:
        self._config = config
        self._folder = Path(config.folder)
        self._say = say
        self._mark = os.environ.get(sentinel.MARK_NAME) or secrets.token_hex(16)
        self._stop = asyncio.Event()
        self._began_s = time.monotonic()
        self._state: CloudState | None = None
        self._processes = Processes(self._mark, self._folder / "logs")
        self._injector: Injector | None = None

    async def run(self) -> int:
        """Own the cloud until it ends.

        Returns:
            The exit code.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        servers: list[asyncio.Server] = []
        work = asyncio.create_task(self._bring_up(servers))
        stop = asyncio.create_task(self._stop.wait())
        code = await self._wait(work, stop)
        for task in (work, stop):
            task.cancel()
        for server in servers:
            server.close()
        await self._processes.end_all()
        await asyncio.wait([work], timeout=1)
        self._leave(code)
        return code

    async def _wait(self, work: asyncio.Task[None], stop: asyncio.Task[bool]) -> int:
        failure = self._processes.failure
        deadline_s: float | None = READY_S_MAX
        waiting: set[asyncio.Future[Any]] = {work, stop, failure}
        while True:
            done, _ = await asyncio.wait(
                waiting, timeout=deadline_s, return_when=asyncio.FIRST_COMPLETED
            )
            if stop in done:
                return 0
            if failure in done:
                return self._fail(failure.result(), EXIT_DEAD)
            if not done:
                return self._fail(f"not ready after {READY_S_MAX:.0f} s", EXIT_DEAD)
            error = work.exception()
            if isinstance(error, HotsiteError):
                # Whoever died is a better reason than who missed it.
                await asyncio.wait([failure], timeout=0.3)
                why = failure.result() if failure.done() else str(error)
                is_wrong = isinstance(error, InvalidInputError) and not failure.done()
                return self._fail(why, EXIT_WRONG if is_wrong else EXIT_DEAD)
            if error is not None:
                traceback.print_exception(error)
                return self._fail(f"{type(error).__name__}: {error}", EXIT_DEAD)
            waiting.discard(work)
            deadline_s = None

    async def _bring_up(self, servers: list[asyncio.Server]) -> None:
        config = self._config
        claim = await asyncio.to_thread(
            network.claim,
            dns_port=config.dns_port,
            first=config.block,
            letters=[site.letter for site in config.sites],
        )
        greeting = network.greeting(config.name)
        servers.append(
            await asyncio.start_server(
                lambda _reader, writer: _greet(writer, greeting), sock=claim.listener
            )
        )
        await self._processes.start_sentinel()
        draft = bringup.draft(config, claim.block, self._mark)
        if config.is_empty:
            draft = bare.stated(draft, self._folder)
        self._state = replace(draft, supervisor=identify("supervisor", os.getpid()))
        servers.append(await control.serve(Path(draft.control), self._answer))
        self._note("addresses claimed")
        await bringup.bring_up(config, draft, self._processes, self._note)
        self._injector = Injector(self._processes, draft)
        self._publish(cloud.READY)
        self._say({"kind": "ready", "after_s": self._age_s()})

    def _note(self, text: str) -> None:
        state = self._state
        assert state is not None  # noqa: S101 (set before the first note)
        self._state = replace(state, steps=(*state.steps, Step(text, self._age_s())))
        self._publish(cloud.STARTING)
        self._say({"kind": "progress", "text": text, "after_s": self._age_s()})

    def _publish(self, name: str, reason: str = "") -> None:
        state = self._state
        if state is None:
            return
        processes = tuple(
            ProcessState(child.identity, child.state if is_here(child) else "killed")
            if child.state != "died"
            else ProcessState(child.identity, "died")
            for child in self._processes.children
        )
        self._state = replace(
            state,
            state=name,
            reason=reason,
            processes=processes,
            faults=() if self._injector is None else self._injector.faults,
        )
        records.write(self._state, self._folder / cloud.STATE_FILE, mode=0o600)

    def _fail(self, reason: str, code: int) -> int:
        self._publish(cloud.FAILED, reason)
        self._say({"kind": "failed", "reason": reason, "code": code})
        return code

    def _leave(self, code: int) -> None:
        if self._state is None:
            return
        state = self._state
        ours = (state.control, state.backbone_control, state.dns_control)
        regions = (cloud.region_control(state, site) for site in state.sites)
        for path in (*map(Path, ours), *regions):
            path.unlink(missing_ok=True)
        bringup.remove_scratch(self._state, self._folder)
        if code == 0:
            (self._folder / cloud.STATE_FILE).unlink(missing_ok=True)

    def _age_s(self) -> float:
        return round(time.monotonic() - self._began_s, 2)

    async def _answer(self, request: control.Request) -> object:
        command = request.get("command")
        if command == "stop":
            self._stop.set()
            return {}
        if command in {"fault", "mend"}:
            return await self._change(str(command), request)
        raise InvalidInputError(f"unknown command {command!r}")

    async def _change(self, command: str, request: control.Request) -> object:
        """Inject or mend a fault."""
        kind, region = str(request.get("kind")), str(request.get("region") or "")
        if self._injector is None:
            raise NotReadyError("the cloud is not ready yet")
        world_s = time.time()
        try:
            if command == "mend":
                await self._injector.mend(kind, region)
            else:
                share, seed = (control.number(request, n) for n in ("share", "seed"))
                await self._injector.inject(Fault(kind, region, share, int(seed)))
        finally:
            # A fault that failed half-way has killed or frozen something as well.
            self._publish(cloud.READY)
        return {"injected_world_s": world_s}

    async def follow_lifeline(self) -> None:
        """Stop when standard input ends before it said ``detach``."""
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer
        )
        while line := await reader.readline():
            if line.strip() == b"detach":
                return
        self._stop.set()


async def _greet(writer: asyncio.StreamWriter, greeting: bytes) -> None:
    with contextlib.suppress(OSError):
        writer.write(greeting)
        await writer.drain()
        writer.close()


def _say(message: dict[str, object]) -> None:
    # Whoever started us may be gone; the cloud goes on.
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


async def _own(config: CloudConfig) -> int:
    supervisor = Supervisor(config, _say)
    lifeline = asyncio.create_task(supervisor.follow_lifeline())
    code = await supervisor.run()
    lifeline.cancel()
    # A thread may still wait for a Region that is gone, and asyncio would join it.
    # Everything is written and every child is dead: nothing is left to do.
    os._exit(code)


def main(arguments: list[str]) -> int:
    """Own the cloud that a configuration file describes.

    Args:
        arguments: The path of the file.

    Returns:
        The exit code of what never started: 2. A cloud ends this process with
        0 stopped, 2 wrong input, 3 something died or is taken.
    """
    try:
        config = records.read(CloudConfig, Path(arguments[0]))
    except HotsiteError as error:
        _say({"kind": "failed", "reason": str(error), "code": EXIT_WRONG})
        return EXIT_WRONG
    folder = Path(config.folder)
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    with (folder / cloud.LOCK_FILE).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            reason = f"another local cloud is up in {folder}"
            _say({"kind": "failed", "reason": reason, "code": EXIT_WRONG})
            return EXIT_WRONG
        return asyncio.run(_own(config))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
