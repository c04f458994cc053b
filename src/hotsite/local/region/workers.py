"""Start the processes of one Lambda function one after the other.

The emulator starts a process for each call that finds no free one. A start costs
about a second of CPU, so on a busy machine calls come faster than processes get
ready, every one of them passes its function's time limit and is killed, and the next
calls start anew: a Region that never gets healthy. Lambda starts environments side by
side because it has the machines for it (Lambda developer guide, "Understanding Lambda
function scaling"); this machine has two cores.
"""
# ruff: noqa: SLF001 - ministack offers no public look-ups; `patches` checks the version.

import importlib
import threading
import time
from collections.abc import Callable
from typing import Any

from hotsite.local.region.patch import Patch

# After this a call starts its own process: a function may call itself.
_WAIT_S_MAX = 10.0
_LOOK_EVERY_S = 0.05
# A line that comes later is in the log of the next call.
_LINE_S_MAX = 0.003

_Lease = tuple[Any, str]


def patches() -> tuple[Patch, ...]:
    """List the patches of Lambda's processes."""
    gate = StartingGate()
    release = importlib.import_module("ministack.core.lambda_runtime").release_worker
    return (
        Patch(
            "services.lambda_svc:acquire_worker",
            "Starts a process for each call that finds no free one: on a busy machine"
            " none of them is ready within its function's time limit.",
            lambda original: gate.acquiring(original, release),
        ),
        Patch(
            "services.lambda_svc:release_worker",
            "Tells nobody who waits for a process.",
            gate.releasing,
        ),
        Patch(
            "core.lambda_runtime:Worker",
            "Waits 50 ms after each call for the log of a function that logs nothing.",
            _impatient,
        ),
    )


def _impatient(worker: Any) -> Any:
    """Wait only as long for the first line of a log as a pipe takes."""
    original = worker._drain_stderr_bounded

    def drain(self: Any, *, first_line_wait: float = _LINE_S_MAX) -> str:
        return str(original(self, first_line_wait=min(first_line_wait, _LINE_S_MAX)))

    worker._drain_stderr_bounded = drain
    return worker


class StartingGate:
    """Lets one process of each function start at a time."""

    def __init__(self) -> None:
        self._starting: dict[str, Any] = {}
        self._changed = threading.Condition()

    def acquiring(
        self, original: Callable[..., _Lease], release: Callable[[Any], None]
    ) -> Callable[..., _Lease]:
        """Return what leases a worker, and waits while another one is starting.

        Args:
            original: The emulator's own, which never waits.
            release: The emulator's own.
        """

        def acquire(func_name: str, *given: Any, **more: Any) -> _Lease:
            until_s = time.monotonic() + _WAIT_S_MAX
            while True:
                worker, reason = original(func_name, *given, **more)
                if worker is None or _is_running(worker):
                    return worker, reason
                with self._changed:
                    first = self._starting.get(func_name)
                    is_alone = first in {None, worker} or _is_ready(first)
                    if is_alone or time.monotonic() > until_s:
                        self._starting[func_name] = worker
                        return worker, reason
                    release(worker)
                    self._changed.wait(_LOOK_EVERY_S)

        return acquire

    def releasing(self, original: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return what gives a worker back, and tells those who wait."""

        def release(worker: Any) -> None:
            original(worker)
            with self._changed:
                # Its first call is over: it runs, or has to start again.
                left = (n for n, first in self._starting.items() if first is worker)
                for name in tuple(left):
                    del self._starting[name]
                self._changed.notify_all()

        return release


def _is_ready(worker: Any) -> bool:
    return worker._start_time is not None and _is_running(worker)


def _is_running(worker: Any) -> bool:
    return worker._proc is not None and worker._proc.poll() is None
