"""Asynchronous invocations by topic rules: a queue, retries, and who gets failures.

Lambda keeps asynchronous events in a queue of its own and tries each three times
(Lambda developer guide, "Asynchronous invocation"). The emulator starts a thread and,
at need, a process for each event instead: thirty batches at once are thirty cold
starts on the two cores of this machine.
"""
# ruff: noqa: SLF001 - ministack offers no public look-ups; `patches` checks the version.

import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

# Two at a time of each function: one writes while the other one parses.
_WORKERS = 2
_TRIES_MAX = 3
# AWS waits one minute, then two; nobody waits so long for a drill.
_PAUSE_S = 1.0


class Invoker:
    """Runs the functions of one Region that topic rules call."""

    def __init__(self, lambdas: Any) -> None:
        """Take the emulator's module of AWS Lambda."""
        self._lambdas = lambdas
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._lock = threading.Lock()

    def call(self, account_id: str, region: str, function_arn: str, event: Any) -> None:
        """Queue an event for a function; a rule's error action hears of none.

        Args:
            account_id: Of the rule.
            region: Of the rule.
            function_arn: What the rule calls.
            event: What it selected.

        Raises:
            LookupError: There is no such function.
        """
        found, config, name = self._lambdas._get_func_record_for_ref_in_scope(
            function_arn, account_id=account_id, region=region
        )
        if not found or not config:
            raise LookupError(f"function {function_arn} not found")
        record = self._lambdas._execution_record_for_config(found, config)
        self._submit(name, record, event, tries=1)

    def _submit(
        self, name: str, record: dict[str, Any], event: Any, *, tries: int
    ) -> None:
        with self._lock:
            pool = self._pools.get(name)
            if pool is None:
                pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix=f"rule-{name}")
                self._pools[name] = pool
        context = contextvars.copy_context()
        pool.submit(context.run, self._run, name, record, event, tries)

    def _run(self, name: str, record: dict[str, Any], event: Any, tries: int) -> None:
        lambdas = self._lambdas
        result = lambdas._execute_function_with_config_scope(record, event)
        if not result.get("error") and not result.get("throttle"):
            return
        if tries < _TRIES_MAX:
            again = threading.Timer(
                _PAUSE_S * 2 ** (tries - 1),
                self._submit,
                (name, record, event),
                {"tries": tries + 1},
            )
            again.daemon = True
            again.start()
            return
        target = self._destination(record)
        if target:
            lambdas._run_with_function_config_scope(
                record,
                lambdas._route_async_failure,
                target,
                name,
                event,
                result,
            )

    @staticmethod
    def _destination(record: dict[str, Any]) -> str | None:
        configs = record.get("event_invoke_configs") or {}
        config = record.get("event_invoke_config") or configs.get("$LATEST") or {}
        failure = (config.get("DestinationConfig") or {}).get("OnFailure") or {}
        target: str | None = failure.get("Destination")
        return target
