"""Functions that topic rules call: queued, tried again, and given up in the end."""

import threading

import pytest
from tests.local.cloud_world import wait_until

from hotsite.local.region.invocations import Invoker

pytestmark = pytest.mark.local


class Lambdas:
    """As much of the emulator's module as an invoker asks for."""

    def __init__(self, *, failures=0, is_known=True):
        self.failures, self.is_known = failures, is_known
        self.gate = threading.Event()
        self.gate.set()
        self.running, self.most = 0, 0
        self.done, self.given_up = [], []
        self.lock = threading.Lock()

    def _get_func_record_for_ref_in_scope(self, ref, *, account_id, region):
        assert (account_id, region) == ("1", "here")
        destination = {"DestinationConfig": {"OnFailure": {"Destination": "queue"}}}
        record = {"event_invoke_configs": {"$LATEST": destination}}
        return (record, {"name": ref}, ref) if self.is_known else (None, None, ref)

    def _execution_record_for_config(self, record, config):
        return record | {"config": config}

    def _execute_function_with_config_scope(self, _record, event):
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.gate.wait(10)
        with self.lock:
            self.running -= 1
            self.failures -= 1
            if self.failures >= 0:
                return {"error": True, "body": {"errorMessage": "no"}}
            self.done.append(event)
            return {"body": {}}

    def _run_with_function_config_scope(self, _record, callback, *details):
        callback(*details)

    def _route_async_failure(self, target, name, event, result):
        self.given_up.append((target, name, event, result["body"]["errorMessage"]))


def call(lambdas, *events):
    invoker = Invoker(lambdas)
    for event in events:
        invoker.call("1", "here", "batch", event)


def test_no_more_than_two_run_at_once_and_all_run():
    lambdas = Lambdas()
    lambdas.gate.clear()
    call(lambdas, *range(9))
    wait_until(lambda: lambdas.running == 2)
    lambdas.gate.set()
    wait_until(lambda: sorted(lambdas.done) == list(range(9)))
    assert lambdas.most == 2


def test_event_that_fails_is_tried_again():
    lambdas = Lambdas(failures=2)
    call(lambdas, "event")
    wait_until(lambda: lambdas.done == ["event"])
    assert lambdas.given_up == []


def test_event_that_goes_on_failing_goes_to_the_destination_of_failures():
    lambdas = Lambdas(failures=9)
    call(lambdas, "event")
    wait_until(lambda: lambdas.given_up == [("queue", "batch", "event", "no")])
    assert lambdas.done == []


def test_function_that_is_not_there_is_told_to_the_rule():
    with pytest.raises(LookupError, match="batch"):
        call(Lambdas(is_known=False), "event")
