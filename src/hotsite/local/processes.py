"""The child processes of a supervisor: start, watch, freeze, kill.

Every child leads its own process group, so that a fault hits all of it at
once. A child that ends without having been told to ends the cloud.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hotsite.errors import InvalidInputError, NotReadyError
from hotsite.local import sentinel

_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Identity:
    """One process, told apart from a later one with the same number.

    Attributes:
        name: What it is in the cloud, for example ``region-a``.
        pid: Its process number, also its process group.
        born: Its start time in kernel ticks since boot, 0 where unknown.
    """

    name: str
    pid: int
    born: int


def identify(name: str, pid: int) -> Identity:
    """Return the identity of a running process.

    Args:
        name: What it is in the cloud.
        pid: Its process number.
    """
    return Identity(name, pid, _born(pid) or 0)


def is_alive(identity: Identity) -> bool:
    """Tell whether exactly this process still runs (a zombie does not)."""
    if Path("/proc/self/stat").exists():
        born = _born(identity.pid)
        return born is not None and identity.born in {0, born}
    try:
        os.kill(identity.pid, 0)
    except OSError:
        return False
    return True


def obituary(name: str, pid: int, code: int) -> str:
    """Say in one phrase how a process ended.

    Args:
        name: What it was in the cloud.
        pid: Its process number.
        code: Its return code; below 0 the number of a signal.
    """
    if code < 0:
        how = f"was killed by {signal.Signals(-code).name}"
    else:
        how = f"ended with exit code {code}"
    return f"{name} (pid {pid}) {how}"


class Child:
    """One child process and what is known about it."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.process = process
        self.identity = identify(name, process.pid)
        self.state = "running"
        self.is_end_ordered = False
        self.tasks: list[asyncio.Task[None]] = []


class Processes:
    """All children of one supervisor.

    Args:
        mark: The cloud's mark, put into every child's environment.
        log_folder: Where each child's output goes, one file each.
    """

    def __init__(self, mark: str, log_folder: Path) -> None:
        self._mark = mark
        self._log_folder = log_folder
        self._children: dict[str, Child] = {}
        self._commands: dict[str, tuple[str, Path]] = {}
        self._sentinel: Child | None = None
        self.failure: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def children(self) -> tuple[Child, ...]:
        """Return every child that was started, the sentinel last."""
        last = () if self._sentinel is None else (self._sentinel,)
        return (*self._children.values(), *last)

    async def start_sentinel(self) -> None:
        """Start what cleans up after us, before anything that needs it."""
        # The sentinel alone is without the mark: it must not kill itself.
        environment = {k: v for k, v in os.environ.items() if k != sentinel.MARK_NAME}
        command = (sys.executable, "-I", "-S", sentinel.__file__, self._mark)
        child = await self._spawn("sentinel", command, environment)
        self._sentinel = child

    async def start(self, name: str, module: str, config: Path) -> Child:
        """Start a child and wait until it says that it is ready.

        Args:
            name: What it is in the cloud.
            module: The Python module to run.
            config: Its only argument.

        Raises:
            NotReadyError: It ended, or was not ready within the limit.
        """
        self._commands[name] = (module, config)
        command = (sys.executable, "-m", module, str(config))
        environment = {**os.environ, sentinel.MARK_NAME: self._mark}
        return await self._spawn(name, command, environment)

    async def _spawn(
        self, name: str, command: Sequence[str], environment: Mapping[str, str]
    ) -> Child:
        log = (self._log_folder / f"{name}.log").open("ab")
        has_lifeline = name == "sentinel"
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE
            if has_lifeline
            else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env=dict(environment),
            start_new_session=True,
        )
        child = Child(name, process)
        if not has_lifeline:
            self._children[name] = child
            self._tell_sentinel(f"+{process.pid}")
        ready = asyncio.get_running_loop().create_future()
        child.tasks = [
            asyncio.create_task(_drain(child, log, ready)),
            asyncio.create_task(self._mourn(child)),
        ]
        await ready
        return child

    def kill(self, name: str) -> None:
        """Kill a child's whole process group, as ordered."""
        self._signal(name, signal.SIGKILL, "killed")

    def freeze(self, name: str) -> None:
        """Stop a child's whole process group: it answers nothing any more."""
        self._signal(name, signal.SIGSTOP, "frozen")

    def thaw(self, name: str) -> None:
        """Let a frozen child continue."""
        self._signal(name, signal.SIGCONT, "running")

    async def restart(self, name: str) -> None:
        """Start a child again that was killed, and wait until it is ready.

        Args:
            name: What it is in the cloud.

        Raises:
            InvalidInputError: It was not killed.
            NotReadyError: It ended, or was killed again, before it was ready.
        """
        child = self._known(name)
        if child.state != "killed":
            raise InvalidInputError(f"{name} was not killed: it is {child.state}")
        child.state = "returning"
        # Its address is free, and the file of its log closed, when it is gone.
        await asyncio.wait(child.tasks)
        module, config = self._commands[name]
        await self.start(name, module, config)

    async def end_all(self) -> None:
        """Kill every child, frozen or not, and the sentinel last."""
        for child in self.children:
            child.is_end_ordered = True
        groups = [c.identity.pid for c in self._children.values() if is_here(c)]
        spared = [c.identity.pid for c in self.children if c is self._sentinel]
        await asyncio.to_thread(sentinel.end, groups, self._mark, spared=spared)
        self._tell_sentinel(sentinel.OVER)
        for child in self.children:
            for task in child.tasks:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(task, 3)
            if is_here(child):
                child.process.kill()

    def _signal(self, name: str, number: signal.Signals, state: str) -> None:
        child = self._known(name)
        if not is_here(child) or child.state == "killed":
            raise InvalidInputError(f"{name} is not running: it was killed")
        child.is_end_ordered = child.is_end_ordered or number == signal.SIGKILL
        child.state = state
        os.killpg(child.identity.pid, number)

    def _known(self, name: str) -> Child:
        child = self._children.get(name)
        if child is None:
            known = ", ".join(sorted(self._children))
            raise InvalidInputError(f"there is no process {name!r}; there are {known}")
        return child

    def _tell_sentinel(self, line: str) -> None:
        if self._sentinel is not None and self._sentinel.process.stdin is not None:
            self._sentinel.process.stdin.write(f"{line}\n".encode())

    async def _mourn(self, child: Child) -> None:
        code = await child.process.wait()
        self._tell_sentinel(f"-{child.identity.pid}")
        if not child.is_end_ordered and not self.failure.done():
            child.state = "died"
            self.failure.set_result(obituary(child.name, child.identity.pid, code))
            # What is left of the group must not outlive its leader.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.identity.pid, signal.SIGKILL)


def is_here(child: Child) -> bool:
    """Tell whether a child has not ended yet; a frozen one has not."""
    return child.process.returncode is None


async def _drain(child: Child, log: IO[bytes], ready: asyncio.Future[None]) -> None:
    stdout = child.process.stdout
    assert stdout is not None  # noqa: S101 (we asked for the pipe)
    with log:
        while line := await stdout.readline():
            if not ready.done() and _is_ready(line):
                ready.set_result(None)
            log.write(line)
            log.flush()
    if not ready.done():
        ready.set_exception(
            NotReadyError(f"{child.name} ended before it was ready: {_last(log.name)}")
        )


def _is_ready(line: bytes) -> bool:
    text = line.decode(errors="replace").strip()
    if text.startswith("ready"):
        return True
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict) and (
        value.get("kind") == "ready" or "ready" in value
    )


def _last(path: str) -> str:
    with Path(path).open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _CHUNK))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _born(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    # The name in parentheses may hold blanks; fields are counted behind it.
    values = text.rpartition(")")[2].split()
    return None if values[0] in "ZX" else int(values[19])
