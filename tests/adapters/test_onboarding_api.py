"""The companion's call of the onboarding API, against a small real server."""

import contextlib
import json
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.agent.authority import Authority
from tests.agent.broker import server_tls

from hotsite.adapters.onboarding_api import Endpoint, onboard, rotate
from hotsite.core.device_values import Resolved
from hotsite.core.onboarding import Claim, Request
from hotsite.errors import (
    AlreadyUsedError,
    InvalidInputError,
    PermanentError,
    RefusedError,
    UnreachableError,
)

NAME = "api.hotsite.test"
ADDRESS = "127.0.51.21"
REQUEST = Request(Claim("oven", "s3cret"), "-----BEGIN CERTIFICATE REQUEST-----")
DOCUMENT = {
    "thing": "oven",
    "certificate_id": "c1",
    "certificate": "PEM",
    "ca": "CA",
    "iot": {"names": ["iot.hotsite.test", "iot-a.hotsite.test"], "port": 8883},
    "api": NAME,
}


class Server(ThreadingHTTPServer):
    """Answers everything with the same status and body; None hangs up."""

    daemon_threads = True

    def __init__(self, context):
        super().__init__((ADDRESS, 0), Handler)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.status, self.body, self.seen = 201, json.dumps(DOCUMENT).encode(), []

    def handle_error(self, request, client_address):
        """A client that hangs up is what some tests are about."""


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers["content-length"])
        self.server.seen.append((self.path, self.headers, self.rfile.read(length)))
        if self.server.body is None:
            return
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_):
        """Say nothing."""


class Fixed:
    """Every name leads to one address."""

    async def resolve(self, name):
        return Resolved(ADDRESS, "abc.execute-api.eu-west-1.amazonaws.com")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(authority):
    made = Server(server_tls(authority, NAME, wants_client=False))
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture
def endpoint(authority, server):
    context = ssl.create_default_context(cafile=authority.path)
    return Endpoint(NAME, server.server_port, Fixed(), context, "t0ken")


def test_answer_is_read_whole_and_says_which_site_gave_it(server, endpoint):
    answer, site = onboard(REQUEST, endpoint)
    assert site == "abc.execute-api.eu-west-1.amazonaws.com"
    assert (answer.thing_name, answer.ca_pem) == ("oven", "CA")
    assert (answer.certificate.certificate_id, answer.certificate.pem) == ("c1", "PEM")
    assert answer.names.iot == ("iot.hotsite.test", "iot-a.hotsite.test")
    assert (answer.names.api, answer.names.port) == (NAME, 8883)


def test_request_goes_to_the_owners_name_with_token_and_claim(server, endpoint):
    onboard(REQUEST, endpoint)
    ((path, headers, body),) = server.seen
    assert path == "/v1/devices"
    assert headers["host"].partition(":")[0] == NAME
    assert headers["authorization"] == "Bearer t0ken"
    assert json.loads(body) == {
        "claim": {"id": "oven", "secret": "s3cret"},
        "csr": REQUEST.csr_pem,
    }


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidInputError),
        (401, RefusedError),
        (403, RefusedError),
        (404, PermanentError),
        (409, AlreadyUsedError),
        (429, UnreachableError),
        (500, UnreachableError),
        (503, UnreachableError),
    ],
)
@pytest.mark.parametrize("key", ["detail", "message"])
def test_refusal_says_what_to_do_next_and_why(server, endpoint, status, kind, key):
    server.status, server.body = status, json.dumps({key: "because"}).encode()
    with pytest.raises(kind, match=f"{status}: because") as caught:
        onboard(REQUEST, endpoint)
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'"thing"',
        b"{}",
        b'{"thing": "oven"}',
        json.dumps(DOCUMENT | {"iot": []}).encode(),
        json.dumps(DOCUMENT | {"iot": {"names": "iot.x", "port": 8883}}).encode(),
        json.dumps(DOCUMENT | {"iot": {"names": [7], "port": 8883}}).encode(),
        json.dumps(DOCUMENT | {"iot": {"names": ["iot.x"], "port": "x"}}).encode(),
        json.dumps(DOCUMENT | {"certificate": None}).encode(),
    ],
)
def test_answer_that_is_not_the_apis_is_no_answer(server, endpoint, body):
    server.body = body
    with pytest.raises(UnreachableError, match=NAME):
        onboard(REQUEST, endpoint)


def test_answer_that_would_tie_the_device_to_a_region_is_refused(server, endpoint):
    names = ["abc-ats.iot.eu-west-1.amazonaws.com"]
    tied = DOCUMENT | {"iot": {"names": names, "port": 8883}}
    server.body = json.dumps(tied).encode()
    with pytest.raises(PermanentError, match="AWS endpoint"):
        onboard(REQUEST, endpoint)


def test_server_that_hangs_up_is_unreachable(server, endpoint):
    server.body = None
    with pytest.raises(UnreachableError, match=ADDRESS):
        onboard(REQUEST, endpoint)


def test_closed_port_is_unreachable(authority):
    with socket.socket() as taken:
        taken.bind((ADDRESS, 0))
        context = ssl.create_default_context(cafile=authority.path)
        where = Endpoint(NAME, taken.getsockname()[1], Fixed(), context, "t0ken")
        with pytest.raises(UnreachableError, match=ADDRESS):
            onboard(REQUEST, where)


def test_server_that_we_do_not_trust_gets_no_token(server):
    context = ssl.create_default_context()
    where = Endpoint(NAME, server.server_port, Fixed(), context, "t0ken")
    with pytest.raises(UnreachableError):
        onboard(REQUEST, where)
    assert server.seen == []


def test_server_of_another_name_gets_no_token(authority, server):
    context = ssl.create_default_context(cafile=authority.path)
    where = Endpoint("api.else.test", server.server_port, Fixed(), context, "t0ken")
    with pytest.raises(UnreachableError):
        onboard(REQUEST, where)
    assert server.seen == []


@pytest.mark.parametrize("name", ["x.amazonaws.com", "abc.lambda-url.eu-west-1.on.aws"])
def test_aws_endpoint_is_refused_as_a_name(name):
    with pytest.raises(InvalidInputError, match="AWS endpoint"):
        Endpoint(name, 443, Fixed(), ssl.create_default_context(), "t0ken")


def test_token_is_in_no_message(endpoint):
    assert "t0ken" not in repr(endpoint)
    with contextlib.suppress(PermanentError):
        onboard(REQUEST, endpoint)


def test_a_next_certificate_is_asked_for_by_the_things_name(server, endpoint):
    server.status = 201
    answer, _ = rotate("oven", "CSR", endpoint)
    path, headers, body = server.seen[-1]
    assert path == "/v1/devices/oven/certificates"
    assert headers["authorization"].startswith("Bearer ")
    assert json.loads(body) == {"csr": "CSR"}
    assert answer.certificate.certificate_id == "c1"
