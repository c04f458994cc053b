"""Workers that take turns on a virtual clock: one seed, one interleaving.

Each worker runs in a thread of its own, but only the one that holds the baton
moves; it hands it over where it waits. So flows are run as they are, may be
stopped between any two calls, and the same seed always gives the same order.
"""

import heapq
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from hotsite.errors import HotsiteError


class WorkerKilledError(BaseException):
    """Ends a worker where it stands; no flow can catch it, as with SIGKILL."""


@dataclass(slots=True, eq=False)
class Worker:
    """One run of a job.

    Attributes:
        name: What it does, for the history.
        region: Where it runs.
        job: What it runs.
        deadline_s: When it is ended, seconds since the epoch.
        calls_left: Port calls until it is killed; negative for never.
        on_end: Called with the error that ended it, or nothing.
        is_dead: True once it must not do anything any more.
        is_over: True once it has ended.
    """

    name: str
    region: str
    job: Callable[[], None]
    deadline_s: float = float("inf")
    calls_left: int = -1
    on_end: Callable[[BaseException | None], None] | None = None
    is_dead: bool = False
    is_over: bool = False
    turn: int = 0
    thread: "_Thread | None" = None


class _Thread:
    """A thread that runs one worker after the other, to save making threads."""

    idle: "list[_Thread]" = []  # noqa: RUF012 - shared on purpose

    def __init__(self) -> None:
        self.baton = _taken_lock()
        self.task: tuple[Scheduler, Worker] | None = None
        threading.Thread(target=self._run, daemon=True).start()

    @classmethod
    def take(cls) -> "_Thread":
        return cls.idle.pop() if cls.idle else cls()

    def _run(self) -> None:
        while True:
            self.baton.acquire()
            assert self.task is not None  # noqa: S101 - whoever wakes it sets it
            scheduler, worker = self.task
            self.task = None
            scheduler.carry_out(worker, self)


def _taken_lock() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(slots=True)
class _Event:
    action: Callable[[], None] | None = None
    worker: Worker | None = None
    turn: int = 0


class Scheduler:
    """Implements ``ports.Clock``, and moves it."""

    def __init__(self, now_s: float = 1_000_000.0) -> None:
        """Start at a time in seconds since the epoch."""
        self.current: Worker | None = None
        self.workers: list[Worker] = []
        self.counts: Counter[str] = Counter()
        self._now_s = now_s
        # When, and which of the same moment comes first: no two are equal.
        self._events: list[tuple[float, int, _Event]] = []
        self._number = 0
        self._until_s = now_s
        self._main = _taken_lock()
        self._failure: BaseException | None = None

    def now_s(self) -> float:
        """Return the virtual time in seconds since the epoch."""
        return self._now_s

    def sleep(self, duration_s: float) -> None:
        """Let others move while the current worker waits; or just move on.

        Raises:
            WorkerKilledError: The worker is not to live on.
        """
        worker = self.current
        if worker is None:
            self._now_s += duration_s
            return
        self._check(worker)
        wake_s = min(self._now_s + duration_s, worker.deadline_s)
        self._push(wake_s, worker=worker)
        self._advance(worker)
        if self._now_s >= worker.deadline_s:
            worker.is_dead = True
        self._check(worker)

    def at(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do something that takes no time, after a delay in seconds."""
        self._push(self._now_s + delay_s, action=action)

    def start(self, worker: Worker, delay_s: float = 0.0) -> None:
        """Start a worker after a delay in seconds."""
        self.workers.append(worker)
        self._push(self._now_s + delay_s, worker=worker)

    def kill(self, region: str) -> None:
        """End all workers of a Region where they stand."""
        for worker in list(self.workers):
            if worker.region == region:
                worker.is_dead = True
                self._push(self._now_s, worker=worker)

    def run(self, duration_s: float) -> None:
        """Move the world on by a time in seconds."""
        self._until_s = self._now_s + duration_s
        self._advance(None)
        self.current = None
        if self._failure is not None:
            raise self._failure
        self._now_s = self._until_s

    def close(self) -> None:
        """End all workers, so that their threads are free again."""
        self._failure = None
        self._events.clear()
        for worker in self.workers:
            worker.is_dead = True
            self._push(self._now_s, worker=worker)
        self.run(0.0)

    def count_call(self) -> None:
        """Count one port call of the current worker, which may be its last.

        Raises:
            WorkerKilledError: The worker is not to live on.
        """
        worker = self.current
        if worker is not None:
            if worker.calls_left == 0:
                worker.is_dead = True
            worker.calls_left -= 1
            self._check(worker)

    def carry_out(self, worker: Worker, thread: _Thread) -> None:
        """Run a worker to its end in this thread, then pass the baton on."""
        error: BaseException | None = None
        self.current = worker
        try:
            self._check(worker)
            worker.job()
        except (HotsiteError, WorkerKilledError) as ended:
            error = ended
        except BaseException as crashed:  # noqa: BLE001 - told by run()
            self._failure = error = crashed
        if isinstance(error, WorkerKilledError):
            self.counts["workers killed"] += 1
        worker.is_over = True
        self.workers.remove(worker)
        self.current = None
        if worker.on_end is not None and self._failure is None:
            try:
                worker.on_end(error)
            except BaseException as crashed:  # noqa: BLE001 - told by run()
                self._failure = crashed
        _Thread.idle.append(thread)
        self._hand_over()

    def _check(self, worker: Worker) -> None:
        if worker.is_dead:
            raise WorkerKilledError(worker.name)

    def _push(
        self,
        at_s: float,
        *,
        action: Callable[[], None] | None = None,
        worker: Worker | None = None,
    ) -> None:
        self._number += 1
        turn = 0
        if worker is not None:
            worker.turn += 1
            turn = worker.turn
        event = _Event(action, worker, turn)
        heapq.heappush(self._events, (at_s, self._number, event))

    def _advance(self, me: Worker | None) -> None:
        """Let the world move until it is this worker's turn again."""
        following = self._next()
        if following is me:
            self.current = me
            return
        self._give(following)
        if me is None:
            self._main.acquire()
        else:
            assert me.thread is not None  # noqa: S101 - it runs in one
            me.thread.baton.acquire()
            self.current = me

    def _hand_over(self) -> None:
        following = self._next()
        self._give(following)

    def _give(self, worker: Worker | None) -> None:
        if worker is None:
            self._main.release()
            return
        if worker.thread is None:
            worker.thread = _Thread.take()
            worker.thread.task = (self, worker)
        worker.thread.baton.release()

    def _next(self) -> Worker | None:
        """Return whose turn it is, or nothing when the time is over."""
        self.current = None
        while self._failure is None and self._events:
            if self._events[0][0] > self._until_s:
                break
            at_s, _, event = heapq.heappop(self._events)
            self._now_s = max(self._now_s, at_s)
            if event.action is not None:
                try:
                    event.action()
                except BaseException as crashed:  # noqa: BLE001 - told by run()
                    self._failure = crashed
            elif _is_due(event):
                return event.worker
        return None


def _is_due(event: _Event) -> bool:
    """Say whether a worker still waits for this event and not for another."""
    worker = event.worker
    return worker is not None and not worker.is_over and event.turn == worker.turn
