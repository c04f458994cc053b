"""CloudFormation always gets an answer, and the one it expects."""

import http.server
import json
import threading

import pytest

from hotsite.errors import NotReadyError, PermanentError
from hotsite.faces.lambdas import custom_resource


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes what is put, as CloudFormation's signed URL does."""

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append((self.headers["content-type"], json.loads(body)))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        """Stay quiet."""


@pytest.fixture
def receiver():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.received = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def event(receiver):
    return {
        "RequestType": "Create",
        "ResponseURL": f"http://127.0.0.1:{receiver.server_port}/answer",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Setup",
        "ResourceProperties": {},
    }


def test_success_carries_the_attributes_and_one_name(event, receiver):
    custom_resource.answer(event, "hotsite-setup", lambda: {"DataEndpoint": "x"})
    expected = {
        "Status": "SUCCESS",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Setup",
        "PhysicalResourceId": "hotsite-setup",
        "Data": {"DataEndpoint": "x"},
    }
    assert receiver.received == [("", expected)]


@pytest.mark.parametrize("error", [PermanentError("no " * 9999), KeyError("x")])
def test_any_failure_is_answered_in_what_cloudformation_takes(event, receiver, error):
    def fail():
        raise error

    custom_resource.answer(event, "hotsite-setup", fail)
    ((_, document),) = receiver.received
    assert document["Status"] == "FAILED"
    assert document["PhysicalResourceId"] == "hotsite-setup"
    assert document["Reason"].startswith(type(error).__name__)
    assert len(json.dumps(document)) < 4096


def test_what_may_pass_is_tried_again_and_what_cannot_is_not():
    tries = []

    def late():
        tries.append("late")
        if len(tries) < 3:
            raise NotReadyError("not yet")
        return {"done": "yes"}

    found = custom_resource.retried(late, tries=3, pause_s=0.0)
    assert (found, len(tries)) == ({"done": "yes"}, 3)

    def never():
        tries.append("never")
        raise PermanentError("no")

    with pytest.raises(PermanentError):
        custom_resource.retried(never, tries=3, pause_s=0.0)
    assert tries.count("never") == 1


def test_the_last_failure_is_the_one_that_is_told():
    def late():
        raise NotReadyError("not yet")

    with pytest.raises(NotReadyError, match="not yet"):
        custom_resource.retried(late, tries=2, pause_s=0.0)
