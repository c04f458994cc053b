"""Start a local cloud from another process, and end it whatever state it is in."""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from hotsite.errors import (
    HotsiteError,
    InvalidInputError,
    NotReadyError,
    UnreachableError,
)
from hotsite.local import cloud, control, records, sentinel
from hotsite.local.cloud import CloudConfig, CloudState
from hotsite.local.processes import is_alive, obituary

# The supervisor gives up before; this is for one that hangs itself.
_READY_S_MAX = 150.0
_END_S_MAX = 8.0
_GONE_S_MAX = 5.0
_LOOK_EVERY_S = 0.05
Say = Callable[[str], None]


class Launched:
    """A supervisor that we started: ends with us unless it is let go.

    Args:
        config: What to start.
        say: Told what happens, one line each.
    """

    def __init__(self, config: CloudConfig, say: Say) -> None:
        self._folder = Path(config.folder)
        self._say = say
        self._buffer = b""
        (self._folder / "logs").mkdir(parents=True, exist_ok=True)
        for path in (self._folder / "logs").glob("*.log"):
            path.unlink()
        path = self._folder / "supervisor.json"
        records.write(config, path)
        self._mark = os.urandom(16).hex()
        with (self._folder / "logs" / "supervisor.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hotsite.local.supervisor", str(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, sentinel.MARK_NAME: self._mark},
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """Return the supervisor's process number."""
        return self._process.pid

    def wait_ready(self) -> CloudState:
        """Wait until the cloud is ready.

        Raises:
            NotReadyError: Something died, is taken, or took too long.
            InvalidInputError: Something that was given is wrong.
        """
        deadline_s = time.monotonic() + _READY_S_MAX
        while (message := self._message(deadline_s)) is not None:
            if message["kind"] == "ready":
                return cloud.read_state(self._folder)
            if message["kind"] == "failed":
                self._process.wait(_END_S_MAX + _GONE_S_MAX)
                kind = NotReadyError if message["code"] != 2 else InvalidInputError  # noqa: PLR2004 (wrong input)
                raise kind(str(message["reason"]))
            self._say(f"{message['after_s']:5.1f} s  {message['text']}")
        raise NotReadyError(self._last_words())

    def wait_end(self) -> None:
        """Wait until the cloud ends.

        Raises:
            NotReadyError: It ended because something died.
        """
        while (message := self._message(None)) is not None:
            if message["kind"] == "failed":
                self._process.wait(_END_S_MAX + _GONE_S_MAX)
                raise NotReadyError(str(message["reason"]))
        if self._process.wait(_END_S_MAX) != 0:
            raise NotReadyError(self._last_words())

    def let_go(self) -> None:
        """Let the cloud go on without us."""
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None  # noqa: S101 (we asked for it)
            self._process.stdin.write(b"detach\n")
            self._process.stdin.close()

    def end(self) -> None:
        """End the cloud; nothing of it is left afterwards."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_END_S_MAX)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        sentinel.end((), self._mark)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _message(self, deadline_s: float | None) -> dict[str, Any] | None:
        """Return the supervisor's next line; nothing when it is gone or late."""
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 (we asked for it)
        while b"\n" not in self._buffer:
            left_s = None if deadline_s is None else deadline_s - time.monotonic()
            if left_s is not None and left_s <= 0:
                return None
            # A supervisor that was killed has no children that hold its output.
            if not select.select([stdout], [], [], left_s)[0]:
                return None
            chunk = os.read(stdout.fileno(), 65_536)
            if not chunk:
                return None
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def _last_words(self) -> str:
        try:
            code = self._process.wait(_GONE_S_MAX)
        except subprocess.TimeoutExpired:
            return f"supervisor (pid {self.pid}) does not get ready, and says nothing"
        sentinel.end((), self._mark)
        return obituary("supervisor", self.pid, code)


def end(folder: Path) -> bool:
    """End the cloud of a folder, whatever state it is in.

    Args:
        folder: The cloud's folder.

    Returns:
        Whether anything was there to end.

    Raises:
        NotReadyError: Something of it could not be ended.
    """
    try:
        state = cloud.read_state(folder)
    except NotReadyError:
        return False
    had_processes = bool(cloud.left_over(state))
    with contextlib.suppress(HotsiteError):
        if is_alive(state.supervisor):
            control.call(Path(state.control), {"command": "stop"}, limit_s=2)
            _await_gone(state, _END_S_MAX)
    _kill(state)
    if not _await_gone(state, _GONE_S_MAX):
        pids = ", ".join(map(str, cloud.left_over(state)))
        raise NotReadyError(f"processes {pids} of {folder} could not be ended")
    sockets = Path(state.control).parent
    if sockets != folder.absolute() and sockets.name.startswith("hotsite-"):
        shutil.rmtree(sockets, ignore_errors=True)
    (folder / cloud.STATE_FILE).unlink(missing_ok=True)
    return had_processes


def _kill(state: CloudState) -> None:
    """Kill what did not follow the order; the supervisor first."""
    if is_alive(state.supervisor):
        with contextlib.suppress(ProcessLookupError):
            os.kill(state.supervisor.pid, signal.SIGKILL)
    groups = [p.identity.pid for p in state.processes if is_alive(p.identity)]
    sentinel.end(groups, state.mark)


def _await_gone(state: CloudState, limit_s: float) -> bool:
    deadline_s = time.monotonic() + limit_s
    while cloud.left_over(state):
        if time.monotonic() > deadline_s:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True


def refuse_if_up(folder: Path) -> None:
    """Make sure that no cloud lives in a folder; sweep up after a dead one.

    Args:
        folder: The cloud's folder.

    Raises:
        InvalidInputError: One is up.
    """
    with contextlib.suppress(NotReadyError, UnreachableError):
        state = cloud.read_state(folder)
        if is_alive(state.supervisor):
            raise InvalidInputError(
                f"local cloud {state.name!r} is already up in {folder} "
                f"(supervisor pid {state.supervisor.pid}); hotsite local down ends it"
            )
        end(folder)
