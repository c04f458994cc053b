"""The companion app as it is served: its files, whom it calls, what is refused."""

import contextlib
import http.client
import json
import signal
import ssl
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from tests.agent.authority import Authority
from tests.firmware_site import Where, site

from hotsite.core import companion
from hotsite.core.companion import AppConfig
from hotsite.errors import InvalidInputError
from hotsite.faces.cli.main import main
from hotsite.faces.companion.relay import Upstream
from hotsite.faces.companion.server import SITE, Companion, Server

ROOT = Path(__file__).parents[2]
DOCUMENT = {
    "api": "https://api.fleet.example.com",
    "sign_in": {
        "authorization_endpoint": "https://auth.example.com/oauth2/authorize",
        "token_endpoint": "https://auth.example.com/oauth2/token",
        "client_id": "abc",
        "scope": "devices:write",
    },
}


@contextlib.contextmanager
def serving(served):
    with Server(served, "127.0.0.1", 0) as server:
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.02}
        )
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(server, path, method="GET", body=None):
    connection = http.client.HTTPConnection(*server.server_address, timeout=5)
    with contextlib.closing(connection):
        connection.request(method, path, body)
        reply = connection.getresponse()
        return reply.status, dict(reply.headers), reply.read()


@pytest.fixture
def config():
    return companion.parse(DOCUMENT, where="config.json")


def test_every_file_of_the_app_is_served_under_a_policy(config):
    assert SITE.joinpath("index.html").exists(), "run: make companion"
    with serving(Companion(config)) as server:
        for path in ("/", *(f"/{file.name}" for file in SITE.iterdir())):
            status, headers, body = ask(server, path)
            assert (status, bool(body)) == (200, True), path
            assert headers["X-Content-Type-Options"] == "nosniff"
            policy = headers["Content-Security-Policy"]
            assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
            assert "unsafe" not in policy
        assert json.loads(ask(server, "/config.json")[2])["api"] == DOCUMENT["api"]
        assert ask(server, "/../cli/main.py")[0] == 404
        assert ask(server, "/v1/devices", "POST", b"{}")[0] == 404


def test_the_browser_may_call_nobody_but_those_configured(config):
    policy = dict(config.headers)["Content-Security-Policy"]
    (connect,) = (part for part in policy.split("; ") if part.startswith("connect-src"))
    assert connect.split()[1:] == [
        "'self'",
        "https://api.fleet.example.com",
        "https://auth.example.com",
        "http://192.168.4.1",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"api": "https://x.execute-api.eu-west-1.amazonaws.com"}, "AWS endpoint"),
        ({"api": "http://api.example.com"}, "must begin with https://"),
        ({"api": "https://"}, "must begin with https://"),
        ({"api": None}, "api must be a text"),
        ({"sign_in": []}, "must be an object"),
        ({"sign_in": {**DOCUMENT["sign_in"], "client_id": ""}}, "client_id"),
    ],
)
def test_a_configuration_that_ties_the_app_to_a_region_is_refused(change, said):
    with pytest.raises(InvalidInputError, match=said):
        companion.parse({**DOCUMENT, **change}, where="config.json")


def test_what_the_app_reads_is_what_was_checked(config):
    assert companion.parse(config.document, where="again") == config


def test_a_call_that_reaches_nobody_is_one_to_try_again(config):
    upstream = Upstream("127.0.0.1", 1, ssl.create_default_context())
    with serving(Companion(config, upstreams={"/v1": upstream})) as server:
        status, headers, body = ask(server, "/v1/devices", "POST", b"{}")
        assert (status, headers["Content-Type"]) == (502, "application/problem+json")
        assert "does not answer" in json.loads(body)["detail"]
        assert ask(server, "/v1beside")[0] == 404
        assert ask(server, "/v1/devices", "POST", b"x" * 100_000)[0] == 413


def test_a_part_of_firmware_comes_through_the_relay(config, tmp_path):
    authority = Authority(tmp_path)
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "2.root.json").write_bytes(bytes(range(100)))
    context = ssl.create_default_context(cafile=str(authority.path))
    where = Where(api="127.0.32.3")
    upstream = Upstream("api.hotsite.test", 18444, context, where)
    with (
        site(tmp_path, authority, "127.0.32.3", port=18444),
        serving(Companion(config, upstreams={"/v1": upstream})) as server,
    ):
        connection = http.client.HTTPConnection(*server.server_address, timeout=5)
        with contextlib.closing(connection):
            wanted = {"Range": "bytes=10-19"}
            path = "/v1/firmware/metadata/2.root.json"
            connection.request("GET", path, headers=wanted)
            reply = connection.getresponse()
            assert (reply.status, reply.read()) == (206, bytes(range(10, 20)))
            assert reply.headers["content-range"] == "bytes 10-19/100"
        assert ask(server, "/v1/firmware/metadata/3.root.json")[0] == 404


def test_wrong_use_is_one_line(capsys, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**DOCUMENT, "api": "https://a.amazonaws.com"}))
    assert main(["companion", "serve", "--config", str(path)]) == 2
    assert "AWS endpoint" in capsys.readouterr().err
    assert main(["companion", "serve", "--dir", str(tmp_path)]) == 3
    assert main(["companion", "serve", "--port", "70000"]) == 2


def test_the_command_serves_until_it_is_interrupted(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(DOCUMENT))
    words = ("companion", "serve", "--config", str(path), "--port", "0", "--json")
    command = [sys.executable, "-m", "hotsite.faces.cli.main", *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        url = json.loads(process.stdout.readline())["url"]
        with urllib.request.urlopen(f"{url}config.json", timeout=5) as answer:
            assert json.loads(answer.read())["api"] == DOCUMENT["api"]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 130
        assert process.stdout.read() == b""


def test_an_app_that_is_not_built_says_how(tmp_path):
    config = AppConfig(".", "./authorize", "./token", "companion", "devices:write")
    with pytest.raises(Exception, match="make companion"):
        Companion(config, site=tmp_path).files()


def test_the_app_itself_passes_its_types_and_its_tests():
    done = subprocess.run(
        ["scripts/companion.sh", "test"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
