"""Run long work in threads: show where it stands, end it cleanly on Ctrl-C."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

from hotsite.core.progress import Progress
from hotsite.errors import HotsiteError

_State = TypeVar("_State")
Job = Callable[[], Iterator[_State]]

# A terminal's line is written over; a log's lines should be few.
_TERMINAL_S, _LOG_S = 0.5, 10.0
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


class Work(Generic[_State]):
    """Jobs that run side by side, each step by step.

    Args:
        jobs: What to run, by a name; each says where it stands after each step
            and can be left off between any two.
        show: Turns where the jobs stand into one line.
    """

    def __init__(
        self,
        jobs: Mapping[str, Job[_State]],
        show: Callable[[Mapping[str, _State]], str],
    ) -> None:
        self._jobs = jobs
        self._show = show
        self._states: dict[str, _State] = {}
        self._is_stopping = threading.Event()

    def run(self) -> dict[str, _State | HotsiteError]:
        """Run all jobs to their ends.

        Returns:
            Where each one ended, or the error that ended it.

        Raises:
            KeyboardInterrupt: The user wants no more; every job has stopped.
        """
        with ThreadPoolExecutor(max(1, len(self._jobs))) as pool:
            futures = {
                name: pool.submit(self._step_through, name, job)
                for name, job in self._jobs.items()
            }
            try:
                self._watch(set(futures.values()))
            except KeyboardInterrupt:
                print("\nstopping after the names at hand", file=sys.stderr, flush=True)
                raise
            finally:
                self._is_stopping.set()
        return {name: self._end(name, future) for name, future in futures.items()}

    def _step_through(self, name: str, job: Job[_State]) -> None:
        for state in job():
            self._states[name] = state
            if self._is_stopping.is_set():
                return

    def _watch(self, futures: "set[Future[None]]") -> None:
        is_terminal = sys.stderr.isatty()
        pending, told = futures, ""
        while pending:
            _, pending = wait(
                pending,
                timeout=_TERMINAL_S if is_terminal else _LOG_S,
                return_when=FIRST_EXCEPTION,
            )
            line = self._show(dict(self._states))
            if line and line != told:
                end = "" if is_terminal else "\n"
                start = "\r\x1b[K" if is_terminal else ""
                print(f"{start}{line}", end=end, file=sys.stderr, flush=True)
                told = line
        if told and is_terminal:
            print(file=sys.stderr)

    def _end(self, name: str, future: "Future[None]") -> _State | HotsiteError:
        error = future.exception()
        if isinstance(error, HotsiteError):
            return error
        if error is not None:
            raise error
        return self._states[name]


def progress_text(found: Progress) -> str:
    """Return where work stands, its pace, and when it can be over."""
    if not found.done:
        return found.stage
    of = f" of {found.total:,}" if found.total is not None else ""
    pace = f", {found.rate_per_s:.1f}/s" if found.rate_per_s else ""
    text = f"{found.stage}: {found.done:,}{of}{pace}"
    if not found.eta_s:
        return text
    limit = f" (the quota of {found.api} decides)" if found.api else ""
    return f"{text}, about {duration_text(found.eta_s)} left{limit}"


def duration_text(duration_s: float) -> str:
    """Return a duration as people say it: ``3 h 20 min``.

    Args:
        duration_s: 0 or more.
    """
    whole = round(duration_s)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S} s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} min"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S} h"
