"""The issuer: an OpenID provider whose tokens verify, over real HTTPS."""

import base64
import datetime as dt
import json
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import jwt
import pytest

from hotsite.local import records
from hotsite.local.certificates import Authority
from hotsite.local.issuer import TOKEN_S, IssuerConfig

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("issuer")
    authority = Authority(folder, dt.datetime.now(dt.UTC))
    pair = authority.server("issuer", ["127.0.43.53"])
    config = IssuerConfig(
        address="127.0.43.53",
        port=8444,
        certificate=str(pair.certificate),
        private_key=str(pair.private_key),
        audience="hotsite",
        scope="devices:write",
        username="companion",
        password="right",
    )
    records.write(config, folder / "issuer.json")
    command = [
        sys.executable,
        "-m",
        "hotsite.local.issuer",
        str(folder / "issuer.json"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert json.loads(process.stdout.readline())["kind"] == "ready"
        context = ssl.create_default_context(cafile=authority.pair.certificate)
        yield config, context, command
        process.kill()


def fetch(issuer, path, form=None, headers=None):
    config, context, _ = issuer
    data = None if form is None else urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(config.url + path, data, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=5, context=context) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


PASSWORD = {"grant_type": "password", "username": "companion", "password": "right"}
CLIENT = {
    "grant_type": "client_credentials",
    "client_id": "companion",
    "client_secret": "right",
}


@pytest.mark.parametrize("form", [PASSWORD, CLIENT])
def test_a_token_verifies_by_discovery_alone(issuer, form):
    config, context, _ = issuer
    _, metadata = fetch(issuer, "/.well-known/openid-configuration")
    assert metadata["issuer"] == config.url
    status, answer = fetch(issuer, "/token", form)
    assert (status, answer["token_type"]) == (200, "Bearer")
    keys = jwt.PyJWKClient(metadata["jwks_uri"], ssl_context=context)
    key = keys.get_signing_key_from_jwt(answer["access_token"])
    claims = jwt.decode(
        answer["access_token"],
        key.key,
        algorithms=["RS256"],
        audience="hotsite",
        issuer=config.url,
    )
    assert claims["scope"] == "devices:write"
    assert claims["exp"] - claims["iat"] == TOKEN_S == 3600
    assert abs(claims["iat"] - time.time()) < 10


def test_basic_authentication_of_a_client_is_taken(issuer):
    word = base64.b64encode(b"companion:right").decode()
    form = {"grant_type": "client_credentials"}
    headers = {"Authorization": f"Basic {word}"}
    assert fetch(issuer, "/token", form, headers)[0] == 200


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({**PASSWORD, "password": "wrong"}, 400, "invalid_grant"),
        ({**CLIENT, "client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "invalid_grant"),
        ({"grant_type": "implicit"}, 400, "unsupported_grant_type"),
        ({}, 400, "unsupported_grant_type"),
    ],
)
def test_a_wrong_request_is_refused_as_oauth_says(issuer, form, status, error):
    assert fetch(issuer, "/token", form) == (status, {"error": error})


def test_an_unknown_path_is_not_found(issuer):
    assert fetch(issuer, "/admin")[0] == 404


def test_a_client_that_says_nothing_stops_nobody(issuer):
    config, _, _ = issuer
    with socket.create_connection((config.address, config.port)):
        assert fetch(issuer, "/jwks.json")[0] == 200


def test_a_taken_port_ends_it_with_exit_code_3(issuer):
    _, _, command = issuer
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 3
    assert "issuer:" in done.stderr
