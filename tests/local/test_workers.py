"""Processes of Lambda functions: started one at a time, reused when they run."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hotsite.local.region.workers import StartingGate, patches

pytestmark = pytest.mark.local


class Process:
    def poll(self):
        return None


class Worker:
    def __init__(self):
        self.in_use, self._proc, self._start_time = False, None, None


class Pool:
    """As much of the emulator's pool as the gate asks for."""

    def __init__(self):
        self.workers, self.lock = [], threading.Lock()

    def acquire(self, _name):
        with self.lock:
            for worker in self.workers:
                if not worker.in_use:
                    worker.in_use = True
                    return worker, "reused"
            self.workers.append(worker := Worker())
            worker.in_use = True
            return worker, "spawn"

    def release(self, worker):
        worker.in_use = False


def gated(pool):
    gate = StartingGate()
    acquire = gate.acquiring(pool.acquire, pool.release)
    return acquire, gate.releasing(pool.release)


def hand_on(worker, release):
    assert worker._proc is not None, "a second process was started"
    release(worker)


def test_calls_wait_for_the_one_process_that_starts_and_then_share_it():
    pool = Pool()
    acquire, release = gated(pool)
    first, _ = acquire("health")
    with ThreadPoolExecutor(4) as threads:
        calls = [threads.submit(acquire, "health") for _ in range(4)]
        assert not any(call.done() for call in calls)
        first._proc = Process()
        release(first)
        for call in calls:
            # Whoever gets a process hands it on: they need not come in order.
            call.add_done_callback(lambda done: hand_on(done.result()[0], release))
        assert {id(call.result(timeout=5)[0]) for call in calls} <= {
            id(worker) for worker in pool.workers
        }
    assert sum(worker._proc is not None for worker in pool.workers) == 1


def test_a_process_that_died_starts_alone_as_well():
    pool = Pool()
    acquire, release = gated(pool)
    first, _ = acquire("health")
    release(first)
    again, _ = acquire("health")
    assert again is first
    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(acquire, "health")
        assert not other.done()
        again._proc = Process()
        release(again)
        assert other.result(timeout=5)[0] is first


def test_a_process_that_is_ready_makes_nobody_wait_for_its_first_call():
    pool = Pool()
    acquire, _ = gated(pool)
    first, _ = acquire("health")
    first._proc, first._start_time = Process(), 1.0
    second, reason = acquire("health")
    assert (second is first, reason) == (False, "spawn")


def test_functions_do_not_wait_for_each_other():
    pool = Pool()
    acquire, _ = gated(pool)
    acquire("health")
    assert acquire("canary")[1] == "spawn"


def test_while_the_process_works_a_further_call_starts_one_more():
    pool = Pool()
    acquire, release = gated(pool)
    first, _ = acquire("health")
    first._proc = Process()
    release(first)
    assert acquire("health") == (first, "reused")
    second, reason = acquire("health")
    assert (second is first, reason) == (False, "spawn")


def test_a_function_that_logs_nothing_is_not_waited_for_long():
    class Silent:
        def _drain_stderr_bounded(self, first_line_wait=0.05):
            return f"waited {first_line_wait:g} s"

    (patch,) = (one for one in patches() if one.symbol.endswith(":Worker"))
    worker = patch.replace(Silent)()
    assert worker._drain_stderr_bounded() == "waited 0.003 s"
    assert worker._drain_stderr_bounded(first_line_wait=0.001) == "waited 0.001 s"
