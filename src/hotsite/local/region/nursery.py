"""Start Lambda workers as forks of one process that has loaded the AWS SDK.

A worker that starts from nothing spends most of a second of CPU on importing the SDK,
for each of a Region's functions and each call that finds no free worker. Where a fork
is not possible (another system than Linux, a function with an SDK of its own), it
starts as the emulator would start it.
"""

import contextlib
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from hotsite.errors import HotsiteError, NotReadyError
from hotsite.local.region.patch import Patch

_SPAWNER = Path(__file__).parent / "inside" / "spawner.py"
_ANSWER_BYTES_MAX = 65_536
_ANSWER_S_MAX = 30.0
_logger = logging.getLogger(__name__)


def patches(nursery: "Nursery") -> tuple[Patch, ...]:
    """List the patch of how a worker starts."""
    return (
        Patch(
            "core.lambda_runtime:subprocess",
            "Starts each worker from nothing: most of a second of CPU for the SDK.",
            lambda original: _Processes(original, nursery),
        ),
    )


class _Processes:
    """The module ``subprocess`` as the emulator sees it."""

    def __init__(self, original: ModuleType, nursery: "Nursery") -> None:
        self._original = original
        self._nursery = nursery

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def Popen(self, command: Sequence[str], **options: Any) -> Any:  # noqa: N802 - its name there
        is_worker = len(command) > 1 and command[0] == sys.executable
        if is_worker and not options["env"].get("_LAMBDA_LAYERS_DIRS"):
            try:
                return self._nursery.spawn(command[1], options["cwd"], options["env"])
            except HotsiteError as error:
                _logger.info("worker_starts_from_nothing", extra={"reason": str(error)})
        return self._original.Popen(command, **options)


class Nursery:
    """Has workers forked; its process starts with the first one."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._requests: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self, script: str, cwd: str, environment: Mapping[str, str]) -> "Worker":
        """Return a worker that has just been forked.

        Args:
            script: The Python file that it runs.
            cwd: Where.
            environment: All of its environment.

        Raises:
            NotReadyError: It has to start from nothing; the text says why.
        """
        request = {"script": script, "cwd": cwd, "environment": dict(environment)}
        pipes = [os.pipe() for _ in range(3)]
        ours = [pipes[0][1], pipes[1][0], pipes[2][0]]
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
        try:
            return Worker(*self._ask(request, theirs), *ours)
        except BaseException:
            for descriptor in ours:
                os.close(descriptor)
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)

    def close(self) -> None:
        """Let the process end; its workers end when their input does."""
        with self._asking:
            self._drop()

    def _drop(self) -> None:
        if self._requests is not None:
            self._requests.close()
            self._requests = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _ask(
        self, request: Mapping[str, Any], descriptors: list[int]
    ) -> tuple[int, int]:
        """Return the process number of a new worker, and a descriptor of it."""
        with self._asking:
            try:
                requests = self._requests or self._started()
                socket.send_fds(requests, [json.dumps(request).encode()], descriptors)
                data, handles, *_ = socket.recv_fds(requests, _ANSWER_BYTES_MAX, 1)
                answer = json.loads(data)
            except (OSError, ValueError) as error:
                # What it may still answer would be taken for the next answer.
                self._drop()
                raise NotReadyError(f"no worker can be forked: {error}") from error
        if "pid" not in answer:
            raise NotReadyError(str(answer["problem"]))
        return int(answer["pid"]), handles[0]

    def _started(self) -> socket.socket:
        if not hasattr(os, "pidfd_open"):
            raise NotReadyError("this system has no pidfd_open")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(_ANSWER_S_MAX)
        with theirs:
            number = theirs.fileno()
            command = [sys.executable, str(_SPAWNER), str(number)]
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, pass_fds=[number]
            )
        self._requests = ours
        return ours


class Worker:
    """A forked worker, as its emulator uses a ``subprocess.Popen``.

    Attributes:
        pid: Its process number.
        stdin: Where its requests go.
        stdout: Where its answers come from.
        stderr: Where its log comes from.
        returncode: None while it runs, then 0: how it ended only its parent knows.
    """

    def __init__(
        self, pid: int, handle: int, stdin: int, stdout: int, stderr: int
    ) -> None:
        """Take the process and the descriptors of it and of our ends of its pipes."""
        self.pid = pid
        self.returncode: int | None = None
        self._handle = handle
        self.stdin: IO[str] = open(stdin, "w", buffering=1, encoding="utf-8")  # noqa: SIM115 - the emulator closes it
        self.stdout: IO[str] = open(stdout, encoding="utf-8")  # noqa: SIM115
        self.stderr: IO[str] = open(stderr, encoding="utf-8")  # noqa: SIM115

    def poll(self) -> int | None:
        """Return 0 if it has ended, else None."""
        return self._ended(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Return 0 as soon as it has ended.

        Raises:
            subprocess.TimeoutExpired: It has not, so many seconds later.
        """
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(["worker"], timeout or 0.0)
        return code

    def terminate(self) -> None:
        """Send SIGTERM, if it still runs."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL, if it still runs."""
        self._send(signal.SIGKILL)

    def __del__(self) -> None:
        """Give the handle back."""
        self._release()

    def _send(self, number: signal.Signals) -> None:
        if self._ended(0.0) is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def _ended(self, timeout_s: float | None) -> int | None:
        if self.returncode is None:
            waiting = select.poll()
            waiting.register(self._handle, select.POLLIN)
            if waiting.poll(None if timeout_s is None else timeout_s * 1000):
                self.returncode = 0
                self._release()
        return self.returncode

    def _release(self) -> None:
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)
